"""Few labels on the paper's own data: MNIST, SVHN and CIFAR-10, on a GPU.

Set-up: Salimans et al. 2016, Sec. 6.1 to 6.3, and the released code's batches, rates and numbers of labels. Three
experiments of one measurement; data and networks are options, so any can be run on other data.
"""

from typing import Any

from nashpath.studies.improved_techniques.few_labels import CELLS, DIGITS, FIGURES, measure
from nashpath.studies.shared.paper_data import CIFAR10, MNIST
from nashpath.studies.study import Experiment, Size

GREY_MNIST = {**MNIST, "label_column": "label", "size": 28, "channels": 1}
SVHN = {"kind": "hub", "repo": "ufldl-stanford/svhn", "revision": "f9e1717d73324ebbc1ece84267ccd80d0aca0690"}
LABELLED_SVHN = {**SVHN, "label_column": "label"}
LABELLED_CIFAR10 = {**CIFAR10, "column": "img", "label_column": "label"}
COMMON = {**DIGITS, "latent": 100, "batch": 100, "decay": 0.9999, "kernels": (100, 5), "device": "auto"}
WITH_IMAGES = {**COMMON, "networks": "convolutional", "width": 96, "rate": 3e-4, "norm": "absolute", "mode": "looped"}


def on_images(name: str, about: str, steps: int, options: dict[str, Any], folder: str) -> Experiment:
    """One experiment at full size; training and held-out files are those of a data set's ``folder`` on the Hub."""
    data = options.pop("data")
    parts = {"data": {**data, "files": f"{folder}/train-*"}, "test": {**data, "files": f"{folder}/test-*"}}
    about = f"{about} Four ways to learn as on small digits. Measured: test error of the averaged classifier."
    size = Size(seeds=4, steps=steps, compiled=True, options={**options, **parts})
    return Experiment(name, about, measure, {"full": size}, CELLS, FIGURES)


FEW_LABELS_MNIST = on_images(
    "few-labels-mnist",
    "MNIST with 20 to 200 labels: dense networks of width 500 with noise, Adam 1e-3 (0.5, 0.999), batch 100.",
    steps=180_000,
    options={
        **COMMON,
        "data": GREY_MNIST,
        "labels": [20, 50, 100, 200],
        "minibatch_labels": [20, 100],
        "networks": "dense",
        "width": 500,
        "norm": "mean_squared",
    },
    folder="mnist",
)
FEW_LABELS_SVHN = on_images(
    "few-labels-svhn",
    "SVHN with 500 to 2,000 labels: DCGANs of width 96, Adam 3e-4 (0.5, 0.999), batch 100.",
    steps=300_000,
    options={**WITH_IMAGES, "data": LABELLED_SVHN, "labels": [500, 1000, 2000], "minibatch_labels": [500, 1000]},
    folder="cropped_digits",
)
FEW_LABELS_CIFAR10 = on_images(
    "few-labels-cifar10",
    "CIFAR-10 with 1,000 to 8,000 labels: DCGANs of width 96, Adam 3e-4 (0.5, 0.999), batch 100.",
    steps=300_000,
    options={
        **WITH_IMAGES,
        "data": LABELLED_CIFAR10,
        "labels": [1000, 2000, 4000, 8000],
        "minibatch_labels": [1000, 4000],
    },
    folder="plain_text",
)
