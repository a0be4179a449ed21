"""Is a slope a pull? At a kink PyTorch gives one slope of several: whether anybody is pulled is asked by moves."""

import numpy as np
import pytest
import torch

from nashpath.core import FunctionalGame, Key, point_of, tree_map
from nashpath.data import SOURCES
from nashpath.diagnostics import Certificate, Linearised, certify, statements
from nashpath.diagnostics.linearised import FORMED
from nashpath.diagnostics.pulls import least_mean, own_cost, pull
from nashpath.games import GAN, OBJECTIVES
from nashpath.games.toys import ZeroSum
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, Simultaneous
from test_diagnostics_kinks import Written, read, zero_sum

SCALES = (1e-12, 1.0, 1e12)
SHIFTS = (0.0, 1e-6, -1e-6, 1e-4)
KINKS = {
    "max(2x, −x) − max(2y, −y)": (lambda x, y: torch.maximum(2 * x, -x) - torch.maximum(2 * y, -y), 0.0, 0.0),
    "max(2x, −x) − y²": (lambda x, y: torch.maximum(2 * x, -x) - y**2, 0.0, 0.0),
    "relu(x) − x/2 − y²": (lambda x, y: torch.relu(x) - x / 2 - y**2, 0.0, 0.0),
    "relu(1 − x) + .3x − y²": (lambda x, y: torch.relu(1 - x) + 0.3 * x - y**2, 1.0, 0.0),
    "x² − relu(1 − y) − .3 relu(1 + y)": (lambda x, y: x**2 - torch.relu(1 - y) - 0.3 * torch.relu(1 + y), 0.0, 1.0),
    "max(2x, −x) + xy − y²": (lambda x, y: torch.maximum(2 * x, -x) + x * y - y**2, 0.0, 0.0),
    "max(2x₀, −x₀) + |x₀ + x₁| − y²": (
        lambda x, y: torch.maximum(2 * x[0], -x[0]) + (x[0] + x[1]).abs() - y**2,
        [0.0, 0.0],
        0.0,
    ),
}
"""Games with a kink at which every player is at its strict minimum."""
PULLED = {
    "a smooth pull": (lambda x, y: x**2 - y**2, 0.1, 0.0),
    "a slope without end": (lambda x, y: x + x * y, 0.0, 0.0),
    "beyond the kink": (lambda x, y: torch.maximum(2 * x, -x) - y**2, 0.1, 0.0),
    "a kink downwards": (lambda x, y: torch.minimum(2 * x, -x) - y**2, 0.0, 0.0),
    "a kink of the other player": (lambda x, y: torch.maximum(2 * x, -x) - (y - 1) ** 2, 0.0, 0.0),
    "along a kink": (lambda x, y: torch.maximum(2 * x[0], -x[0]) + 0.1 * x[1] - y**2, [0.0, 0.0], 0.0),
    "along a kink aslant": (
        lambda x, y: torch.maximum(2 * x.sum(), -x.sum()) + 0.1 * (x[0] - x[1]) - y**2,
        [0.0, 0.0],
        0.0,
    ),
    "beside a stiff one": (lambda x, y: 1e6 * (x[0] - 1e-7) ** 2 + (x[1] - 1) ** 2 / 2 - y**2, [0.0, 0.0], 0.0),
    "bilinear": (lambda x, y: x * y, 1.0, 0.0),
    "bilinear and stiff": (lambda x, y: 1e4 * x**2 / 2 + x * y, 0.0, 1.0),
    "a quartic": (lambda x, y: x**4 - y**4, 0.1, 0.0),
    "a steep one": (lambda x, y: torch.exp(5 * x) - y**2, 1.0, 0.0),
}


def point(value, x, y, scale):
    costs = (lambda a, b: scale * value(a, b), lambda a, b: -scale * value(a, b))
    game = Written(costs, x, y).double()
    seen = Certificate(1).evidence(FunctionalGame(game), point_of(game), {})
    return seen, certify(seen)


def shifted(at, by):
    return [v + by for v in at] if isinstance(at, list) else at + by


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("shift", SHIFTS)
@pytest.mark.parametrize("name", KINKS)
def test_at_or_beside_a_strict_minimum_at_a_kink_nobody_is_said_to_be_pulled(name, shift, scale):
    value, x, y = KINKS[name]
    seen, kind = point(value, shifted(x, shift), shifted(y, shift), scale)
    assert kind in ("undecided", "local Nash")
    assert kind == "local Nash" or seen.kinks


