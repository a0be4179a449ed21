"""Feature matching, label smoothing and joint batches, against formulas written out in NumPy."""

import numpy as np
import pytest
import torch
from torch import Tensor, nn

from nashpath.core import FunctionalGame, Key, point_of, seeded, tree_map
from nashpath.data import Ring
from nashpath.games.critics import activations, layer_names
from nashpath.games.gan import GAN
from nashpath.games.objectives import (
    OBJECTIVES,
    FeatureMatching,
    Hinge,
    JointBatch,
    LabelSmoothing,
    Minimax,
    NonSaturating,
    Objective,
    Wasserstein,
)
from nashpath.games.penalties import PENALTIES, R1, Dragan
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.networks.minibatch_discrimination import MinibatchMLPDiscriminator

RNG = np.random.default_rng(0)
REAL, FAKE = torch.tensor(RNG.normal(size=(6, 2)), dtype=torch.float), torch.tensor(RNG.normal(size=(6, 2)) + 1).float()


def critic() -> nn.Sequential:
    with seeded(3):
        return nn.Sequential(nn.Sequential(nn.Linear(2, 5), nn.Tanh()), nn.Linear(5, 4), nn.ReLU(), nn.Linear(4, 1))


def by_hand(network: nn.Sequential, x: torch.Tensor) -> np.ndarray:
    """The last hidden activations of `critic`, in NumPy."""
    layers = {k: v.detach().numpy().astype(float) for k, v in network.state_dict().items()}
    hidden = np.tanh(x.numpy() @ layers["0.0.weight"].T + layers["0.0.bias"])
    return np.maximum(hidden @ layers["1.weight"].T + layers["1.bias"], 0)


@pytest.mark.parametrize(
    ("norm", "distance"),
    [
        ("squared", lambda gap: (gap**2).sum()),
        ("mean_squared", lambda gap: (gap**2).mean()),
        ("absolute", lambda gap: np.abs(gap).mean()),
    ],
)
def test_feature_matching_is_the_distance_of_batch_means(norm, distance):
    network = critic()
    expected = distance(by_hand(network, REAL).mean(0) - by_hand(network, FAKE).mean(0))
    assert FeatureMatching("2", norm)("generator", network, REAL, FAKE).item() == pytest.approx(expected, rel=1e-5)


@pytest.mark.parametrize("objective", [NonSaturating(), Hinge(), Wasserstein(), LabelSmoothing()])
def test_feature_matching_leaves_the_discriminator_its_objective(objective):
    network = critic()
    wrapped = FeatureMatching("2", objective=objective)("discriminator", network, REAL, FAKE)
    assert wrapped.item() == objective("discriminator", network, REAL, FAKE).item()


def test_any_layer_by_name_and_a_list_of_names_where_there_is_none():
    network, own = critic(), MLPDiscriminator((2,), width=4)
    assert torch.equal(activations(network, REAL, "0.1"), torch.tanh(network[0][0](REAL)))
    assert torch.equal(activations(own, REAL, "features"), own.features(REAL))
    inside = activations(own, REAL, "features.linear2")
    assert torch.equal(nn.functional.leaky_relu(inside, 0.2), own.features(REAL))
    assert layer_names(own)[:3] == ["features", "features.flatten", "features.linear1"]
    with pytest.raises(ValueError, match=r"no layer '7' .* 0, 1, 2, 3"):
        activations(network, REAL, "7")
    with pytest.raises(ValueError, match=r"no layer 'head' .* features, features\.flatten"):
        activations(own, REAL, "head")
    with pytest.raises(ValueError, match=r"nn\.Sequential"):
        activations(nn.Linear(2, 1), REAL, "features")


def test_feature_matching_is_a_cost_of_the_game_with_its_gradient():
    with seeded(0):
        game = GAN(nn.Linear(2, 2), critic(), FeatureMatching("2"), Dragan(), data=Ring(), latent=2, batch_size=8)
    point, batch, problem = point_of(game), game.draw(Key(0)), FunctionalGame(game)
    slope = problem.gradient("generator", point, batch).gradient["bias"]
    for axis in range(2):
        step = torch.zeros(2)
        step[axis] = 1e-2
        sides = []
        for sign in (1, -1):
            bias = point.players["generator"]["bias"] + sign * step
            moved = point._replace(players={**point.players, "generator": {**point.players["generator"], "bias": bias}})
            sides.append(problem.loss("generator", moved, batch)[0].item())
        assert slope[axis].item() == pytest.approx((sides[0] - sides[1]) / 2e-2, rel=2e-2, abs=1e-4)


@pytest.mark.parametrize(("positive", "negative"), [(0.9, 0.0), (0.75, 0.0), (0.9, 0.1)])
def test_the_best_discriminator_under_smoothing(positive, negative):
    p, q = np.array([1, 4, 5]), np.array([6, 3, 1])
    real, fake = (torch.repeat_interleave(torch.arange(3), torch.tensor(counts)) for counts in (p, q))
    objective, logits = LabelSmoothing(positive, negative).double(), torch.zeros(3, dtype=torch.float64)
    logits.requires_grad_()
    descent = torch.optim.LBFGS(
        [logits], max_iter=200, tolerance_grad=1e-10, tolerance_change=0, line_search_fn="strong_wolfe"
    )

    def closure():
        descent.zero_grad()
        cost = objective.discriminator(logits[real], logits[fake])
        cost.backward()
        return cost

    descent.step(closure)
    expected = (np.float32(positive) * p + np.float32(negative) * q) / (p + q)
    np.testing.assert_allclose(torch.sigmoid(logits).detach().numpy(), expected, atol=1e-6)


