"""Claims about ideal games, divergences and integral probability metrics."""

import math

import numpy as np

from nashpath.studies.claim import Claim, identity
from nashpath.studies.convergence_problems.disjoint_lines import EXACT_LINES, SAMPLED_LINES
from nashpath.studies.convergence_problems.ideal_games import IDENTITIES, PLAY
from nashpath.studies.convergence_problems.integral_metrics import SUPREMA
from nashpath.studies.reading import column, each
from nashpath.studies.rows import Row, Rows

GOODFELLOW = "Goodfellow et al. 2014"
ARJOVSKY = "Arjovsky & Bottou 2017"
WGAN = "Arjovsky et al. 2017"
ARORA = "Arora et al. 2017"
"""Whose theorems these are; Barnett 2018 surveys them, and has none and no experiments of its own."""


def apart(row: Row) -> bool:
    """Whether a row's two lines do not coincide."""
    return row["offset"] > 0


def sampled_slopes(rows: Rows) -> list[float]:
    """The slope of the sampled W₁ in the offset, by seed, by least squares."""
    found = [rows.where(seed=seed) for seed in rows.by_seed("offset")]
    return [float(np.polyfit(own.values("offset"), own.values("wasserstein"), 1)[0]) for own in found]


def kernel_rises(rows: Rows) -> list[float]:
    """How much the kernel distance of the exact lines grows from each offset to the next."""
    return np.diff(rows.values("mmd")).tolist()


IDEAL = [
    identity(
        "best-discriminator",
        "Against a fixed model no discriminator does better than p/(p + q).",
        f"{GOODFELLOW}, Prop. 1",
        IDENTITIES.name,
        "norm of the discriminator's gradient at p/(p + q), at five means",
        each("discriminator_slope"),
        high=1e-4,
    ),
    identity(
        "value-identity",
        "With the best discriminator the value is −log 4 + 2 JS(p‖q).",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "largest difference between both sides, each computed in two ways, at five means",
        each("value_error"),
        high=1e-4,
    ),
    identity(
        "minimum-value",
        "Where the model equals the data the value is −log 4.",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "|V + log 4| at equal means",
        each("above_minimum", of=abs, keep=lambda row: row["mean"] == 0),
        high=1e-6,
    ),
    identity(
        "minimum-only-there",
        "Elsewhere the value is above −log 4.",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "V + log 4 at means that differ",
        each("above_minimum", keep=lambda row: row["mean"] > 0),
        low=0.01,
    ),
    Claim(
        name="ideal-play-converges",
        says="Played with distributions and functions and a discriminator near its best, the game reaches −log 4.",
        source=f"{GOODFELLOW}, Prop. 2",
        experiment=PLAY.name,
        quantity="|V + log 4| at the end, five discriminator steps a turn, by seed",
        values=column("above_minimum", turns=5),
        high=1e-3,
        reason="too few steps, or too large ones",
        kind="theorem",
    ),
    identity(
        "saturating-gradient",
        "With the best discriminator held, log(1 − D) has the gradient of 2 JS(p‖q).",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "difference from the central difference, at five means",
        each("saturating_error", of=abs),
        high=1e-4,
    ),
    identity(
        "non-saturating-gradient",
        "With the best discriminator held, −log D has the gradient of KL(q‖p) − 2 JS(p‖q).",
        f"{ARJOVSKY}, Theorem 2.5",
        IDENTITIES.name,
        "difference from the central difference, at five means",
        each("other_error", of=abs),
        high=1e-4,
    ),
]


LINES = [
    identity(
        "js-saturates",
        "Between disjoint parallel lines JS is log 2, however far apart they are.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|JS − log 2| at six offsets",
        each("js", of=lambda js: abs(js - math.log(2)), keep=apart),
        high=1e-9,
    ),
    identity(
        "tv-saturates",
        "Between disjoint parallel lines the total variation is 1.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|TV − 1| at six offsets",
        each("total_variation", of=lambda tv: abs(tv - 1), keep=apart),
        high=1e-9,
    ),
    identity(
        "kl-infinite",
        "Between disjoint parallel lines KL is infinite.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "whether it is, at six offsets (1: yes)",
        each("kl_infinite", keep=apart),
        low=1.0,
    ),
    identity(
        "w1-is-the-offset",
        "W₁ between the lines is their distance |θ|.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|W₁ − |θ|| at seven offsets",
        lambda rows: [abs(row["wasserstein"] - row["offset"]) for row in rows],
        high=1e-6,
    ),
    identity(
        "mmd-tells-the-offset",
        "The kernel distance, too, grows with the offset from the start.",
        "derived: an integral probability metric with a continuous kernel",
        EXACT_LINES.name,
        "growth of MMD from each of seven offsets to the next",
        kernel_rises,
        low=1e-3,
    ),
    Claim(
        name="w1-from-samples",
        says="Estimated from samples, W₁ still grows as the offset.",
        source=f"{WGAN}, Example 1 and Theorem 1",
        experiment=SAMPLED_LINES.name,
        quantity="slope of W₁ between samples in the offset, by seed",
        values=sampled_slopes,
        low=0.95,
        high=1.05,
        reason="too few samples: along the lines they are apart, too",
        kind="theorem",
    ),
    identity(
        "js-from-samples",
        "Estimated from samples and known densities, JS is log 2 at every offset.",
        f"{WGAN}, Example 1",
        SAMPLED_LINES.name,
        "|JS − log 2| at six offsets and every seed",
        each("js", of=lambda js: abs(js - math.log(2)), keep=apart),
        high=1e-6,
    ),
]


METRIC_CLAIMS = [
    identity(
        f"supremum-{name}",
        says,
        "Müller 1997, integral probability metrics; Kantorovich & Rubinstein 1958",
        SUPREMA.name,
        "|supremum − distance|, every seed",
        each(f"{name}_error"),
        high=1e-5,
    )
    for name, says in (
        ("bounded", "Total variation is the most that a function with |f| ≤ ½ tells apart."),
        ("lipschitz", "W₁ is the most that a 1-Lipschitz function tells apart."),
        ("kernel", "MMD is the most that a function of unit norm in the kernel's space tells apart."),
    )
] + [
    Claim(
        name="net-distance-of-all-discriminators",
        says="Over all discriminators the neural-net distance with φ(t) = t is the total variation.",
        source=f"{ARORA}, Definition 2",
        experiment=SUPREMA.name,
        quantity="|played distance − total variation|, by seed",
        values=column("discriminator_error"),
        high=0.01,
        reason="discriminators near 0 and 1 move slowly: too few steps",
        kind="theorem",
    )
]
