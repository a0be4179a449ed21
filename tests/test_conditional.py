"""Class-conditional GANs: heads against the papers' equations, and each class's samples are of it."""

import copy

import numpy as np
import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.core import FunctionalGame, Key, pick, point_of, seeded
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves, tree_map
from nashpath.data import Samples
from nashpath.diagnostics import Calibration, ProximalDualityGap, calibration_of
from nashpath.games import HEADS, OBJECTIVES, PENALTIES, Conditional
from nashpath.games.class_networks import one_hot_of
from nashpath.games.penalties import GradientPenalty
from nashpath.games.techniques import TECHNIQUES
from nashpath.networks import BatchNorm, ConditionalBatchNorm, MLPDiscriminator, MLPGenerator
from nashpath.run import SettingError
from nashpath.run.engine.program import Program, stack
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.run.observe.snapshot import place
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import SOLVERS, Adam, Alternating

CLASSES = 3


def ring(count: int = 6000) -> Samples:
    """Class k is a normal cloud of deviation 0.1 at angle 2πk/3 on the unit circle; classes of 1/2, 1/3 and 1/6."""
    rng = np.random.default_rng(0)
    y = rng.choice(CLASSES, count, p=[1 / 2, 1 / 3, 1 / 6])
    return Samples(centres()[y] + 0.1 * rng.normal(size=(count, 2)), labels=y)


def centres() -> np.ndarray:
    angle = 2 * np.pi * np.arange(CLASSES) / CLASSES
    return np.stack([np.cos(angle), np.sin(angle)], 1)


def game(head: str = "projection", objective=None, penalty=None, seed: int = 0, **given) -> Conditional:
    width = 1 if objective is None else objective.outputs
    inputs, outputs = Conditional.sizes(2, width, CLASSES, {"head": head, "embedding": 4})
    with seeded(seed):
        networks = MLPGenerator(inputs, (2,), width=16), MLPDiscriminator((2,), width=16, outputs=outputs)
        parts = {"data": ring(), "latent": 2, "embedding": 4, "batch_size": 32, **given}
        return Conditional(*networks, objective, penalty, head=head, **parts)


def of_batch(played: Conditional):
    """``(batch, generated samples, classes of real ones, of generated ones, the discriminator's network)``."""
    batch = played.draw(Key(0))
    labels = next(v for k, v in batch["noise"].items() if v.dtype == torch.int64)
    network = played.discriminator.network
    return batch, played.generator(batch["latent"]), *labels.unbind(-1), network


@pytest.mark.parametrize("balance", ["data", "uniform"])
def test_diagnostics_judge_each_sample_with_its_own_class(balance):
    played = game(balance=balance)
    problem, point, batches = FunctionalGame(played), point_of(played), played.draw(Key(0), (4,))
    batch = pick(batches, 0)
    labels = next(v for v in batch["noise"].values() if v.dtype == torch.int64)
    fake = played.generator(batch["latent"])

    def logits(x, label):
        outputs = played.discriminator.network(x)
        return outputs[:, 0] + outputs[:, 1:].gather(1, label[:, None])[:, 0]

    by_hand = logits(batch["real"], labels[:, 0]), logits(fake, labels[:, 1])
    assert torch.allclose(problem.judge(point, batch["real"], batch)[:, 0], by_hand[0])
    found, want = Calibration(draws=1)(problem, point, batches), calibration_of(*by_hand)
    assert found.keys() == want.keys()
    assert all(torch.allclose(found[name], want[name]) for name in want)
    mean = calibration_of(*(problem.apply("discriminator", point, x) for x in (batch["real"], fake)))
    assert not torch.allclose(found["calibration.brier"], mean["calibration.brier"])
    far = tree_map(torch.zeros_like, point.players["discriminator"])
    distance = ProximalDualityGap()._distance(problem, point, batch, far)
    x = batch["real"].clone().requires_grad_()
    (slope,) = torch.autograd.grad(logits(x, labels[:, 0]).sum(), x)
    assert torch.allclose(distance, slope.square().sum(1).mean())


def log_softmax(logits: np.ndarray) -> np.ndarray:
    return logits - np.log(np.exp(logits).sum(1, keepdims=True))


def softplus(x: np.ndarray) -> np.ndarray:
    return np.log1p(np.exp(x))


def numpy(x: torch.Tensor) -> np.ndarray:
    return x.detach().double().numpy()


