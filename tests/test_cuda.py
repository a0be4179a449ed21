"""The same on a GPU: every table, every solver, every way to run.

Draws are the CPU's; trained results are compared in outcome, since rounding differs. ``DEVICE = "cpu"`` runs the same
bodies without a GPU.
"""

import json

import numpy as np
import pytest
import torch

import nashpath
from nashpath.core import FunctionalGame, Key, generator, point_of, tree_map
from nashpath.core.tree import leaves
from nashpath.data import SOURCES
from nashpath.games import PENALTIES
from nashpath.metrics import METRICS, evaluate_samples
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import NOT_DIVERGED
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import RULES, SOLVERS
from nashpath.studies.workers import worker_pool
from run_folders import assert_same_run, flags, interrupt_after, members, nash, rows, small, tensors, trained
from solvers_play import small_gan
from test_run_settings import OUTSIDE, ROWS, suited

DEVICE = "cuda"

pytestmark = pytest.mark.skipif(
    DEVICE == "cuda" and not torch.cuda.is_available(), reason="needs a GPU that PyTorch can use"
)


def moved(tree, device: str):
    """A tree of tensors on another device."""
    return tree_map(lambda v: v.to(device), tree)


def on_device(tensor: torch.Tensor) -> bool:
    return tensor.device.type == torch.device(DEVICE).type


def test_a_worker_of_a_study_may_use_the_device():
    """A fork may not where the process it is of has asked for a GPU: importing what workers need does not ask."""
    with worker_pool(1) as pool:
        assert pool.submit(eval, f"__import__('torch').ones(3, device={DEVICE!r}).sum().item()").result() == 3.0


def test_draws_are_those_of_the_cpu():
    """Integers and uniform numbers to the bit, normal ones up to rounding of logarithm and cosine."""
    here, there = Key(5, "draws", step=7), Key(5, "draws", DEVICE, 7)
    assert on_device(there.uniform(3))
    here.uniform(3)
    assert torch.equal(there.integers(1000, 10_001).cpu(), here.integers(1000, 10_001))
    assert torch.equal(there.uniform(100, 33).cpu(), here.uniform(100, 33))
    torch.testing.assert_close(there.normal(100_000).cpu(), here.normal(100_000), rtol=1e-5, atol=1e-5)
    assert torch.equal(there.permutation(1000).cpu(), here.permutation(1000))


@pytest.mark.parametrize("stacked", [False, True])
def test_a_compiled_step_draws_the_batches_of_the_cpu(stacked):
    """Plain descent, so that what rounding does stays small over three steps."""
    solver = {"kind": "simultaneous", **{who: {"kind": "sgd"} for who in ("generator", "discriminator")}}
    ends = []
    for device, compiled in (("cpu", False), (DEVICE, True)):
        settings = resolve({"data": "ring", "penalty": "dragan", "solver": solver, "generator": {"width": 8}})
        program = Program(
            [build_trial(settings, seed, device) for seed in (0, 1)],
            [0, 1],
            "stacked" if stacked else "looped",
            compiled,
        )
        program.run(3)
        assert program.drawing == compiled
        ends.append([moved(program.train_state(i).point.players, "cpu") for i in (0, 1)])
    for here, there in zip(leaves(ends[0]), leaves(ends[1]), strict=True):
        torch.testing.assert_close(there, here, rtol=1e-3, atol=1e-5)


@pytest.mark.parametrize("compiled", [False, True], ids=["eager", "compiled"])
@pytest.mark.parametrize("mode", ["stacked", "looped"])
def test_recorded_steps_are_the_steps(mode, compiled):
    """In CUDA graphs of 1, 4 and 32 steps. That a replay does what the steps do is also tried before it is used."""
    if DEVICE != "cuda":
        pytest.skip("a CPU records nothing")
    settings = resolve({"data": "ring", "penalty": "dragan", "generator": {"width": 8}, "discriminator": {"width": 8}})
    ends = []
    for record in (False, True):
        trials = [build_trial(settings, seed, DEVICE) for seed in (0, 1)]
        program = Program(trials, [0, 1], mode, compiled, record=record)
        for steps in (1, 40, 6, 33):
            program.run(steps)
        ends.append(([program.train_state(i) for i in (0, 1)], program.info()))
    assert program.recordings.told.endswith("in one CUDA graph, measured"), program.recordings.told
    assert program.recordings.fitting(32).length > 1 or not compiled
    for here, there in zip(leaves(ends[0]), leaves(ends[1]), strict=True):
        torch.testing.assert_close(torch.as_tensor(there), torch.as_tensor(here), rtol=1e-2, atol=1e-3)


