"""Training games of one's own: modules trained in place, a history, an outcome; many at once equal one by one."""

import copy
import re
import signal

import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.games.toys import Bilinear


def pair(seed=0, width=8):
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator = nn.Sequential(nn.Linear(2, width), nn.ReLU(), nn.Linear(width, 2))
        discriminator = nn.Sequential(nn.Linear(2, width), nn.LeakyReLU(0.2), nn.Linear(width, 1))
    return generator, discriminator


def game(seed=0, objective=None, penalty=None, **options):
    return nash.GAN(*pair(seed), objective, penalty, data=nash.Ring(), latent=2, batch_size=8, **options)


def solver(rate=1e-3, kind=nash.Alternating, **options):
    return kind(discriminator=nash.Adam(rate), generator=nash.Adam(rate), **options)


def test_ordinary_modules_come_back_trained(tmp_path):
    made, judge = pair()
    before = copy.deepcopy(made.state_dict())
    gan = nash.GAN(made, judge, nash.NonSaturating(), nash.Dragan(weight=1.0), data=nash.Ring(), latent=2)
    seen = []
    result = nash.train(gan, solver(), steps=20, seed=3, log_every=5, notify=seen.append)
    assert result.generator is made
    assert result.discriminator is judge
    assert (result.outcome, result.steps) == ("finished", 20)
    assert [row["step"] for row in result.history] == [5, 10, 15, 20]
    assert seen == result.history
    assert {"cost.generator", "gradient_norm.discriminator"} < set(result.history[0])
    assert any(not torch.equal(v, before[k]) for k, v in made.state_dict().items())
    assert all(p.requires_grad and p.is_leaf for p in made.parameters())
    torch.save(made.state_dict(), tmp_path / "weights.pt")
    made(torch.zeros(3, 2)).sum().backward()


def test_one_step_of_sgd_is_the_step_of_an_ordinary_loop():
    mine, plain = game(), game()
    rule = {"discriminator": nash.SGD(0.1), "generator": nash.SGD(0.1)}
    nash.train(mine, nash.Simultaneous(**rule), steps=1, seed=7)
    batch = plain.draw(nash.Key(7, "draws"), (1,))
    real, z = batch["real"][0], batch["latent"][0]
    fake = plain.generator(z)
    softplus = nn.functional.softplus
    cost = softplus(-plain.discriminator(real)).mean() + softplus(plain.discriminator(fake.detach())).mean()
    optimizers = [torch.optim.SGD(module.parameters(), 0.1) for module in (plain.discriminator, plain.generator)]
    for_d = torch.autograd.grad(cost, list(plain.discriminator.parameters()))
    for_g = torch.autograd.grad(softplus(-plain.discriminator(fake)).mean(), list(plain.generator.parameters()))
    for optimizer, gradients in zip(optimizers, (for_d, for_g)):
        for parameter, gradient in zip(optimizer.param_groups[0]["params"], gradients):
            parameter.grad = gradient
        optimizer.step()
    for a, b in zip(mine.parameters(), plain.parameters()):
        torch.testing.assert_close(a, b)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("stack", [False, True])
def test_many_at_once_equal_one_by_one(stack):
    settings = [(0, 1e-3, 0.5), (1, 1e-2, 2.0), (2, 1e-4, 1.0)]
    makes = [lambda s=s, r=r, w=w: (game(s, penalty=nash.Dragan(weight=w)), solver(r)) for s, r, w in settings]
    together = nash.train_many(*zip(*[make() for make in makes]), steps=10, seeds=[4, 5, 6], stack=stack)
    for make, seed, result in zip(makes, [4, 5, 6], together):
        alone = nash.train(*make(), steps=10, seed=seed)
        pairs = zip(result.game.parameters(), alone.game.parameters())
        exact = {"rtol": 0, "atol": 0} if not stack else {"rtol": 1e-4, "atol": 1e-6}
        for a, b in pairs:
            torch.testing.assert_close(a, b, **exact)
        assert len(result.history) == len(alone.history) == 10


def test_the_average_is_handed_out_beside_the_networks():
    result = nash.train(game(), nash.EMA(solver(1e-2), decay=0.5), steps=6)
    average = result.averages["generator"]
    present = dict(result.generator.named_parameters())
    assert average.keys() == present.keys()
    assert any(not torch.equal(average[k], v) for k, v in present.items())


def test_a_game_that_leaves_the_finite_numbers_says_who_and_when():
    toy = Bilinear()
    rules = {"discriminator": nash.SGD(1e10), "generator": nash.SGD(1e10)}
    result = nash.train(toy, nash.Simultaneous(**rules), steps=50, log_every=1)
    where = f"diverged: discriminator at step {result.steps + 1}"
    assert result.outcome == f"{where}: the cost of the discriminator is not finite"
    assert [row["step"] for row in result.history] == list(range(1, result.steps + 1))
    assert all(torch.isfinite(p).all() for p in toy.parameters())


