"""Finite games against OpenSpiel, where it is installed (the extra games-oracles)."""

import numpy as np
import pytest

from nashpath.diagnostics import exploitability, matrix_duality_gap, solve_matrix_game

pyspiel = pytest.importorskip("pyspiel", reason="the extra games-oracles is not installed")

SHAPES = [(2, 2), (3, 3), (4, 2), (5, 7)]


def costs(shape, seed):
    return np.random.default_rng(seed).normal(size=shape)


def nash_conv(row_cost, column_cost, row, column):
    """What each player gains by its best response, summed, as OpenSpiel finds it in the game in turns."""
    game = pyspiel.convert_to_turn_based(pyspiel.create_matrix_game((-row_cost).tolist(), (-column_cost).tolist()))
    state, table = game.new_initial_state(), {}
    for player, own in enumerate((row, column)):
        table[state.information_state_string(player)] = list(enumerate(own.tolist()))
        state.apply_action(0)
    return pyspiel.nash_conv(game, pyspiel.TabularPolicy(table))


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_gaps_of_any_play_are_open_spiels(shape, seed):
    a, b, rng = costs(shape, seed), costs(shape, seed + 100), np.random.default_rng(seed)
    row, column = (rng.dirichlet(np.ones(count)) for count in shape)
    assert matrix_duality_gap(a, row, column) == pytest.approx(nash_conv(a, -a, row, column), abs=1e-9)
    assert exploitability(a, b, row, column) == pytest.approx(nash_conv(a, b, row, column), abs=1e-9)


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("seed", range(3))
def test_nobody_gains_by_leaving_our_equilibria_says_open_spiel(shape, seed):
    a = costs(shape, seed)
    found = solve_matrix_game(a)
    assert nash_conv(a, -a, found.row, found.column) == pytest.approx(0, abs=1e-9)
    assert found.row @ a @ found.column == pytest.approx(found.value, abs=1e-9)
