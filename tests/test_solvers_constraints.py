"""Constraints: every point that a solver asks about is inside, and clipping is WGAN's Algorithm 1."""

import copy
import pickle

import pytest
import torch

from nashpath.core import FunctionalGame, Key, Tree, pick, point_of
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.games.toys import Bilinear
from nashpath.solvers import (
    CONSTRAINTS,
    EMA,
    SGD,
    SOLVERS,
    Alternating,
    Clipped,
    Constrained,
    Extragradient,
    NormClipped,
    Optimistic,
    RMSProp,
    Solver,
)
from solvers_play import play, pure_step, small_gan, solver_numbers, vector

BOUND = 0.05
ROWS = [name for name in CONSTRAINTS if name != "none"]
SETS = [name for name in ROWS if isinstance(CONSTRAINTS[name], type)]
"""Constraints to a set; others are functions from a solver to a solver."""


class Watched(FunctionalGame):
    """A game that keeps the largest of the discriminator's parameters wherever it is asked."""

    def loss(self, player, point, batch, advance=False):
        self.seen.append(max(float(v.detach().abs().max()) for v in point.players["discriminator"].values()))
        return super().loss(player, point, batch, advance)


def watched(game) -> Watched:
    problem = Watched(game)
    problem.seen = []
    return problem


def solvers() -> dict[str, Solver]:
    made = {name: SOLVERS[name](SGD(0.5), SGD(0.5)) for name in SOLVERS}
    made["alternating, 3 turns"] = Alternating(SGD(0.5), SGD(0.5), discriminator_steps=3)
    made["lookahead, extragradient"] = SOLVERS["lookahead"](SGD(0.5), SGD(0.5), period=2, inner="extragradient")
    return made


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", solvers())
def test_no_player_ever_meets_a_critic_outside_the_box(name: str):
    game = small_gan(0)
    problem = watched(game)
    points, _, _ = play(Clipped(EMA(solvers()[name]), BOUND), game, 4, problem)
    assert max(problem.seen) <= BOUND * (1 + 1e-6)
    assert all(v.abs().max() <= BOUND for p in points[1:] for v in p.players["discriminator"].values())
    free = watched(game)
    play(solvers()[name], game, 4, free)
    assert max(free.seen) > 2 * BOUND


def test_clipping_is_wgans_algorithm_1():
    """Line by line, with RMSProp and five turns of the critic, written out with PyTorch's optimizers."""
    game, c, steps = small_gan(3), 0.03, 3
    solver = Clipped(Alternating(RMSProp(0.02), RMSProp(0.02), discriminator_steps=5), c)
    points, _, _ = play(solver, game, steps)

    theirs, key = small_gan(3), Key(0)
    critic, maker = theirs.discriminator, theirs.generator
    rules = {p: torch.optim.RMSprop(m.parameters(), 0.02) for p, m in (("discriminator", critic), ("generator", maker))}
    with torch.no_grad():
        [w.clamp_(-c, c) for w in critic.parameters()]
    for _ in range(steps):
        batches = theirs.draw(key, (6,))
        for turn in range(6):
            who = "discriminator" if turn < 5 else "generator"
            rules[who].zero_grad()
            theirs(who, pick(batches, turn)).backward()
            rules[who].step()
            if who == "discriminator":
                with torch.no_grad():
                    [w.clamp_(-c, c) for w in critic.parameters()]
    gap = (vector(points[-1]) - vector(point_of(theirs))).abs().max()
    assert gap < 2e-5, gap  # rounding (found: 4e-6): weights move by 2e-2 a turn


def test_extragradient_is_korpelevichs_projected_method():
    """By hand on ``min_x max_y xy`` with y in [−0.1, 0.1], and x free."""
    game, h, c = Bilinear(), 0.3, 0.1
    points, _, _ = play(Clipped(Extragradient(SGD(h), SGD(h)), c), game, 6)
    x, y = (float(v) for v in vector(point_of(game)))
    y = max(-c, min(c, y))
    for point in points[1:]:
        ahead_x, ahead_y = x - h * y, max(-c, min(c, y + h * x))
        x, y = x - h * ahead_y, max(-c, min(c, y + h * ahead_x))
        assert vector(point).tolist() == pytest.approx([x, y], rel=1e-5)


class Above(Constrained):
    """At least 0.02."""

    def project(self, params: Tree) -> Tree:
        return {k: v.clamp(min=0.02) for k, v in params.items()}


