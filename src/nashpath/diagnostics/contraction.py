"""What one round of play does near a stationary point: closes in, goes round, spirals out, leaves."""

import math
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

Motion = Literal["closes in", "goes round", "spirals out", "leaves", "stays"]
UNIT = 1e-12
"""A multiplier counts as 1, or as on the unit circle, within this distance, in units of the round's norm: roundings."""
SPIRAL = 100.0
"""Play whose distance grows further than this in one turn leaves rather than spirals."""
DOUBLINGS = 32
"""A round with multipliers on the unit circle is taken 2 to this power of times, to see whether distances grow."""
JOLT, JOLTS = 1e3, 4
"""How many roundings of its norm a round is changed by, and how often, to see what its multipliers are known to."""


class Contraction(NamedTuple):
    """One round near a stationary point.

    ``rate``: the factor on the distance, a round, of the direction that decides. ``turn``: rounds in which that
    direction goes round once; infinite where it does not. ``flat``: the number of directions that stay where they are.
    ``sure``: whether the largest multiplier is told apart from the unit circle by more than rounding moves it: a
    defective one is moved by a root of what its matrix is, so that in a nonlinear game higher orders decide.
    """

    motion: Motion
    rate: float
    turn: float = math.inf
    flat: int = 0
    sure: bool = True


def contraction_of(matrix: NDArray[Any]) -> Contraction:
    """Classifies a round by its eigenvalues μ, and says whether rounding leaves that answer as it is.

    ::

        some |μ| > 1          leaves at max |μ| a round; spirals out where that grows less than 100 times a turn
        all |μ| < 1           closes in at max |μ| a round
        |μ| = 1, μ not real   goes round: to first order no distance changes
        μ = 1                 a flat direction; the others decide

    Where |μ| = 1, up to rounding, and the powers of the matrix grow, distances grow as powers of time: leaves.
    """
    found, sure = _classified(matrix), _is_off_the_circle(matrix)
    if not sure and found.motion in ("leaves", "spirals out"):
        return Contraction("leaves", 1.0, sure=False)
    return found._replace(sure=sure)


def least_real(matrix: NDArray[Any], others: Iterable[NDArray[Any]] = ()) -> float:
    """The least real part of a Jacobian's eigenvalues where that is negative for certain, else 0.

    Certain is what neither a few roundings of the matrix nor one of ``others`` (the same, measured otherwise) changes
    by a third.
    """
    others = list(others)
    if not all(np.isfinite(other).all() for other in others):
        return 0.0
    found = [_extreme(one, lambda values: np.real(values).min()) for one in (matrix, *others, *_jolted(matrix))]
    return found[0] if found[0] < 0 and _spread(found) < -found[0] / 3 else 0.0


def is_flat(matrix: NDArray[Any]) -> bool:
    """Whether no eigenvalue of a Jacobian is told apart from 0: it vanishes, or all its powers beyond some do."""
    found = [_extreme(one, lambda values: np.abs(values).max()) for one in (matrix, *_jolted(matrix))]
    return found[0] <= 3 * _spread(found)


def _is_off_the_circle(matrix: NDArray[Any]) -> bool:
    """Whether the largest multiplier's distance from the unit circle is three times what rounding makes of it."""
    found = [_extreme(one, lambda values: np.abs(values).max()) for one in (matrix, *_jolted(matrix))]
    return _spread(found) < abs(found[0] - 1) / 3


def _jolted(matrix: NDArray[Any]) -> list[NDArray[Any]]:
    """The matrix, its rows and columns in units that balance it, changed by some roundings of its norm."""
    rng, balanced = np.random.default_rng(0), _balanced(matrix)
    size = JOLT * np.finfo(float).eps * float(np.linalg.norm(balanced, 2))
    moves = rng.standard_normal((JOLTS, *matrix.shape))
    return [balanced + size * move / np.linalg.norm(move, 2) for move in moves]


def _balanced(matrix: NDArray[Any]) -> NDArray[Any]:
    """The matrix in units of its rows and columns that make its norm small; its eigenvalues are the same."""
    from scipy.linalg import matrix_balance  # here, so that importing nashpath stays light

    return matrix_balance(matrix)[0]


def _extreme(matrix: NDArray[Any], of: Callable[[NDArray[Any]], Any]) -> float:
    return float(of(np.linalg.eigvals(matrix)))


def _spread(found: Sequence[float]) -> float:
    """How far the others lie from the first at most."""
    return max(abs(value - found[0]) for value in found)


def _classified(matrix: NDArray[Any]) -> Contraction:
    """Every multiplier is one of four: it grows, stays, shrinks, or turns at an unchanged size."""
    values = np.linalg.eigvals(matrix)
    size, unit = np.abs(values), UNIT * max(1.0, float(np.linalg.norm(_balanced(matrix), 2)))
    outward, flat = size > 1 + unit, np.abs(values - 1) <= unit
    inward = size < 1 - unit
    around, rate, many = ~(outward | flat | inward), float(size.max()), int(flat.sum())
    if outward.any():
        turn = _turn(values[size.argmax()])
        turning = math.isfinite(turn) and turn * math.log(rate) < math.log(SPIRAL)
        return Contraction("spirals out", rate, turn) if turning else Contraction("leaves", rate)
    if (flat | around).any() and _grows(matrix):
        return Contraction("leaves", rate)
    if around.any():
        return Contraction("goes round", 1.0, max(_turn(value) for value in values[around]), many)
    if not inward.any():
        return Contraction("stays", 1.0, flat=many)
    slowest = values[inward][size[inward].argmax()]
    return Contraction("closes in", float(abs(slowest)), _turn(slowest), many)


def _turn(value: complex) -> float:
    angle = abs(math.atan2(value.imag, value.real))
    return 2 * math.pi / angle if angle > 0 else math.inf


def _grows(matrix: NDArray[Any]) -> bool:
    """Whether the powers of a round with multipliers on the unit circle grow without end: a defective multiplier.

    Then the norm doubles with the number of rounds, thrice in a row. That of an orbit goes up and down.
    """
    power, norms = matrix, []
    for _ in range(DOUBLINGS):
        with np.errstate(over="ignore", invalid="ignore"):  # beyond what numbers hold it has grown
            power = power @ power
            norms.append(float(np.linalg.norm(power)))
        if not np.isfinite(norms[-1]):
            return True
    ratios = np.array(norms[-3:]) / np.array(norms[-4:-1])
    return bool((ratios > 1.8).all())