@pytest.mark.parametrize("kind", SOLVERS)
def test_every_solver_is_recorded_or_says_why_not(kind):
    trial = build_trial(resolve(suited("solver", kind)), 0, DEVICE)
    program = Program([trial], [0])
    program.run(3)
    assert program.recordings is None or program.recordings.told
    assert int(program.train_state(0).diverged_player) == NOT_DIVERGED


@pytest.mark.parametrize("kind", SOLVERS)
def test_a_toy_plays_as_on_the_cpu(kind, tmp_path):
    """Nothing is drawn, so the orbits are equal up to rounding."""
    play = {"kind": kind, "generator": {"kind": "adam"}, "discriminator": {"kind": "momentum"}}
    toy = {"game": "quadratic", "solver": play, "steps": 20, "compile": "off", "stack": "off"}
    for name, device in (("here", "cpu"), ("there", DEVICE)):
        trained({**toy, "device": device}, tmp_path / name)
    here, there = (tensors(tmp_path / name, 0) for name in ("here", "there"))
    assert here.keys() == there.keys()
    for key in (key for key in here if "players" in key):
        np.testing.assert_allclose(there[key], here[key], rtol=1e-4, atol=1e-6, err_msg=key)


@pytest.mark.parametrize("kind", SOLVERS)
def test_a_step_of_a_gan_is_that_of_the_cpu(kind):
    """In double precision, on one batch that was drawn on the CPU, with running statistics and a gradient penalty."""
    ends = []
    for device in ("cpu", DEVICE):
        game = small_gan(0, PENALTIES["wgan_gp"](weight=0.1)).double()
        solver = SOLVERS[kind](RULES["adam"](0.01), RULES["rmsprop"](0.01)).double().to(device)
        drawn = tree_map(lambda v: v.double(), game.draw(Key(1), (solver.draws,)))
        point, problem = point_of(game.to(device)), FunctionalGame(game)
        with torch.no_grad():
            ends.append(solver(problem, point, solver.init(problem, point), moved(drawn, device)))
    for here, there in zip(leaves(ends[0]), leaves(ends[1]), strict=True):
        assert on_device(there)
        torch.testing.assert_close(there.cpu(), here, rtol=1e-6, atol=1e-9)


@pytest.mark.parametrize(("path", "kind"), [row for row in ROWS if row[1] not in OUTSIDE])
def test_every_row_of_every_table_takes_a_step(path, kind):
    trial = build_trial(resolve(suited(path, kind)), 0, DEVICE)
    program = Program([trial], [0])
    program.run(2)
    assert int(program.train_state(0).diverged_player) == NOT_DIVERGED
    assert all(np.isfinite(value) for value in program.info()[0].values())
    assert all(on_device(v) for v in leaves(program.train_state(0)))


