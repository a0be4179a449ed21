"""A classifier from few labels: feature matching, other generators, one that does not learn, and labels alone.

Set-up: Salimans et al. 2016, Sec. 5 and 6.1 to 6.3: on small digits, and on the paper's own MNIST, SVHN and CIFAR-10
with the released code's batches, rates and numbers of labels, on a GPU. Data and networks are options of one
measurement, so it can be run on other data. All numbers of labels of one arm are one stack: a labelled set smaller
than the largest is repeated to that size, which changes no probability of being drawn. Subsets are nested: a seed's 20
labels are among its 50.

"Held generator" has the unlabelled terms with samples of a generator that stays what it was drawn as: what it gains
over labels alone is the unlabelled terms' doing, and what feature matching gains over it is a learning generator's.

Seeds: in the rows of 2026-11-22 the gain by unlabelled images at 20 labels needed 9 (it was missed by 0.002 with 8);
minibatch discrimination against feature matching needed 17, plain generators against it 26.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from torch import nn

from nashpath.core import Key, derive, seeded
from nashpath.games.objectives import FeatureMatching, Minimax, NonSaturating, Objective
from nashpath.games.semi_supervised import SemiSupervised
from nashpath.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPGenerator,
    SalimansConvDiscriminator,
    SalimansConvGenerator,
    SalimansMLPDiscriminator,
    SalimansMLPGenerator,
)
from nashpath.networks.noisy_mlp import NoisyMLPDiscriminator
from nashpath.run.engine.device import find_device
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import place
from nashpath.run.settings.build import initialise_networks
from nashpath.solvers import EMA, Adam, Alternating, Linear, Scheduled, UpdateRule
from nashpath.studies.course import Course
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.improved_techniques.minibatch_critic import MinibatchCritic
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import source_of
from nashpath.studies.study import Cell, Experiment, Size

LOOKS = 10
FEWER = ("plain generator", "minibatch discrimination")
"""Arms that are tried at fewer numbers of labels: ``plain_labels`` and ``minibatch_labels``."""


@dataclass(frozen=True)
class Arm:
    """One way to learn: the weight of the unlabelled terms, and whether the critic compares the samples of a batch.

    ``cost`` is the generator's; it is ``held`` where it does not learn.
    """

    cost: str
    weight: float = 1.0
    minibatch: bool = False
    held: bool = False


ARMS = {
    "feature matching": Arm("feature_matching"),
    "labels only": Arm("feature_matching", weight=0.0),
    "held generator": Arm("feature_matching", held=True),
    "plain generator": Arm("non_saturating"),
    "minibatch discrimination": Arm("minimax", minibatch=True),
}
TOGETHER = (("feature matching", "labels only", "held generator"), ("plain generator",), ("minibatch discrimination",))
"""Arms that share a program: they differ in a number only."""


def objective(cost: str, norm: Any) -> Objective:
    """The generator's cost; ``norm`` is that of feature matching."""
    matching = FeatureMatching(norm=norm) if cost == "feature_matching" else None
    return matching or {"non_saturating": NonSaturating, "minimax": Minimax}[cost]()


def build_member(
    arm: Arm, labels: int, seed: int, options: dict[str, Any], data: Any, subset: int | None = None
) -> Trial:
    """One member: networks by ``seed``, the labelled set by ``subset`` (or ``seed``), the classifier averaged."""
    made = NETWORKS[options["networks"]]
    with seeded(derive(seed, "weights")):
        maker, critic = made(options["latent"], data.shape, data.classes, options["width"])
        critic: nn.Module = MinibatchCritic(critic, *options["kernels"]) if arm.minibatch else critic
    given = {"data": data, "latent": options["latent"], "batch_size": options["batch"]}
    given |= {
        "seed": derive(seed if subset is None else subset, "labels"),
        "labels": max(options["labels"]),
        "unlabelled_weight": arm.weight,
    }
    game = SemiSupervised(maker, critic, objective(arm.cost, options["norm"]), **given)
    initialise_networks(game, Key(seed, "initialisation"))
    keep_labels(game, labels)
    play = Alternating(_rule(options["rate"], options), _rule(0.0 if arm.held else options["rate"], options))
    return Trial(game, EMA(play, options["decay"], "discriminator"))


def _rule(rate: float, options: dict[str, Any]) -> UpdateRule:
    """Adam; its rate is held for two thirds of the steps and then falls to 0 where the released code does so."""
    rule = Adam(rate, 0.5)
    return Scheduled(rule, Linear(float(options["steps"]))) if options.get("falling") else rule


