"""The study of MonoFlow: what it measures agrees with closed forms, and its full configuration runs."""

import math

import pytest
import torch
from torch.distributions import MultivariateNormal, kl_divergence
from torch.func import grad, stack_module_state, vmap

from nashpath.core import generator
from nashpath.core.math.monotone import MonotoneFunction
from nashpath.games.objectives import MonoFlowObjective, PlugIn
from nashpath.run.engine.program import Program
from nashpath.studies import Rows, Size, find_study, reproduce
from nashpath.studies.monoflow import (
    claims,
    dissipation,
    gaussian_fit,
    monoflow_images,
    particle_monoflow,
    ratio_costs,
    shifted_vanilla,
)
from nashpath.studies.monoflow.gaussian_fit import OneOf

STUDY = find_study("monoflow")
SMALL = Size(seeds=1, steps=10, options={"widths": [8], "samples": 20, "warm_up": 5})


@pytest.mark.long
def test_the_table_has_eighteen_cells_with_every_seed():
    size = Size(seeds=2, steps=20, options={"samples": 50, "widths": [8]})
    table = ratio_costs.RATIO_COSTS
    rows = [{**cell, **row} for cell in table.cells for row in table.measure(cell, size)]
    seen = [(row["way"], row["cost"], row["seed"]) for row in rows]
    assert len(seen) == len(set(seen)) == 18 * 2
    assert all(len(row["points"]) == 128 for row in rows if row["seed"] == 0)


@pytest.mark.long
def test_the_full_study_runs_on_a_miniature(tmp_path):
    digits = {"kind": "digits"}
    options = {"mnist": digits, "cifar10": digits, "seeds": 1, "steps": 2, "compiled": False, "device": "cpu"}
    options |= {"features": "digits", "samples": 60, "batch": 8, "width": 4}
    verdicts = reproduce("monoflow", "full", tmp_path, options=options)
    assert [verdict.claim for verdict in verdicts] == STUDY.claims_at("full")
    assert len(verdicts) == 6
    assert all(len(verdict.values) == 1 and math.isfinite(verdict.values[0]) for verdict in verdicts)


def test_the_full_settings_are_the_published_ones():
    size = monoflow_images.MNIST_LOSSES.sizes["full"]
    given = monoflow_images.settings({"data": "mnist", "loss": "C = 5"}, size)
    assert given["objective"] == {"kind": "monoflow", "h": "shifted_vanilla", "shift": 5.0}
    rates = [given["solver"][who]["learning_rate"] for who in ("discriminator", "generator")]
    assert (rates, given["batch_size"], given["latent"], size.steps) == ([2e-4, 1e-4], 128, 100, 7035)


@pytest.mark.parametrize("index", range(3))
def test_one_of_several_objectives_is_that_objective(index):
    options = [PlugIn("reverse_kl"), PlugIn("forward_kl"), MonoFlowObjective("shifted_vanilla", shift=3.0)]
    logits = torch.tensor([-2.0, 0.5, 3.0])
    chosen = OneOf(options, index)
    assert chosen.generator(logits) == pytest.approx(float(options[index].generator(logits)), rel=1e-6)
    assert chosen.discriminator(logits, logits) == pytest.approx(float(options[0].discriminator(logits, logits)))


def test_the_objectives_that_are_not_chosen_cannot_overflow():
    chosen = OneOf([PlugIn("forward_kl"), PlugIn("reverse_kl")], 1)
    slope = grad(lambda d: chosen.generator(d))(torch.tensor([1000.0, -1000.0]))
    torch.testing.assert_close(slope, torch.tensor([-0.5, -0.5]))


def test_the_choice_and_the_shift_are_numbers_of_a_stack():
    members = [shifted_vanilla._priced(loss) for loss in ("C = 0", "C = 10", "arcsinh")]
    _, numbers = stack_module_state(members)
    d = torch.tensor([0.5])

    def one(own):
        return torch.func.functional_call(Generator(members[0]), {f"objective.{k}": v for k, v in own.items()}, (d,))

    expected = [-math.log1p(math.exp(0.5)), -math.log1p(math.exp(10.5)), -math.asinh(0.5)]
    assert vmap(one)(numbers).tolist() == pytest.approx(expected, rel=1e-5)


class Generator(torch.nn.Module):
    def __init__(self, objective):
        super().__init__()
        self.objective = objective

    def forward(self, d):
        return self.objective.generator(d)


def test_a_fit_is_measured_by_the_closed_form():
    root = torch.tensor([[0.5, 0.2], [-0.3, 1.5]])
    mean = torch.tensor([0.7, -1.1])
    found = gaussian_fit.fit({"mean": mean, "root": root})
    q = MultivariateNormal(mean.double(), (root @ root.mT).double())
    p = MultivariateNormal(torch.zeros(2).double(), gaussian_fit.TARGET.covariance.double())
    assert found["kl"] == pytest.approx(float(kl_divergence(q, p)), rel=1e-4)
    assert found["distance"] == pytest.approx(math.hypot(0.7, 1.1), rel=1e-5)
    assert found["covariance"] == pytest.approx([0.29, 0.15, 2.34])


