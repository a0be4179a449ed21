"""`export`: a trained generator as one file that works without the run folder, verified by loading it elsewhere."""

import json
import logging
import os
import subprocess
import sys
import tempfile
import warnings
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from importlib.util import find_spec
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from nashpath.core import Key
from nashpath.core.errors import first_line
from nashpath.games import GAN
from nashpath.run.assess.load import load
from nashpath.run.assess.loaded_file import safetensors_bytes
from nashpath.run.assess.member import LoadedMember
from nashpath.run.assess.recorded import Recorded, recorded
from nashpath.run.errors import SettingError
from nashpath.run.folder.outputs import check_output
from nashpath.run.folder.run_folder import write_atomic
from nashpath.run.settings.members import settings_rows
from nashpath.run.settings.method_files import lines_that_load, load_methods, origins

TOLERANCE = 1e-4
"""How far samples may lie from the run's own, of the largest magnitude: float32 products rounded in another order."""
COUNT = 5
"""Latents that both are asked for."""
PARTS = [1, COUNT - 1]
"""They come in batches of two sizes, since a file takes any number at once."""


class SamplingGenerator(nn.Module):
    """A member's generator as it samples: ``latents [n, latent] -> samples [n, *shape]``, in the units of the data.

    That of a class-conditional game also takes ``classes [n]`` (int64).
    """

    def __init__(self, member: LoadedMember):
        super().__init__()
        self.generator = member.generator
        self.joined: Callable[..., Tensor] = member.game.joined  # type: ignore[assignment]
        self.units = member.units

    def forward(self, *inputs: Tensor) -> Tensor:
        found = self.generator(self.joined(*inputs))
        return found if self.units is None else self.units.original(found)


def _program(member: LoadedMember) -> torch.export.ExportedProgram:
    """The generator as a program of torch.export, for any number of latents at once."""
    module, inputs = SamplingGenerator(member).eval(), _inputs(member)
    sizes = tuple({0: torch.export.Dim("batch")} for _ in inputs)
    try:
        program = torch.export.export(module, inputs, dynamic_shapes=(sizes,))
    except Exception as error:  # whatever the tracer says of a module of the user's
        raise SettingError(
            f"torch.export cannot make one program of {type(member.generator).__name__} for any number of latents "
            f"({type(error).__name__}: {first_line(error)}); export to .safetensors instead"
        ) from error
    for node in program.graph.nodes:
        node.meta.pop("stack_trace", None)  # it names files of this machine
    return program


def _inputs(member: LoadedMember) -> tuple[Tensor, ...]:
    """What the generator of this member is asked for: latents, and what goes with them."""
    game: Any = member.game
    return game.inputs(game.latents(Key(0, "exported"), (COUNT,)))


def _pt2(member: LoadedMember, told: Recorded) -> bytes:
    """The program, with the facts beside it in the archive."""
    stored = BytesIO()
    torch.export.save(_program(member), stored, extra_files={"nashpath.json": json.dumps(told)})
    return stored.getvalue()


def _onnx(member: LoadedMember, told: Recorded) -> bytes:
    """The program as an ONNX model, with the facts in its metadata."""
    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if find_spec(name) is None]
    if missing:
        raise SettingError(f".onnx needs {', '.join(missing)}: pip install 'nashpath[export]', or export to .pt2")
    program, log = _program(member), logging.getLogger("torch.onnx")
    before = log.level
    log.setLevel(logging.ERROR)  # it warns of each operator of torchvision where that is not installed
    try:
        with warnings.catch_warnings(action="ignore"):
            made = torch.onnx.export(
                program,
                dynamo=True,
                input_names=list(member.game.input_names),  # type: ignore[arg-type]
                output_names=["samples"],
                verbose=False,
            )
    except Exception as error:  # whatever the exporter says of a module of the user's
        raise SettingError(
            f"{type(member.generator).__name__} is no ONNX model ({type(error).__name__}: {first_line(error)}); "
            "export to .pt2 or .safetensors instead"
        ) from error
    finally:
        log.setLevel(before)
    assert made is not None  # without a file to write to it returns the program
    model = made.model_proto
    for node in (*model.graph.node, *(node for function in model.functions for node in function.node)):
        del node.metadata_props[:]  # they name files of this machine
    entry = model.metadata_props.add()
    entry.key, entry.value = "nashpath.json", json.dumps(told)
    return model.SerializeToString()