def test_constraints_add_up_and_leave_the_solver_that_they_were_given_alone():
    game = small_gan(1)
    plain = Optimistic(SGD(0.5), SGD(0.5))
    before, _, _ = play(plain, game, 3)
    both = Above(Clipped(plain, BOUND), "discriminator")
    points, _, _ = play(both, game, 3)
    values = torch.cat([v.flatten() for v in points[-1].players["discriminator"].values()])
    assert values.min() == pytest.approx(0.02)
    assert values.max() <= BOUND
    for other in (plain, both.unwrapped(both.init(FunctionalGame(game), point_of(game)))[0]):
        after, _, _ = play(other, game, 3)
        assert torch.equal(vector(before[-1]), vector(after[-1]))


@pytest.mark.parametrize("name", SETS)
def test_constrained_solvers_are_copied_and_pickled_with_their_own_numbers(name: str):
    game, solver = small_gan(2), CONSTRAINTS[name](Alternating(SGD(0.5), SGD(0.5)))
    wanted, _, _ = play(solver, game, 3)
    copies = [copy.deepcopy(solver), pickle.loads(pickle.dumps(solver))]
    with torch.no_grad():
        for buffer in solver.numbers.buffers():
            buffer.mul_(0.1)
    for other in copies:
        found, _, _ = play(other, game, 3)
        assert torch.equal(vector(wanted[-1]), vector(found[-1]))


@pytest.mark.parametrize("name", SETS)
def test_a_constraint_names_the_players_that_there_are(name: str):
    solver = CONSTRAINTS[name](Alternating(SGD(0.5), SGD(0.5)), player="critic")
    with pytest.raises(ValueError, match="no player is called 'critic' to constrain; players: "):
        solver.init(FunctionalGame(small_gan(0)), point_of(small_gan(0)))


@pytest.mark.long
def test_a_constrained_step_is_one_graph_and_follows_its_bound():
    game, solver = small_gan(4), EMA(Clipped(Extragradient(SGD(0.5), SGD(0.5)), BOUND))
    step, point = pure_step(game, solver), point_of(game)
    memory, batches = solver.init(FunctionalGame(game), point), game.draw(Key(0), (solver.draws,))
    traced = as_one_graph(step, "traced")
    for bound in (0.04, 0.08):
        numbers = {k: torch.tensor(bound) if k.endswith("bound") else v for k, v in solver_numbers(solver).items()}
        with torch.no_grad():
            after, _, _ = traced(numbers, point, memory, batches)
            plain, _, _ = step(numbers, point, memory, batches)
        assert torch.allclose(vector(after), vector(plain), atol=1e-6)
        assert max(float(v.abs().max()) for v in after.players["discriminator"].values()) == pytest.approx(bound)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("player", ["all", "discriminator"])
@pytest.mark.parametrize("name", ["alternating", "extragradient", "lookahead"])
def test_gradients_are_clipped_for_the_players_that_are_meant(name: str, player: str):
    """As with rules that are clipped one by one; the solver that is given stays as it was."""
    game, norm = small_gan(2), 0.05
    plain = SOLVERS[name](SGD(0.5), SGD(0.5))
    before, _, _ = play(plain, game, 3)
    clipped = {who: NormClipped(SGD(0.5), norm) for who in ("discriminator", "generator") if player in ("all", who)}
    by_hand = SOLVERS[name](**{"discriminator": SGD(0.5), "generator": SGD(0.5), **clipped})
    wanted, found, after = (
        play(one, game, 3)[0] for one in (by_hand, CONSTRAINTS["clip_gradient"](plain, norm, player), plain)
    )
    assert torch.equal(vector(found[-1]), vector(wanted[-1]))
    assert torch.equal(vector(after[-1]), vector(before[-1]))
    assert not torch.equal(vector(found[-1]), vector(before[-1]))


def test_what_is_clipped_twice_is_clipped_by_the_lesser_norm():
    game = small_gan(2)
    clip = CONSTRAINTS["clip_gradient"]
    twice, once = (play(solver, game, 3)[0] for solver in (clip(clip(plain(), 0.2), 0.05), clip(plain(), 0.05)))
    torch.testing.assert_close(vector(twice[-1]), vector(once[-1]), rtol=1e-4, atol=1e-6)


def plain():
    return Alternating(SGD(0.5), SGD(0.5))


def test_a_player_without_a_rule_cannot_be_clipped():
    with pytest.raises(ValueError, match="no player is called 'critic'; all, or one of discriminator, generator"):
        CONSTRAINTS["clip_gradient"](Alternating(SGD(0.5), SGD(0.5)), player="critic")
