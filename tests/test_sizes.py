"""Sizes that cannot fit are refused by their keys, before anything of that size is made."""

import signal
import time
from types import SimpleNamespace
from typing import get_args

import pytest
import torch

from nashpath.core.torch_compat import Allocations
from nashpath.run import SettingError, open_session
from nashpath.run.engine import memory
from nashpath.run.engine.memory import available, readable
from nashpath.run.settings.flow import build_flow, resolve_flow
from nashpath.run.settings.members import plan
from nashpath.run.settings.overrides import override, parse_seeds, parse_sweeps
from nashpath.run.settings.schema import arguments
from nashpath.run.settings.sizes import too_large
from nashpath.solvers import SOLVERS

QUICK = ["steps=1", "threads=1", "compile=off", "stack=off", "evaluation_samples=8", "samples=4"]


def start(folder, *texts: str):
    return open_session(override({}, [*QUICK, *texts]), {}, folder / "run")


HUGE = 2_000_000_000
LOOPS = sorted(
    {
        (row, name)
        for row in SOLVERS
        for name, (kind, _) in arguments(SOLVERS[row]).items()
        if int in (kind, *get_args(kind)) and "." not in name
    }
)
"""Every whole number that a solver takes."""


@pytest.mark.parametrize(("row", "name"), LOOPS)
def test_a_step_of_a_toy_ends_however_many_turns_are_asked_for(tmp_path, row, name):
    """It draws nothing and asks for no memory: only the bound of the number keeps such a step from lasting years."""

    def late(*_):
        raise TimeoutError(f"solver.{name}={HUGE}: the step did not end")

    before = signal.signal(signal.SIGALRM, late)
    signal.alarm(60)
    try:
        found = start(tmp_path, "game=random_quadratic", f"solver={row}", f"solver.{name}={HUGE}")
        found.train()
    except SettingError as refusal:
        if f"solver.{name}" not in str(refusal):
            raise
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


KEYS = {
    "latent": (),
    "batch_size": (),
    "samples": (),
    "evaluation_samples": (),
    "generator.width": (),
    "discriminator.width": (),
    "data.modes": (),
    "data.side": ("data=grid",),
    "data.dimension": ("data=embedded_gaussian",),
    "discriminator.kernels": ("discriminator=minibatch_mlp",),
    "objective.features": ("objective=mmd_gaussian",),
    "game.atoms": ("game=ideal",),
    "game.embedding": ("game=conditional", "data=digits"),
    "game.resolution": ("game=ideal_gaussian",),
    "generator.reference": ("generator=virtual_mlp",),
}


@pytest.fixture
def ten_gigabytes(monkeypatch):
    monkeypatch.setattr("nashpath.run.settings.sizes.available", lambda device="cpu": 1e10)


@pytest.mark.usefixtures("ten_gigabytes")
@pytest.mark.parametrize("key", KEYS)
def test_a_size_that_cannot_fit_is_refused_by_its_key(tmp_path, key):
    begun = time.perf_counter()
    with pytest.raises(SettingError, match=rf"{key}={HUGE}.*: needs about .* [GT]B, and there are 10 GB; make "):
        start(tmp_path, *KEYS[key], f"{key}={HUGE}")
    assert time.perf_counter() - begun < 20
    assert not (tmp_path / "run" / "config.toml").exists()


@pytest.mark.parametrize(
    ("text", "bound"),
    [
        ("latent=1000000000000", 2147483647),
        ("batch_size=99999999999999999999", 2147483647),
        ("generator.depth=100000", 1000),
        ("threads=100000", 1024),
        ("steps=9223372036854775808", 9223372036854775808),
    ],
)
def test_a_number_beyond_its_bound_is_refused_by_its_key(tmp_path, text, bound):
    with pytest.raises(SettingError, match=rf"^{text.split('=')[0]}: expected less than (or equal to )?{bound}, got "):
        start(tmp_path, text)


@pytest.mark.parametrize("modes", ["-inf", "nan", "-1", "1.5", "true", "99999999999999999999"])
def test_data_are_looked_at_before_they_are_built(tmp_path, modes):
    with pytest.raises(SettingError, match=r"^data\.modes: expected "):
        start(tmp_path, f"data.modes={modes}")


