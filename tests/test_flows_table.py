"""The paper's 18 cells: six costs, minimised variationally, with the density held, and as GANs; five seeds.

The published runs take 1,000 to 5,000 steps of Adam; these are shorter, with smaller batches and discriminators.
"""

import pytest
import torch
from torch.func import vmap

from nashpath.core import FunctionalGame, Key, Point, point_of, seeded, tree_map
from nashpath.core.math.f_divergences import F_DIVERGENCES
from nashpath.data import Gaussian
from nashpath.flows import ReparameterisedGaussian, Variational, gaussian_kl
from nashpath.games import GAN
from nashpath.games.objectives import Objective
from nashpath.games.objectives.plug_in import PLUG_INS, PlugIn
from nashpath.networks import MLPDiscriminator
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import Adam, Alternating

DATA = Gaussian()
SEEDS = range(5)
CARRIED_WORKS = set(F_DIVERGENCES)
HELD_WORKS = {"reverse_kl", "exponential"}
START = torch.ones(2)


def verdict(params):
    """Success or failure by the medians, over stacked members, of the divergence from the target and of ‖mean‖.

    At the start these are 2.67 and 1.41. Over 16 seeds (8 as GANs), single members end within .24 and .25 where it
    works, but for chi2, whose heavy tail throws one in ten back (so medians); elsewhere beyond 1.84 and 1.39.
    """
    away = vmap(lambda p: gaussian_kl(p, DATA.mean, DATA.covariance))(params).median()
    far = params["mean"].norm(dim=1).median()
    if away < 0.4 and far < 0.4:
        return "success"
    if away > 1.3 and far > 1.2:
        return "failure"
    return f"neither: KL {away:.3f}, mean {far:.3f}"


def explicit(cost, carried, steps, rate):
    """Parameters, stacked over seeds, after minimising with both densities known."""
    game = Variational(
        ReparameterisedGaussian(START), DATA.log_density, PLUG_INS[cost], carried=carried, batch_size=1000
    )
    problem, rule = FunctionalGame(game), Adam(rate, b1=0.9)
    params = tree_map(lambda v: torch.stack([v] * len(SEEDS)), point_of(game).players["generator"])
    memory = vmap(rule.init)(params)
    keys = [Key(seed) for seed in SEEDS]

    @torch.no_grad()
    def step(params, memory, batch):
        gradient = problem.gradient("generator", Point({"generator": params}, {}), batch).gradient
        move, memory = rule(gradient, memory)
        return {k: v + move[k] for k, v in params.items()}, memory

    for _ in range(steps):
        batch = {"latent": torch.stack([game.draw(key)["latent"] for key in keys])}
        params, memory = vmap(step)(params, memory, batch)
    return params


def like_js(cost):
    """A cost, marked where it is one of those that carried work and held fail, as js is."""
    return pytest.param(cost, marks=ALIKE) if cost in ("forward_kl", "hellinger") else cost


HEAVY = {"chi2": (1500, 0.05)}
"""Steps and rate where r² makes the gradient heavy-tailed; the others take 300 steps."""


HEAVIEST = pytest.param("chi2", marks=pytest.mark.thorough("its heavy tails need many steps"))
ALIKE = pytest.mark.thorough("it does as js does; the study claims it of all costs")


@pytest.mark.long
@pytest.mark.parametrize("cost", [HEAVIEST if c == "chi2" else like_js(c) for c in PLUG_INS])
def test_minimising_a_divergence_works_for_every_convex_f(cost):
    steps, rate = HEAVY.get(cost, (300, 0.02 if cost in CARRIED_WORKS else 0.01))
    assert verdict(explicit(cost, True, steps, rate)) == ("success" if cost in CARRIED_WORKS else "failure")


@pytest.mark.long
@pytest.mark.parametrize("cost", [like_js(cost) for cost in PLUG_INS])
def test_holding_the_density_works_where_minus_f_increases(cost):
    rate = 0.02 if cost in HELD_WORKS else 0.002
    assert verdict(explicit(cost, False, 300, rate)) == ("success" if cost in HELD_WORKS else "failure")


class AnyPlugIn(Objective):
    """Every `PlugIn` behind one number, so that all costs and seeds are one stack."""

    def __init__(self, cost):
        super().__init__(chosen=torch.tensor([float(cost == name) for name in PLUG_INS]))

    def discriminator(self, real, fake):
        return PlugIn().discriminator(real, fake)

    def generator(self, fake, real=None):
        taken = [torch.where(one > 0, PlugIn(c).generator(torch.where(one > 0, fake, 0)), 0) for c, one in self.pairs()]
        return torch.stack(taken).sum()

    def pairs(self):
        return zip(PLUG_INS, self.chosen)


RATES = {"reverse_kl": (2e-3, 2e-3), "exponential": (6e-4, 2e-3), "chi2": (6e-4, 1e-2)}
"""Learning rates of discriminator and generator; (6e-4, 4e-3) for the others."""


def adversarial(cost, seed):
    """A GAN with the explicit generator, whose density nobody looks at."""
    with seeded(seed):
        critic = MLPDiscriminator((2,), width=64, depth=2)
    game = GAN(ReparameterisedGaussian(START), critic, AnyPlugIn(cost), data=DATA, latent=2, batch_size=32)
    discriminator, generator = (Adam(rate, b1=0.9) for rate in RATES.get(cost, (6e-4, 4e-3)))
    return Trial(game, Alternating(discriminator=discriminator, generator=generator))


@pytest.mark.thorough("GANs of all costs and seeds; that what they hold works is the test above")
def test_gans_work_where_minus_f_increases():
    cells = [(cost, seed) for cost in PLUG_INS for seed in SEEDS]
    program = Program([adversarial(*cell) for cell in cells], [seed for _, seed in cells], mode="stacked")
    program.run(900)
    found = {}
    for cost in PLUG_INS:
        ends = [program.train_state(i).point.players["generator"] for i, cell in enumerate(cells) if cell[0] == cost]
        found[cost] = verdict(tree_map(lambda *leaves: torch.stack(leaves), *ends))
    assert found == {cost: "success" if cost in HELD_WORKS else "failure" for cost in PLUG_INS}
