"""Table 3: all techniques, each taken from all, and labels alone: Inception score and Fréchet distance of images.

Set-up: Salimans et al. 2016, Table 3. Its caption says that "our methods" are all techniques of the paper except
feature matching and historical averaging: labels (the discriminator is a classifier of K + 1 classes, and the
generator fools it), minibatch discrimination, virtual batch normalisation (batch normalisation where it is off), and
one-sided label smoothing. Historical averaging is in the table's rows −L+HA and −MBF+HA only. Until 2026-11-26 this
experiment had it in "all" and had no labels. The generator is unconditional. Targets and coefficients are numbers, so
only three switches and labels make programs. The coefficient of historical averaging, which the paper does not give,
was chosen on three other seeds; how many labels the paper's row has, it does not say.

Seeds: in the rows of 2026-11-22 the removal of virtual batch normalisation needed 14, those of the other techniques
but label smoothing fewer; that of label smoothing was decided by no number, its effect being below 0.02.
"""

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from torch import nn

from nashpath.core import derive, seeded
from nashpath.games.gan import GAN
from nashpath.games.objectives import LabelSmoothing
from nashpath.games.semi_supervised import SemiSupervised
from nashpath.games.techniques import historical_averaging
from nashpath.metrics import Sample, real_sample
from nashpath.networks import (
    DCGANDiscriminator,
    DCGANGenerator,
    MLPDiscriminator,
    MLPGenerator,
    VirtualDCGANGenerator,
    VirtualMLPGenerator,
)
from nashpath.run.engine.device import find_device
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import samples
from nashpath.solvers import Adam, Alternating
from nashpath.studies.course import Course
from nashpath.studies.figures import Lines, Strip
from nashpath.studies.improved_techniques.minibatch_critic import MinibatchCritic
from nashpath.studies.population import split_steps
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import image_scores, source_of
from nashpath.studies.study import Cell, Experiment, Size

LOOKS = 10
LATE = 4
"""Looks, the last ones, that a member's numbers are averaged over."""


@dataclass(frozen=True)
class Techniques:
    """Which techniques are on."""

    minibatch: bool = False
    virtual: bool = False
    labels: bool = False
    history: bool = False
    smoothing: bool = False

    @property
    def structure(self) -> str:
        """What shapes the program, in words."""
        parts = {"labels": self.labels, "minibatch": self.minibatch, "virtual": self.virtual}
        return " + ".join(name for name, on in parts.items() if on) or "plain"


ALL = Techniques(minibatch=True, virtual=True, labels=True, smoothing=True)
CONDITIONS: Mapping[str, Techniques] = {
    "none": Techniques(),
    "only labels": Techniques(labels=True),
    "all": ALL,
    "all but virtual batch norm": replace(ALL, virtual=False),
    "all but labels": replace(ALL, labels=False),
    "all but labels, and historical averaging": replace(ALL, labels=False, history=True),
    "all but label smoothing": replace(ALL, smoothing=False),
    "all but minibatch discrimination": replace(ALL, minibatch=False),
    "all but minibatch discrimination, and historical averaging": replace(ALL, minibatch=False, history=True),
}
"""The rows of Table 3, and labels alone beside nothing (Sec. 5.1)."""

Makers = tuple[Callable[..., nn.Module], Callable[..., nn.Module], Callable[..., nn.Module]]
NETWORKS: Mapping[str, Makers] = {
    "mlp": (MLPGenerator, VirtualMLPGenerator, MLPDiscriminator),
    "dcgan": (DCGANGenerator, VirtualDCGANGenerator, DCGANDiscriminator),
}
"""The generator with batch normalisation, the one with virtual batch normalisation, and the discriminator."""


