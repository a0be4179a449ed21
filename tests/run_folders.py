"""Small real runs for the tests of the run room and the command."""

import json
import resource
import signal
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
from safetensors.numpy import load_file
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.run import Session, open_session
from nashpath.run.engine.program import Program

SMALL = {
    "latent": 2,
    "batch_size": 4,
    "samples": 4,
    "evaluation_samples": 16,
    "log_every": 4,
    "sample_every": 10,
    "steps": 20,
    "compile": "off",
    "stack": "off",
    "generator": {"width": 4},
    "discriminator": {"width": 4},
}
FLAGS = [
    "latent=2",
    "batch_size=4",
    "samples=4",
    "evaluation_samples=16",
    "log_every=4",
    "sample_every=10",
    "steps=20",
    "threads=1",
    "compile=off",
    "stack=off",
    "generator.width=4",
    "discriminator.width=4",
]
"""The same, as the command takes them."""


def small(**changes: Any) -> dict[str, Any]:
    """`SMALL` with tables merged and values replaced."""
    raw = {k: dict(v) if isinstance(v, dict) else v for k, v in SMALL.items()}
    for key, value in changes.items():
        raw[key] = {**raw[key], **value} if isinstance(value, dict) and isinstance(raw.get(key), dict) else value
    return raw


def trained(raw: dict[str, Any], folder: Path, **sweeps: list[Any]) -> Session:
    """A run from settings, trained to its end; ``a__b`` in a sweep's name stands for ``a.b``."""
    session = open_session(raw, {key.replace("__", "."): values for key, values in sweeps.items()}, folder)
    session.train()
    return session


def nash(*arguments: Any, expect: int = 0) -> Any:
    """The command in this process; its result, once it left with the expected status."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    if result.exit_code != expect:
        raise AssertionError(f"exit status {result.exit_code}\n{result.output}\n{result.exception!r}")
    return result


@contextmanager
def files_of_at_most(size: int) -> Iterator[None]:
    """Within this block no file grows beyond so many bytes: writing more fails, as on a full disk."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def flags(*settings: str) -> list[str]:
    """``-s`` flags: the small ones, then ``settings``."""
    return [part for setting in [*FLAGS, *settings] for part in ("-s", setting)]


def rows(folder: Path) -> list[dict[str, Any]]:
    """The rows of the metrics, without their times."""
    parsed = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [{k: v for k, v in row.items() if not k.endswith("seconds")} for row in parsed]


def members(folder: Path) -> list[dict[str, Any]]:
    return json.loads((folder / "members.json").read_text())


def tensors(folder: Path, member: int | None = None) -> dict[str, np.ndarray]:
    """The tensors of the checkpoint; of one member, without its number."""
    found = load_file(folder / "checkpoint.safetensors")
    if member is None:
        return found
    prefix = f"member{member}."
    return {k.removeprefix(prefix): v for k, v in found.items() if k.startswith(prefix)}


def assert_same(a: dict[str, np.ndarray], b: dict[str, np.ndarray]) -> None:
    """Equal bit for bit."""
    assert a.keys() == b.keys()
    for key, value in a.items():
        assert value.dtype == b[key].dtype, key
        assert value.tobytes() == b[key].tobytes(), key


def assert_same_run(a: Path, b: Path) -> None:
    """Two run folders tell the same story, but for the wall time."""
    assert_same(tensors(a), tensors(b))
    assert rows(a) == rows(b)
    assert members(a) == members(b)
    frames = [sorted((folder / "samples").iterdir()) for folder in (a, b)]
    assert [file.name for file in frames[0]] == [file.name for file in frames[1]]
    for one, other in zip(*frames):
        assert_same(dict(np.load(one)), dict(np.load(other)))


def interrupt_after(monkeypatch: Any, calls: int, number: int = signal.SIGINT) -> None:
    """Sends this process a signal after so many steps of programs, as Ctrl-C at that moment would."""
    take, done = Program._take, []

    def counted(self: Program, batches: Any, left: int) -> int:
        steps = take(self, batches, left)
        done.append(1)
        if len(done) == calls:
            signal.raise_signal(number)
        return steps

    monkeypatch.setattr(Program, "_take", counted)