METHODS = "{methods}"
"""Where the lines stand that load methods of one's own."""


@dataclass(frozen=True)
class Ending:
    """One kind of file: what writes it, the lines that load it as the card shows them, and those that try it."""

    write: Callable[[LoadedMember, Recorded], bytes]
    lines: tuple[str, ...]
    tried: tuple[str, ...]


ENDINGS = {
    ".safetensors": Ending(
        safetensors_bytes,
        (
            "import nashpath, torch",
            METHODS,
            "member = nashpath.load({name!r})",
            "samples = member.sample(16, seed=0)  # in the units of the data, the latents drawn by the seed",
            "latents = {whole}",
            "raw = member.generator(latents)  # in the units it was trained in",
        ),
        (
            "import nashpath, torch",
            "from nashpath.run.assess.export import SamplingGenerator",
            METHODS,
            "generator = SamplingGenerator(nashpath.load(file)).eval()",
        ),
    ),
    ".pt2": Ending(
        _pt2,
        (
            "import torch",
            "generator = torch.export.load({name!r}).module()",
            "latents = {latents}",
            "classes = torch.arange(16) % {classes}",
            "samples = generator({names})",
        ),
        ("import torch", "generator = torch.export.load(file).module()"),
    ),
    ".onnx": Ending(
        _onnx,
        (
            "import numpy, onnxruntime",
            "generator = onnxruntime.InferenceSession({name!r})",
            "latents = {arrays}.astype(numpy.float32)",
            "classes = numpy.arange(16) % {classes}",
            "(samples,) = generator.run(None, {feed})",
        ),
        (
            "import onnxruntime, torch",
            "session = onnxruntime.InferenceSession(file)",
            "fed = lambda part: {k.name: v.numpy() for k, v in zip(session.get_inputs(), part)}",
            "generator = lambda *part: torch.from_numpy(session.run(None, fed(part))[0])",
        ),
    ),
}
_BEGIN = ("import json, sys", "import numpy as np", "file, given, made, parts = json.loads(sys.argv[1])")
_END = (
    "parts = [torch.from_numpy(one).split(parts) for one in np.load(given).values()]",
    "with torch.no_grad(): found = torch.cat([generator(*part) for part in zip(*parts)])",
    "np.save(made, found.numpy())",
)