@pytest.mark.parametrize(
    ("games", "solvers", "where"),
    [
        (lambda: [game(), game(objective=nash.Minimax())], lambda: [solver(), solver()], "game.objective"),
        (lambda: [game(), game()], lambda: [solver(), solver(discriminator_steps=2)], "solver"),
        (lambda: [game(), nash.GAN(*pair(width=4), data=nash.Ring(), latent=2, batch_size=8)], None, "game"),
        (lambda: [game(), game(latent_distribution="uniform")], None, "game"),
    ],
    ids=["objective", "turns", "width", "latents"],
)
def test_members_of_different_structure_are_refused(games, solvers, where):
    given = solvers() if solvers else [solver(), solver()]
    with pytest.raises(ValueError, match=f"differ in structure, at {where}"):
        nash.train_many(games(), given, steps=1, seeds=[0, 1])


def test_numbers_of_games_solvers_and_seeds_must_agree():
    with pytest.raises(ValueError, match="1 games, 1 solvers and 2 seeds"):
        nash.train_many([game()], [solver()], steps=1, seeds=[0, 1])


def test_a_solver_without_a_rule_for_each_player_is_refused():
    class Solo(nash.Simultaneous):
        def __init__(self):
            super().__init__(nash.SGD(), nash.SGD())
            del self.rules["generator"]

    with pytest.raises(ValueError, match="the game's players are"):
        nash.train(game(), Solo(), steps=1)


@pytest.mark.long
@pytest.mark.usefixtures("traced")
def test_compiled_equals_eager():
    eager = nash.train(game(penalty=nash.Dragan()), solver(), steps=3)
    traced = nash.train(game(penalty=nash.Dragan()), solver(), steps=3, compile=True)
    for a, b in zip(eager.game.parameters(), traced.game.parameters()):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_an_average_is_a_whole_state_dict():
    def made():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.ReLU(), nn.Linear(8, 2))

    playing = nash.GAN(made(), pair()[1], data=nash.Ring(), latent=2, batch_size=8)
    result = nash.train(playing, nash.EMA(solver(1e-2), decay=0.5), steps=5)
    copied = made()
    copied.load_state_dict(result.averages["generator"])
    raw = result.generator.state_dict()
    assert not torch.equal(copied[1].running_mean, raw["1.running_mean"])
    assert not torch.equal(copied[0].weight, raw["0.weight"])
    assert all(not value.requires_grad for value in result.averages["generator"].values())


@pytest.fixture
def ctrl_c():
    """Ctrl-C does what it does at a terminal, also where the tests run in the background and have it ignored."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_ctrl_c_gives_back_what_was_done(capsys, ctrl_c):
    """A first one ends training after the step; the modules hold what was reached, and so does the result."""
    playing, alone = game(), game()

    def interrupt(row):
        if row["step"] == 5:
            signal.raise_signal(signal.SIGINT)

    before = signal.getsignal(signal.SIGINT)
    result = nash.train(playing, solver(), steps=1000, seed=1, log_every=5, notify=interrupt)
    assert signal.getsignal(signal.SIGINT) is before
    assert (result.outcome, result.steps, [row["step"] for row in result.history]) == ("stopped", 5, [5])
    assert "stopping after this step; Ctrl-C again quits at once" in capsys.readouterr().err
    nash.train(alone, solver(), steps=5, seed=1)
    for a, b in zip(playing.parameters(), alone.parameters()):
        torch.testing.assert_close(a, b)


def test_what_ends_training_at_once_leaves_the_modules_where_it_was():
    playing, alone = game(), game()

    def fails(row):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        nash.train(playing, solver(), steps=9, log_every=3, seed=1, notify=fails)
    nash.train(alone, solver(), steps=3, seed=1)
    for a, b in zip(playing.parameters(), alone.parameters()):
        torch.testing.assert_close(a, b)


def test_what_is_given_back_is_printed_in_a_few_words():
    text = repr(nash.train(game(), nash.EMA(solver()), steps=3))
    assert re.fullmatch(
        r"<Trained GAN: finished, 3 steps, costs: discriminator \S+, generator \S+, averages of the generator>", text
    )


def test_ctrl_c_stops_a_session_that_can_go_on(ctrl_c, tmp_path):
    notes = []

    def notify(progress):
        if progress.step == 2 and not notes:
            notes.append(progress)
            signal.raise_signal(signal.SIGINT)

    settings = {"game": "bilinear", "steps": 6, "compile": "off", "log_every": 2}
    session = nash.open_session(settings, {}, tmp_path / "run", notify)
    assert session.train() == "stopped"
    assert repr(session) == f"<Session {tmp_path / 'run'}: 1 member, 2 of 6 steps>"
    assert session.train() == "finished"