def test_the_logit_of_the_projection_discriminator():
    """Miyato and Koyama 2018: f(x, y) = ψ(φ(x)) + yᵀ V φ(x), with the weights of the head's rows, in NumPy."""
    played = game(balance="uniform")
    batch, fake, real_class, fake_class, network = of_batch(played)
    weight, bias = numpy(network.head.weight), numpy(network.head.bias)

    def logit(x: torch.Tensor, y: torch.Tensor) -> np.ndarray:
        phi = numpy(network.features(x))
        psi, inner = phi @ weight[0] + bias[0], phi @ weight[1:].T + bias[1:]
        return psi + (np.eye(CLASSES)[y.numpy()] * inner).sum(1)

    real, made = logit(batch["real"], real_class), logit(fake, fake_class)
    assert (real_class != fake_class).any()
    assert played("discriminator", batch).item() == pytest.approx(softplus(-real).mean() + softplus(made).mean(), 1e-5)
    assert played("generator", batch).item() == pytest.approx(softplus(-made).mean(), rel=1e-5)


@pytest.mark.parametrize("head", ["acgan", "adcgan"])
def test_the_costs_of_the_classifiers(head):
    """Odena et al. 2017, L_S and L_C; Hou et al. 2022, a classifier of 2K classes: by softmax in NumPy."""
    weight = 0.7
    played = game(head, class_weight=weight)
    batch, fake, real_class, fake_class, network = of_batch(played)
    real, made = numpy(network(batch["real"])), numpy(network(fake))
    rows, y, y_made = np.arange(len(real)), real_class.numpy(), fake_class.numpy()
    of_real, of_made = log_softmax(real[:, 1:]), log_softmax(made[:, 1:])
    source_d = softplus(-real[:, 0]).mean() + softplus(made[:, 0]).mean()
    source_g = softplus(-made[:, 0]).mean()
    if head == "acgan":
        class_d = -of_real[rows, y].mean() - of_made[rows, y_made].mean()
        class_g = -of_made[rows, y_made].mean()
    else:
        class_d = -of_real[rows, y].mean() - of_made[rows, CLASSES + y_made].mean()
        class_g = (of_made[rows, CLASSES + y_made] - of_made[rows, y_made]).mean()
    assert played("discriminator", batch).item() == pytest.approx(source_d + weight * class_d, rel=1e-5)
    assert played("generator", batch).item() == pytest.approx(source_g + weight * class_g, rel=1e-5)


@pytest.mark.parametrize("label", [3, 99, -1, -4])
@pytest.mark.parametrize("function", [one_hot_of, torch.func.vmap(one_hot_of, (0, None))])
def test_labels_that_there_are_not_are_no_class(label, function):
    """In place of the numbers of no class, which networks answer as they answer any."""
    with pytest.raises(IndexError, match="is out of bounds for dimension 0 with size 3"):
        function(torch.tensor([0, label, 2]), 3)
    assert torch.equal(function(torch.tensor([0, 2, 1]), 3), torch.eye(3)[[0, 2, 1]])


@pytest.mark.filterwarnings("ignore:.*classes have no sample")
@pytest.mark.parametrize("balance", ["data", "uniform"])
def test_a_class_without_samples_is_not_sampled(balance):
    data = Samples(torch.randn(20, 2), labels=[0, 2] * 10)
    played = game(balance=balance, data=data)
    assert played.never_seen == [1]
    assert set(played.classes_of_samples(Key(0), 200).tolist()) == {0, 2}
    for label in (1, torch.tensor([0, 1, 2, 0])):
        with pytest.raises(ValueError, match=r"classes \[1\] had no sample in the data"):
            played.sample_class(Key(0), 4, label)
    assert played.sample_class(Key(0), 4, torch.tensor([0, 2, 2, 0])).shape == (4, 2)


def test_classes_follow_the_data_or_are_uniform():
    """Of 20,000 draws a share lies within 0.0145, four standard deviations of a share of a half."""
    of_data = np.bincount(ring().labelled_examples()[1], minlength=3) / 6000
    for balance, shares in (("data", of_data), ("uniform", np.full(3, 1 / 3))):
        played = game(balance=balance, batch_size=20_000)
        batch, _, real_class, fake_class, _ = of_batch(played)
        assert torch.equal(real_class, fake_class) == (balance == "data")
        assert torch.equal(played.class_of(batch["latent"]), fake_class)
        drawn = played.classes_of_samples(Key(3), 20_000)
        for label in (fake_class, drawn):
            assert np.allclose(np.bincount(label, minlength=3) / 20_000, shares, atol=0.0145)
        again = played.classes_of_samples(Key(3), 20_000)
        assert torch.equal(drawn, again)