@pytest.mark.parametrize("scale", SCALES)
@pytest.mark.parametrize("name", PULLED)
def test_a_real_pull_is_told_as_one(name, scale):
    seen, kind = point(*PULLED[name], scale)
    assert (kind, seen.kinks) == ("not stationary", [])


@pytest.mark.long
def test_what_was_tried_at_a_kink_is_said():
    seen = read(zero_sum(KINKS["max(2x, −x) − y²"][0]), 1e-6, 0.0)
    told = statements(seen)[0].sentence
    assert seen.kind == "undecided"
    assert "the slope of the generator is no pull, as at a kink" in told
    assert "the generator's slope is 2, and a move of 0.001 down it" in told
    assert "the discriminator 0 from rest" in told


class Drawn(ZeroSum):
    """A kink, or E|x − u| with u uniform, whose slope is 2x − 1, with noise in the slope."""

    def __init__(self, part, x, noise):
        super().__init__([x], [0.0])
        self.part, self.noise = part, noise

    def draw(self, key, lead=()):
        return {"u": key.uniform(*lead, 2)}

    def forward(self, player, batch):
        x, y, u = self.generator.value, self.discriminator.value, batch["u"]
        value = (self.part(x, u[..., :1]) + self.noise * (u[..., 1:] - 0.5) * x - y**2).sum()
        return value if player == "generator" else -value


@pytest.mark.long
@pytest.mark.parametrize("noise", [0.1, 1.0, 5.0])
@pytest.mark.parametrize(
    ("part", "x", "kind"),
    [
        (lambda x, u: torch.maximum(2 * x, -x), 0.0, "undecided"),
        (lambda x, u: torch.maximum(2 * x, -x), 0.5, "not stationary"),
        (lambda x, u: (x - u).abs(), 0.8, "not stationary"),  # a kink a batch, and none in the mean
        (lambda x, u: torch.relu(u - x) + x / 8, 0.5, "not stationary"),
    ],
)
def test_with_noise_kinks_are_those_of_the_mean(part, x, kind, noise):
    trial = Trial(Drawn(part, x, noise), Simultaneous(SGD(0.1), SGD(0.1)))
    seen = diagnose_member(0, trial, begin(trial), quick=True).summary
    assert seen.kind == kind
    assert bool(seen.evidence.kinks) == (kind == "undecided")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("width", [4, 24, 40])  # 2·24² weights are asked along less, 2·40² without their curvature
@pytest.mark.parametrize("objective", ["minimax", "hinge", "wasserstein"])
def test_networks_of_rectifiers_are_pulled(objective, width):
    for seed in range(3):
        torch.manual_seed(seed)
        source = SOURCES["ring"]()
        networks = (
            GENERATORS["mlp"](latent=2, shape=source.shape, width=width, depth=2),
            DISCRIMINATORS["mlp"](shape=source.shape, width=width, depth=2),
        )
        game = GAN(*networks, OBJECTIVES[objective](), data=source, latent=2, batch_size=16).double()
        problem, at = FunctionalGame(game), point_of(game)
        batches = tree_map(lambda v: v.double() if v.is_floating_point() else v, game.draw(Key(seed), (4,)))
        near = Linearised(problem, at, batches, 4)
        for who in problem.players:
            own = near.vector[near.block(who)]
            bend = near.own_hessian(who) if near.size <= FORMED else None
            allowed = 1e-3 * (1 + float(own.norm()))
            assert pull(own_cost(near, who, batches), own, bend, allowed) == "pulled"


@pytest.mark.parametrize("seed", range(10))
def test_the_least_mean_of_slopes_is_nearest_to_0(seed):
    """Optimality by hand: g·rows ≥ g·g for all rows, of the nearest point g of a convex hull and of no other."""
    rng = np.random.default_rng(seed)
    rows = torch.from_numpy(10.0 ** rng.integers(-9, 9) * (rng.standard_normal((8, 4)) + rng.uniform(0, 2)))
    least = least_mean(rows)
    scale = float(rows.norm(dim=1).max()) ** 2
    assert float((rows @ least).min()) >= float(least @ least) - 1e-8 * scale
