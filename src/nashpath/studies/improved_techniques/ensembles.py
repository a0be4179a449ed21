"""Ten classifiers that were trained on the same few labels, and what they say together.

Set-up: Salimans et al. 2016, Tables 1 and 2 ("ensemble of 10 of our models"). What the ten differ in, and how they are
joined, is not in the paper: here they share the labels, differ in weights and batches, and their class probabilities
are averaged.
"""

from collections.abc import Iterator, Sequence
from typing import Any

import torch
from torch import Tensor

from nashpath.run.engine.device import find_device
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial, outcome
from nashpath.run.observe.snapshot import place
from nashpath.studies.course import Course
from nashpath.studies.figures import Strip
from nashpath.studies.improved_techniques.few_labels import ARMS, DIGITS, FEW_LABELS_MNIST, build_member
from nashpath.studies.rows import Row
from nashpath.studies.shared.paper_data import source_of
from nashpath.studies.study import Cell, Experiment, Size

MEMBERS = 10


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a labelled set: the error of the ensemble, and of each of its members, on samples kept from training."""
    options = {**size.options, "steps": size.steps}
    data, kept = source_of(options["data"]), source_of(options["test"])
    device = find_device(options["device"])
    x, y = (part.to(device) for part in kept.labelled_examples())
    sets = [(labels, subset) for labels in options["labels"] for subset in range(size.seeds)]
    members = [(*own, MEMBERS * own[1] + network) for own in sets for network in range(MEMBERS)]
    arm = ARMS[cell["arm"]]
    trials = [build_member(arm, labels, seed, options, data, subset).to(device) for labels, subset, seed in members]
    program = Program(trials, [seed for *_, seed in members], options["mode"], size.compiled)
    course = Course([program])
    course.play(size.steps)
    said = course.look(
        lambda: [class_probabilities(trial, program.train_state(k), x) for k, trial in enumerate(trials)]
    )
    for at, (labels, subset) in enumerate(sets):
        own = range(MEMBERS * at, MEMBERS * (at + 1))
        told = [outcome(trials[k], program.train_state(k)) for k in own]
        errors = [share_wrong([said[k]], y) for k in own]
        row: Row = {"arm": cell["arm"], "labels": labels, "seed": subset}
        row |= {"outcome": next((one for one in told if one != "finished"), "finished")}
        row |= {"test_error": round(sum(errors) / MEMBERS, 5), "errors": errors}
        yield row | {"ensemble_error": share_wrong([said[k] for k in own], y)}


def class_probabilities(trial: Trial, train_state: Any, x: Tensor) -> list[list[float]]:
    """What the averaged classifier says of ``x``, [samples][classes]."""
    game: Any = trial.game
    place(trial, train_state, averaged=False)
    logits = game.class_logits(x, trial.solver.averages(train_state.memory)["discriminator"])
    return logits.double().softmax(1).cpu().tolist()


def share_wrong(said: Sequence[Any], y: Tensor) -> float:
    """The share of samples whose most probable class, by the mean of class probabilities, is not ``y``."""
    mean = torch.stack([torch.as_tensor(one, dtype=torch.float64) for one in said]).mean(0)
    return round((mean.argmax(1) != y.cpu()).double().mean().item(), 5)


CELLS = [{"arm": "feature matching"}]
FIGURES = (
    Strip("Error of ensembles", "One dot a labelled set; ten classifiers.", y="ensemble_error", by=("labels",)),
    Strip("Error of their members", "The mean of the ten, one dot a labelled set.", y="test_error", by=("labels",)),
)
ENSEMBLES = Experiment(
    name="ensembles",
    about=(
        "Feature matching as in few-labels, with 20, 50 or 100 labels of 1,255 digits: ten classifiers on each of six "
        "labelled sets, which differ in weights and batches. Measured on the 542 digits kept back, at the last step: "
        "the error of each averaged classifier, and of the mean of their class probabilities."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=1, steps=20, options={**DIGITS, "labels": [20, 50, 100], "width": 32, "batch": 16}),
        "default": Size(seeds=6, steps=2500, compiled=True, options={**DIGITS, "labels": [20, 50, 100]}),
    },
    cells=CELLS,
    figures=FIGURES,
)
ENSEMBLES_MNIST = Experiment(
    name="ensembles-mnist",
    about=(
        "Feature matching as in few-labels-mnist, with 20 to 200 labels of MNIST: ten classifiers on each of two "
        "labelled sets. Measured: the error of each averaged classifier, and of the mean of their class probabilities."
    ),
    measure=measure,
    sizes={
        "full": Size(
            seeds=2,
            steps=FEW_LABELS_MNIST.sizes["full"].steps,
            compiled=True,
            options=FEW_LABELS_MNIST.sizes["full"].options,
        )
    },
    cells=CELLS,
    figures=FIGURES,
)
