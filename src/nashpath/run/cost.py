"""What a member has cost so far, in the units in which solvers are compared."""

from nashpath.run.program import Program
from nashpath.run.step import Carry


def spent(program: Program, member: int, carry: Carry) -> dict[str, float]:
    """The member's gradient evaluations and its seconds of training since the first step.

    ``gradients`` are the steps it took itself (a member that diverged takes no more) times the player-gradients and
    the second-order products of one step of its solver; a product counts as one gradient. ``train_seconds`` are the
    seconds that its program spent drawing batches and stepping, shared equally by the members; the first step of a
    session, which compiles, is left out.
    """
    solver = program.trials[member].solver
    each = solver.gradients + solver.products
    return {"gradients": int(carry.steps) * each, "train_seconds": round(program.seconds / len(program.trials), 6)}
