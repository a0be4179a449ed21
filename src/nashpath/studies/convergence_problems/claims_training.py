"""Claims about gradients that vanish, generators that collapse, and what finite samples say.

Changed on 2026-11-27, after the rows of 2026-11-22 and before those that are judged now: against a frozen
discriminator modes end up at either end, so that their mean (4.06) describes no seed; "it ends in a single mode" (mean
≤ 1.5) is now about the share of seeds that do. "Its samples shrink to a point" said the same of their spread, and is
left out.
"""

import math

from nashpath.studies.claim import Claim, identity
from nashpath.studies.convergence_problems.claims_divergences import ARJOVSKY, ARORA
from nashpath.studies.convergence_problems.frozen_discriminator import FROZEN_FREE, FROZEN_RING
from nashpath.studies.convergence_problems.generalisation import TRAINED_DISTANCE, TWO_SAMPLES
from nashpath.studies.convergence_problems.vanishing_gradient import VANISHING_GRADIENT
from nashpath.studies.reading import Values, column, each, exponent, versus
from nashpath.studies.rows import Rows


def largest_value(key: str, dimension: int) -> Values:
    """A distance in one dimension at the largest number of samples, by seed."""
    return lambda rows: column(key, dimension=dimension, samples=max(rows.values("samples")))(rows)


def exponents_by_seed(key: str, dimension: int) -> Values:
    """The exponent of a distance in the number of samples, by seed; noise is averaged before logarithms are taken."""

    def of(rows: Rows) -> list[float]:
        own = rows.where(dimension=dimension)
        by_seed = [own.where(seed=seed) for seed in own.by_seed("samples")]
        return [exponent(part.values("samples"), part.values(key)) for part in by_seed]

    return of


GRADIENTS = [
    Claim(
        name="saturating-gradient-vanishes",
        says="As the discriminator learns, the gradient of log(1 − D) falls to nothing beside that of −log D.",
        source=f"{ARJOVSKY}, Theorem 2.4 and Cor. 2.1",
        experiment=VANISHING_GRADIENT.name,
        quantity="log₁₀ of the ratio of gradient norms, −log D over log(1 − D), after training, by seed",
        values=column("log_ratio"),
        low=6.0,
        reason="the discriminator was trained for too short to be sure",
        kind="theorem",
    ),
    Claim(
        name="saturating-gradient-falls",
        says="From its largest on, the gradient of log(1 − D) falls from checkpoint to checkpoint.",
        source=f"{ARJOVSKY}, Theorem 2.4 and Fig. 2",
        experiment=VANISHING_GRADIENT.name,
        quantity="share of checkpoints at which it falls, by seed",
        values=column("falls"),
        low=0.9,
        reason="an untrained discriminator's slope grows before its certainty does",
        kind="theorem",
    ),
    Claim(
        name="other-gradient-stays",
        says="The gradient of −log D does not vanish.",
        source=f"{ARJOVSKY}, Sec. 2.2.2",
        experiment=VANISHING_GRADIENT.name,
        quantity="log₁₀ of its norm after training, by seed",
        values=column("log_other"),
        low=0.0,
        reason="the discriminator's slope is small where it is sure",
        kind="theorem",
    ),
]


COLLAPSE = [
    Claim(
        name="frozen-best-reply",
        says="Against a fixed discriminator a free generator puts all mass on one point.",
        source="Salimans et al. 2016, Sec. 3.2; derived",
        experiment=FROZEN_FREE.name,
        quantity="mass on the point that the discriminator likes best, by seed",
        values=column("mass"),
        low=0.99,
        kind="theorem",
        reason="too few steps where two points are liked almost equally",
    ),
    Claim(
        name="frozen-loses-modes",
        says="A generator that plays on against a frozen discriminator loses modes that a live one keeps.",
        source="ours: after Goodfellow 2016, Sec. 5.1.1, and Salimans et al. 2016, Sec. 3.2, who speak of best replies",
        experiment=FROZEN_RING.name,
        quantity="modes with the frozen discriminator less modes with the live one, by seed",
        values=versus("modes", {"discriminator": "frozen"}, {"discriminator": "live"}),
        high=-1.0,
        kind="ours",
        reason="the modes were lost before",
    ),
    Claim(
        name="frozen-mostly-one-mode",
        says="Descent, too, not the best reply alone, ends in a single mode in most seeds.",
        source="ours: the sources speak of the best reply",
        experiment=FROZEN_RING.name,
        quantity="share of seeds that end in at most one mode",
        values=column("modes", of=lambda modes: float(modes <= 1), discriminator="frozen"),
        low=0.5,
        kind="ours",
        reason="the best reply is one point, but descent stops at any: each sample climbs to a maximum near to it, "
        "and a discriminator that was nearly flat when it was frozen has many. The rows of 2026-11-22 had 1 mode in 5 "
        "seeds of 16, 2 to 6 in 7, and 7 or 8 in 4",
    ),
]


GENERALISATION = [
    identity(
        "js-does-not-generalise",
        "Two samples of one distribution are at JS = log 2, however many there are.",
        f"{ARORA}, Sec. 3",
        TWO_SAMPLES.name,
        "|JS − log 2| in every dimension, at every number of samples and seed",
        each("js", of=lambda js: abs(js - math.log(2))),
        high=1e-9,
    ),
    Claim(
        name="w1-does-not-generalise",
        says="Two samples of one distribution in 64 dimensions stay at W₁ above 1.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="W₁ between 512 samples and 512 others of N(0, I/64), by seed",
        values=largest_value("wasserstein", 64),
        low=1.0,
        reason="512 samples are many for this dimension",
        kind="theorem",
    ),
    Claim(
        name="w1-hardly-falls",
        says="In 64 dimensions more samples hardly reduce W₁.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="exponent of W₁ in the number of samples, 64 dimensions, by seed (theory: −1/64)",
        values=exponents_by_seed("wasserstein", 64),
        low=-0.1,
        reason="few samples fall faster than the asymptotic rate",
        kind="theorem",
    ),
    Claim(
        name="linear-generalises",
        says="What unit linear functions tell apart is small at the same number of samples.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="largest of 200 linear functions, 512 samples, 64 dimensions, by seed",
        values=largest_value("linear", 64),
        high=0.05,
        reason="200 directions find more than chance would",
        kind="theorem",
    ),
    Claim(
        name="linear-falls",
        says="It falls with the number of samples as m^(−1/2).",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="exponent of the largest of 200 linear functions in the number of samples, 64 dimensions, by seed",
        values=exponents_by_seed("linear", 64),
        low=-0.65,
        high=-0.35,
        reason="few samples and few sizes to fit",
        kind="theorem",
    ),
    Claim(
        name="net-falls",
        says="The distance that a small discriminator learns falls with the number of samples.",
        source=f"{ARORA}, Sec. 3",
        experiment=TRAINED_DISTANCE.name,
        quantity="exponent of the neural-net distance in the number of samples, by seed",
        values=column("slope"),
        high=-0.3,
        reason="with fewer samples than parameters the net separates them outright",
        kind="theorem",
    ),
    Claim(
        name="net-generalises",
        says="With many more samples than parameters it is small.",
        source=f"{ARORA}, Sec. 3",
        experiment=TRAINED_DISTANCE.name,
        quantity="neural-net distance (0 to 1) between 4096 samples and 4096 others, 265 parameters, by seed",
        values=column("last_net"),
        high=0.2,
        reason="4096 samples are few for 265 parameters",
        kind="theorem",
    ),
]
