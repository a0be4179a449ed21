"""Naganuma and Iiduka 2022, "Conjugate Gradient Method for Generative Adversarial Networks": claims and criteria.

The rates of its Table 1 are known by their form only, its table of Fréchet distances from a deleted README. Where an
experiment is ours, a claim's source says "derived". Criteria on the toy and on digits are those of a calibration made
before this code, those of slopes are the bounds' exponents with a margin.
"""

import math
from collections import defaultdict
from collections.abc import Sequence

import numpy as np

from nashpath.studies.claim import Claim
from nashpath.studies.conjugate_gradient.aliased_gradient import ALIASED_GRADIENT
from nashpath.studies.conjugate_gradient.claims_games import (
    ON_RATES,
    ON_SADDLE,
)
from nashpath.studies.conjugate_gradient.directions import FORMULAS
from nashpath.studies.conjugate_gradient.image_grids import CIFAR_DCGAN, CIFAR_RESNET, DIGITS_GRID
from nashpath.studies.conjugate_gradient.rate_grid import LOWERED
from nashpath.studies.conjugate_gradient.saddle_directions import SADDLE, SADDLE_SCHEDULES
from nashpath.studies.conjugate_gradient.variational_inequality import VARIATIONAL_INEQUALITY
from nashpath.studies.reading import Pool, Values, log_ratio
from nashpath.studies.rows import Rows, paired
from nashpath.studies.study import Study


def best(few: int) -> Pool:
    """The mean of the ``few`` lowest values."""
    return lambda values: float(np.mean(sorted(values)[:few]))


def spread(few: int) -> Pool:
    """The standard deviation of the ``few`` lowest values."""
    return lambda values: float(np.std(sorted(values)[:few], ddof=1))


def ratio(methods: Sequence[str], other: str, pool: Pool, **where: str | float) -> Values:
    """For each seed, log(pool of a method's settings / pool of ``other``'s): the mean over methods."""

    def values(rows: Rows) -> list[float]:
        base = rows.where(method=other, **where).by_seed("fid", pool)
        logs: dict[int, list[float]] = defaultdict(list)
        for method in methods:
            own = rows.where(method=method, **where).by_seed("fid", pool)
            for seed, value in zip(sorted(base), paired(own, base, log_ratio)):
                logs[seed].append(value)
        return [float(np.mean(logs[seed])) for seed in sorted(logs)]

    return values


NO_GAIN = (
    "β is at most ½, so no formula is more than momentum ½; on this small problem SGD at the grid's rates is not "
    "limited by inertia. The paper's table gives conjugate gradients three times as many settings to choose from."
)


def on_grid(
    name: str, prefix: str, few: int, scales: tuple[str, ...], source: str, **where: str | float
) -> list[Claim]:
    """The paper's comparison of methods over a grid of learning rates."""
    table = {
        "best-below-sgd": ("Their best setting beats SGD's.", "SGD", best(1), 0.0),
        "average-below-sgd": ("Their best settings beat SGD's on average.", "SGD", best(few), 0.0),
        "best-below-momentum": ("Their best setting beats momentum's.", "momentum 0.9", best(1), 0.0),
        "average-below-momentum": ("They beat momentum on average.", "momentum 0.9", best(few), 0.0),
        "average-below-adam": ("They beat Adam on average.", "Adam", best(few), math.log(0.85)),
        "steadier-than-sgd": ("Their best settings differ less than SGD's.", "SGD", spread(few), 0.0),
    }
    what = {
        "best": "lowest distance",
        "average": f"mean of the {few} lowest",
        "steadier": f"spread of the {few} lowest",
    }
    claims = [
        Claim(
            prefix + claim,
            f"Conjugate gradients, the average of seven formulas: {says[0].lower()}{says[1:]}",
            source,
            name,
            f"log ratio of the {what[claim.split('-')[0]]}, equally many settings each: formulas (mean) over {other}",
            ratio(FORMULAS, other, pool, **where),
            high=high,
            reason=NO_GAIN if other == "SGD" else "",
            scales=scales,
        )
        for claim, (says, other, pool, high) in table.items()
    ]
    adam = Claim(
        prefix + "adam-has-the-best-setting",
        "Adam's best setting beats that of conjugate gradients, the average of seven formulas.",
        source,
        name,
        "log ratio of the lowest distance: formulas (mean) over Adam",
        ratio(FORMULAS, "Adam", best(1), **where),
        low=0.0,
        reason="Adam's grid has few rates, a factor of ten apart",
        scales=scales,
    )
    return [*claims, adam]


README = "Naganuma and Iiduka 2022, abstract; table of the deleted README of the released code"


def on_digits() -> list[Claim]:
    """Claims about digits: the paper's, and two of the calibration."""
    fair = Claim(
        "digits-average-below-lowered-momentum",
        "Conjugate gradients beat momentum on average where momentum has a tenth of their rates.",
        "derived: equal effective rates",
        "digits-grid",
        "log ratio of the mean of the 5 lowest: formulas (mean) over momentum 0.9 at rates / 10",
        ratio(FORMULAS, LOWERED, best(5)),
        high=0.0,
        reason="at equal effective rates momentum 0.9 is no handicap",
    )
    two = [
        Claim(
            f"digits-{formula.lower()}-below-adam",
            f"{formula} alone beats Adam on average.",
            "derived; calibration",
            "digits-grid",
            f"log ratio of the mean of the 5 lowest: {formula} over Adam",
            ratio((formula,), "Adam", best(5)),
            high=0.0,
        )
        for formula in ("FR", "HZ")
    ]
    whole = Claim(
        "digits-whole-grid-below-sgd",
        "Over the whole grid, not its best settings alone, conjugate gradients are below SGD.",
        "derived",
        "digits-grid",
        "log ratio of the mean over all 9 settings: formulas (mean) over SGD",
        ratio(FORMULAS, "SGD", best(9)),
        high=0.0,
        reason=NO_GAIN,
    )
    claims = on_grid("digits-grid", "digits-", 5, ("quick", "default"), f"{README}; digits in place of CIFAR-10")
    return [*claims, fair, *two, whole]


FULL = ("full",)
STUDY = Study(
    name="conjugate-gradient",
    title="Conjugate gradients for GANs",
    paper="Naganuma and Iiduka 2022, Conjugate Gradient Method for Generative Adversarial Networks (arXiv 2203.14495)",
    experiments=[
        SADDLE,
        SADDLE_SCHEDULES,
        ALIASED_GRADIENT,
        VARIATIONAL_INEQUALITY,
        DIGITS_GRID,
        CIFAR_DCGAN,
        CIFAR_RESNET,
    ],
    claims=[
        *ON_SADDLE,
        *ON_RATES,
        *on_digits(),
        *on_grid("cifar10-dcgan", "dcgan-", 10, FULL, README, schedule="constant", coefficient=1.0),
        *on_grid("cifar10-resnet", "resnet-", 10, FULL, README, schedule="constant", coefficient=1.0),
        *on_grid("cifar10-resnet", "resnet-decay-", 10, FULL, README, schedule="step_decay", coefficient=1.0),
    ],
)
