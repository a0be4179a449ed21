"""SVRE on finite sums: the estimator by its definition, and convergence where stochastic extragradient has none."""

import itertools
import math

import numpy as np
import pytest
import torch

from nashpath.core import DataSweep, FunctionalGame, Key, Point, point_of, tree_map
from nashpath.core.tree import leaves
from nashpath.data import Digits, Ring
from nashpath.games import GAN, TOYS
from nashpath.games.toys.base import ZeroSum
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.run import SettingError, open_session
from nashpath.solvers import SGD, SVRE, Extragradient, RungeKutta, price_all
from solvers_play import Cloud, distances, play, small_gan

TERMS = 4


class FiniteSum(ZeroSum):
    """(1/n) Σ_i (xᵀ b_i + xᵀ A_i y + yᵀ c_i), with A_i = n e_i e_iᵀ and Σ b_i = Σ c_i = 0: rest at the origin.

    The authors' bilinear game, whose terms disagree everywhere; a batch is one term.
    """

    def __init__(self, spread: float = 1.0, start: float = 1.0):
        rng = torch.Generator().manual_seed(0)
        super().__init__(*(start * torch.randn(TERMS, generator=rng).double() for _ in range(2)))
        slopes = spread * torch.randn(2, TERMS, TERMS, generator=rng).double()
        self.register_buffer("slopes", slopes - slopes.mean(1, keepdim=True))
        self.double()

    def draw(self, key, lead=()):
        return {"term": key.integers(TERMS, lead)}

    @property
    def sweep(self):
        return DataSweep(TERMS, 1)

    def swept(self, batch, first):
        return {"term": first + 0 * batch["term"]}

    def forward(self, player, batch):
        one = torch.nn.functional.one_hot(batch["term"], TERMS).double()
        b, c = one @ self.slopes[0], one @ self.slopes[1]
        x, y = self.generator.value, self.discriminator.value
        value = x @ b + TERMS * (x * one) @ (y * one) + y @ c
        return value if player == "generator" else -value


def term(number: int):
    return {"term": torch.tensor(number)}


def full(problem, point):
    """The gradient over all terms, each asked for by itself."""
    found = [{who: p.gradient for who, p in price_all(problem, point, term(i)).items()} for i in range(TERMS)]
    return tree_map(lambda *parts: torch.stack(parts).mean(0), *found)


def after(steps: int, pace: int = 1):
    """The problem, and the points and memory of some steps."""
    game, solver = FiniteSum(), SVRE(SGD(0.05), SGD(0.05), pace)
    points, _, memory = play(solver, game, steps)
    return FunctionalGame(game), solver, points, memory


def test_the_mean_is_that_of_the_whole_sum_at_the_snapshot():
    """The first pass asks the starting point; the second the point at which the first ended."""
    problem, _, points, memory = after(TERMS)
    for ours, theirs in zip(leaves(memory["mean"]), leaves(full(problem, points[0]))):
        torch.testing.assert_close(ours, theirs)
    problem, _, points, memory = after(2 * TERMS)
    assert all(torch.equal(a, b) for a, b in zip(leaves(memory["snapshot"]), leaves(points[TERMS - 1].players)))
    for ours, theirs in zip(leaves(memory["mean"]), leaves(full(problem, points[TERMS - 1]))):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("pace", [2, 3, 4, 9])
