"""Averages: the exponential one forgets its start in short runs, and both have batch statistics of their own."""

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath import load
from nashpath.run.folder import checkpoint
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.observe.snapshot import place
from nashpath.solvers import EMA, SGD, Clipped, Lookahead, PolyakAverage, Simultaneous
from run_folders import nash, small, trained
from solvers_play import play, small_gan


def by_hand(values: list[torch.Tensor], decay: float) -> torch.Tensor:
    """TensorFlow's rule: ``decay_n = min(decay, (1 + n) / (10 + n))``."""
    average = values[0]
    for n, value in enumerate(values[1:], 1):
        d = min(decay, (1 + n) / (10 + n))
        average = d * average + (1 - d) * value
    return average


@pytest.mark.parametrize("decay", [0.3, 0.999])
def test_the_decay_rises_to_its_value(decay: float):
    game = small_gan(0)
    solver = EMA(Simultaneous(SGD(0.1), SGD(0.1)), decay)
    points, _, memory = play(solver, game, 30)
    for name, value in solver.averages(memory)["generator"].items():
        truth = by_hand([p.players["generator"][name] for p in points], decay)
        assert torch.allclose(value, truth, rtol=1e-4, atol=1e-6)


def test_a_short_run_does_not_show_its_initial_weights():
    """The weight of the start after 95 steps at .999: 91 % at a constant decay."""
    shares = EMA(Simultaneous(SGD(0.1), SGD(0.1)), 0.999).share(torch.arange(1.0, 96.0))
    assert float((1 - shares.double()).prod()) < 1e-11
    assert float(EMA(Simultaneous(SGD(0.1), SGD(0.1)), 0.999).share(torch.tensor(1e5))) == pytest.approx(1e-3, rel=1e-4)


WRAPPED = {
    "ema": lambda s: EMA(s, 0.6),
    "uniform": PolyakAverage,
    "ema of clipped": lambda s: EMA(Clipped(s, 0.1), 0.6),
    "clipped ema": lambda s: Clipped(EMA(s, 0.6), 0.1),
    "of lookahead": lambda s: EMA(Lookahead(SGD(0.1), SGD(0.1)), 0.6),
}


@pytest.mark.parametrize("name", WRAPPED)
def test_an_average_has_running_statistics_of_its_own(name: str):
    game = small_gan(1)
    solver = WRAPPED[name](Simultaneous(SGD(0.1), SGD(0.1)))
    points, _, memory = play(solver, game, 12)
    found = solver.statistics(memory)
    assert set(found) == {"generator.1.running_mean", "generator.1.running_var"}
    for key, value in found.items():
        states = [p.state[key] for p in points]
        truth = torch.stack(states[1:]).mean(0) if name == "uniform" else by_hand(states, 0.6)
        assert torch.allclose(value, truth, rtol=1e-4, atol=1e-6)
        assert not torch.allclose(value, states[-1], rtol=1e-2)


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Digits by networks with batch normalisation, and an average."""
    folder = tmp_path_factory.mktemp("averages") / "run"
    settings = {"data": {"kind": "digits"}, "generator": {"kind": "mlp", "norm": "batch"}, "average": "ema"}
    trained(small(steps=6, **settings), folder)
    return folder


def test_samples_are_those_of_averaged_weights_and_statistics(run):
    trial, train_state = restore_member(run)
    place(trial, train_state)
    state = trial.game.state_dict()
    for key, value in trial.solver.statistics(train_state.memory).items():
        assert torch.equal(state[key], value)
        assert not torch.equal(value, train_state.point.state[key])


def test_a_sheet_shows_averaged_beside_raw(run, tmp_path):
    for file in ("s.npz", "s.png"):
        told = nash("sample", run, "--count", "9", "--out", tmp_path / file)
        assert "averaged weights; beside them the raw ones" in told.stderr
    with np.load(tmp_path / "s.npz") as stored:
        averaged, raw = stored["samples"], stored["raw"]
    assert np.array_equal(averaged, load(run).sample(9).numpy())
    assert np.array_equal(raw, load(run, averaged=False).sample(9).numpy())
    assert not np.allclose(averaged, raw)
    with Image.open(tmp_path / "s.png") as picture:
        assert picture.width > 1.8 * picture.height


def test_an_evaluation_measures_both(run):
    from nashpath.report.tables import protocol_lines
    from nashpath.run import EvaluationOptions, evaluate_run

    (group,) = evaluate_run(run, EvaluationOptions(("fid",), "digits", 200))["groups"]
    assert [entry["name"] for entry in group["numbers"]] == ["fid", "fid (raw weights)"]
    assert group["numbers"][0]["values"] != group["numbers"][1]["values"]
    assert "200 generated of averaged weights" in protocol_lines(group)[0]


def test_a_checkpoint_without_averaged_statistics_takes_the_present_ones(run, monkeypatch):
    """As nashpath 0.2.0 wrote them."""
    read = checkpoint.safe_open

    class Earlier:
        def __init__(self, *args):
            self.file = read(*args)

        def __enter__(self):
            self.file.__enter__()
            return self

        def __exit__(self, *args):
            return self.file.__exit__(*args)

        def metadata(self):
            return self.file.metadata()

        def keys(self):
            return [key for key in self.file.keys() if ".statistics." not in key]  # noqa: SIM118

        def get_tensor(self, key):
            return self.file.get_tensor(key)

    monkeypatch.setattr(checkpoint, "safe_open", Earlier)
    trial, train_state = restore_member(run)
    kept = trial.solver.statistics(train_state.memory)
    assert kept
    assert all(torch.equal(value, train_state.point.state[key]) for key, value in kept.items())


def test_the_page_says_that_samples_are_averaged(run):
    from nashpath.report import write_report

    assert "Samples and metrics are those of averaged weights (ema)" in write_report(run).read_text(encoding="utf-8")
