"""Historical averaging, against its recursion written out in NumPy, and what it does to games that go in circles."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

from nashpath.core import FunctionalGame, Key, Point, Term, own_state, point_of, seeded, split_buffers
from nashpath.data import Ring
from nashpath.games.gan import GAN
from nashpath.games.penalties import R1
from nashpath.games.techniques import HistoricalAveraging, historical_averaging
from nashpath.games.techniques.historical_averaging import flat
from nashpath.games.toys import Bilinear
from nashpath.games.toys.salimans import Salimans
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import SGD, Alternating, Simultaneous

SOLVERS = {"simultaneous": Simultaneous, "alternating": Alternating}
GAMES = {
    "salimans": (Salimans, 1.0, lambda x, y: ((1.0 if x < 0 else 2 * x) * (y - 1), -((x if x < 0 else x * x) - 1))),
    "bilinear": (Bilinear, 0.0, lambda x, y: (y, -x)),
}


def orbit(game: str, start, coefficient: float, order: str, steps: int) -> np.ndarray:
    """Descent with step 0.01 on ``J_i + λ ‖θ_i − mean_i‖²`` from the hand-written field: the last (x, y)."""
    field, (x, y), mean = GAMES[game][2], start, [0.0, 0.0]
    for t in range(1, steps + 1):
        if order == "alternating":
            mean[1] += (y - mean[1]) / t
            y -= 0.01 * (field(x, y)[1] + 2 * coefficient * (y - mean[1]))
            mean[0] += (x - mean[0]) / t
            x -= 0.01 * (field(x, y)[0] + 2 * coefficient * (x - mean[0]))
            continue
        mean = [mean[0] + (x - mean[0]) / t, mean[1] + (y - mean[1]) / t]
        slope = field(x, y)
        x, y = (
            x - 0.01 * (slope[0] + 2 * coefficient * (x - mean[0])),
            y - 0.01 * (slope[1] + 2 * coefficient * (y - mean[1])),
        )
    return np.array([x, y])


def play(game, order: str, steps: int) -> Point:
    program = Program([Trial(game, SOLVERS[order](discriminator=SGD(0.01), generator=SGD(0.01)))], [0])
    program.run(steps)
    return program.train_state(0).point


@pytest.mark.long(first=True)
@pytest.mark.parametrize("order", SOLVERS)
@pytest.mark.parametrize("game", GAMES)
def test_the_game_follows_the_recursion(game, order):
    start, coefficient = (-0.2, 1.7), 0.3
    point = play(historical_averaging(GAMES[game][0](*start), coefficient), order, 100)
    end = [point.players[who]["value"].item() for who in ("generator", "discriminator")]
    np.testing.assert_allclose(end, orbit(game, start, coefficient, order, 100), rtol=1e-4)


@pytest.mark.parametrize("order", SOLVERS)
@pytest.mark.parametrize(
    ("game", "start"), [("salimans", (0.5, 2)), ("salimans", (2, 3)), ("salimans", (-1, 0)), ("bilinear", (1, 1))]
)
def test_it_arrives_where_descent_goes_in_circles(game, start, order):
    centre = GAMES[game][1]
    with np.errstate(all="ignore"):
        circling = np.linalg.norm(orbit(game, start, 0.0, order, 20_000) - centre)
    assert np.linalg.norm(orbit(game, start, 0.1, order, 20_000) - centre) < 0.01
    assert not circling < 1


PAST = "terms.historical_averaging.history"


def test_each_mean_moves_in_its_own_players_turn_only():
    game = historical_averaging(Bilinear(1.0, -2.0))
    problem, point = FunctionalGame(game), point_of(game)
    priced = problem.gradient("generator", point, {})
    assert priced.state[f"{PAST}.generator.mean"].item() == 1
    assert priced.state[f"{PAST}.generator.count"].item() == 1
    assert not [name for name in priced.state if name.startswith(f"{PAST}.discriminator")]
    assert point.state[f"{PAST}.generator.count"].item() == 0
    one = play(historical_averaging(Bilinear(1.0, -2.0), player="generator"), "alternating", 3)
    assert set(own_state(one.state, PAST)) == {"generator.mean", "generator.count"}


def test_a_look_at_the_cost_alone_changes_no_mean():
    game = historical_averaging(Bilinear(3.0, -2.0), 0.5)
    problem, point = FunctionalGame(game), point_of(game)
    moved = Point({**point.players, "generator": {"value": torch.tensor([4.0])}}, point.state)
    cost, state = problem.loss("generator", moved, {})
    assert cost.item() == 4.0 * -2.0 + 0.5 * (4.0 - 3.0) ** 2
    assert not [name for name in state if not torch.equal(state[name], point.state[name])]


@pytest.mark.parametrize("solver", [Alternating, Simultaneous])
def test_training_equals_that_of_a_game_with_the_term_written_into_it(solver):
    """Bit for bit: a GAN whose own `forward` adds ``coefficient · ‖θ − mean‖²``, with the mean kept by the test."""

    class ByHand(GAN):
        def __init__(self, *parts, **options):
            super().__init__(*parts, **options)
            self.coefficient = 0.3
            for who in self.players:
                count = sum(p.numel() for p in self.get_submodule(who).parameters())
                self.register_buffer(f"mean_{who}", torch.zeros(count))
                self.register_buffer(f"count_{who}", torch.zeros(()))

        def forward(self, player, batch):
            cost = super().forward(player, batch)
            theta = torch.cat([p.flatten() for p in self.get_submodule(player).parameters()])
            count = getattr(self, f"count_{player}") + 1
            mean = getattr(self, f"mean_{player}")
            mean = mean + (theta.detach() - mean) / count
            setattr(self, f"count_{player}", count)
            setattr(self, f"mean_{player}", mean)
            return cost + torch.tensor(self.coefficient) * (theta - mean).square().sum()

    ends = []
    for kind in (GAN, ByHand):
        with seeded(0):
            game = kind(nn.Linear(2, 2), nn.Linear(2, 1), None, R1(), data=Ring(), latent=2, batch_size=4)
        game = historical_averaging(game, 0.3) if kind is GAN else game
        program = Program([Trial(game, solver(discriminator=SGD(0.1), generator=SGD(0.1)))], [0])
        program.run(20)
        ends.append(program.train_state(0).point.players)
    for who, params in ends[0].items():
        assert all(torch.equal(value, ends[1][who][name]) for name, value in params.items())


def test_several_terms_add_up():
    class Weighs(Term):
        """The square of a player's parameters."""

        def forward(self, player, module):
            return self.weight * flat(module).square().sum()

    game = historical_averaging(Bilinear(1.0, -2.0))
    game.terms["first"], game.terms["second"] = Weighs(weight=2.0), Weighs(weight=3.0)
    cost, _ = FunctionalGame(game).loss("discriminator", point_of(game), {})
    assert cost.item() == 2.0 + (2.0 + 3.0) * 4.0
    numbers = split_buffers(game)[0]
    assert {"terms.first.weight", "terms.second.weight"} <= set(numbers)


