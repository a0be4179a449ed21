"""Whatever is given (settings, files, commands, arrays, modules) is used, or refused in one paragraph that names it.

``NASHPATH_FUZZ`` is the number of cases over all tests here (a thousand by default, always the same ones); with it
the cases are random, as in ``make fuzz``. What is found shrinks, and becomes a test of its own elsewhere.
"""

import io
import os
import tempfile
import warnings
from pathlib import Path
from typing import Annotated, Any, Literal, get_args, get_origin

import numpy as np
import pytest
import torch
from annotated_types import Ge, Gt, Le, Lt
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as arrays
from PIL import Image
from torch import nn
from typer.testing import CliRunner

import nashpath as nash
from nashpath.cli import app
from nashpath.core import Key
from nashpath.data import Array, Folder, as_source
from nashpath.run import SettingError, resolve_flow
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import begin
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.flow import FLOW_TABLES, build_flow, flow_model, start
from nashpath.run.settings.members import plan
from nashpath.run.settings.model import TABLES, General
from nashpath.run.settings.names import SHARED
from nashpath.run.settings.overrides import flatten_sweeps, override, parse_sweeps
from nashpath.run.settings.schema import arguments
from nashpath.run.training.assemble import build_groups

ASKED = os.environ.get("NASHPATH_FUZZ", "")
TOTAL = int(ASKED or 1000)
MEMORY = 2e8
"""Bytes that settings may plan with here, so that what is accepted is quick."""


def cases(share: float) -> Any:
    """This test's share of all cases; a case may take long, and none is kept between runs."""
    return settings(
        max_examples=max(5, int(share * TOTAL)),
        derandomize=not ASKED,
        deadline=None,
        database=None,
        suppress_health_check=list(HealthCheck),
    )


@pytest.fixture(autouse=True, scope="module")
def little_memory():
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nashpath.run.settings.sizes.available", lambda device="cpu": MEMORY)
        patch.setenv("NASHPATH_CACHE", tempfile.mkdtemp())
        yield


def check_refusal(error: Exception, *named: str) -> None:
    """One paragraph that names one of these, where there are any."""
    text = str(error)
    assert text.strip(), repr(error)
    assert "\n\n" not in text
    assert len(text) < 3000
    plain = text.lower().replace("-", "_").replace(" ", "_")
    assert not named or any(name.lower() in plain for name in named), f"{named} not named: {text}"


def numbers(kind: type, marks: Any) -> list[Any]:
    """A number at each bound, on both sides of it, far from it, and what is no number."""
    found: list[Any] = [0, 1, 3, -1, True, "x", None, [1], {"a": 1}, float("nan"), float("inf"), -float("inf")]
    for mark in marks:
        for name, sort in (("ge", Ge), ("gt", Gt), ("le", Le), ("lt", Lt)):
            if isinstance(mark, sort):
                bound = getattr(mark, name)
                near = [bound - 1, bound + 1] if kind is int else [np.nextafter(bound, way) for way in (-9e99, 9e99)]
                found += [bound, *map(kind, near)]
    if kind is int:
        return [*found, 2**31, 2**63, 10**20, 1.5]
    return [*found, 0.5, 1e-45, 5e-324, 1e30, 3.4e38, 1e39, 1e308, 10**400, 0.99999999999]


def values(annotation: Any) -> list[Any]:
    """What to try for an argument of this annotation."""
    if get_origin(annotation) is Annotated:
        base, *marks = get_args(annotation)
        flat = [m for mark in marks for m in (mark.metadata if hasattr(mark, "metadata") else [mark])]
        return numbers(base, flat) if base in (int, float) else values(base)
    if annotation in (int, float):
        return numbers(annotation, [])
    if get_origin(annotation) is Literal:
        return [*get_args(annotation), "nothing", 3, None]
    if annotation is bool:
        return [True, False, 1, "true"]
    return ["", "x", "a/b", "é\u0000", 3, None]