def test_members_without_number_are_refused_before_they_are_planned():
    with pytest.raises(SettingError, match="seeds: 0:1000000000 are 1000000000 members; one run has at most 100000"):
        parse_seeds("0:1000000000")
    sweeps = parse_sweeps([f"penalty.weight={','.join(map(str, range(1000)))}"])
    with pytest.raises(SettingError, match=r"penalty\.weight, seeds: together 200000 members"):
        plan({"penalty": "r1", "seeds": list(range(200))}, sweeps)


def test_members_that_do_not_fit_together_are_refused(tmp_path, monkeypatch):
    monkeypatch.setattr("nashpath.run.settings.sizes.available", lambda device="cpu": 5e5)
    small = ("generator.width=8", "discriminator.width=8", "batch_size=8")
    start(tmp_path, *small, "seeds=0")
    with pytest.raises(SettingError, match=r"seeds: 1000 members take about .*; train fewer at once"):
        start(tmp_path / "other", *small, "seeds=0:1000")


@pytest.mark.usefixtures("ten_gigabytes")
def test_what_a_batch_needs_grows_with_it(tmp_path):
    with pytest.raises(SettingError, match=r"batch_size=20000000: needs about .*GB"):
        start(tmp_path, "batch_size=20000000")


def test_tensors_are_announced_before_they_are_made_and_results_after():
    asked, made = [], []
    with Allocations(lambda shape, size: asked.append((shape, size)), lambda v: made.append(tuple(v.shape))):
        torch.nn.Linear(3, 5)
        torch.mm(torch.randn(4, 3, generator=torch.Generator()), torch.ones(3, 2))
        torch.arange(7.0).reshape(7, 1)
        torch.eye(6)
        torch.linspace(0, 1, 9)
        torch.randint(5, (8,))
        torch.full((2, 2), 1.0, dtype=torch.float64)
    shapes = [shape for shape, _ in asked]
    for shape in [(5, 3), (5,), (4, 3), (3, 2), (7,), (6, 6), (9,), (8,), (2, 2)]:
        assert shape in shapes
    assert ((2, 2), 32) in asked
    assert (4, 2) in made
    assert (7, 1) not in made  # a view


def test_memory_is_told_in_words_and_never_less_than_a_little(monkeypatch):
    assert readable(64e9) == "64 GB"
    assert readable(2.5e15) == "2.5e+03 TB"
    monkeypatch.setattr(memory, "_free", lambda: 3.0)
    assert available() == memory.LEAST


@pytest.mark.usefixtures("ten_gigabytes")
@pytest.mark.parametrize("data", ["mnist", "cifar10", "svhn", "celeba"])
def test_pictures_of_which_no_batch_fits_are_refused_before_one_is_read(tmp_path, monkeypatch, data):
    monkeypatch.setattr("nashpath.data.image_cache._decode", lambda *_: pytest.fail("a picture was read"))
    with pytest.raises(SettingError, match=r"data\.size=16383: needs about [\d.]+ GB"):
        start(tmp_path, f"data={data}", "data.size=16383")


def test_pictures_for_which_the_disk_has_no_room_are_refused_before_one_is_read(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("nashpath.data.image_cache._decode", lambda *_: pytest.fail("a picture was read"))
    monkeypatch.setattr("nashpath.data.image_cache.shutil.disk_usage", lambda folder: SimpleNamespace(free=1000))
    with pytest.raises(OSError, match=r"images in .* at size 28, and .*cache has 0 GB left: make data\.size smaller"):
        start(tmp_path, "data=mnist").train()


@pytest.mark.usefixtures("ten_gigabytes")
@pytest.mark.parametrize("data", ["mnist", "cifar10", "svhn", "celeba"])
def test_so_are_those_of_a_flow(monkeypatch, data):
    monkeypatch.setattr("nashpath.data.image_cache._decode", lambda *_: pytest.fail("a picture was read"))
    settings = resolve_flow([], {"data": {"kind": data, "size": 16383}})
    with pytest.raises(SettingError, match=r"data\.size=16383.*: needs about [\d.]+ [GT]B"):
        build_flow(settings, torch.device("cpu"))


@pytest.mark.parametrize(
    ("shape", "named"),
    [((64, 3 * 16384**2), "data.size=16384"), ((64, 16384), "data.size=16384"), ((64, 16384 + 20), "data.size=16384")],
)
def test_a_side_that_is_made_of_settings_is_refused_by_the_largest_of_them(shape, named):
    settings = {"latent": 20, "discriminator": {"width": 64}, "data": {"size": 16384}}
    assert str(too_large(settings, 1e12, 1e10, shape)).startswith(f"{named}: needs about")
