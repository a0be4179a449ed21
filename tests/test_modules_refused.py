"""Modules that a game cannot use, or cannot stack, are refused by name; those that can be used are."""

import copy
import random

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from torch import nn
from torch.nn.attention import SDPBackend, sdpa_kernel
from torch.nn.utils import parametrizations, parametrize

import nashpath as nash
from nashpath.core import FunctionalGame, Key, Point, load_point, point_of
from nashpath.core.own import OwnMethodWarning
from nashpath.core.purity import check_game
from nashpath.games.toys import Bilinear
from nashpath.run import SettingError


def maker() -> nn.Sequential:
    return nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))


def critic() -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, 1))


def gan(generator=None, discriminator=None):
    made, judge = (
        generator if generator is not None else maker(),
        discriminator if discriminator is not None else critic(),
    )
    return nash.GAN(made, judge, data=nash.Ring(), latent=3, batch_size=4)


def solver():
    return nash.Alternating(nash.Adam(1e-2), nash.Adam(1e-2))


class Does(nn.Module):
    """A body, and something done with its output."""

    def __init__(self, body: nn.Module, act):
        super().__init__()
        self.body, self.act = body, act

    def forward(self, x):
        return self.act(self.body(x))


def test_members_that_share_a_module_are_refused():
    game = gan()
    with pytest.raises(ValueError, match=r"games\[1\] shares generator.0.weight with games\[0\].*copy.deepcopy"):
        nash.train_many([game, game], [solver(), solver()], 1, [0, 1])
    other = gan(discriminator=game.discriminator)
    with pytest.raises(ValueError, match=r"games\[1\] shares discriminator.0.weight with games\[0\]"):
        nash.train_many([game, other], [solver(), solver()], 1, [0, 1])
    first, second = nash.train_many([game, copy.deepcopy(game)], [solver(), solver()], 2, [0, 1])
    assert first.generator is not second.generator


def test_a_layer_of_two_players_is_refused():
    shared = nn.Linear(2, 2)
    with pytest.raises(ValueError, match=r"generator.3.weight is discriminator.0.weight: a layer of two players"):
        gan(nn.Sequential(*maker(), shared), nn.Sequential(shared, *critic()))


def test_a_layer_that_one_player_has_twice_is_fine():
    shared = nn.Linear(5, 5)
    made = nn.Sequential(nn.Linear(3, 5), shared, nn.Tanh(), shared, nn.Linear(5, 2))
    before = shared.weight.detach().clone()
    assert nash.train(gan(made), solver(), 2).outcome == "finished"
    assert isinstance(shared.weight, nn.Parameter)
    assert not torch.equal(shared.weight, before)


def test_a_parameter_that_two_layers_of_a_player_share_stays_one():
    first, second = nn.Linear(5, 5), nn.Linear(5, 5)
    second.weight = first.weight
    game = gan(nn.Sequential(nn.Linear(3, 5), first, nn.Tanh(), second, nn.Linear(5, 2)))
    problem, point = FunctionalGame(game), point_of(game)
    batch = game.draw(Key(0))
    found = problem.gradient("generator", point, batch).gradient["1.weight"]
    game("generator", batch).backward()
    torch.testing.assert_close(found, first.weight.grad)
    moved = Point(
        {**point.players, "generator": {k: v + 1 for k, v in point.players["generator"].items()}}, point.state
    )
    apart = problem.apply("generator", moved, batch["latent"])
    nash.train(game, solver(), 2)
    assert second.weight is first.weight
    load_point(game, moved)
    torch.testing.assert_close(game.generator(batch["latent"]), apart)


def test_a_player_without_parameters_is_refused_by_name():
    class Fixed(nn.Module):
        def forward(self, z):
            return z[:, :2]

    with pytest.raises(ValueError, match=r"the generator \(Fixed\) has no parameters"):
        nash.train(gan(Fixed()), solver(), 1)