def test_the_averaged_game_is_the_game_in_all_else():
    plain = GAN(nn.Linear(2, 2), nn.Linear(2, 1), None, R1(), data=Ring(), latent=2, batch_size=4)
    game = copy.deepcopy(plain)
    averaged = historical_averaging(game, 0.1)
    assert averaged is game
    assert type(averaged) is GAN
    assert isinstance(averaged.terms["historical_averaging"], HistoricalAveraging)
    assert [n for n, _ in averaged.named_parameters()] == [n for n, _ in plain.named_parameters()]
    assert set(split_buffers(averaged)[0]) - set(split_buffers(plain)[0]) == {"terms.historical_averaging.coefficient"}
    batch = plain.draw(Key(0))
    for player in plain.players:
        first = FunctionalGame(averaged).loss(player, point_of(averaged), batch)[0]
        assert first.item() == FunctionalGame(plain).loss(player, point_of(plain), batch)[0].item()


def test_members_of_a_stack_have_histories_of_their_own():
    starts = [(0.5, 2.0), (-1.0, 0.0)]
    trials = [
        Trial(historical_averaging(Salimans(*s), c), Alternating(discriminator=SGD(0.01), generator=SGD(0.01)))
        for s, c in zip(starts, (0.1, 0.4))
    ]
    stacked, solo = Program(trials, [0, 1], "stacked"), Program(trials, [0, 1], "looped")
    stacked.run(20)
    solo.run(20)
    for member in range(2):
        torch.testing.assert_close(stacked.train_state(member).point, solo.train_state(member).point)


@pytest.mark.unchecked("names a player that the annotation excludes")
def test_what_cannot_be_averaged_is_refused():
    with pytest.raises(ValueError, match="player is 'critic'; it must be one of 'both', 'generator', 'discriminator'"):
        historical_averaging(Bilinear(), player="critic")
    with pytest.raises(ValueError, match="already"):
        historical_averaging(historical_averaging(Bilinear()))