def test_latents_are_those_of_the_plain_game():
    plain = nash.GAN(MLPGenerator(2, (2,)), MLPDiscriminator((2,)), data=ring(), latent=2, batch_size=32)
    one, two = plain.draw(Key(5)), game().draw(Key(5))
    assert torch.equal(one["real"], two["real"])
    assert torch.equal(one["latent"], two["latent"][:, :2])


@pytest.mark.parametrize("wrap", [lambda g: g, lambda g: copy.deepcopy(g).eval()], ids=["in training", "for use"])
def test_a_generator_takes_latents_and_classes_apart_or_joined(wrap):
    """As the exported program does; what names no class is refused with the call that does."""
    played = game()
    generator, label = wrap(played.generator), torch.tensor([2, 0, 1, 1])
    joined = played.of_class(played.latents(Key(0), (4,)), label)
    torch.testing.assert_close(generator(*played.inputs(joined)), generator(joined), rtol=0, atol=0)
    width, count = played.latent, played.classes
    for given in (
        (joined[:, :width],),
        (joined, label),
        (joined[:, :width], label[:3]),
        (joined[:, :width], label[:, None]),
    ):
        with pytest.raises(
            ValueError, match=rf"takes latents \[n, {width}\] and classes \[n\]: generator\(latents, cl"
        ):
            generator(*given)
    for label in (count, -1):
        with pytest.raises(IndexError):
            generator(joined[:, :width], torch.full((4,), label))


def test_conditional_batch_norm_is_one_batch_norm_a_class():
    """Against torch.nn.BatchNorm1d without scale and shift, and each class's own by hand."""
    norm = ConditionalBatchNorm(BatchNorm(5), 3)
    with torch.no_grad():
        norm.weight.normal_()
        norm.bias.normal_()
    x, y, plain = torch.randn(12, 5), torch.arange(12) % 3, nn.BatchNorm1d(5, affine=False)
    for mode in (True, False):
        norm.train(mode)
        plain.train(mode)
        norm.given = torch.eye(3)[y]
        expected = plain(x) * norm.weight[y] + norm.bias[y]
        torch.testing.assert_close(norm(x), expected, rtol=1e-5, atol=1e-6)
    torch.testing.assert_close(norm.running_var, plain.running_var)
    image = norm.train()(torch.randn(12, 5, 2, 3))
    assert image.shape == (12, 5, 2, 3)


SETTINGS = {
    "game": {"kind": "conditional", "embedding": 3},
    "batch_size": 6,
    "latent": 3,
    "steps": 4,
    "generator": {"kind": "mlp", "width": 5, "norm": "batch"},
    "discriminator": {"kind": "mlp", "width": 5},
}
ROWS = [("objective", k) for k in OBJECTIVES] + [("penalty", k) for k in PENALTIES]
ROWS += [("technique", k) for k in TECHNIQUES]
OTHER_HEADS = pytest.mark.thorough(
    "a solver is given costs: what heads make of these, the other rows ask under each head"
)
SOLVED = [
    pytest.param("solver", k, head, marks=OTHER_HEADS if place else ())
    for k in SOLVERS
    for place, head in enumerate(HEADS)
]
REASONS = {
    ("projection", "feature_matching"): "do not see the class",
    ("acgan", "joint_batch"): "judges each",
    ("adcgan", "joint_batch"): "judges each",
    ("acgan", "gradient_normalisation"): "use game.head=projection",
    ("adcgan", "gradient_normalisation"): "use game.head=projection",
}
"""What is refused, in the words of the reason; of images only, elsewhere."""


@pytest.fixture(scope="module")
def table(tmp_path_factory) -> dict:
    place, data = tmp_path_factory.mktemp("labelled") / "ring.npz", ring()
    x, y = data.labelled_examples()
    np.savez(place, x=x, y=y)
    return {"data": {"kind": "array", "path": str(place), "key": "x", "label_key": "y"}}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind", "head"), [*((*row, head) for row in ROWS for head in HEADS), *SOLVED])