def keep_labels(game: SemiSupervised, labels: int) -> None:
    """Keeps the first ``labels`` of the labelled set, equally many of each class, repeated to its present size.

    Raises ValueError if they do not divide it.
    """
    classes, present = int(game.label.max()) + 1, len(game.label)
    if present % labels or labels % classes:
        raise ValueError(f"{labels} labels of {classes} classes do not divide {present}")
    for name in ("labelled", "label"):
        full = getattr(game, name)
        kept = full.unflatten(0, (classes, -1))[:, : labels // classes]
        setattr(game, name, kept.repeat(1, present // labels, *[1] * (full.dim() - 1)).flatten(0, 1).clone())


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: its error on samples kept from training, at the end and on the way."""
    options = {**size.options, "steps": size.steps}
    data, kept = source_of(options["data"]), source_of(options["test"])
    device = find_device(options["device"])
    x, y = (part.to(device) for part in kept.labelled_examples())
    conditions = [
        (name, labels, seed)
        for name in cell["arms"].split(" + ")
        for labels in options[f"{name.split()[0]}_labels" if name in FEWER else "labels"]
        for seed in range(size.seeds)
    ]
    trials = [build_member(ARMS[name], labels, seed, options, data).to(device) for name, labels, seed in conditions]
    program = Program(trials, [seed for *_, seed in conditions], options["mode"], size.compiled)
    course, steps, looks = Course([program]), [], []
    for count in split_steps(size.steps, LOOKS):
        course.play(count)
        steps.append(count + (steps[-1] if steps else 0))
        looks.append(course.look(lambda: [test_error(m, program.train_state(k), x, y) for k, m in enumerate(trials)]))
    errors = list(zip(*looks))
    for k, (name, labels, seed) in enumerate(conditions):
        row: Row = {"arm": name, "labels": labels, "seed": seed, "outcome": outcome(trials[k], program.train_state(k))}
        yield row | {"test_error": errors[k][-1], "step": steps, "error_curve": list(errors[k])}


def test_error(trial: Trial, train_state: Any, x: Any, y: Any) -> float:
    """The share of ``x`` that the averaged classifier takes for another class than ``y``."""
    game: Any = trial.game
    place(trial, train_state, averaged=False)
    return round(game.test_error(x, y, trial.solver.averages(train_state.memory)["discriminator"]), 5)


FIGURES = (
    Lines(
        "Error by number of labels", "Median and range of seeds.", x="labels", y="test_error", by=("arm",), log_x=True
    ),
    Strip("Error of every seed", "Test error at the end.", y="test_error", by=("labels", "arm")),
    Lines("Error through training", "Over seeds and numbers of labels.", x="step", y="error_curve", by=("arm",)),
)
CELLS = [{"arms": " + ".join(names)} for names in TOGETHER]
DIGITS = {
    "data": {"kind": "digits", "split": "train"},
    "test": {"kind": "digits", "split": "test"},
    "labels": [10, 20, 50, 100],
    "plain_labels": [10, 20],
    "minibatch_labels": [10],
    "kernels": (16, 4),
    "networks": "small",
    "width": 128,
    "latent": 16,
    "batch": 64,
    "rate": 1e-3,
    "decay": 0.995,
    "norm": "squared",
    "mode": "stacked",
    "device": "cpu",
}
FEW_LABELS = Experiment(
    name="few-labels",
    about=(
        "Semi-supervised 8x8 digits: 10, 20, 50 or 100 labels of 1,255 digits, tested on the 542 kept back. Classifier "
        "64-128-128-128-10 (ReLU, noise 0.3 and 0.5), generator 16-64-64-64 (softplus, batch normalisation); K+1 "
        "costs, unlabelled terms of weight 1 (0 in 'labels only'). The generator matches features, or matches none "
        "('held generator': it stays as it was drawn), or fools the classifier (non-saturating: 'plain generator'; at "
        "10 and 20 labels), or fools it by the minimax cost where it has minibatch discrimination (16 kernels of 4; at "
        "10 labels), as in the released code. Adam 1e-3 (0.5, 0.999) for both, batch 64, one step each in turn. "
        "Measured: test error of the averaged classifier (EMA 0.995) at the last step."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=20, options={**DIGITS, "width": 32, "batch": 16}),
        "default": Size(seeds=9, steps=2500, compiled=True, options=DIGITS),
    },
    cells=CELLS,
    figures=FIGURES,
)


Shape = tuple[int, ...]
Pair = tuple[nn.Module, nn.Module]


def small(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """What `nashpath train -s game=semi_supervised` takes: for 8x8 digits, ``width`` 128."""
    maker = MLPGenerator(latent, shape, width=width // 2, activation="softplus", norm="batch")
    return maker, NoisyMLPDiscriminator(shape, width=width, depth=3, outputs=classes)


def _dense(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """The released networks for MNIST: a classifier of ``width`` 1000-500-250-250-250, a generator half as wide."""
    maker = SalimansMLPGenerator(latent, shape, width=max(1, width // 2))
    return maker, SalimansMLPDiscriminator(shape, width=width, outputs=classes)


def convolutional(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """DCGAN's, for the ablation of techniques at full size."""
    return DCGANGenerator(latent, shape, width=width), DCGANDiscriminator(shape, width=width, outputs=classes)


def _released_convolutional(latent: int, shape: Shape, classes: int, width: int) -> Pair:
    """The released networks for SVHN (``width`` 64) and CIFAR-10 (96): nine layers with dropout, weight-normalised."""
    maker = SalimansConvGenerator(latent, shape, width=min(width, 64))
    return maker, SalimansConvDiscriminator(shape, width=width, outputs=classes)


NETWORKS: Mapping[str, Callable[[int, Shape, int, int], Pair]] = {
    "small": small,
    "dense": _dense,
    "convolutional": convolutional,
    "released convolutional": _released_convolutional,
}


COMMON = {**DIGITS, "latent": 100, "batch": 100, "decay": 0.9999, "kernels": (100, 5), "device": "auto"}
WITH_IMAGES = {**COMMON, "networks": "released convolutional", "rate": 3e-4, "norm": "absolute", "mode": "looped"}
WITH_IMAGES |= {"falling": True}


def on_images(name: str, about: str, steps: int, options: dict[str, Any], data: str) -> Experiment:
    """One experiment at full size, on the train half of a published data set and with its test half held out."""
    parts = {"data": {"kind": data}, "test": {"kind": data, "split": "test"}}
    about = f"{about} Five ways to learn as on small digits. Measured: test error of the averaged classifier."
    size = Size(seeds=4, steps=steps, compiled=True, options={**options, **parts})
    return Experiment(name, about, measure, {"full": size}, CELLS, FIGURES)


FEW_LABELS_MNIST = on_images(
    "few-labels-mnist",
    "MNIST with 20 to 200 labels: the released dense networks (1000-500-250-250-250, weight-normalised, with noise), "
    "Adam 3e-3 (0.5, 0.999), batch 100, 300 epochs.",
    steps=180_000,
    options={
        **COMMON,
        "labels": [20, 50, 100, 200],
        "plain_labels": [20, 100],
        "minibatch_labels": [20, 100],
        "networks": "dense",
        "width": 1000,
        "rate": 3e-3,
        "norm": "mean_squared",
    },
    data="mnist",
)
FEW_LABELS_SVHN = on_images(
    "few-labels-svhn",
    "SVHN with 500 to 2,000 labels: the released nine-layer classifier of width 64 with dropout, weight-normalised; "
    "Adam 3e-4 (0.5, 0.999) that falls to 0 in the last third, batch 100, 900 epochs.",
    steps=659_000,
    options={
        **WITH_IMAGES,
        "width": 64,
        "labels": [500, 1000, 2000],
        "plain_labels": [1000],
        "minibatch_labels": [1000],
    },
    data="svhn",
)
FEW_LABELS_CIFAR10 = on_images(
    "few-labels-cifar10",
    "CIFAR-10 with 1,000 to 8,000 labels: the released nine-layer classifier of width 96 with dropout, "
    "weight-normalised; Adam 3e-4 (0.5, 0.999) that falls to 0 in the last third, batch 100, 1,200 epochs.",
    steps=600_000,
    options={
        **WITH_IMAGES,
        "width": 96,
        "labels": [1000, 2000, 4000, 8000],
        "plain_labels": [4000],
        "minibatch_labels": [4000],
    },
    data="cifar10",
)
FEW_LABELS_REAL = Experiment(
    "real-few-labels-mnist",
    about=(
        "MNIST with 100 labels, the networks of few-labels-mnist: dense, weight-normalised, with noise; Adam 3e-3 "
        "(0.5, 0.999), batch 100, 1,000 steps (1.7 of the paper's 300 epochs). Feature matching, labels alone, and a "
        "generator that does not learn. Measured: error of the averaged classifier (EMA 0.99) on the test half."
    ),
    measure=measure,
    sizes={
        "real": Size(
            seeds=4,
            steps=1000,
            options={
                **COMMON,
                "labels": [100],
                "networks": "dense",
                "width": 1000,
                "rate": 3e-3,
                "norm": "mean_squared",
                "decay": 0.99,
                "data": {"kind": "mnist"},
                "test": {"kind": "mnist", "split": "test"},
            },
        )
    },
    cells=CELLS[:1],
    figures=FIGURES[1:],
)
