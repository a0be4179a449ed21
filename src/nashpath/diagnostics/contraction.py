"""What one round of play does near a stationary point: closes in, goes round, spirals out, leaves."""

import math
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Motion = Literal["closes in", "goes round", "spirals out", "leaves", "stays"]
UNIT = 1e-9
"""A multiplier counts as 1 within this distance from the unit circle."""
SPIRAL = 100.0
"""Play whose distance grows further than this in one turn leaves rather than spirals."""
DOUBLINGS = 32
"""A round with multipliers on the unit circle is taken 2 to this power of times, to see whether distances grow."""


class Contraction(NamedTuple):
    """One round near a stationary point.

    ``rate``: the factor on the distance, a round, of the direction that decides. ``turn``: rounds in which that
    direction goes round once; infinite where it does not. ``flat``: the number of directions that stay where they are.
    """

    motion: Motion
    rate: float
    turn: float = math.inf
    flat: int = 0


def contraction_of(matrix: NDArray[Any]) -> Contraction:
    """Classifies a round by its eigenvalues μ.

    ::

        some |μ| > 1          leaves at max |μ| a round; spirals out where that grows less than 100 times a turn
        all |μ| < 1           closes in at max |μ| a round
        |μ| = 1, μ not real   goes round: to first order no distance changes
        μ = 1                 a flat direction; the others decide

    Where |μ| = 1 and the powers of the matrix grow, distances grow as powers of time: leaves.
    """
    values = np.linalg.eigvals(matrix)
    size = np.abs(values)
    first = values[size.argmax()]
    rate = float(abs(first))
    if rate > 1 + UNIT:
        turn = _turn(first)
        turning = math.isfinite(turn) and turn * math.log(rate) < math.log(SPIRAL)
        return Contraction("spirals out", rate, turn) if turning else Contraction("leaves", rate)
    neutral = np.abs(size - 1) <= UNIT
    if neutral.any() and _grows(matrix):
        return Contraction("leaves", rate)
    flat = np.abs(values - 1) <= UNIT
    if (neutral & ~flat).any():
        turning = values[neutral & ~flat]
        return Contraction("goes round", 1.0, max(_turn(value) for value in turning), int(flat.sum()))
    moving = values[~flat]
    if not len(moving):
        return Contraction("stays", 1.0, flat=int(flat.sum()))
    slowest = moving[np.abs(moving).argmax()]
    return Contraction("closes in", float(abs(slowest)), _turn(slowest), int(flat.sum()))


def _turn(value: complex) -> float:
    angle = abs(math.atan2(value.imag, value.real))
    return 2 * math.pi / angle if angle > 0 else math.inf


def _grows(matrix: NDArray[Any]) -> bool:
    """Whether the powers of a round with multipliers on the unit circle grow without end: a defective multiplier.

    Then the norm doubles with the number of rounds, thrice in a row. That of an orbit goes up and down.
    """
    power, norms = matrix, []
    for _ in range(DOUBLINGS):
        power = power @ power
        norms.append(float(np.linalg.norm(power)))
        if not np.isfinite(norms[-1]):
            return True
    ratios = np.array(norms[-3:]) / np.array(norms[-4:-1])
    return bool((ratios > 1.8).all())