@pytest.mark.parametrize("result", [lambda x: (x, x), lambda x: {"x": x}, lambda x: None, lambda x: [x]])
def test_an_output_that_is_no_tensor_is_refused_by_name(result):
    kind = type(result(0)).__name__
    with pytest.raises(ValueError, match=rf"the generator \(Does\) returns a {kind}; expected one tensor of samples"):
        gan(Does(maker(), result))
    with pytest.raises(
        ValueError, match=rf"the discriminator \(Does\) returns a {kind}; expected one tensor of logits"
    ):
        gan(None, Does(critic(), result))


@pytest.mark.parametrize("dtype", [torch.float64, torch.bfloat16, torch.float16])
def test_another_precision_is_refused_by_name(dtype):
    with pytest.raises(ValueError, match=rf"the generator \(Sequential\) has parameters of {dtype}, 0.weight first"):
        gan(maker().to(dtype))
    with pytest.raises(ValueError, match=rf"the discriminator \(Sequential\) has parameters of {dtype}"):
        gan(None, critic().to(dtype))
    with pytest.raises(ValueError, match=rf"the discriminator \(Sequential\) has parameters of {dtype}"):
        nash.train(gan().to(dtype), solver(), 1)


def test_lazy_layers_are_made_and_trained():
    game = gan(nn.Sequential(nn.LazyLinear(5), nn.LazyBatchNorm1d(), nn.LazyLinear(2)), nn.LazyLinear(1))
    assert game.generator[0].weight.shape == (5, 3)
    assert torch.equal(game.generator[1].running_mean, torch.zeros(5))
    result = nash.train(game, solver(), 2)
    assert result.outcome == "finished"


class Doubled(nn.Module):
    def forward(self, x):
        return 2 * x


@pytest.mark.long(first=True)
@pytest.mark.filterwarnings("ignore:There is a performance drop:UserWarning")
@pytest.mark.parametrize("how", ["own", "weight_norm", "orthogonal"])
def test_parametrised_layers_are_stacked_as_alone(how):
    def layer():
        made = nn.Linear(3, 2)
        if how == "own":
            parametrize.register_parametrization(made, "weight", Doubled())
            return made
        return {"weight_norm": parametrizations.weight_norm, "orthogonal": parametrizations.orthogonal}[how](made)

    def build():
        torch.manual_seed(0)
        return gan(layer())

    alone = nash.train(build(), solver(), 3, seed=1)
    both = nash.train_many([build(), build()], [solver(), solver()], 3, [1, 2])
    assert both[0].outcome == "finished"
    mine, its = alone.generator.state_dict(), both[0].generator.state_dict()
    for name, value in mine.items():
        torch.testing.assert_close(its[name], value, rtol=1e-4, atol=1e-6)


def test_members_with_other_parametrisations_still_differ():
    one, other = nn.Linear(3, 2), nn.Linear(3, 2)
    parametrize.register_parametrization(one, "weight", Doubled())
    with pytest.raises(ValueError, match="differ in structure"):
        nash.train_many([gan(one), gan(other)], [solver(), solver()], 1, [0, 1])


@pytest.mark.filterwarnings("ignore::FutureWarning")
def test_the_old_spectral_norm_is_refused_with_its_replacement():
    with pytest.raises(ValueError, match=r"discriminator uses .*nashpath.networks.spectral_norm"):
        gan(None, torch.nn.utils.spectral_norm(nn.Linear(2, 1)))


