"""Random linear games under everything that holds a play, against the same play by hand: no headline contradicts it."""

import numpy as np
import pytest
import torch

from nashpath.core import Game
from nashpath.games.toys import Vector
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.assess.limits import binds
from nashpath.run.engine.step import Trial, begin
from nashpath.solvers import SGD, Alternating, Clipped, Constrained, Simultaneous, clip_gradient

ROUNDS, RATE, NOISE = 6000, 0.1, 0.1
PLAYERS = ("generator", "discriminator")


class Ball(Constrained):
    """A player's weights within a ball about 0."""

    def __init__(self, solver, radius, player):
        super().__init__(solver, player, radius=radius)

    def project(self, params):
        size = torch.cat([v.reshape(-1) for v in params.values()]).norm()
        return {k: v * (self.numbers.radius / size).clamp(max=1) for k, v in params.items()}


class Floor(Constrained):
    """A player's weights, none of them below a number."""

    def __init__(self, solver, least, player):
        super().__init__(solver, player, least=least)

    def project(self, params):
        return {k: v.clamp(min=-self.numbers.least) for k, v in params.items()}


def to_ball(radius, own):
    return own * min(1.0, radius / max(np.linalg.norm(own), 1e-300))


def shortened(norm, slope):
    return slope * min(1.0, norm / (np.linalg.norm(slope) + 1e-6))


HOLDS = {
    "clip": (Clipped, lambda b, own: np.clip(own, -b, b), None),
    "ball": (Ball, to_ball, None),
    "floor": (Floor, lambda b, own: np.maximum(own, -b), None),
    "clip_gradient": (clip_gradient, None, shortened),
    "none": (lambda solver, bound, player: solver, None, None),
}
"""By name: the wrapper, and by hand what it makes of a player's weights, and of its gradient."""


class Linear(Game):
    """Costs whose field is ``J (z − c) + push``, with normal noise of the gradients beside."""

    def __init__(self, jacobian, centre, push, start, noise):
        super().__init__()
        half = len(start) // 2
        self.generator, self.discriminator = (Vector(torch.tensor(part)) for part in (start[:half], start[half:]))
        self.jacobian, self.shift = torch.tensor(jacobian), torch.tensor(push - jacobian @ centre)
        self.noise, self.half = noise, half

    def draw(self, key, lead=()):
        if not self.noise:
            return {}
        return {"e": self.noise * key.stream("e").normal(*lead, 2 * self.half).double()}

    def forward(self, player, batch):
        blocks = slice(None, self.half), slice(self.half, None)
        parts = self.generator.value, self.discriminator.value
        mine, other = (0, 1) if player == "generator" else (1, 0)
        own, z = blocks[mine], parts[mine]
        noise = batch["e"][own] if self.noise else 0.0
        pull = self.shift[own] + self.jacobian[own, blocks[other]] @ parts[other] + noise
        return z @ self.jacobian[own, own] @ z / 2 + z @ pull


def drawn(seed):
    """A game with or without a centre, its kind of noise, what holds which player, and the order of moves."""
    rng = np.random.default_rng(seed)
    half = int(rng.integers(1, 3))
    size, noise = 2 * half, NOISE * (seed % 3 == 2)
    jacobian = np.zeros((size, size))
    for own in (slice(None, half), slice(half, None)):
        part = rng.normal(size=(half, half))
        jacobian[own, own] = (
            rng.choice([0.0, 0.5, 1.0]) * (part @ part.T + 0.3 * np.eye(half)) * rng.choice([1, 1, 1, -1])
        )
    coupling = rng.normal(size=(half, half))
    jacobian[:half, half:], jacobian[half:, :half] = coupling, -coupling.T
    push = np.zeros(size)
    if rng.random() < 0.3:  # one weight that nothing but a constant slope moves: the field vanishes nowhere
        one = int(rng.integers(size))
        jacobian[one], jacobian[:, one], push[one] = 0.0, 0.0, rng.choice([-1.0, 1.0])
    centre = rng.choice([0.0, 0.3, 3.0]) * rng.normal(size=size)
    bound = float(rng.choice([0.2, 1.0, 5.0, 100.0]))
    start = np.clip(0.5 * rng.normal(size=size), -bound, bound)
    hold, held = str(rng.choice([*HOLDS])), str(rng.choice(PLAYERS))
    if hold == "ball":
        own = slice(None, half) if held == "generator" else slice(half, None)
        start[own] = to_ball(bound, start[own])
    kind = [Simultaneous, Alternating][int(rng.integers(2))]
    return jacobian, centre, push, start, noise, hold, held, bound, kind


def by_hand(jacobian, centre, push, start, noise, hold, held, bound, kind):
    """The way of projected play, [rounds + 1, size]."""
    half, z, way, rng = len(start) // 2, start.copy(), [start], np.random.default_rng(1)
    blocks = {"generator": slice(None, half), "discriminator": slice(half, None)}
    _, project, shorten = HOLDS[hold]
    for _ in range(ROUNDS):
        before = z.copy()
        for who in reversed(PLAYERS):
            at, own = (z if kind is Alternating else before), blocks[who]
            slope = (jacobian @ (at - centre) + push)[own] + noise * rng.normal(size=half)
            if shorten and who == held:
                slope = shorten(bound, slope)
            z[own] = z[own] - RATE * slope
            if project and who == held:
                z[own] = project(bound, z[own])
        way.append(z.copy())
        if not np.abs(z).max() < 1e60:
            break
    return np.array(way)


