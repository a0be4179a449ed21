"""The comparison of methods over a grid of learning rates, on small digits."""

from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.conjugate_gradient.rate_grid import LOWERED, measure
from nashpath.studies.figures import Heat, Lines, Strip
from nashpath.studies.study import Experiment, Size

COMPARED = ("SGD", "momentum 0.5", "momentum 0.9", LOWERED, "Adam", *FORMULAS)
DIGITS = {
    "data": {"kind": "digits"},
    "latent": 32,
    "batch": 64,
    "discriminator": {"kind": "mlp"},
    "generator": {"kind": "mlp", "norm": "batch", "activation": "relu"},
    "widths": [128, 128],
    "rates": {"constant": [0.3, 0.1, 0.03]},
    "adam_rates": [1e-2, 1e-3, 1e-4],
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
        "change, by halving its rate); batch 64, one step each in turn with latents of its own, constant rates; 1,500 "
        "steps. lr_D × lr_G on {0.3, 0.1, 0.03}² for SGD, momentum 0.5 and 0.9, and seven conjugate-gradient formulas "
        "(β for each tensor, in [0, ½], coefficient 1); a tenth of these for momentum 0.9 once more; "
        "{1e-2, 1e-3, 1e-4}² for Adam (0.5, 0.999). Nine settings for everyone. Measured: Fréchet distance of 2,000 "
        "samples to the 1,255 training digits in features of the digits classifier, at the last step (other digits: "
        "0.013; uniform noise: 1.0; mid-grey: 6.4)."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=6, options=QUICK),
        "default": Size(seeds=8, steps=1500, compiled=True, options=DIGITS),
    },
    cells=[{"method": method, "schedule": "constant", "coefficient": 1.0} for method in COMPARED],
    figures=FIGURES,
)