def build(techniques: Techniques, seed: int, options: Mapping[str, Any], data: Any) -> Trial:
    """One member with its techniques."""
    plain, virtual, judge = NETWORKS[options["networks"]]
    width, latent = options["width"], options["latent"]
    outputs = {"outputs": data.classes} if techniques.labels else {}
    with seeded(derive(seed, "weights")):
        maker = virtual(latent, data.shape, width=width) if techniques.virtual else None
        maker = maker or plain(latent, data.shape, width=width, norm="batch")
        critic = judge(data.shape, width=width, **outputs)
        critic = MinibatchCritic(critic, *options["kernels"]) if techniques.minibatch else critic
    cost = LabelSmoothing(0.9 if techniques.smoothing else 1.0)
    parts = {"data": data, "latent": latent, "batch_size": options["batch"]}
    if techniques.labels:
        own = {"labels": options["labelled"], "seed": derive(seed, "labels"), "latent_distribution": "normal"}
        game = SemiSupervised(maker, critic, cost, **parts, **own)
    else:
        game = GAN(maker, critic, cost, **parts)
    averaged = historical_averaging(game, options["coefficient"] if techniques.history else 0.0)
    rate = options["rate"]
    return Trial(averaged, Alternating(Adam(rate, 0.5), Adam(rate, 0.5)))


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: scores over the last looks of training."""
    options = size.options
    data, device = source_of(options["data"]), find_device(options["device"])
    real = real_sample(source_of(options["real"]).examples().to(device), options["features"], cached=False)
    names = [name for name, techniques in CONDITIONS.items() if techniques.structure == cell["structure"]]
    members = [(name, seed) for name in names for seed in range(size.seeds)]
    trials = [build(CONDITIONS[name], seed, options, data).to(device) for name, seed in members]
    program = Program(trials, [seed for _, seed in members], options["mode"], size.compiled)
    course, steps, seen = Course([program]), [], []

    def look() -> list[dict[str, float]]:
        states = [program.train_state(k) for k in range(len(members))]
        own = zip(trials, states, members)
        return [_look(trial, state, seed, options["samples"], real) for trial, state, (_, seed) in own]

    for count in split_steps(size.steps, LOOKS):
        course.play(count)
        steps.append(count + (steps[-1] if steps else 0))
        seen.append(course.look(look))
    looks = list(zip(*seen))
    for k, (name, seed) in enumerate(members):
        row: Row = {
            "techniques": name,
            "seed": seed,
            "outcome": outcome(trials[k], program.train_state(k)),
            "step": steps,
        }
        late = {key: round(float(np.mean([look[key] for look in looks[k][-LATE:]])), 5) for key in looks[k][0]}
        yield row | late | {f"{key}_curve": [round(look[key], 3) for look in looks[k]] for key in looks[k][0]}


def _look(trial: Trial, train_state: Any, seed: int, count: int, real: Sample) -> dict[str, float]:
    return image_scores(samples(trial, train_state, seed, count), real)


DIGITS = {
    "data": {"kind": "digits", "split": "train"},
    "real": {"kind": "digits", "split": "test"},
    "features": "digits",
    "samples": 2000,
    "networks": "mlp",
    "width": 128,
    "latent": 32,
    "kernels": (16, 4),
    "batch": 32,
    "rate": 1e-3,
    "coefficient": 0.01,
    "labelled": 1000,
    "mode": "stacked",
    "device": "cpu",
}
CIFAR10_FULL = {
    **DIGITS,
    "data": {"kind": "cifar10"},
    "real": {"kind": "cifar10", "split": "test"},
    "features": "inception",
    "samples": 10_000,
    "networks": "dcgan",
    "width": 64,
    "latent": 100,
    "kernels": (100, 5),
    "batch": 64,
    "rate": 2e-4,
    "coefficient": 0.01,
    "labelled": 50_000,
    "mode": "looped",
    "device": "auto",
}
TECHNIQUE_ABLATION = Experiment(
    name="technique-ablation",
    about=(
        "The rows of the paper's Table 3: unconditional GANs with labels, minibatch discrimination, virtual batch "
        "normalisation and label smoothing ('all'), with one of them taken away, and with historical averaging added "
        "where labels or minibatch discrimination were; beside them nothing, and labels alone. Default: 8x8 digits "
        "(1,000 labels of 1,255), generator 32-128-128-64 (ReLU, batch or virtual batch normalisation, tanh), "
        "discriminator 64-128-128-1, or -10 where it classifies (leaky ReLU), minibatch discrimination of 16 kernels "
        "of 4, label smoothing 0.9, historical averaging of coefficient 0.01 for both; non-saturating, Adam 1e-3 (0.5, "
        "0.999), batch 32, in turns, 2,000 steps. Full: CIFAR-10 (all labels), DCGANs of width 64, 100 kernels of 5, "
        "Adam 2e-4, batch 64. Measured: Inception score (one split) and Fréchet distance to held-out real images, in "
        "features of the digits classifier (full: of Inception), mean over the last four of ten looks."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=20, options={**DIGITS, "width": 32, "batch": 16, "samples": 300}),
        "default": Size(seeds=14, steps=2000, compiled=True, options=DIGITS),
        "full": Size(seeds=4, steps=100_000, compiled=True, options=CIFAR10_FULL),
    },
    cells=[{"structure": structure} for structure in dict.fromkeys(t.structure for t in CONDITIONS.values())],
    figures=[
        Strip("Inception score", "Higher is better.", y="inception_score", by=("techniques",)),
        Strip("Fréchet distance", "Lower is better.", y="fid", by=("techniques",), log=True),
        Lines("Fréchet distance through training", x="step", y="fid_curve", by=("techniques",), log_y=True),
    ],
)