def told(given):
    jacobian, centre, push, start, noise, hold, held, bound, kind = given
    solver = HOLDS[hold][0](kind(SGD(RATE), SGD(RATE)), bound, player=held)
    trial = Trial(Linear(jacobian, centre, push, start, noise).double(), solver).double()
    return diagnose_member(0, trial, begin(trial), quick=True).summary


def contradicted(seen, way, given):
    """How the way belies what is said of it; nothing where it does not."""
    _, centre, _, start, noise = given[:5]
    play, rounds = seen.play, len(way) - 1
    if play.motion in ("leaves", "spirals out") and play.played and not noise:
        way = way[: play.played + 1]  # growth that was played is told over as many rounds
        off = np.linalg.norm(way - (way[0] if play.centre == "the middle of the path" else centre), axis=1)
        return "" if off[3 * len(off) // 4 :].max() > off[: len(off) // 2].max() else "it is said to grow"
    late, extent = way[len(way) // 2 :], np.linalg.norm(way - way[0], axis=1)
    earlier, later = extent[len(way) // 4 : len(way) // 2].max(), extent[3 * len(way) // 4 :].max()
    grew = rounds < ROUNDS or later > 1.3 * earlier
    if play.motion in ("leaves", "spirals out"):
        return "" if grew else "it is said to go away, and stays"
    slow = play.motion == "closes in" and play.rounds > ROUNDS / 4
    if noise and (slow or play.motion == "goes round"):
        return ""  # of the mean, which noise hides for so long
    if play.motion in ("goes round", "closes in") and grew:
        return "it goes away"
    if play.motion == "goes round":
        return "it rests" if np.linalg.norm(late - late.mean(0), axis=1).max() < 1e-6 * extent.max() else ""
    if play.motion != "closes in" or slow:
        return ""
    if noise:
        error = np.linalg.norm(late.std(0)) * np.sqrt(2 / (1 - play.rate) / len(late))
        return "" if np.linalg.norm(late.mean(0) - centre) <= 5 * error else "its mean is elsewhere"
    if play.centre == "a stationary point found from here" and not play.flat:
        near = np.linalg.norm(way[-1] - centre) <= 0.05 * np.linalg.norm(start - centre)
        return "" if near else "it is elsewhere"
    return "" if np.linalg.norm(late - way[-1], axis=1).max() <= 0.02 * extent.max() else "it moves"


@pytest.mark.long(first=True)
@pytest.mark.parametrize("seed", [*range(60), 149, 160, 228, 269, 307, 458, 583])
def test_no_headline_contradicts_the_play_by_hand(seed):
    given = drawn(seed)
    _, centre, push, _, noise, hold, held, bound, _ = given
    seen, project = told(given), HOLDS[hold][1]
    assert not contradicted(seen, by_hand(*given), given)
    own = slice(None, len(centre) // 2) if held == "generator" else slice(len(centre) // 2, None)
    if project is not None and not push.any() and np.abs(project(bound, centre[own]) - centre[own]).max() > 1e-6:
        assert seen.margins is None
        assert noise or seen.play.centre in ("the middle of the path", "the point of rest at a bound")


@pytest.mark.parametrize(("bound", "steps"), [(1.0, 5), (2.0, 15), (40.0, 395)])
def test_what_is_pushed_to_a_bound_rests_there(bound, steps):
    """x² + y: nothing but the bound stops the discriminator, however far it is."""
    jacobian, push, start = np.diag([2.0, 0.0]), np.array([0.0, -1.0]), np.array([0.3, 0.5])
    given = (jacobian, np.zeros(2), push, start, 0.0, "clip", "discriminator", bound, Simultaneous)
    way, play = by_hand(*given), told(given).play
    assert int((way[:, 1] > bound - 1e-9).argmax()) == steps
    assert (play.motion, play.centre, bool(play.played)) == ("closes in", "the point of rest at a bound", True)
    given = (*given[:5], "none", *given[6:])
    free = told(given).play
    assert (free.motion, free.why) == ("leaves", "the field vanishes nowhere")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("seed", [seed for seed in range(60) if seed % 3 != 2])
def test_a_limit_binds_only_where_the_way_by_hand_meets_it(seed):
    given = drawn(seed)
    hold, held, bound, kind = given[5:]
    rounds = 200
    way, free = (by_hand(*one)[: rounds + 1] for one in (given, (*given[:5], "none", *given[6:])))
    sound = np.abs(free).max(1) < 1e50
    meets = len(way) < sound.sum() or bool((np.abs(way[: len(free)] - free)[sound] > 1e-9).any())
    solver = HOLDS[hold][0](kind(SGD(RATE), SGD(RATE)), bound, player=held)
    trial = Trial(Linear(*given[:5]).double(), solver).double()
    assert binds(trial, begin(trial), None, rounds) == meets