UNSTACKED = {
    "branch": lambda x: x if x.sum() > 0 else -x,
    "float": lambda x: x * float(x.detach().mean() > -1e9),
    "item": lambda x: x * (1 + 0 * x.detach().sum().item()),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("what", UNSTACKED)
def test_a_module_that_looks_at_values_trains_alone_and_is_named_when_stacked(what):
    def build():
        return gan(nn.Sequential(nn.Linear(3, 3), Does(nn.Linear(3, 2), UNSTACKED[what])))

    assert nash.train(build(), solver(), 2).outcome == "finished"
    with pytest.raises(ValueError, match=r"generator\.1 \(Does\) cannot be stacked.*stack=off"):
        nash.train_many([build(), build()], [solver(), solver()], 2, [0, 1])
    looped = nash.train_many([build(), build()], [solver(), solver()], 2, [0, 1], stack=False)
    assert [one.outcome for one in looped] == ["finished"] * 2


DRAWS = {
    "torch": lambda x: x + 0.1 * torch.randn(x.shape),
    "functional dropout": lambda x: nn.functional.dropout(x, 0.5),
    "numpy": lambda x: x + float(np.random.rand()),
    "python": lambda x: x + random.random(),
}


@pytest.mark.parametrize("what", DRAWS)
def test_a_module_that_draws_its_own_noise_is_refused_by_name(what):
    random.seed(0)  # of any two draws one in some thousands is nearer to the other than rounding may be
    with pytest.raises(ValueError, match=r"generator\.1 \(Does\) draws from the global random state"):
        gan(nn.Sequential(nn.Linear(3, 3), Does(nn.Linear(3, 2), DRAWS[what])))
    with pytest.raises(ValueError, match=r"discriminator \(Does\) draws from the global random state"):
        gan(None, Does(critic(), DRAWS[what]))


def test_a_refused_module_keeps_no_hooks():
    made = Does(maker(), DRAWS["torch"])
    with pytest.raises(ValueError, match="draws from"):
        gan(made)
    assert not any(module._forward_hooks or module._forward_pre_hooks for module in made.modules())


def test_toys_may_share_a_solver():
    rule = nash.Simultaneous(nash.SGD(0.1), nash.SGD(0.1))
    assert len(nash.train_many([Bilinear(), Bilinear()], [rule, rule], 2, [0, 1])) == 2


class Counting(nn.Module):
    """A body that is faded out by a count of its calls, in Python."""

    def __init__(self, body: nn.Module):
        super().__init__()
        self.body, self.calls = body, 0

    def forward(self, x):
        self.calls += 1
        return self.body(x) / self.calls


@pytest.mark.long
@pytest.mark.usefixtures("traced")
def test_a_forward_that_counts_in_python_is_not_compiled():
    """The graph would hold the count of its first call."""
    with (
        pytest.warns(OwnMethodWarning, match=r"generator\.calls changes"),
        pytest.raises(SettingError, match=r"generator.*calls.*compile=off"),
    ):
        nash.train(gan(Counting(maker())), solver(), steps=2, compile=True)


def test_who_looks_at_a_random_item_draws_nothing():
    """As type checkers do at every call."""
    looks = Does(maker(), lambda x: x if random.random() < 2 else -x)
    nash.train(gan(looks), solver(), steps=1)
    with pytest.raises(ValueError, match="draws from the global random state"):
        gan(Does(maker(), lambda x: x * random.random()))


class Attention(nn.Module):
    """Over eight copies of a point, in two heads; by PyTorch's fused kernel, or by plain products."""

    def __init__(self, plain: bool):
        super().__init__()
        self.plain, self.put, self.judge = plain, nn.Linear(2, 8), nn.Linear(8, 1)

    def forward(self, x):
        h = self.put(x).reshape(-1, 1, 2, 4).expand(-1, 8, -1, -1).transpose(1, 2)
        which = [SDPBackend.MATH] if self.plain else [SDPBackend.FLASH_ATTENTION, SDPBackend.MATH]
        with sdpa_kernel(which):
            found = F.scaled_dot_product_attention(h, h, h)
        return self.judge(found.mean(2).flatten(1))


def test_a_second_derivative_that_is_unknown_is_said_with_the_cure():
    def train(plain, penalty):
        game = nash.GAN(maker(), Attention(plain), penalty=penalty, data=nash.Ring(), latent=3, batch_size=4)
        nash.train(game, solver(), steps=1)

    train(False, None)
    train(True, nash.R1(1.0))
    with pytest.raises(SettingError, match=r"second derivative that PyTorch does not know.*SDPBackend\.MATH"):
        train(False, nash.R1(1.0))


@pytest.mark.parametrize("act", [torch.Tensor.detach, lambda x: (x > 0).float()])
def test_a_network_that_no_derivative_leads_back_to_is_refused(act):
    with pytest.raises(ValueError, match="the generator's output has no derivative by its parameters"):
        gan(generator=Does(maker(), act))
    with pytest.raises(ValueError, match="the discriminator's output has no derivative by its parameters"):
        gan(discriminator=Does(critic(), act))
    frozen = Does(maker(), act).requires_grad_(False)
    gan(generator=nn.Sequential(frozen, nn.Linear(2, 2)))


def test_a_module_with_a_generator_of_its_own_is_refused_by_name():
    own, numbers = torch.Generator().manual_seed(0), np.random.default_rng(0)
    for act in (
        lambda x: x + 0.01 * torch.randn(x.shape, generator=own),
        lambda x: x + 0.01 * float(numbers.normal()),
    ):
        with pytest.raises(ValueError, match=r"generator\.1 \(Does\) gives two outputs for one input, as one"):
            gan(nn.Sequential(nn.Linear(3, 3), Does(nn.Linear(3, 2), act)))


class Draws:
    """Data of one's own by a function of key and count."""

    shape = (2,)

    def __init__(self, act):
        self.act = act

    def draw(self, key, count):
        return {"real": self.act(key, count)}


OWN, NUMPY = torch.Generator().manual_seed(0), np.random.default_rng(0)
WRONG_DATA = {
    "global": (lambda key, n: torch.randn(n, 2), "Draws.draw gives other samples for the same key.*key.normal"),
    "numpy": (lambda key, n: torch.as_tensor(np.random.rand(n, 2)).float(), "gives other samples for the same key"),
    "its own": (lambda key, n: torch.randn(n, 2, generator=OWN), "gives other samples for the same key"),
    "numpy's own": (lambda key, n: torch.as_tensor(NUMPY.normal(size=(n, 2))).float(), "gives other samples"),
    "double": (lambda key, n: torch.zeros(n, 2, dtype=torch.float64), r"samples of torch.float64 and shape \(16, 2\)"),
    "too few": (lambda key, n: torch.zeros(3, 2), r"of torch.float32 and shape \(3, 2\); with shape = \(2,\)"),
    "no tensor": (lambda key, n: np.zeros((n, 2)), r'must return {"real": samples}'),
}


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize("what", WRONG_DATA)
def test_data_that_do_not_draw_by_the_key_are_refused_by_name(what):
    act, said = WRONG_DATA[what]
    game = nash.GAN(maker(), critic(), data=Draws(act), latent=3, batch_size=4)
    with pytest.raises(ValueError, match=said):
        nash.train(game, solver(), steps=1)


class Own(nash.Game):
    """A game of one's own, as `GAN` plays it; ``draws`` and ``cost`` are what is wrong with it."""

    def __init__(self, generator=None, discriminator=None, draws=None, cost=None):
        super().__init__()
        self.generator, self.discriminator = generator or maker(), discriminator or critic()
        self.draws, self.cost = draws, cost

    def draw(self, key, lead=()):
        return self.draws(key, lead) if self.draws else {"z": key.normal((*lead, 4, 3)), "x": key.normal((*lead, 4, 2))}

    def forward(self, player, batch):
        real, fake = self.discriminator(batch["x"]), self.discriminator(self.generator(batch["z"]))
        cost = F.softplus(-fake) if player == "generator" else F.softplus(fake) + F.softplus(-real)
        return self.cost(cost) if self.cost else cost.mean()


WRONG_GAMES = {
    "dropout": ({"generator": nn.Sequential(maker(), nn.Dropout(0.5))}, r"generator\.1 is Dropout.*networks.Dropout"),
    "spectral norm": (
        {"discriminator": parametrizations.spectral_norm(nn.Linear(2, 1))},
        "discriminator uses torch's spectral_norm.*nashpath.networks.spectral_norm",
    ),
    "global noise": ({"generator": Does(maker(), DRAWS["torch"])}, r"generator \(Does\) draws from the global"),
    "its own noise": (
        {"generator": Does(maker(), lambda x: x + torch.randn(x.shape, generator=OWN))},
        r"generator \(Does\) gives two outputs for one input",
    ),
    "noise in the cost": ({"cost": lambda cost: cost.mean() * torch.rand(())}, r"Own \(Own\) draws from the global"),
    "detached": ({"generator": Does(maker(), torch.Tensor.detach)}, "no derivative by the parameters of the generator"),
    "double": ({"generator": maker().double()}, r"the generator \(Sequential\) has parameters of torch.float64"),
    "global draws": (
        {"draws": lambda key, lead: {"z": torch.randn(*lead, 4, 3), "x": torch.randn(*lead, 4, 2)}},
        "Own.draw gives another batch for the same key",
    ),
    "no lead": (
        {"draws": lambda key, lead: {"z": key.normal(4, 3), "x": key.normal(4, 2)}},
        r"\(4, 3\) for lead",
    ),
    "no mean": ({"cost": torch.Tensor.flatten}, r"forward\('discriminator', batch\) returns shape \(4,\).*its mean"),
    "a float": ({"cost": lambda cost: 1.0}, "returns a float; expected the player's cost, a scalar tensor"),
}


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize("what", WRONG_GAMES)
def test_a_game_of_ones_own_is_checked_as_a_gan_is(what):
    given, said = WRONG_GAMES[what]
    with pytest.raises(ValueError, match=said):
        nash.train(Own(**given), solver(), steps=1)


def test_a_sound_game_of_ones_own_is_left_as_it_was():
    batch_norm = nn.Sequential(nn.Linear(3, 5), nn.BatchNorm1d(5), nn.ReLU(), nn.Linear(5, 2))
    game, state = Own(batch_norm), torch.get_rng_state()
    before = copy.deepcopy(game.state_dict())
    check_game(game)
    assert all(torch.equal(value, before[name]) for name, value in game.state_dict().items())
    assert all(parameter.grad is None for parameter in game.parameters())
    assert torch.equal(torch.get_rng_state(), state)
    assert nash.train(game, solver(), 2).outcome == "finished"


class Shifted(nn.Module):
    """Writes into what it is given."""

    def __init__(self, inner):
        super().__init__()
        self.inner = inner

    def forward(self, x):
        x -= 0.5
        return self.inner(x)


class Wave(nn.Module):
    """A complex parameter, and real outputs."""

    def __init__(self):
        super().__init__()
        self.body, self.phase = nn.Linear(2, 1), nn.Parameter(torch.ones(1, dtype=torch.cfloat))

    def forward(self, x):
        return self.body(x) * self.phase.abs()


def hooked(how):
    network = critic()
    getattr(network[0].weight, how)(lambda slope: None)
    return network


@pytest.mark.parametrize(
    ("make", "told"),
    [
        (lambda: hooked("register_hook"), r"0\.weight has a hook on its gradient .* a mask"),
        (lambda: hooked("register_post_accumulate_grad_hook"), r"0\.weight has a hook on its gradient"),
        (lambda: Shifted(critic()), r"\(Shifted\) writes into its input"),
        (lambda: nn.Sequential(nn.ReLU(inplace=True), *critic()), r"\(Sequential\) writes into its input"),
        (Wave, r"phase is a complex parameter \(torch.complex64\)"),
        (lambda: torch.jit.script(critic()), r"compiled by torch.jit.*give the module that it was made of"),
    ],
)
def test_what_would_be_passed_over_or_undone_is_refused(make, told):
    torch.manual_seed(0)  # samples that are all positive a ReLU leaves as they are
    with pytest.raises(ValueError, match=told):
        gan(discriminator=make())
    if "writes" not in told:
        with pytest.raises(ValueError, match=told):
            gan(generator=nn.Sequential(nn.Linear(3, 2), make(), nn.Linear(1, 2)))


def test_a_generator_that_writes_into_its_latents_is_refused():
    with pytest.raises(ValueError, match=r"the generator \(Shifted\) writes into its input"):
        gan(generator=Shifted(maker()))


def test_a_hook_that_was_removed_is_no_hook_and_in_place_layers_further_in_are_fine():
    network = nn.Sequential(nn.Linear(2, 6), nn.ReLU(inplace=True), nn.Linear(6, 1))
    network[0].weight.register_hook(lambda slope: None).remove()
    assert nash.train(gan(discriminator=network), solver(), 2).outcome == "finished"
