"""What each player could gain by a best response of its own, from the point and from beside it."""

import time
from collections.abc import Callable

from nashpath.core import FunctionalGame, Game, Key, Point, Tree, pick
from nashpath.diagnostics import DualityGap, PerturbedDualityGap, RunSummary
from nashpath.run.assess.diagnose_point import Notice, left_out
from nashpath.run.engine.sampler import draw

STEPS, RESTARTS = 100, 2
SEARCHES = (DualityGap, PerturbedDualityGap)


def look_at_gap(
    game: Game,
    problem: FunctionalGame,
    point: Point,
    summary: RunSummary,
    progress: Notice,
    budget: float,
    within: Callable[[str, Tree], Tree],
) -> None:
    """Fills in the summary's exploitability, where that takes less than ``budget`` seconds.

    Best responses stay ``within`` the constraints of the play.
    """
    gaps = [kind(steps=STEPS, restarts=RESTARTS) for kind in SEARCHES]
    for gap in gaps:
        gap.within = within
    batches = draw(game, Key(0, "responses"), gaps[0].draws)
    took = []
    for _ in range(2):  # the first gradients of a process take long
        started = time.perf_counter()
        for who in problem.players:
            problem.gradient(who, point, pick(batches, 0))
        took.append(time.perf_counter() - started)
    seconds = min(took) * STEPS * RESTARTS * len(gaps)
    progress(f"best responses: about {seconds:.0f} s{left_out(seconds, budget)}")
    if seconds > budget:
        return
    summary.responses = STEPS
    for gap in gaps:
        summary.exploitability |= {name: float(v) for name, v in gap(problem, point, batches).items()}