@pytest.mark.parametrize(
    ("kl", "distance", "word"),
    [(0.01, 0.1, "success"), (0.01, 0.2, "neither"), (2.0, 1.4, "failure"), (2.0, 1.0, "neither")],
)
def test_success_and_failure_are_apart(kl, distance, word):
    assert gaussian_fit.word(kl, distance) == word


@pytest.mark.parametrize(("way", "rate"), [("variational", 1e-2), ("detached", 1e-3), ("gan", 1e-3)])
def test_shorter_runs_have_higher_rates(way, rate):
    short = Size(seeds=1, steps=500, options=SMALL.options)
    solver = ratio_costs.BUILDERS[way](way, "chi2", 0, short).solver
    assert float(solver.rule("generator").learning_rate) == pytest.approx(10 * rate)


def test_the_generator_waits_until_the_discriminator_is_trained():
    program = Program([shifted_vanilla.trial("logit", 0, SMALL)], [0], "stacked")
    means = []
    for steps in (5, 1):
        program.run(steps)
        means.append(program.train_state(0).point.players["generator"]["mean"].tolist())
    assert means[0] == [4.0, 4.0] != means[1]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("start", dissipation.STARTS.values())
def test_the_rate_of_the_reverse_kl_flow_is_the_closed_form(start):
    x, y, variance = start
    precision = torch.linalg.inv(gaussian_fit.TARGET.covariance.double())
    gap = torch.eye(2).double() / variance - precision
    expected = -(precision @ torch.tensor([x, y]).double()).square().sum() - variance * (gap @ gap).trace()
    for rate in dissipation.rates("logit", start, 200, 1e-6):
        assert rate == pytest.approx(float(expected), rel=1e-4)


def test_a_wrong_theory_would_be_found_out(monkeypatch):
    honest = dissipation.rates("arcsinh", (1.0, 1.0, 2.0), 120, 1e-6)
    assert honest[0] == pytest.approx(honest[1], rel=1e-3)
    monkeypatch.setattr(MonotoneFunction, "slope", lambda self, d: 0.5 * torch.rsqrt(1 + d.square()) + 0.5)
    other = dissipation.rates("arcsinh", (1.0, 1.0, 2.0), 120, 1e-6)
    assert abs(other[0] / honest[1] - 1) > 0.1


def test_decreasing_functions_reverse_the_flow():
    d = torch.linspace(-3, 3, 7)
    down = particle_monoflow.Decreasing("arcsinh")
    torch.testing.assert_close(down.slope(d), -MonotoneFunction("arcsinh").slope(d))
    torch.testing.assert_close(down.slope(d), grad(lambda x: down(x).sum())(d))


def test_decreasing_flows_differ():
    """Where particles start, and after the cap on their steps: two conditions, not one."""
    ends = [particle_monoflow.states(h, 0, SMALL, 1.0)[-1].particles for h in particle_monoflow.DECREASING.values()]
    begun = particle_monoflow.states(MonotoneFunction("logit"), 0, SMALL, 1.0)[0].particles
    moves = [float((end - begun).norm(dim=1).mean()) for end in ends]
    assert max(moves) > 1.5 * min(moves) > 0


def test_what_a_shift_gains_is_compared_under_each_rule():
    fids = {("sgd", "C = 0"): 100.0, ("sgd", "C = 3"): 10.0, ("sgd", "C = 5"): 20.0}
    fids |= {("adam", "C = 0"): 10.0, ("adam", "C = 3"): 20.0, ("adam", "C = 5"): 10.0}
    rows = Rows({"rule": rule, "loss": loss, "seed": 0, "fid": fid} for (rule, loss), fid in fids.items())
    assert claims.shift_gain("sgd")(rows) == pytest.approx([1.0])
    assert claims.more_by_descent(rows) == pytest.approx([1.0])


def test_particles_are_looked_at_from_start_to_end():
    seen = particle_monoflow.states(MonotoneFunction("logit"), 0, SMALL, 4.0)
    assert [state.step for state in seen] == list(range(11))
    assert seen[0].particles.shape == (512, 2)
    assert seen[0].particles.mean(0).tolist() == pytest.approx([4.0, 4.0], abs=0.2)
    again = particle_monoflow.states(MonotoneFunction("logit"), 0, SMALL, 4.0)
    assert torch.equal(seen[-1].particles, again[-1].particles)
    assert not torch.equal(seen[-1].particles, torch.randn(512, 2, generator=generator(0)))


def test_the_smallest_growth_of_gradients_decides():
    gradients = dict(zip(shifted_vanilla.SHIFTS, (0.01, 0.1, 1.0, 5.0, 50.0)))
    rows = Rows({"loss": f"C = {c:g}", "seed": 0, "gradient": value} for c, value in gradients.items())
    assert claims.growing(rows) == pytest.approx([math.log10(5)])


def test_fits_are_counted_by_seed():
    rows = Rows(
        {"way": "gan", "cost": cost, "seed": seed, "fit": fit}
        for seed, fits in enumerate([("success", "success"), ("success", "neither")])
        for cost, fit in zip(claims.FLOW_COSTS, fits)
    )
    assert claims.ending(rows, "gan", claims.FLOW_COSTS, "success") == [2.0, 1.0]
