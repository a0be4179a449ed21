"""The comparison of methods over a grid of learning rates: on small digits, and on CIFAR-10 as the paper has it.

The latter as far as it was released (networks, rules and grids); it needs a GPU and days. DCGAN with spectral
normalisation at 64 pixels, batch 256, under constant rates and n^−1/2; the residual SNGAN, batch 64, under constant
rates and steps of 0.9 every 10,000. The residual network is not in the released code; ours is SNGAN's at 32 pixels.
Source: Hiroki11x/ConjugateGradient_GAN ``main.py``, ``utils/lr_scheduler.py``, its deleted sweep files, and the table
of a deleted README.
"""

from typing import Any

from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.conjugate_gradient.rate_grid import measure
from nashpath.studies.figures import Heat, Lines, Strip
from nashpath.studies.study import Experiment, Size

COMPARED = ("SGD", "momentum 0.5", "momentum 0.9", "Adam", *FORMULAS)
DIGITS = {
    "data": {"kind": "digits"},
    "latent": 32,
    "batch": 64,
    "discriminator": {"kind": "mlp"},
    "generator": {"kind": "mlp", "norm": "batch", "activation": "relu"},
    "widths": [128, 128],
    "rates": {"constant": [1.0, 0.3, 0.1, 0.03]},
    "own_rates": {
        "SGD": {"discriminator": [3.0, 1.0, 0.3, 0.1], "generator": [10.0, 3.0, 1.0, 0.3]},
        "momentum 0.9": [3e-2, 1e-2, 3e-3, 1e-3],
        "Adam": [3e-2, 1e-2, 3e-3, 1e-3],
        "HZ": {"discriminator": [1.0, 0.3, 0.1, 0.03], "generator": [0.3, 0.1, 0.03, 0.01]},
        "FR-PRP": {"discriminator": [3.0, 1.0, 0.3, 0.1], "generator": [1.0, 0.3, 0.1, 0.03]},
        "HS-DY": {"discriminator": [3.0, 1.0, 0.3, 0.1], "generator": [1.0, 0.3, 0.1, 0.03]},
    },
    "stack": "on",
    "device": "cpu",
    "features": "digits",
    "samples": 2000,
    "looks": 4,
}
QUICK = {**DIGITS, "widths": [16, 16], "batch": 16, "samples": 100, "looks": 1}
FIGURES = [
    Strip(
        "Fréchet distance of every setting and seed",
        "A dot a member, at the last step; the bar is the geometric mean.",
        y="fid",
        by=("method",),
        log=True,
    ),
    Heat(
        "Fréchet distance over the grid",
        "Mean over seeds; 1 is the first rate of the method's grid, the highest.",
        x="place_G",
        y="place_D",
        value="fid",
        by="method",
        log=True,
    ),
    Lines(
        "On the way",
        "Median and range over settings and seeds.",
        x="step",
        y="fid_curve",
        by=("method",),
        log_y=True,
    ),
]
DIGITS_GRID = Experiment(
    name="digits-grid",
    about=(
        "GAN on 8x8 digits: generator 32-128-128-64 (batch normalisation, ReLU, tanh), discriminator 64-128-128-1 "
        "(leaky ReLU); non-saturating costs, the discriminator's halved (for all but Adam, which scaling does not "
        "change, by halving its rate); batch 64, one step each in turn with latents of its own, constant rates; 1,200 "
        "steps. lr_D × lr_G on {1, 0.3, 0.1, 0.03}² for momentum 0.5 and seven conjugate-gradient formulas (β for each "
        "tensor, in [0, ½], coefficient 1; HZ with {0.3, 0.1, 0.03, 0.01} for lr_G, FR-PRP and HS-DY with {3, 1, 0.3, "
        "0.1} for lr_D), on {3, 1, 0.3, 0.1} × {10, 3, 1, 0.3} for SGD, and on {3e-2, 1e-2, 3e-3, 1e-3}² for momentum "
        "0.9 and Adam (0.5, 0.999): sixteen settings for everyone, a factor of three apart, about where each was best. "
        "The four that were best at an edge in the rows of 2026-11-27 (Adam, HZ, FR-PRP, HS-DY) were moved by one "
        "place on 2026-11-28, Adam by another one after a first look at these rows, before all of it was measured "
        "again. "
        "Measured: Fréchet distance of 2,000 samples to the 1,255 training digits in features of the digits "
        "classifier, at the last step (other digits: 0.013; uniform noise: 1.0; mid-grey: 6.4)."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=6, options=QUICK),
        "default": Size(seeds=6, steps=1200, compiled=True, options=DIGITS),
    },
    cells=[{"method": method, "schedule": "constant", "coefficient": 1.0} for method in COMPARED],
    figures=FIGURES,
)
_MNIST = {
    **DIGITS,
    "data": {"kind": "mnist"},
    "latent": 100,
    "discriminator": {"kind": "dcgan", "norm": "spectral", "init": "normal"},
    "generator": {"kind": "dcgan"},
    "widths": [16, 16],
    "diagonal": True,
    "rates": {"constant": [1.0, 0.3, 0.1, 0.03, 0.01]},
    "own_rates": {"SGD": [3.0, 1.0, 0.3, 0.1, 0.03], "Adam": [3e-3, 1e-3, 3e-4, 1e-4, 3e-5]},
    "stack": "off",
    "device": "auto",
    "features": "mnist",
    "looks": 2,
}
REAL_GRID = Experiment(
    name="real-mnist-grid",
    about=(
        "MNIST at 28 pixels, DCGANs with spectral normalisation as in cifar10-dcgan, a quarter as wide (16), 100 "
        "latents, batch 64; non-saturating costs, the discriminator's halved, one step each in turn, constant rates, "
        "800 steps. SGD, momentum 0.5, FR, HZ and Adam (0.5, 0.999), both players at one rate: five rates a factor of "
        "three apart, from 1 (SGD: 3; Adam: 3e-3) downwards. Measured: Fréchet distance of 2,000 samples to the "
        "training images in the features of the package's MNIST classifier, at the last step."
    ),
    measure=measure,
    sizes={"real": Size(seeds=4, steps=800, options=_MNIST)},
    cells=[
        {"method": method, "schedule": "constant", "coefficient": 1.0}
        for method in ("SGD", "momentum 0.5", "Adam", "FR", "HZ")
    ],
    figures=[
        Strip("Fréchet distance by rate", "A dot a seed.", y="fid", by=("method", "lr_G"), log=True),
        FIGURES[2],
    ],
)


