"""Averages: the exponential one forgets its start in short runs, and both have batch statistics of their own."""

import math

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath import load
from nashpath.core import FunctionalGame, point_of
from nashpath.report import write_report
from nashpath.run import SettingError
from nashpath.run.folder import checkpoint
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.observe.snapshot import place
from nashpath.solvers import EMA, SGD, Clipped, HalfLife, Lookahead, PolyakAverage, PostHocEMA, Simultaneous
from nashpath.solvers.post_hoc import TRACKED, coefficients, exponent_of, shares_of
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


STILL = Simultaneous(SGD(0.1), SGD(0.1))


@pytest.mark.parametrize("half_life", [0.1, 1.0, 3.0, 1e3, 1e5, 1e6, 3e7, 1e8, 1e9])
def test_the_share_of_a_half_life_is_exact(half_life: float):
    share = float(HalfLife(STILL, half_life).share(torch.tensor(1.0)))
    assert share == pytest.approx(-math.expm1(-math.log(2) / half_life), rel=1e-6)
    if half_life > 1e6:
        assert share * half_life == pytest.approx(math.log(2), rel=1e-6)


@pytest.mark.parametrize("decay", [0.0, 0.5, 0.999, 0.99999, 1 - 1e-6, 1 - 1e-7])
def test_the_share_of_a_decay_is_exact(decay: float):
    """In the end, where the rise of the decay is over."""
    assert float(EMA(STILL, decay).share(torch.tensor(1e12))) == pytest.approx(1 - decay, rel=1e-6)


@pytest.mark.parametrize("after", [0.0, 0.5, 1.0, 1.5, 2.999, 7.0, 100.0])
def test_a_uniform_average_weighs_alike_all_that_comes_after(after: float):
    """Of ten steps it is the mean of the iterates k > after, whatever the number; the last one where there is none."""
    shares = PolyakAverage(STILL, after).share(torch.arange(1.0, 11.0)).double()
    weights = torch.stack([share * (1 - shares[k + 1 :]).prod() for k, share in enumerate(shares)])
    counted = torch.tensor([float(k > after or (k == 10 and after >= 10)) for k in range(1, 11)]).double()
    torch.testing.assert_close(weights, counted / counted.sum(), atol=1e-6, rtol=1e-6)


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


@pytest.mark.parametrize(
    ("player", "said"), [("all", "averages of all players (ema)"), ("generator", "that are played")]
)
def test_the_page_of_a_toy_says_whose_path_it_draws(tmp_path, player, said):
    trained({"game": "bilinear", "steps": 4, "average": {"kind": "ema", "player": player}}, tmp_path / "run")
    page = write_report(tmp_path / "run").read_text()
    assert said in page
    assert "stand beside them" not in page


def test_the_page_says_that_samples_are_averaged(run):
    from nashpath.report import write_report

    assert "Samples and metrics are those of averaged weights (ema)" in write_report(run).read_text(encoding="utf-8")


def weights(width: float, steps: int) -> np.ndarray:
    """Of a power average after so many steps, [steps]: differences of (k/n)^(γ + 1)."""
    edge = (np.arange(steps + 1) / steps) ** (exponent_of(width) + 1)
    return np.diff(edge)


@pytest.mark.parametrize("width", [0.02, 0.05, 0.1, 0.25])
def test_the_weights_of_a_power_average_have_its_width(width: float):
    """Karras et al. 2024: the standard deviation of the step under the weights, as a share of all steps."""
    at, mass = (np.arange(20_000) + 0.5) / 20_000, weights(width, 20_000)
    assert np.sqrt(mass @ at**2 - (mass @ at) ** 2) == pytest.approx(width, rel=1e-3)


def nearest(width: float, steps: int) -> np.ndarray:
    """The combination of tracked weights nearest to those of a width, by NumPy's least squares, with sum 1."""
    tracked = np.stack([weights(w, steps) for w in TRACKED], 1)
    found = np.linalg.lstsq(tracked, weights(width, steps), rcond=None)[0]
    return tracked @ (found / found.sum())