def test_several_parts_a_step_are_the_same_sum(pace):
    """Four parts: 3 a step are 3 and 1, and 9 are all of them once."""
    length = -(-TERMS // pace)
    problem, _, points, memory = after(2 * length, pace)
    assert all(torch.equal(a, b) for a, b in zip(leaves(memory["snapshot"]), leaves(points[length - 1].players)))
    for ours, theirs in zip(leaves(memory["mean"]), leaves(full(problem, points[length - 1]))):
        torch.testing.assert_close(ours, theirs)


def test_at_the_snapshot_every_batch_gives_the_full_gradient():
    problem, solver, _, memory = after(3 * TERMS + 4)
    there = Point(memory["snapshot"], {})
    expected = full(problem, there)
    for number in range(TERMS):
        found = solver.reduced(problem, there, memory, term(number))
        for who, own in expected.items():
            torch.testing.assert_close(found[who].gradient, own)


def test_elsewhere_it_is_unbiased_and_less_noisy():
    problem, solver, points, memory = after(3 * TERMS + 4)
    expected = full(problem, points[-1])
    reduced = [solver.reduced(problem, points[-1], memory, term(i)) for i in range(TERMS)]
    plain = [price_all(problem, points[-1], term(i)) for i in range(TERMS)]
    for who, own in expected.items():
        ours, theirs = (torch.stack([one[who].gradient["value"] for one in many]) for many in (reduced, plain))
        torch.testing.assert_close(ours.mean(0), own["value"])
        assert ours.var(0).sum() < theirs.var(0).sum()


def test_before_the_first_pass_ends_it_is_the_plain_gradient():
    problem, solver, points, memory = after(TERMS - 1)
    for number in range(TERMS):
        found = solver.reduced(problem, points[-1], memory, term(number))
        for who, price in price_all(problem, points[-1], term(number)).items():
            assert torch.equal(found[who].gradient["value"], price.gradient["value"])


@pytest.mark.long
def test_it_converges_where_stochastic_extragradient_does_not():
    """Chavdarova et al., Fig. 4. The expected field is a rotation of strength 1, that of every term of strength 4."""
    reduced = distances(play(SVRE(SGD(0.1), SGD(0.1)), FiniteSum(), 700)[0])
    stochastic = distances(play(Extragradient(SGD(0.1), SGD(0.1)), FiniteSum(), 700)[0])
    assert reduced[-1] < 0.1 * reduced[0]
    assert min(stochastic[350:]) > stochastic[0]


def beside(rate: float, pace: int, seed: int, steps: int = 700) -> float:
    """The distance after some steps of SVRE in NumPy: the authors' schedule (``pace`` 0), or ours."""
    game, rng = FiniteSum(), np.random.default_rng(seed)
    b, c = game.slopes.numpy()
    z = np.concatenate([part.value.detach().numpy() for part in (game.generator, game.discriminator)])

    z, shifts = z.astype(float), np.concatenate([b, -c], axis=1).astype(float)

    def slope(z, i):
        found = shifts[i].copy()
        found[i] += TERMS * z[TERMS + i]
        found[TERMS + i] -= TERMS * z[i]
        return found

    def mean(z):
        return np.concatenate([z[TERMS:], -z[:TERMS]])

    snapshot, candidate, taken = (None, z, 0) if pace else (z, z, 0)
    for _ in range(steps):
        if not pace and rng.random() < 1 / TERMS:
            snapshot = z
        ahead = z
        for _ in range(2):
            i = rng.integers(TERMS)
            d = slope(ahead, i) + (0 if snapshot is None else mean(snapshot) - slope(snapshot, i))
            ahead = z - rate * d
        taken += pace
        if pace and taken >= TERMS:
            snapshot, candidate, taken = candidate, z, 0
        z = ahead
    return float(np.linalg.norm(z))


@pytest.mark.long
def test_the_schedule_of_the_authors_beside_ours():
    """Medians over 20 seeds, as in the docstring: ``ExtraSVRG`` of their notebook, and a pass beside play."""
    medians = {pace: float(np.median([beside(0.1, pace, k) for k in range(20)])) for pace in (0, 1, 2)}
    assert medians == pytest.approx({0: 0.27, 1: 0.59, 2: 0.08}, rel=0.1)
    assert np.median([beside(0.2, 0, k) for k in range(5)]) > 10
    assert np.median([beside(0.2, 4, k) for k in range(5)]) < 1
    ours = distances(play(SVRE(SGD(0.2), SGD(0.2), pace=4), FiniteSum(), 300)[0])
    assert ours[-1] < 0.5 * ours[0]


def test_without_draws_it_is_extragradient():
    points = [play(kind(SGD(0.2), SGD(0.2)), TOYS["quadratic"](), 20)[0][-1] for kind in (SVRE, Extragradient)]
    for ours, theirs in zip(*(leaves(point.players) for point in points)):
        torch.testing.assert_close(ours, theirs)


@pytest.mark.parametrize("batch_size", [30, 64])
def test_a_pass_takes_every_sample_once_and_leaves_no_sample_out_for_ever(batch_size):
    game = small_gan(0)
    game.batch_size = batch_size
    sweep, seen, first = game.sweep, [], 0
    assert sweep == (100, batch_size)
    batch = game.draw(Key(0))
    for _ in range(100):
        parts = [game.swept(batch, torch.tensor((first + k * batch_size) % 100)) for k in range(sweep.parts)]
        taken = torch.cat([part["real"] for part in parts])
        assert len(taken.unique(dim=0)) == len(taken) == sweep.parts * batch_size
        assert all(part["latent"] is batch["latent"] for part in parts)
        seen.append(taken)
        first = (first + sweep.parts * batch_size) % 100
    counts = torch.cat(seen).unique(dim=0, return_counts=True)[1]
    assert len(counts) == 100
    assert counts.max() == counts.min()


def gan(data):
    return GAN(MLPGenerator(2, data.shape, width=4), MLPDiscriminator(data.shape, width=4), data=data, latent=2)


def test_data_without_end_are_refused_with_what_to_do(tmp_path):
    solver, game = SVRE(SGD(0.1), SGD(0.1)), gan(Ring())
    with pytest.raises(ValueError, match=r"no end .*choose data of a finite number of samples"):
        solver.init(FunctionalGame(game), point_of(game))
    game = gan(Digits())
    assert FunctionalGame(game).sweep == (len(Digits()), 64)
    solver.init(FunctionalGame(game), point_of(game))
    with pytest.raises(SettingError, match="choose data of a finite number of samples"):
        open_session({"data": "ring", "solver": "svre", "steps": 1}, {}, tmp_path)


def test_data_that_stay_on_the_disk_are_refused():
    game = gan(Cloud())
    game.data.indexable = False
    assert game.sweep is None


@pytest.mark.parametrize("method", ["heun", "rk4"])
def test_the_stages_of_runge_kutta_on_batches_of_their_own(method):
    """One step in NumPy with the terms that were drawn; and what many steps do to the mean square, exactly."""
    game, h = FiniteSum(spread=0.0), 0.1
    solver = RungeKutta(SGD(h), SGD(h), method=method, fresh=True)
    turn = np.zeros((TERMS, 2 * TERMS, 2 * TERMS))
    for i in range(TERMS):
        turn[i, i, TERMS + i], turn[i, TERMS + i, i] = TERMS, -TERMS
    one = np.eye(2 * TERMS)

    def step(*m):
        if len(m) == 2:
            return one - h / 2 * (m[0] + m[1] @ (one - h * m[0]))
        k1, k2 = m[0], m[1] @ (one - h / 2 * m[0])
        k3 = m[2] @ (one - h / 2 * k2)
        return one - h / 6 * (k1 + 2 * k2 + 2 * k3 + m[3] @ (one - h * k3))

    stages = 2 if method == "heun" else 4
    assert (solver.draws, solver.gradients) == (stages, 2 * stages)
    terms = game.draw(Key(0), (stages,))["term"].tolist()
    assert len(set(terms)) > 1
    points, _, _ = play(solver, game, 1)
    before, after = (torch.cat([p.players[w]["value"] for w in ("generator", "discriminator")]) for p in points)
    np.testing.assert_allclose(after.numpy(), step(*turn[terms]) @ before.numpy(), atol=1e-6)  # single h
    if method == "rk4":
        squares = [np.kron(step(*q), step(*q)) for q in itertools.product(turn, repeat=4)]
        alike = [np.kron(step(*[m] * 4), step(*[m] * 4)) for m in turn]
        factors = [math.sqrt(abs(np.linalg.eigvals(np.mean(many, 0))).max()) for many in (alike, squares)]
        assert factors == pytest.approx([0.99999, 1.0042], abs=5e-5)