@pytest.mark.parametrize("stack", ["on", "off"])
def test_training_ends_as_on_the_cpu(stack, tmp_path):
    """The sliced distance to a Gaussian falls on either device, whatever is drawn: averaged over four seeds.

    What is left of it, on the CPU over 24 seeds: .35 ± .10 each, so .35 ± .05 of an average; bar .6.
    """
    rates = {"kind": "adam", "learning_rate": 5e-3}
    raw = small(
        data="gaussian",
        penalty={"kind": "r1", "weight": 1.0},
        solver={"kind": "alternating", "generator": rates, "discriminator": rates},
        generator={"width": 16},
        discriminator={"width": 16},
        batch_size=64,
        steps=150,
        seeds=[0, 1, 2, 3],
        stack=stack,
        metrics=["sliced_wasserstein"],
        evaluation_samples=500,
        evaluate_every=150,
        log_every=150,
        sample_every=150,
        device=DEVICE,
    )
    session = trained(raw, tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["device"].startswith(DEVICE)
    assert session.groups[0].program.mode == ("stacked" if stack == "on" else "looped")
    assert [member["outcome"] for member in members(tmp_path / "run")] == ["finished"] * 4
    found = [(row["step"], row["sliced_wasserstein"]) for row in rows(tmp_path / "run") if "sliced_wasserstein" in row]
    begun, ended = ([value for at, value in found if at == step] for step in (0, 150))
    assert np.mean(np.divide(ended, begun)) < 0.6


def gan(seed: int, rate: float, weight: float = 1.0):
    """A GAN of one's own on the device, and a solver for it."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        made = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.ReLU(), torch.nn.Linear(8, 2))
        judge = torch.nn.Sequential(torch.nn.Linear(2, 8), torch.nn.LeakyReLU(0.2), torch.nn.Linear(8, 1))
    game = nashpath.GAN(made, judge, penalty=nashpath.Dragan(weight=weight), data=nashpath.Ring(), latent=2)
    return game.to(DEVICE), nashpath.Alternating(nashpath.SGD(rate), nashpath.SGD(rate))


def test_stacked_is_looped():
    settings = [(0, 1e-2, 0.5), (1, 3e-2, 2.0), (2, 1e-3, 1.0)]
    ends = []
    for stack in (True, False):
        games, solvers = zip(*[gan(*one) for one in settings])
        ends.append(nashpath.train_many(games, solvers, steps=10, seeds=[4, 5, 6], stack=stack))
    for one, other in zip(*ends):
        for a, b in zip(one.game.parameters(), other.game.parameters()):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_compiled_is_eager():
    eager, compiled = (nashpath.train(*gan(0, 1e-2), steps=3, compile=compile) for compile in (False, True))
    for a, b in zip(eager.game.parameters(), compiled.game.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


def test_a_game_is_trained_where_it_is():
    game, solver = gan(0, 1e-2)
    before = tree_map(torch.clone, dict(game.generator.named_parameters()))
    result = nashpath.train(game, nashpath.EMA(solver, decay=0.5), steps=20, log_every=10)
    assert (result.outcome, result.steps) == ("finished", 20)
    assert [row["step"] for row in result.history] == [10, 20]
    for name, value in result.generator.named_parameters():
        assert on_device(value)
        assert on_device(result.averages["generator"][name])
        assert not torch.equal(value, before[name])
    assert game.sample(Key(0, device=DEVICE), 5).isfinite().all()


RUN = [*flags(f"device={DEVICE}", "average=ema", "penalty=dragan"), "--seeds", "0:2"]


@pytest.mark.parametrize("more", [(), ("stack=on",), ("data=digits", "discriminator=dcgan", "steps=8")])
def test_a_resumed_run_equals_the_uninterrupted_one_bit_for_bit(more, tmp_path, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "deterministic", True)
    monkeypatch.setattr(torch.backends.cudnn, "benchmark", False)
    arguments = [*RUN, *(part for setting in more for part in ("-s", setting))]
    nash("train", *arguments, "--out", tmp_path / "whole")
    with monkeypatch.context() as patch:
        interrupt_after(patch, 5)
        assert "stopped at step" in nash("train", *arguments, "--out", tmp_path / "parts").stderr
    nash("train", "--resume", "--out", tmp_path / "parts")
    assert_same_run(tmp_path / "parts", tmp_path / "whole")


@pytest.fixture(scope="module")
def digits(tmp_path_factory):
    """A run on the device, of digits, with measurements and diagnostics on the way."""
    folder = tmp_path_factory.mktemp("cuda") / "run"
    watched = {"diagnostics": ["field_norm", "rotation"], "diagnose_every": 2, "metrics": ["fid"], "evaluate_every": 2}
    trained(small(data="digits", steps=4, average="ema", device=DEVICE, **watched), folder)
    return folder


def test_measurements_and_diagnostics_are_taken_on_the_way(digits):
    for key in ("fid", "field_norm", "rotation"):
        found = [row[key] for row in rows(digits) if key in row]
        assert len(found) == 3, key
        assert np.isfinite(found).all(), key


@pytest.mark.parametrize("device", ["cpu", DEVICE])
def test_a_run_is_evaluated_on_any_device(device, digits):
    said = nash("evaluate", digits, "--samples", 100, "--metrics", "fid,prdc", "--device", device, "--json").stdout
    (group,) = json.loads(said)["groups"]
    assert group["failed"] == {}
    assert all(np.isfinite(entry["values"]).all() for entry in group["numbers"])


def test_a_run_is_sampled_and_diagnosed_on_the_cpu(digits, tmp_path):
    nash("sample", digits, "-n", 5, "--out", tmp_path / "samples.npz")
    assert np.isfinite(np.load(tmp_path / "samples.npz")["samples"]).all()
    nash("diagnose", digits)
    (written,) = json.loads((digits / "diagnosis.json").read_text())["members"]
    assert written["step"] == 4


def test_metrics_are_those_of_the_cpu():
    x, y = (torch.randn(200, 8, generator=generator(seed)) + seed for seed in (0, 1))
    names = ["fid", "kid", "prdc", "sliced_wasserstein"]
    here, there = (evaluate_samples(x.to(d), y.to(d), names, "pixels") for d in ("cpu", DEVICE))
    assert {m.name: m.value for m in there} == {m.name: pytest.approx(m.value, rel=1e-4) for m in here}


@pytest.mark.parametrize("rounded", ["bf16", "tf32"])
def test_rounded_products_train_weights_of_full_precision_near_those_of_fp32(tmp_path, rounded):
    """With bf16 on the CPU, over 12 seeds, no weight ends further than .0001 to .0013 away; bar .01."""
    play = {who: {"kind": "sgd", "learning_rate": 0.05} for who in ("generator", "discriminator")}
    for precision in ("fp32", rounded):
        trained(small(device=DEVICE, precision=precision, penalty="r1", solver=play), tmp_path / precision)
    ends = [tensors(tmp_path / precision, 0) for precision in ("fp32", rounded)]
    for key in (key for key in ends[0] if "players" in key):
        assert ends[1][key].dtype == np.float32, key
        np.testing.assert_allclose(ends[1][key], ends[0][key], atol=0.01, err_msg=key)
    assert any((ends[1][key] != ends[0][key]).any() for key in ends[0])
    assert members(tmp_path / rounded)[0]["outcome"] == "finished"


@pytest.mark.parametrize("settings", [("flow=monoflow",), ("flow=mmd",), ("flow=svgd",), ("ratio=kde",)])
def test_particles_flow(settings, tmp_path):
    tiny = ["particles=50", "steps=4", "evaluation_samples=20", "sample_every=4", "ratio.warm_up=5"]
    known = [s for s in tiny if s != "ratio.warm_up=5" or settings == ("flow=monoflow",)]
    given = [part for setting in (*settings, *known, f"device={DEVICE}") for part in ("-s", setting)]
    nash("flow", *given, "--out", tmp_path / "flow", "--quiet")
    assert json.loads((tmp_path / "flow" / "run.json").read_text())["device"].startswith(DEVICE)


@pytest.mark.parametrize("kind", ["ring", "digits", "stacked_digits"])
def test_what_is_measured_through_training_is_computed_there_and_equal(kind):
    source = SOURCES[kind]()
    fake = source.draw(Key(3), 300)["real"]
    for name, metric in METRICS.items():
        here, there = (metric.glance(x, source, Key(1)) for x in (fake, fake.to(DEVICE)))
        assert set(here) == set(there), name
        assert there == pytest.approx(here, rel=1e-6, abs=1e-9), name