@pytest.mark.parametrize("width", np.linspace(0.02, 0.25, 24).round(3).tolist())
def test_any_width_is_near_a_combination_of_those_that_are_kept(width: float):
    """As near as the page says, and as near as least squares over 4,000 steps come."""
    tracked = np.stack([weights(w, 4000) for w in TRACKED], 1)
    found, wanted = tracked @ np.array(coefficients(width)), weights(width, 4000)
    gap = np.linalg.norm(found - wanted) / np.linalg.norm(wanted)
    assert gap <= 0.035
    assert gap == pytest.approx(np.linalg.norm(nearest(width, 4000) - wanted) / np.linalg.norm(wanted), abs=2e-3)
    assert sum(coefficients(width)) == pytest.approx(1)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("width", [*TRACKED, 0.07])
def test_a_post_hoc_average_is_the_weighted_sum_of_all_iterates(width: float):
    game = small_gan(1)
    solver = PostHocEMA(Simultaneous(SGD(0.1), SGD(0.1)), width)
    points, _, memory = play(solver, game, 40)
    mass = np.stack([weights(w, 40) for w in TRACKED], 1) @ coefficients(width)
    assert width not in TRACKED or np.allclose(mass, weights(width, 40))
    for name, value in solver.averages(memory)["generator"].items():
        truth = sum(m * p.players["generator"][name].double() for m, p in zip(mass, points[1:]))
        assert torch.allclose(value.double(), truth, rtol=1e-4, atol=1e-5)
    for name, value in solver.statistics(memory).items():
        truth = sum(m * p.state[name].double() for m, p in zip(mass, points[1:]))
        assert torch.allclose(value.double(), truth, rtol=1e-3, atol=1e-4)
    around = Clipped(PostHocEMA(Simultaneous(SGD(0.1), SGD(0.1)), 0.2))
    around.at_width(width)
    for name, value in around.solver.averages(memory)["generator"].items():
        assert torch.equal(value, solver.averages(memory)["generator"][name])


@pytest.mark.parametrize("count", [1, 2, 1e3, 1e6, 1e7])
def test_shares_are_exact_after_millions_of_steps(count):
    """In float32 ``1 − (1 − 1/n)^(γ+1)`` is 1.5 % too small or large at n = 1e6; the bound is 16 roundings."""
    solver = PostHocEMA(Simultaneous(SGD(0.1), SGD(0.1)))
    found = shares_of(torch.tensor(float(count)), solver.powers.exponents).double().numpy()
    exponents = solver.powers.exponents.double().numpy()
    exact = np.ones(5) if count == 1 else -np.expm1((exponents + 1) * np.log1p(-1 / count))
    assert found == pytest.approx(exact, rel=1e-6)


def test_a_run_is_loaded_at_another_width(tmp_path):
    trained(small(steps=30, data={"kind": "ring"}, average={"kind": "post_hoc", "width": 0.25}), tmp_path / "run")
    found = {width: load(tmp_path / "run", width=width).game.state_dict() for width in (None, 0.25, 0.05)}
    name = next(k for k in found[None] if k.startswith("generator"))
    assert torch.equal(found[None][name], found[0.25][name])
    assert not torch.equal(found[None][name], found[0.05][name])
    with pytest.raises(ValueError, match=r"width is 0.4; it must be from 0.02 to 0.25"):
        load(tmp_path / "run", width=0.4)
    with pytest.raises(SettingError, match="width chooses an average, and averaged=False asks for none"):
        load(tmp_path / "run", averaged=False, width=0.05)
    trained(small(steps=1, data={"kind": "ring"}, average="ema"), tmp_path / "ema")
    with pytest.raises(ValueError, match="train with average=post_hoc"):
        load(tmp_path / "ema", width=0.1)
    with pytest.raises(ValueError, match="no player is called 'critic' to average"):
        PostHocEMA(Simultaneous(SGD(0.1), SGD(0.1)), player="critic").init(*_problem())


def _problem():
    game = small_gan(0)
    return FunctionalGame(game), point_of(game)