def choices(
    tables: dict[str, Any], general: Any, skip: frozenset[str] = frozenset()
) -> list[tuple[str, str, str, Any]]:
    """``(path, row, argument, value)`` of everything that can be set to something at or beyond its bounds."""
    found = []
    for path, table in tables.items():
        for row in table:
            found.append((path, row, "", None))
            for name, (annotation, _) in arguments(table[row]).items():
                if name not in skip:
                    found += [(path, row, name, value) for value in values(annotation)]
    for name, field in general.model_fields.items():
        if name not in tables:
            annotation = Annotated[(field.annotation, *field.metadata)] if field.metadata else field.annotation
            found += [("", "", name, value) for value in values(annotation)]
    return [choice for choice in found if ASKED or not takes_long(choice[3])]


def takes_long(value: Any) -> bool:
    """Whether it may be a number of things that are done one after the other: a thousand products, or networks."""
    return isinstance(value, int) and 100 < value < 10_000


TRAINING = choices(TABLES, General, SHARED)
FLOWING = choices({k: table for k, (table, _) in FLOW_TABLES.items()}, flow_model())
SMALL = {"steps": 1, "stack": "off", "compile": "off", "threads": 1, "samples": 3, "evaluation_samples": 4}


def put(raw: dict[str, Any], choice: tuple[str, str, str, Any]) -> None:
    path, row, name, value = choice
    table = raw
    for key in path.split(".") if path else []:
        inner = table.get(key, {})
        table[key] = table = inner if isinstance(inner, dict) else {"kind": inner}
    if row:
        table["kind"] = row
    if name:
        table[name] = value


@pytest.mark.long
@cases(0.5)
@given(st.lists(st.sampled_from(TRAINING), min_size=1, max_size=3))
def test_settings_train_a_step_or_are_refused_by_key(chosen):
    raw: dict[str, Any] = {k: v for k, v in SMALL.items() if k not in {name for _, _, name, _ in chosen}}
    for choice in chosen:
        put(raw, choice)
    keys = {part for path, row, name, _ in chosen for part in (*path.split("."), row, name) if part}
    keys |= {TABLES[path][row].__name__ for path, row, *_ in chosen if row}
    before = torch.get_num_threads()
    try:
        members = plan(raw, {})
        for member in members:
            member.settings.device = "cpu"
        for group in build_groups(members[:2], members[0].settings):
            program: Program = group.program
            program.run(1)
            assert all(program.outcome(k).startswith(("finished", "diverged")) for k in range(len(group.members)))
    except (SettingError, OSError, ImportError) as error:
        check_refusal(error, *keys)
    finally:
        torch.set_num_threads(before)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("path", TABLES)
def test_every_row_alone_is_built_or_refused_by_key(path):
    """What the random settings find once in ten thousand cases: a row that the defaults of all others do not suit."""
    for row in TABLES[path]:
        raw: dict[str, Any] = dict(SMALL)
        put(raw, (path, row, "", None))
        try:
            (member,) = plan(raw, {})
            begin(build_trial(member.settings, 0))
        except (SettingError, OSError, ImportError) as error:
            check_refusal(error, *path.split("."), row, TABLES[path][row].__name__)


@cases(0.08)
@given(st.lists(st.sampled_from(FLOWING), min_size=1, max_size=2))
def test_settings_of_flows_build_one_or_are_refused_by_key(chosen):
    raw: dict[str, Any] = {"particles": 8}
    for choice in chosen:
        put(raw, choice)
    keys = {part for path, row, name, _ in chosen for part in (*path.split("."), row, name) if part}
    try:
        found = resolve_flow([], raw)
        _, source = build_flow(found, torch.device("cpu"))
        assert torch.isfinite(start(found, source.shape, torch.device("cpu"))).all()
    except (ValueError, OSError, ImportError) as error:
        check_refusal(error, *keys)


