"""What one round of play does to a small displacement: the matrix of each solver's linearised step."""

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[Any]
SLACK = 1e-9
Blocks = list[slice]
"""Where each player's parameters lie, in the order of their turns."""


def simultaneous_round(jacobian: Matrix, blocks: Blocks) -> Matrix:
    """``I − J``: both players step from the same point."""
    return np.eye(len(jacobian)) - jacobian


def alternating_round(jacobian: Matrix, blocks: Blocks) -> Matrix:
    """``(I − P_G J)(I − P_D J)``: the second player sees the first one moved."""
    turn = np.eye(len(jacobian))
    for where in blocks:
        moved = np.eye(len(jacobian))
        moved[where] -= jacobian[where]
        turn = moved @ turn
    return turn


def extragradient_round(jacobian: Matrix, blocks: Blocks) -> Matrix:
    """``I − J + J²``: a step by the field of the point ahead."""
    return np.eye(len(jacobian)) - jacobian + jacobian @ jacobian


ROUNDS: dict[str, Callable[[Matrix, Blocks], Matrix]] = {
    "simultaneous": simultaneous_round,
    "alternating": alternating_round,
    "extragradient": extragradient_round,
}
"""The linear part of one round, by solver; ``jacobian`` has its rows multiplied by the learning rates."""


def smallest_damping(solver: str, jacobian: Matrix, added: Matrix, blocks: Blocks, most: float = 1e3) -> float | None:
    """The smallest w at which one round of ``jacobian + w · added`` lets every rotating direction shrink.

    A round must also stretch no direction. To 1 %; None where no w from 1e-4 up to ``most`` is enough, or where none
    is needed.
    """

    def shrinks(weight: float) -> bool:
        found = np.linalg.eigvals(ROUNDS[solver](jacobian + weight * added, blocks))
        turning = np.abs(found[np.abs(found.imag) > 1e-9])
        return np.abs(found).max() <= 1 + SLACK and (not len(turning) or turning.max() < 1 - SLACK)

    grid = [0.0, *np.geomspace(1e-4, most, 29)]
    first = next((i for i, weight in enumerate(grid) if shrinks(weight)), None)
    if not first:
        return None
    low, high = max(grid[first - 1], grid[1] / 10), float(grid[first])
    while high > 1.01 * low:
        middle = (low * high) ** 0.5
        low, high = (low, middle) if shrinks(middle) else (middle, high)
    return high
