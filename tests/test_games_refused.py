"""Networks and settings that a GAN cannot use are refused by name; frozen parameters stay where they are."""

import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.core import FunctionalGame, Key, load_point, point_of
from nashpath.games.objectives import OBJECTIVES
from nashpath.solvers import SGD, SOLVERS
from solvers_play import Cloud, play


def gan(critic: nn.Module, maker: nn.Module | None = None, kind=nash.GAN, **options):
    made = maker if maker is not None else nn.Sequential(nn.Linear(3, 5), nn.Tanh(), nn.Linear(5, 2))
    return kind(made, critic, data=Cloud(), latent=3, batch_size=4, **options)


def critic(*last: nn.Module, width: int = 1) -> nn.Sequential:
    return nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, width), *last)


class Functional(nn.Module):
    def __init__(self, squash):
        super().__init__()
        self.body, self.squash = critic(), squash

    def forward(self, x):
        return self.squash(self.body(x))


SQUASHED = {
    "nn.Sigmoid": critic(nn.Sigmoid()),
    "sigmoid, then flattened": critic(nn.Sigmoid(), nn.Flatten(0)),
    "in a sequence of its own": nn.Sequential(critic(), nn.Sequential(nn.Sigmoid())),
    "torch.sigmoid": Functional(torch.sigmoid),
    "method": Functional(lambda d: d.sigmoid().view(-1)),
    "squeezed": Functional(lambda d: nn.functional.sigmoid(d).squeeze(1)[:, None]),
    "frozen": critic(nn.Sigmoid()).requires_grad_(False),
}


@pytest.mark.parametrize("case", SQUASHED)
def test_a_critic_that_ends_in_a_sigmoid_is_refused(case: str):
    kind = type(SQUASHED[case]).__name__
    with pytest.raises(ValueError, match=rf"the discriminator \({kind}\) ends in a sigmoid.*leave its last layer out"):
        gan(SQUASHED[case])


def test_a_sigmoid_inside_a_critic_is_fine():
    gan(nn.Sequential(nn.Linear(2, 6), nn.Sigmoid(), nn.Linear(6, 1), nn.Flatten(0)))
    gan(Functional(lambda d: 2 * d.sigmoid()))


def test_a_generator_of_images_that_makes_no_black_is_warned_of():
    def images(*last):
        made = nn.Sequential(nn.Linear(3, 16), *last, nn.Unflatten(1, (1, 4, 4)))
        data = nash.as_source(torch.rand(5, 1, 4, 4, generator=torch.Generator().manual_seed(0)))
        return nash.GAN(made, nn.Sequential(nn.Flatten(), nn.Linear(16, 1)), data=data, latent=3)

    with pytest.warns(UserWarning, match=r"ends in a sigmoid, so its pixels lie in \[0, 1\].*end it in a tanh"):
        images(nn.Sigmoid())
    images(nn.Tanh())
    gan(critic(), nn.Sequential(nn.Linear(3, 2), nn.Sigmoid()))


def test_members_of_a_mixture_are_asked_one_by_one():
    with pytest.raises(ValueError, match=r"discriminator\.networks\.0 \(Sequential\) ends in a sigmoid"):
        nash.Mixture(
            lambda: nn.Linear(3, 2),
            lambda: critic(nn.Sigmoid()),
            data=Cloud(),
            latent=3,
            generators=2,
            discriminators=2,
        )


@pytest.mark.parametrize("width", [2, 25])
def test_several_outputs_are_refused(width: int):
    with pytest.raises(ValueError, match=rf"\(Sequential\) returns shape \(2, {width}\); expected one logit a sample"):
        gan(critic(width=width))
    with pytest.raises(ValueError, match="returns a tuple; expected one tensor of logits"):
        gan(Functional(lambda d: (d, d)))


def test_objectives_of_features_take_several_outputs():
    wide = OBJECTIVES["mmd_gaussian"]()
    gan(critic(width=wide.outputs), objective=wide)


@pytest.mark.parametrize("name", ["cauchy", "Normal", ""])
def test_an_unknown_distribution_of_latents_is_refused_with_the_list(name: str):
    with pytest.raises(ValueError, match=rf"latent_distribution is '{name}'; it must be one of 'normal', 'uniform'"):
        gan(critic(), latent_distribution=name)


@pytest.mark.parametrize("solver", SOLVERS)
def test_frozen_parameters_are_not_moved(solver: str):
    game = gan(critic())
    game.generator[0].requires_grad_(False)
    game.discriminator[2].bias.requires_grad_(False)
    before = {k: v.clone() for k, v in game.state_dict().items()}
    points, _, _ = play(SOLVERS[solver](SGD(0.1), SGD(0.1)), game, 3)
    load_point(game, points[-1])
    moved = {k for k, v in game.state_dict().items() if not torch.equal(v, before[k])}
    frozen = {"generator.0.weight", "generator.0.bias", "discriminator.2.bias"}
    assert moved == {k for k, _ in game.named_parameters()} - frozen


def test_training_leaves_frozen_parameters_alone_in_every_member_of_a_stack():
    games = []
    for seed in range(3):
        torch.manual_seed(seed)
        games.append(gan(critic()))
        games[-1].generator[0].requires_grad_(False)
    before = [{k: v.clone() for k, v in game.state_dict().items()} for game in games]
    solvers = [nash.Alternating(nash.Adam(1e-2), nash.Adam(1e-2)) for _ in games]
    results = nash.train_many(games, solvers, steps=5, seeds=range(3))
    for result, start in zip(results, before):
        after = result.game.state_dict()
        assert torch.equal(after["generator.0.weight"], start["generator.0.weight"])
        assert not torch.equal(after["generator.2.weight"], start["generator.2.weight"])
        assert not result.game.generator[0].weight.requires_grad


def test_a_frozen_layer_is_passed_through_by_gradients():
    """The gradient of what is not frozen is what it was."""
    free, held = gan(critic()), gan(critic())
    held.load_state_dict(free.state_dict())
    held.generator[2].requires_grad_(False)
    batch = free.draw(Key(0))
    for who in ("generator", "discriminator"):
        a, b = (FunctionalGame(game).gradient(who, point_of(game), batch).gradient for game in (free, held))
        assert all(torch.allclose(a[name], value) for name, value in b.items())
    assert set(point_of(held).players["generator"]) == {"0.weight", "0.bias"}


def test_a_player_that_is_frozen_whole_is_refused():
    game = gan(critic())
    game.generator.requires_grad_(False)
    with pytest.raises(ValueError, match=r"all parameters of the generator are frozen \(requires_grad=False\)"):
        point_of(game)