def export(
    run: str | Path,
    to: str | Path,
    member: int = 0,
    width: float | None = None,
    licence: str = "",
    methods: Sequence[str | Path] = (),
) -> Recorded:
    """Writes a member's (averaged) generator to the file ``to``; returns what is known of it, as the file holds it.

    ``lines`` of what is returned load the file, ``verified`` says how they were tried.

    The ending says as what: ``.safetensors``, weights and settings for `load`; ``.pt2``, a program of torch.export that
    needs PyTorch alone; ``.onnx``, a model for ONNX Runtime and others (the extra ``export``). A fresh process loads
    the file and makes samples of the same latents first: where they differ from the run's own by more than `TOLERANCE`
    nothing is written. ``width`` is as for `load`; ``methods`` are files that register methods of one's own. Raises
    `SettingError` or `CheckpointError`, `ValueError` where samples differ, and `OSError` at once where ``to`` cannot be
    written.
    """
    for one in methods:
        load_methods(one)
    run, to = Path(run), Path(to)
    _check_places(run, to)
    check_output(to)
    found = load(run, member, width=width)
    game = found.game
    if not isinstance(game, GAN):
        raise SettingError(f"{run}: a {type(game).__name__} has no generator to export")
    told = recorded(run, member, found, licence)
    content = ENDINGS[to.suffix].write(found, told)
    said = _verified(found, to, content, lines_that_load(origins(settings_rows(found.settings))))
    write_atomic(to, content)
    shape = f"(16, {game.latent})"
    normal = game.latent_distribution == "normal"
    latents = f"torch.randn{shape}" if normal else f"2 * torch.rand{shape} - 1"
    arrays = f"numpy.random.normal(size={shape})" if normal else f"numpy.random.uniform(-1, 1, {shape})"
    names, classes = game.input_names, len(found.class_names)
    filled = {
        "name": to.name,
        "latents": latents,
        "arrays": arrays,
        "classes": classes,
        "whole": f"member.game.joined({latents}, torch.arange(16) % {classes})" if classes else latents,
        "names": ", ".join(names),
        "feed": "{" + ", ".join(f"'{one}': {one}" for one in names) + "}",
    }
    asked = [line for line in ENDINGS[to.suffix].lines if classes or not line.startswith("classes =")]
    shown = [line if line == METHODS else line.format(**filled) for line in asked]
    lines = _with_methods(shown, lines_that_load(told["methods"]))
    return {**told, "lines": lines, "verified": said}


def _with_methods(lines: Sequence[str], methods: Sequence[str]) -> list[str]:
    """The lines, those that load ``methods`` at their place."""
    return [one for line in lines for one in (methods if line == METHODS else [line])]


def _check_places(run: Path, to: Path) -> None:
    if to.suffix not in ENDINGS:
        raise SettingError(f"--to {to}: the ending says what is written: {', '.join(ENDINGS)}")
    if to.is_dir():
        raise SettingError(f"--to {to}: is a folder; give a file")
    if run.is_file():
        raise SettingError(f"{run}: is a file; give the run folder")


@torch.no_grad()
def _verified(member: LoadedMember, to: Path, content: bytes, methods: Sequence[str]) -> str:
    """What a fresh process found, in words, that executes the lines which load ``methods``.

    Raises `ValueError` where its samples are not those of the run.
    """
    inputs, whole = _inputs(member), SamplingGenerator(member).eval()
    expected = torch.cat([whole(*part) for part in zip(*(one.split(PARTS) for one in inputs))]).numpy()
    with tempfile.TemporaryDirectory(prefix="nashpath-") as folder:
        file, given, made = (str(Path(folder) / name) for name in (to.name, "inputs.npz", "samples.npy"))
        Path(file).write_bytes(content)
        np.savez(given, *(one.numpy() for one in inputs))
        code = "\n".join((*_BEGIN, *_with_methods(ENDINGS[to.suffix].tried, methods), *_END))
        asked = json.dumps([file, given, made, PARTS])
        done = subprocess.run(
            [sys.executable, "-W", "ignore", "-c", code, asked],
            capture_output=True,
            text=True,
            env={**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, sys.path))},
        )
        if done.returncode:
            last = (done.stderr.strip().splitlines() or ["no reason was given"])[-1]
            raise ValueError(f"{to}: a fresh process could not use it, so it is not written ({last[:300]})")
        found = np.load(made)
    size = float(np.nanmax(np.abs(expected), initial=0.0))
    alike = found.shape == expected.shape and np.array_equal(np.isnan(found), np.isnan(expected))  # empty cells
    apart = float(np.nanmax(np.abs(found - expected), initial=0.0)) if alike else float("inf")
    if not apart <= TOLERANCE * size:
        raise ValueError(
            f"{to}: loaded in a fresh process its samples are {apart:.3g} from the run's, whose largest number is "
            f"{size:.3g}, so it is not written"
        )
    return (
        f"Loaded in a fresh process, samples of {COUNT} latents lay at most {apart:.2g} from those of the run (the "
        f"largest number: {size:.3g})."
    )