RATES = [5e-3, 1e-3, 5e-4, 1e-4, 5e-5]
COMMON = {
    "latent": 100,
    "rates": {"constant": RATES, "inverse_sqrt": RATES, "step_decay": RATES[:-1]},
    "stack": "off",
    "device": "auto",
    "features": "inception",
    "samples": 9984,
    "looks": 100,
}
DCGAN = {
    **COMMON,
    "data": {"kind": "cifar10", "size": 64},
    "batch": 256,
    "discriminator": {"kind": "dcgan", "norm": "spectral", "init": "normal"},
    "generator": {"kind": "dcgan"},
    "widths": [64, 64],
}
RESNET = {
    **COMMON,
    "data": {"kind": "cifar10"},
    "batch": 64,
    "discriminator": {"kind": "resnet"},
    "generator": {"kind": "resnet"},
    "widths": [128, 256],
}
COEFFICIENTS = (0.5, 0.75, 1.0)
"""What β is multiplied by; three settings where other methods have one."""


def on_cifar(name: str, networks: str, schedules: tuple[str, str], options: dict[str, Any]) -> Experiment:
    """One network under two learning-rate rules: a cell for each method (and coefficient) and rule."""
    methods = [(method, 1.0) for method in ("SGD", "momentum 0.9", "Adam")]
    methods += [(formula, coefficient) for formula in FORMULAS for coefficient in COEFFICIENTS]
    keys = ("method", "coefficient", "schedule")
    return Experiment(
        name=name,
        about=(
            f"CIFAR-10, {networks}; non-saturating costs, the discriminator's halved, one step each in turn, 100,000 "
            f"steps. Learning rates {', '.join(f'{rate:g}' for rate in RATES)} for each player (the last not under "
            "step_decay); β for each tensor, in [0, ½], times 0.5, 0.75 or 1. Measured: Fréchet distance of 9,984 "
            "samples to the training images in Inception features, at the last step."
        ),
        measure=measure,
        sizes={"full": Size(seeds=4, steps=100_000, compiled=True, options=options)},
        cells=[dict(zip(keys, (*method, schedule))) for schedule in schedules for method in methods],
        figures=FIGURES,
    )


CIFAR_DCGAN = on_cifar(
    "cifar10-dcgan",
    "DCGAN with spectral normalisation at 64 pixels, batch 256",
    ("constant", "inverse_sqrt"),
    DCGAN,
)
CIFAR_RESNET = on_cifar("cifar10-resnet", "residual SNGAN, batch 64", ("constant", "step_decay"), RESNET)