LINES = [
    *("steps = 3", "seeds = [0, 1]", "latent = 4", 'penalty = "r1"', "[penalty]", 'kind = "r1"', "weight = 1.0"),
    *("[sweep]", '"penalty.weight" = [1, 2]', "[solver.generator]", "learning_rate = 1e-3", "[data]", "modes = 8"),
    *(
        'with = ["own.py"]',
        "a.b.c.d = 1",
        "x = [[[1]]]",
        "steps = " + "9" * 5000,
        "a = " + "[" * 600,
        "seeds = '0:1e9'",
    ),
    *(
        "latent = 0x" + "f" * 5000,
        "data = {kind = 'ring', modes = 3}",
        "data = 3",
        "[[data]]",
        "steps = 1979-05-27",
        "\x00",
    ),
    *(
        "sweep = 3",
        "[sweep.penalty]",
        "weight = []",
        "seeds = {}",
        "solver = 'adam'",
        "é = 1",
        "metrics = 'fid'",
        "with = 3",
    ),
]


@pytest.mark.long
@cases(0.15)
@given(st.lists(st.one_of(st.sampled_from(LINES), st.text(max_size=30)), max_size=6).map("\n".join))
def test_toml_is_planned_or_refused_by_file_or_key(text):
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "mine.toml"
        file.write_bytes(text.encode("utf-8", "surrogatepass"))
        try:
            raw = read_toml(file)
            raw.pop("with", None)
            sweeps = flatten_sweeps(raw.pop("sweep", {}))
            assert plan(override(raw, []), sweeps)
        except (SettingError, OSError) as error:
            check_refusal(error)


WORDS = st.one_of(
    st.sampled_from(
        ["-s", "--sweep", "--seeds", "--out", "--resume", "--json", "-n", "--seed", "--member", "--metrics"]
    ),
    st.sampled_from(
        ["steps=0", "lr=1", "penalty.weight=1,2", "penalty=r1", "0:3", "0:1e9", "-1", "99999999999999999999"]
    ),
    st.sampled_from(
        ["latent=1e12", "=", "a=", "x.y.z=1", "seeds=3", "run", "nothing.toml", "penalty.r1", "fid", "rule"]
    ),
    st.text(max_size=8).filter(lambda text: "\x00" not in text and not text.startswith(("/", ".."))),
)


@cases(0.05)
@given(
    st.sampled_from(["list", "sample", "evaluate", "report", "train", "flow", "diagnose"]), st.lists(WORDS, max_size=5)
)
def test_commands_are_done_or_refused(verb, words):
    if verb in ("train", "flow"):
        words = ["-s", "steps=-1", *words]  # refused in the end, so that nothing is trained for long
    with tempfile.TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        result = CliRunner().invoke(app, [verb, *words])
    assert result.exit_code in (0, 2), (result.exit_code, result.output, result.exception)
    assert "Traceback" not in result.output


ARRAYS = arrays.arrays(
    st.sampled_from(["f4", "f8", "f2", "u1", "i4", "i8", "?", "c8", "U3", "M8[s]"]),
    arrays.array_shapes(min_dims=0, max_dims=5, min_side=0, max_side=9),
)


@cases(0.08)
@given(ARRAYS, st.booleans())
def test_arrays_are_drawn_from_or_refused(values, through_file):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        try:
            if through_file:
                np.save(Path(folder) / "x.npy", values)
            source = Array(str(Path(folder) / "x.npy")) if through_file else as_source(values)
            found = source.draw(Key(0), 3)["real"]
            assert found.shape == (3, *source.shape)
            assert torch.isfinite(found).all()
        except (ValueError, TypeError) as error:
            check_refusal(error)


def encoded(mode: str, size: tuple[int, int], kind: str, cut: float) -> bytes:
    buffer = io.BytesIO()
    picture = Image.new("L", size, 90).convert(mode) if mode != "I;16" else Image.new("I;16", size, 900)
    picture.save(buffer, format=kind)
    return buffer.getvalue()[: int(len(buffer.getvalue()) * cut)]


PICTURES = st.one_of(
    st.binary(max_size=60),
    st.builds(
        encoded,
        st.sampled_from(["1", "L", "RGB"]),
        st.tuples(st.integers(1, 40), st.integers(1, 40)),
        st.sampled_from(["PNG", "JPEG", "BMP", "GIF", "TIFF"]),
        st.sampled_from([1.0, 0.9, 0.5, 0.1]),
    ),
    st.builds(encoded, st.sampled_from(["I;16", "LA", "RGBA", "P"]), st.just((5, 7)), st.just("PNG"), st.just(1.0)),
)


