"""Finite games exactly: equilibria by linear programming, exploitability by inspection."""

from typing import NamedTuple

import numpy as np

OFF = 1e-5
"""By as much may the sum of a strategy differ from 1, and a probability from 0: strategies are float32 at times."""


class Equilibrium(NamedTuple):
    """Mixed strategies of the row and the column player, and what the column player wins on average."""

    row: np.ndarray
    column: np.ndarray
    value: float


def solve_matrix_game(payoff: np.ndarray) -> Equilibrium:
    """A Nash equilibrium of the zero-sum game in which row pays ``payoff[row, column]`` to column.

    ::

        min_x max_j (xᵀA)_j = v = max_y min_i (A y)_i

    ``payoff`` is [rows, columns], finite; raises `ValueError` otherwise. Two linear programs (HiGHS), of the payoffs
    shifted and scaled to [0, 1]: that changes no equilibrium, and tolerances of a solver are absolute.

    Reference: von Neumann & Morgenstern 1944; Shoham & Leyton-Brown 2009, "Multiagent Systems", Sec. 4.1.
    """
    a = _checked(payoff)
    size = float(np.abs(a).max()) or 1.0
    least, spread = float((a / size).min()), float(np.ptp(a / size))
    unit = (a / size - least) / (spread or 1.0)
    row, value = _minimax(unit)
    column, _ = _minimax(1 - unit.T)
    return Equilibrium(row, column, size * (least + spread * value))


def matrix_duality_gap(payoff: np.ndarray, row: np.ndarray, column: np.ndarray) -> float:
    """``max_j (xᵀA)_j − min_i (A y)_i`` ≥ 0; exactly 0 at the equilibria, and there only.

    Raises `ValueError` where ``row`` or ``column`` is no mixed strategy: probabilities, one an action, with the sum 1.
    """
    a = _checked(payoff)
    row, column = _strategy("row", row, a.shape[0]), _strategy("column", column, a.shape[1])
    return float((row @ a).max() - (a @ column).min())


def exploitability(row_cost: np.ndarray, column_cost: np.ndarray, row: np.ndarray, column: np.ndarray) -> float:
    """Sum of what the players could save by deviating, in a game with a cost matrix for each (general-sum).

    Raises `ValueError` as `matrix_duality_gap` does.
    """
    a, b = _checked(row_cost), _checked(column_cost)
    if a.shape != b.shape:
        raise ValueError(f"the cost matrices have shapes {a.shape} and {b.shape}; a game has one shape")
    row, column = _strategy("row", row, a.shape[0]), _strategy("column", column, a.shape[1])
    played = row @ a @ column + row @ b @ column
    return float(played - (a @ column).min() - (row @ b).min())


def _minimax(a: np.ndarray) -> tuple[np.ndarray, float]:
    """The mixed row strategy with the smallest worst payment, and that payment."""
    from scipy.optimize import linprog  # here, so that importing nashpath stays light

    rows, columns = a.shape
    found = linprog(
        c=np.append(np.zeros(rows), 1.0),
        A_ub=np.hstack([a.T, -np.ones((columns, 1))]),
        b_ub=np.zeros(columns),
        A_eq=np.append(np.ones(rows), 0.0)[None],
        b_eq=[1.0],
        bounds=[(0, None)] * rows + [(None, None)],
        method="highs",
    )
    if not found.success:
        raise RuntimeError(f"the linear program of a {rows} x {columns} game was not solved: {found.message}")
    strategy = np.clip(found.x[:-1], 0, None)
    return strategy / strategy.sum(), float(found.x[-1])


def _strategy(who: str, given: np.ndarray, actions: int) -> np.ndarray:
    strategy = np.asarray(given, dtype=float)
    if strategy.shape != (actions,):
        raise ValueError(f"the {who} has {actions} actions; got a strategy of shape {strategy.shape}")
    if not (strategy.min() >= -OFF and abs(strategy.sum() - 1) <= OFF):  # false of NaN, too
        raise ValueError(
            f"the {who} strategy is no mixed one: its numbers are probabilities with the sum 1, not from "
            f"{strategy.min():.3g} with the sum {strategy.sum():.3g}"
        )
    return strategy


def _checked(payoff: np.ndarray) -> np.ndarray:
    a = np.asarray(payoff, dtype=float)
    if a.ndim != 2 or not a.size or not np.isfinite(a).all():
        raise ValueError(f"a payoff matrix must be finite with shape [rows, columns]; got shape {a.shape}")
    return a
