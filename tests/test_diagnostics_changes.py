"""Changes of the play that a diagnosis tries: only what is named is changed, whatever is wrapped around the solver."""

from typing import Any

import pytest
import torch

from nashpath.games.toys import ZeroSum
from nashpath.run.assess.changes import changes_of
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.solvers import AVERAGES, CONSTRAINTS, SGD, SOLVERS, Alternating, NormClipped, Simultaneous, Solver
from nashpath.solvers.rollback import Rollback

BOUND = 0.5
WRAPPINGS: dict[str, Any] = {
    **{f"constraint {name}": CONSTRAINTS[name] for name in CONSTRAINTS},
    **{f"average {name}": AVERAGES[name] for name in AVERAGES},
    "rollback": Rollback,
    "all of them": lambda s: Rollback(AVERAGES["uniform"](CONSTRAINTS["clip"](CONSTRAINTS["clip_gradient"](s)))),
    "a clip of both players": lambda s: CONSTRAINTS["clip"](CONSTRAINTS["clip"](s, BOUND), BOUND, player="generator"),
}
ORDERS = ("simultaneous", "alternating", "extragradient", "optimistic", "consensus")


class Pulled(ZeroSum):
    """f = xy + x − y²/10: where y ≥ −1/2 the generator is pulled by at least 1/2 everywhere."""

    def __init__(self, x: float = -9.0, y: float = -0.5):
        super().__init__([x], [y])

    def value(self, x, y):
        return (x * y + x - y**2 / 10).sum()


def wrappings_of(solver: Any) -> list[type]:
    """The classes of the solvers around the one that moves the players, the outermost first."""
    inner = getattr(solver, "solver", None)
    return [type(solver), *wrappings_of(inner)] if isinstance(inner, Solver) else []


def changed(wrap: Any, order: str) -> tuple[Trial, dict[str, Trial]]:
    trial = Trial(Pulled().double(), wrap(SOLVERS[order](SGD(0.1), SGD(0.2))).double())
    return trial, changes_of(trial, begin(trial))


@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", WRAPPINGS)
def test_a_changed_play_keeps_what_is_around_the_solver(name, order):
    trial, changes = changed(WRAPPINGS[name], order)
    kinds = {"alternating", "extragradient"} - {order}
    assert {f"{kind} play at these rates" for kind in kinds} | {"a tenth of the rates"} == set(changes)
    for what, other in changes.items():
        assert wrappings_of(other.solver) == wrappings_of(trial.solver)
        factor = 0.1 if what == "a tenth of the rates" else 1.0
        for who, rate in (("discriminator", 0.1), ("generator", 0.2)):
            rule = other.solver.rule(who)
            assert isinstance(rule, NormClipped) == isinstance(trial.solver.rule(who), NormClipped)
            memory = begin(other).memory
            assert float(rule.rate(other.solver.rule_memory(memory, who))) == pytest.approx(factor * rate)
        inner = other.solver.unwrapped(begin(other).memory)[0]
        assert (other.solver.draws, other.solver.gradients) == (inner.draws, inner.gradients)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("order", ORDERS)
@pytest.mark.parametrize("name", [name for name in WRAPPINGS if "clip" in name and "gradient" not in name])
def test_a_changed_play_is_the_wrapped_solver_step_by_step(name, order):
    """The same numbers, over 30 steps, as those of the wrapping put around the changed solver by hand."""
    _, changes = changed(WRAPPINGS[name], order)
    for kind in {"alternating", "extragradient"} - {order}:
        other = changes[f"{kind} play at these rates"]
        by_hand = Trial(Pulled().double(), WRAPPINGS[name](SOLVERS[kind](SGD(0.1), SGD(0.2))).double())
        torch.testing.assert_close(played(other, 30), played(by_hand, 30), rtol=0, atol=0)
        assert float(played(other, 30)[1].abs()) <= BOUND


def played(trial: Trial, steps: int) -> list[torch.Tensor]:
    state, step, numbers = begin(trial), make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(steps):
            state, _ = step(state, numbers, {})
    return [v for who in ("generator", "discriminator") for v in state.point.players[who].values()]


def test_a_slower_play_keeps_its_own_settings():
    """Lower rates are all that is changed: turns of the critic, look-aheads and their weights stay."""
    for solver in (
        Alternating(SGD(0.1), SGD(0.2), discriminator_steps=3),
        SOLVERS["lookahead"](SGD(0.1), SGD(0.2), weight=0.3, period=4, inner="extragradient"),
        SOLVERS["consensus"](SGD(0.1), SGD(0.2), 0.7),
    ):
        trial = Trial(Pulled().double(), solver.double())
        slower = changes_of(trial, begin(trial))["a tenth of the rates"].solver
        assert slower.draws == solver.draws
        assert slower.period == solver.period
        kept = {k: v for k, v in dict(slower.named_buffers()).items() if not k.endswith("learning_rate")}
        torch.testing.assert_close(kept, {k: dict(solver.named_buffers())[k] for k in kept}, rtol=0, atol=0)


@pytest.mark.long
@pytest.mark.parametrize("bound", [0.3, 0.5, 0.9])
def test_no_change_is_said_to_close_in_where_the_bound_leaves_no_equilibrium(bound):
    """∂f/∂x = y + 1 ≥ 1 − bound > 0 everywhere: the generator runs away under any order of moves."""
    trial = Trial(Pulled(x=-3.0), CONSTRAINTS["clip"](Simultaneous(SGD(0.1), SGD(0.1)), bound))
    summary = diagnose_member(0, trial, begin(trial)).summary
    assert summary.play.motion in ("leaves", "undecided")  # its distance grows as time does, by 1 − bound a round
    assert len(summary.tried) == (3 if summary.play.motion == "leaves" else 0)
    assert not [one.change for one in summary.tried if one.found.motion == "closes in"]