@cases(0.06)
@given(st.lists(st.tuples(PICTURES, st.sampled_from([".png", ".jpg", ".tga", ".ico", ".tif", ".txt", ""])), max_size=3))
def test_pictures_are_read_or_named(files):
    with warnings.catch_warnings(), tempfile.TemporaryDirectory() as folder:
        warnings.simplefilter("ignore")
        for index, (content, ending) in enumerate(files):
            (Path(folder) / f"{index}{ending}").write_bytes(content)
        try:
            found = Folder(folder, size=8).examples()
            assert found.shape[1:] == (3, 8, 8)
            assert found.abs().max() <= 1
        except (ValueError, OSError) as error:
            check_refusal(error, folder)


class Act(nn.Module):
    """A function as a layer."""

    def __init__(self, act):
        super().__init__()
        self.act = act

    def forward(self, x):
        return self.act(x)


SHARED_LAYER = nn.Linear(4, 4)
LAYERS = {
    "linear": lambda: nn.Linear(4, 4),
    "shared": lambda: SHARED_LAYER,
    "lazy": lambda: nn.LazyLinear(4),
    "tanh": nn.Tanh,
    "sigmoid": nn.Sigmoid,
    "dropout": lambda: nn.Dropout(0.1),
    "batch": lambda: nn.BatchNorm1d(4),
    "layer": lambda: nn.LayerNorm(4),
    "double": lambda: nn.Linear(4, 4).double(),
    "half": lambda: nn.Linear(4, 4).to(torch.bfloat16),
    "frozen": lambda: nn.Linear(4, 4).requires_grad_(False),
    "spectral": lambda: nn.utils.parametrizations.spectral_norm(nn.Linear(4, 4)),
    "norm": lambda: nn.utils.parametrizations.weight_norm(nn.Linear(4, 4)),
    "wrong size": lambda: nn.Linear(3, 4),
    "complex": lambda: Act(lambda x: x.to(torch.complex64)),
    "pair": lambda: Act(lambda x: (x, x)),
    "nothing": lambda: Act(lambda x: None),
    "noise": lambda: Act(lambda x: x + torch.randn_like(x)),
    "branch": lambda: Act(lambda x: x if x.sum() > 0 else -x),
    "float": lambda: Act(lambda x: x * float(x.detach().mean())),
    "numpy": lambda: Act(lambda x: torch.from_numpy(x.detach().numpy())),
    "in place": lambda: Act(lambda x: x.mul_(2)),
    "raises": lambda: Act(lambda x: x.no_such_thing),
    "divides": lambda: Act(lambda x: x / 0),
    "empty": nn.Identity,
}
STACKS = st.lists(st.sampled_from(sorted(LAYERS)), max_size=4)


@pytest.mark.long
@cases(0.08)
@given(STACKS, STACKS, st.booleans())
def test_modules_are_trained_or_named(low, high, stacked):
    def build() -> nash.GAN:
        generator = nn.Sequential(nn.Linear(3, 4), *(LAYERS[name]() for name in low), nn.Linear(4, 2))
        critic = nn.Sequential(nn.Linear(2, 4), *(LAYERS[name]() for name in high), nn.Linear(4, 1))
        return nash.GAN(generator, critic, data=nash.Ring(), latent=3, batch_size=4)

    def solver():
        return nash.Alternating(nash.Adam(), nash.Adam())

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # PyTorch's own, on slow ways through vmap
        try:
            if stacked:
                nash.train_many([build(), build()], [solver(), solver()], 1, [0, 1])
            else:
                nash.train(build(), solver(), 1)
        except (ValueError, TypeError) as error:
            check_refusal(error, "generator", "discriminator")


def test_sweeps_of_text_are_values_or_refused():
    for text in ("a=", "a=1,1", "=1", "a", "seeds=1,2", "a=[1", "a=[]", "a=" + "[" * 900):
        with pytest.raises(SettingError):
            parse_sweeps([text])