def test_every_method_plays_it_or_is_refused_with_the_reason(table, head, path, kind):
    """A step of two members at once is that of each alone, in float64, and everything stays finite."""
    torch.set_default_dtype(torch.float64)
    members, refused = [], ""
    try:
        settings = resolve({**SETTINGS, **table}, {path: kind, "game.head": head})
        members = [build_trial(settings, seed).double() for seed in range(2)]
    except SettingError as error:
        refused = str(error)
    finally:
        torch.set_default_dtype(torch.float32)
    expected = "changes images" if kind in ("diff_augment", "ada") else REASONS.get((head, kind), "")
    assert expected in refused
    assert bool(expected) == bool(refused)
    if refused:
        return
    step = make_step(members[0])
    batches = [
        tree_map(lambda v: v.double() if v.is_floating_point() else v, t.game.draw(Key(s), (t.solver.draws,)))
        for s, t in enumerate(members)
    ]
    with torch.no_grad():
        solo = [step(begin(t), hyperparameters_of(t), b) for t, b in zip(members, batches)]
        numbers = stack([hyperparameters_of(t) for t in members])
        together = torch.func.vmap(step)(stack([begin(t) for t in members]), numbers, stack(batches))
    for i, alone in enumerate(solo):
        for a, b in zip(leaves(alone), leaves(tree_map(lambda v, i=i: v[i], together))):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)
            assert not a.is_floating_point() or torch.isfinite(a).all()


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("network", "head"), [("dcgan", h) for h in HEADS] + list(zip(["resnet", "r3gan", "salimans_conv"], HEADS))
)
def test_image_networks_play_it_with_techniques_on_images(network, head):
    changes = {"data": "digits", "generator": network, "discriminator": network, "game.head": head}
    for technique in ("diff_augment", "ada"):
        trial = build_trial(resolve({"game": "conditional", "batch_size": 4}, {**changes, "technique": technique}), 0)
        norms = [layer for layer in trial.game.modules() if isinstance(layer, ConditionalBatchNorm)]
        assert bool(norms) == (network != "r3gan")
        problem, batch = FunctionalGame(trial.game), trial.game.draw(Key(0))
        for player in trial.game.players:
            found = problem.gradient(player, point_of(trial.game), batch)
            assert all(torch.isfinite(v).all() for v in found.gradient.values())
            assert any(v.abs().max() > 0 for k, v in found.gradient.items() if "embedding" in k or player[0] == "d")


@pytest.mark.long
@pytest.mark.parametrize("head", HEADS)
def test_a_step_is_one_graph(table, head):
    trial = build_trial(resolve({**SETTINGS, **table}, {"game.head": head, "penalty": "wgan_gp"}), 0)
    step, batch = make_step(trial), trial.game.draw(Key(0), (trial.solver.draws,))
    traced = as_one_graph(step, "traced")
    with torch.no_grad():
        eager, compiled = (f(begin(trial), hyperparameters_of(trial), batch) for f in (step, traced))
    for a, b in zip(leaves(eager), leaves(compiled)):
        torch.testing.assert_close(a, b, rtol=1e-5, atol=1e-6)


def test_the_class_weight_is_a_number():
    costs = [game("acgan", class_weight=w)("generator", game().draw(Key(0))).item() for w in (0.0, 1.0, 3.0)]
    assert costs[2] - costs[0] == pytest.approx(3 * (costs[1] - costs[0]), rel=1e-4)


def test_what_cannot_be_played_is_refused():
    with pytest.raises(ValueError, match=r"Ring has no labels here.*data\.labels=true"):
        Conditional(MLPGenerator(18, (2,)), MLPDiscriminator((2,)), data=nash.Ring(), latent=2)
    with pytest.raises(ValueError, match="are of two classes; use balance=data"):
        game(penalty=GradientPenalty(), balance="uniform")
    with pytest.raises(ValueError, match=r"3 classes need \(2, 4\) under this head: outputs=4"):
        Conditional(MLPGenerator(18, (2,)), MLPDiscriminator((2,)), data=ring(), latent=2)
    with pytest.raises(ValueError, match="classes are 0 to 2; got 3"):
        game().sample_class(Key(0), 4, 3)
    with pytest.raises(SettingError, match="has no labels here"):
        build_trial(resolve({"game": "conditional", "data": "ring"}), 0)


TRAINED = pytest.mark.thorough("trains for seconds; what a classifier of classes costs is asked by hand above")


@pytest.mark.long
@pytest.mark.parametrize("head", [pytest.param(h, marks=() if h == "projection" else TRAINED) for h in HEADS])
def test_each_class_is_of_its_class(head):
    """The share of 500 samples of each class that lie nearest to their class's centre, for two seeds.

    Over eight seeds it is 1.000 for every head and class, from step 150 on; without the class it would be that of the
    class, ½ at most.
    """
    trials = [Trial(game(head, seed=s), Alternating(Adam(4e-3, 0.5), Adam(4e-3, 0.5))) for s in range(2)]
    program = Program(trials, [0, 1], "stacked")
    program.run(200)
    for member, trial in enumerate(trials):
        place(trial, program.train_state(member))
        for label in range(CLASSES):
            made = numpy(trial.game.sample_class(Key(9), 500, label))
            nearest = np.linalg.norm(made[:, None] - centres(), axis=2).argmin(1)
            assert (nearest == label).mean() > 0.95
