"""The neutral row of the tables of wrappers."""

from nashpath.solvers.base import Solver


def plain(solver: Solver) -> Solver:
    """Leaves the solver as it is.

    Reference: none is needed.
    """
    return solver
