"""Solvers around solvers: what they hand on, and that going back compiles and stacks."""

import pytest
import torch
from torch.func import vmap

from nashpath.core import FunctionalGame, point_of, tree_map
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.games import TOYS
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SGD, SOLVERS, Alternating, Solver
from nashpath.solvers.rollback import Rollback
from solvers_play import pure_step, solver_numbers

WRAPPINGS = {
    "ema": AVERAGES["ema"],
    "uniform": AVERAGES["uniform"],
    "clip": CONSTRAINTS["clip"],
    "rollback": Rollback,
    "all": lambda solver: Rollback(AVERAGES["ema"](CONSTRAINTS["clip"](solver))),
}


@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_wrapping_solver_hands_on_what_it_is_asked_for(name):
    rules = {"discriminator": RULES["adam"](0.1), "generator": RULES["adam"](0.2)}
    inner = Alternating(**rules, discriminator_steps=3)
    solver = WRAPPINGS[name](inner)
    assert (solver.draws, solver.gradients, solver.products, solver.period) == (4, 4, 0, inner.period)
    game = TOYS["bilinear"]()
    point = point_of(game)
    memory = solver.init(FunctionalGame(game), point)
    for who, rule in rules.items():
        assert float(solver.rule(who).learning_rate) == float(rule.learning_rate)
        assert set(solver.rule_memory(memory, who)) == set(rule.init(point.players[who]))
    within, kept = solver.unwrapped(memory)
    assert isinstance(within, Alternating)
    assert set(kept) == set(rules)
    assert set(solver.averages(memory)) == ({"generator"} if name in ("ema", "uniform", "all") else set())


OWN = {"preconditioner"}
"""Attributes that name entries of a solver's own memory."""


@pytest.mark.parametrize("name", WRAPPINGS)
@pytest.mark.parametrize("kind", SOLVERS)
def test_a_wrapping_solver_has_every_attribute_of_the_solver(kind, name):
    inner = SOLVERS[kind](SGD(0.1), SGD(0.2))
    solver = WRAPPINGS[name](inner)
    asked = set(Solver.__annotations__) - OWN
    assert {"draws", "gradients", "products", "period", "spectral", "no_round", "local"} == asked
    for attribute in asked:
        assert getattr(solver, attribute) == getattr(inner, attribute)


@pytest.mark.parametrize("inner", ["alternating", "simultaneous", "extragradient", "optimistic"])
def test_a_round_of_lookahead_is_as_linear_as_that_of_its_steps(inner):
    """Its multipliers are ``1 − w + w λᵏ``: each of one eigenvalue of the Jacobian where λ is."""
    solver, within = SOLVERS["lookahead"](SGD(0.1), SGD(0.1), inner=inner), SOLVERS[inner]
    told = (solver.spectral, solver.no_round, solver.local)
    assert told == (within.spectral, within.no_round, within.local)


def test_lookahead_moves_players_itself_and_is_not_taken_off():
    solver = SOLVERS["lookahead"](SGD(0.1), SGD(0.1), inner="extragradient")
    memory = solver.init(FunctionalGame(TOYS["bilinear"]()), point_of(TOYS["bilinear"]()))
    assert solver.unwrapped(memory) == (solver, memory)
    assert (solver.draws, solver.gradients, solver.period) == (2, 4, 5)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own import of its compiler
def test_going_back_compiled_and_stacked_is_going_back():
    """Of two members one steps too far and goes back: every number of 40 steps is that of the eager solo runs."""
    game = TOYS["quadratic"](a=1.0, b=0.0, c=1.0)
    solvers = [Rollback(SOLVERS["simultaneous"](SGD(rate), SGD(rate))) for rate in (0.1, 300.0)]
    solo = pure_step(game, solvers[0])
    stack = lambda *parts: torch.stack(parts)  # noqa: E731
    states = []
    for solver in solvers:
        point = point_of(game)
        states.append((point, solver.init(FunctionalGame(game), point)))
    numbers = [solver_numbers(solver) for solver in solvers]
    with torch.no_grad():
        many = as_one_graph(vmap(solo))
        together, joint = tree_map(stack, *states), tree_map(stack, *numbers)
        for _ in range(40):
            point, memory, info = many(joint, *together, {})
            together = (point, memory)
            told = [solo(own, *state, {}) for own, state in zip(numbers, states, strict=True)]
            states = [(point, memory) for point, memory, _ in told]
            for ours, theirs in zip(
                leaves((together, info)),
                leaves((tree_map(stack, *states), tree_map(stack, *[told[2] for told in told]))),
                strict=True,
            ):
                torch.testing.assert_close(ours, theirs, rtol=1e-5, atol=1e-7)
    assert [int(v) for v in together[1]["rollbacks"]] == [0, 3]