def test_without_smoothing_it_is_the_plain_game():
    d = torch.linspace(-5, 5, 11)
    for kind, plain in {"non_saturating": NonSaturating(), "minimax": Minimax()}.items():
        hard = LabelSmoothing(1.0, 0.0, kind)
        assert hard.discriminator(d, d.flip(0) + 1).item() == plain.discriminator(d, d.flip(0) + 1).item()
        assert hard.generator(d).item() == plain.generator(d).item()


def test_the_shifted_generator_meets_the_released_target():
    objective = LabelSmoothing(0.75, 0.0, "shifted")
    at = torch.tensor([np.log(0.375 / 0.625)], dtype=torch.float)
    assert objective.generator(at).item() == pytest.approx(0, abs=1e-6)
    d = torch.tensor([0.3, -2.0])
    probability = 1 / (1 + np.exp(-d.numpy().astype(float)))
    released = 0.375 * np.log(0.375 / probability) + 0.625 * np.log(0.625 / (1 - probability))
    assert objective.generator(d).item() == pytest.approx(released.mean(), rel=1e-5)
    assert torch.isfinite(objective.generator(torch.tensor([1e4, -1e4])))
    assert LabelSmoothing(0.0, 0.0, "shifted").generator(at) > 0


def test_a_label_outside_the_unit_interval_is_refused():
    with pytest.raises(ValueError, match=r"positive is 1\.2"):
        LabelSmoothing(1.2)


@pytest.mark.parametrize("player", ["discriminator", "generator"])
def test_a_joint_batch_changes_nothing_for_a_critic_of_single_samples(player):
    network = critic()
    for objective in (NonSaturating(), Hinge(), LabelSmoothing(generator="shifted")):
        joint = JointBatch(objective)(player, network, REAL, FAKE)
        torch.testing.assert_close(joint, objective(player, network, REAL, FAKE))


JOINABLE = [name for name, kind in OBJECTIVES.items() if kind.forward is Objective.forward]
KERNELS = [name for name in JOINABLE if OBJECTIVES[name].witness is not Objective.witness]
SLOPES = [name for name, kind in PENALTIES.items() if kind.needs_input_gradient]


@pytest.mark.parametrize("features", [1, 3])
@pytest.mark.parametrize("penalty", ["none", "cr", *SLOPES])
@pytest.mark.parametrize("name", ["non_saturating", *KERNELS])
def test_a_joint_batch_has_the_penalty_of_its_objective(name, penalty, features):
    """The slope that is priced is that of the objective's own witness, not of the critic where it gives features."""
    inner = OBJECTIVES[name](features=features) if name in KERNELS else OBJECTIVES[name]()
    costs = []
    for objective in (inner, JointBatch(inner)):
        with seeded(1):
            body = nn.Sequential(nn.Linear(2, 6), nn.Tanh(), nn.Linear(6, inner.outputs))
            generator_ = MLPGenerator(2, (2,), width=8)
        game = GAN(generator_, body, objective, PENALTIES[penalty](), data=Ring(), latent=2, batch_size=5).double()
        cost = game("discriminator", tree_map(Tensor.double, game.draw(Key(3))))
        slope = torch.autograd.grad(cost, list(game.discriminator.parameters()), allow_unused=True)
        costs.append(torch.cat([cost[None], *(torch.zeros(1) if g is None else g.flatten() for g in slope)]))
    torch.testing.assert_close(costs[1], costs[0])


def test_a_game_without_a_penalty_asks_for_no_witness():
    """Which would show the critic each kind of sample once more, and move running statistics by it."""

    class Watched(nn.Module):
        def forward(self, x):
            shown.append(len(x))
            return x

    shown: list[int] = []
    objective = JointBatch(OBJECTIVES[KERNELS[0]](features=2))
    game = GAN(MLPGenerator(2, (2,)), nn.Sequential(nn.Linear(2, 2), Watched()), objective, data=Ring(), latent=2)
    shown.clear()
    game("discriminator", game.draw(Key(0)))
    assert shown == [2 * game.batch_size]


def joint_game(objective, penalty=None, joint=True) -> GAN:
    with seeded(1):
        discriminator = MinibatchMLPDiscriminator((2,), width=8, kernels=3, dimensions=2, joint=joint)
        generator_ = MLPGenerator(2, (2,), width=8)
    return GAN(generator_, discriminator, objective, penalty, data=Ring(), latent=2, batch_size=6)


def test_combinations_that_make_no_sense_are_refused_with_the_reason():
    with pytest.raises(ValueError, match="shows them apart: use joint_batch"):
        joint_game(NonSaturating())
    with pytest.raises(ValueError, match="gradient penalty has no meaning"):
        joint_game(NonSaturating(), R1(), joint=False)
    with pytest.raises(ValueError, match="put joint_batch inside it"):
        JointBatch(FeatureMatching())
    assert joint_game(FeatureMatching(objective=JointBatch())).objective.joint


@pytest.mark.parametrize("layer", ["", "head", "features.nothing"])
def test_a_layer_that_is_not_there_is_refused_when_the_game_is_made(layer):
    networks = MLPGenerator(4, (2,)), MLPDiscriminator((2,))
    with pytest.raises(ValueError, match="to match features at; it has"):
        GAN(*networks, FeatureMatching(layer), data=Ring(), latent=4)
