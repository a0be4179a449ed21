"""Barnett 2018: where the theory of GANs promises convergence, and the ways in which practice misses it.

The paper surveys theorems and has no experiments: each theorem is verified in numbers, and each failure shown.
Sources name the theorem at its origin.
"""

import math
from collections.abc import Callable, Sequence
from operator import sub
from typing import Any

import numpy as np

from nashpath.studies.claim import Claim
from nashpath.studies.convergence_problems.affine_mixtures import AFFINE_MIXTURES, RIGGED_WEIGHTS
from nashpath.studies.convergence_problems.bilinear_rotation import ROTATION, SPECTRA
from nashpath.studies.convergence_problems.disjoint_lines import EXACT_LINES, SAMPLED_LINES, slope
from nashpath.studies.convergence_problems.finite_games import AVERAGED_PLAY, MATRIX_MIXTURES
from nashpath.studies.convergence_problems.frozen_discriminator import FROZEN_FREE, FROZEN_RING
from nashpath.studies.convergence_problems.generalisation import TRAINED_DISTANCE, TWO_SAMPLES, exponent
from nashpath.studies.convergence_problems.ideal_games import IDENTITIES, PLAY
from nashpath.studies.convergence_problems.integral_metrics import SUPREMA
from nashpath.studies.convergence_problems.mixture_of_dcgans import MIXTURE_OF_DCGANS
from nashpath.studies.convergence_problems.vanishing_gradient import VANISHING_GRADIENT
from nashpath.studies.rows import Row, Rows, paired
from nashpath.studies.study import Study

Values = Callable[[Rows], Sequence[float]]
LOG2 = math.log(2)


def column(key: str, **where: Any) -> Values:
    """A column, one number a seed (the mean where a seed has several rows)."""
    return lambda rows: list((rows.where(**where) if where else rows).by_seed(key).values())


def each(key: str, of: Callable[[float], float] = abs, keep: Callable[[Row], bool] = lambda row: True) -> Values:
    """A function of every row's entry, of the rows to ``keep``: for identities."""
    return lambda rows: [of(row[key]) for row in rows if keep(row)]


def apart(row: Row) -> bool:
    """Whether a row's two lines do not coincide."""
    return row["offset"] > 0


def sampled_slopes(rows: Rows) -> list[float]:
    """The slope of the sampled W₁ in the offset, by seed."""
    found = [rows.where(seed=seed) for seed in rows.by_seed("offset")]
    return [slope(own.values("offset"), own.values("wasserstein")) for own in found]


def kernel_rises(rows: Rows) -> list[float]:
    """How much the kernel distance of the exact lines grows from each offset to the next."""
    return np.diff(rows.values("mmd")).tolist()


def largest(key: str, dimension: int) -> Values:
    """A distance in one dimension at the largest number of samples, by seed."""
    return lambda rows: column(key, dimension=dimension, samples=max(rows.values("samples")))(rows)


def exponents(key: str, dimension: int) -> Values:
    """The exponent of a distance in the number of samples, by seed; noise is averaged before logarithms are taken."""

    def of(rows: Rows) -> list[float]:
        own = rows.where(dimension=dimension)
        by_seed = [own.where(seed=seed) for seed in own.by_seed("samples")]
        return [exponent(part.values("samples"), part.values(key)) for part in by_seed]

    return of


def between(key: str, name: str, first: Any, second: Any, of: Callable[[float, float], float] = sub) -> Values:
    """``of`` (first less second) of an entry in two conditions, seed by seed."""
    return lambda rows: paired(rows.where(**{name: first}).by_seed(key), rows.where(**{name: second}).by_seed(key), of)


def orders(a: float, b: float) -> float:
    """By how many powers of ten a is above b."""
    return math.log10(a / b)


def exact(
    name: str,
    says: str,
    source: str,
    experiment: str,
    quantity: str,
    values: Values,
    low: float = -math.inf,
    high: float = math.inf,
) -> Claim:
    """An identity: every value must lie in the range."""
    return Claim(name, says, source, experiment, quantity, values, low, high, exact=True, reason="rounding, or a bug")


GOODFELLOW = "Barnett 2018, after Goodfellow et al. 2014"
ARJOVSKY = "Barnett 2018, after Arjovsky & Bottou 2017"
WGAN = "Barnett 2018, after Arjovsky et al. 2017"
ARORA = "Barnett 2018, after Arora et al. 2017"

IDEAL = [
    exact(
        "best-discriminator",
        "Against a fixed model no discriminator does better than p/(p + q).",
        f"{GOODFELLOW}, Prop. 1",
        IDENTITIES.name,
        "norm of the discriminator's gradient at p/(p + q), at five means",
        each("discriminator_slope"),
        high=1e-4,
    ),
    exact(
        "value-identity",
        "With the best discriminator the value is −log 4 + 2 JS(p‖q).",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "largest difference between both sides, each computed in two ways, at five means",
        each("value_error"),
        high=1e-4,
    ),
    exact(
        "minimum-value",
        "Where the model equals the data the value is −log 4.",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "|V + log 4| at equal means",
        each("above_minimum", keep=lambda row: row["mean"] == 0),
        high=1e-6,
    ),
    exact(
        "minimum-only-there",
        "Elsewhere the value is above −log 4.",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "V + log 4 at means that differ",
        each("above_minimum", of=float, keep=lambda row: row["mean"] > 0),
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
    ),
    exact(
        "saturating-gradient",
        "With the best discriminator held, log(1 − D) has the gradient of 2 JS(p‖q).",
        f"{GOODFELLOW}, Theorem 1",
        IDENTITIES.name,
        "difference from the central difference, at five means",
        each("saturating_error"),
        high=1e-4,
    ),
    exact(
        "non-saturating-gradient",
        "With the best discriminator held, −log D has the gradient of KL(q‖p) − 2 JS(p‖q).",
        f"{ARJOVSKY}, Theorem 2.5",
        IDENTITIES.name,
        "difference from the central difference, at five means",
        each("other_error"),
        high=1e-4,
    ),
]

LINES = [
    exact(
        "js-saturates",
        "Between disjoint parallel lines JS is log 2, however far apart they are.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|JS − log 2| at six offsets",
        each("js", of=lambda js: abs(js - LOG2), keep=apart),
        high=1e-9,
    ),
    exact(
        "tv-saturates",
        "Between disjoint parallel lines the total variation is 1.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|TV − 1| at six offsets",
        each("total_variation", of=lambda tv: abs(tv - 1), keep=apart),
        high=1e-9,
    ),
    exact(
        "kl-infinite",
        "Between disjoint parallel lines KL is infinite.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "whether it is, at six offsets (1: yes)",
        each("kl_infinite", keep=apart),
        low=1.0,
    ),
    exact(
        "w1-is-the-offset",
        "W₁ between the lines is their distance |θ|.",
        f"{WGAN}, Example 1",
        EXACT_LINES.name,
        "|W₁ − |θ|| at seven offsets",
        lambda rows: [abs(row["wasserstein"] - row["offset"]) for row in rows],
        high=1e-6,
    ),
    exact(
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
    ),
    exact(
        "js-from-samples",
        "Estimated from samples and known densities, JS is log 2 at every offset.",
        f"{WGAN}, Example 1",
        SAMPLED_LINES.name,
        "|JS − log 2| at six offsets and every seed",
        each("js", of=lambda js: abs(js - LOG2), keep=apart),
        high=1e-6,
    ),
]

METRICS = [
    exact(
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
    )
]

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
        reason="too few steps where two points are liked almost equally",
    ),
    Claim(
        name="frozen-loses-modes",
        says="A generator that plays on against a frozen discriminator loses modes that a live one keeps.",
        source="Goodfellow 2016, Sec. 5.1.1; Salimans et al. 2016, Sec. 3.2",
        experiment=FROZEN_RING.name,
        quantity="modes with the frozen discriminator less modes with the live one, by seed",
        values=between("modes", "discriminator", "frozen", "live"),
        high=-1.0,
        reason="the modes were lost before",
    ),
    Claim(
        name="frozen-one-mode",
        says="It ends in a single mode.",
        source="Goodfellow 2016, Sec. 5.1.1; Salimans et al. 2016, Sec. 3.2",
        experiment=FROZEN_RING.name,
        quantity="modes with the frozen discriminator, by seed",
        values=column("modes", discriminator="frozen"),
        high=1.5,
        reason="the best reply is one point, but descent stops at any: each sample climbs to a maximum near to it",
    ),
    Claim(
        name="frozen-spread",
        says="Its samples shrink to a point.",
        source="Goodfellow 2016, Sec. 5.1.1; Salimans et al. 2016, Sec. 3.2",
        experiment=FROZEN_RING.name,
        quantity="log₁₀ of the spread of samples, frozen over live, by seed",
        values=between("spread", "discriminator", "frozen", "live", orders),
        high=-1.0,
        reason="the best reply is one point, but descent stops at any: each sample climbs to a maximum near to it",
    ),
]

GENERALISATION = [
    exact(
        "js-does-not-generalise",
        "Two samples of one distribution are at JS = log 2, however many there are.",
        f"{ARORA}, Sec. 3",
        TWO_SAMPLES.name,
        "|JS − log 2| in every dimension, at every number of samples and seed",
        each("js", of=lambda js: abs(js - LOG2)),
        high=1e-9,
    ),
    Claim(
        name="w1-does-not-generalise",
        says="Two samples of one distribution in 64 dimensions stay at W₁ above 1.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="W₁ between 512 samples and 512 others of N(0, I/64), by seed",
        values=largest("wasserstein", 64),
        low=1.0,
        reason="512 samples are many for this dimension",
    ),
    Claim(
        name="w1-hardly-falls",
        says="In 64 dimensions more samples hardly reduce W₁.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="exponent of W₁ in the number of samples, 64 dimensions, by seed (theory: −1/64)",
        values=exponents("wasserstein", 64),
        low=-0.1,
        reason="few samples fall faster than the asymptotic rate",
    ),
    Claim(
        name="linear-generalises",
        says="What unit linear functions tell apart is small at the same number of samples.",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="largest of 200 linear functions, 512 samples, 64 dimensions, by seed",
        values=largest("linear", 64),
        high=0.05,
        reason="200 directions find more than chance would",
    ),
    Claim(
        name="linear-falls",
        says="It falls with the number of samples as m^(−1/2).",
        source=f"{ARORA}, Sec. 3",
        experiment=TWO_SAMPLES.name,
        quantity="exponent of the largest of 200 linear functions in the number of samples, 64 dimensions, by seed",
        values=exponents("linear", 64),
        low=-0.65,
        high=-0.35,
        reason="few samples and few sizes to fit",
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
    ),
]

MIXTURES = [
    *(
        Claim(
            name=f"{count}-generators",
            says=says,
            source=f"{ARORA}, Sec. 4 and 5",
            experiment=AFFINE_MIXTURES.name,
            quantity=f"modes of 8 covered with {count} affine generators, by seed",
            values=column("modes", generators=count),
            reason="generators share a mode, and another one stays empty",
            low=low,
            high=high,
        )
        for count, says, low, high in (
            (1, "One affine generator covers at most two of eight modes.", -math.inf, 2.0),
            (8, "Eight affine generators cover most modes.", 5.0, math.inf),
            (16, "Sixteen affine generators cover nearly all modes.", 7.0, math.inf),
        )
    ),
    Claim(
        name="mixture-nearer-to-equilibrium",
        says="Sixteen generators are nearer to an equilibrium than one: the players gain less by answers of their own.",
        source=f"{ARORA}, Sec. 4",
        experiment=AFFINE_MIXTURES.name,
        quantity="gap with 16 generators less gap with one, by seed",
        values=between("gap", "generators", 16, 1),
        high=0.0,
        reason="a limited search finds little against any, or the mixture still moves",
    ),
    Claim(
        name="entropy-keeps-weights",
        says="The entropy term keeps the weight of a generator that the discriminator does not like.",
        source=f"{ARORA}, Sec. 5",
        experiment=RIGGED_WEIGHTS.name,
        quantity="log₁₀ of the lesser weight with coefficient 0.1 over that without, by seed",
        values=between("smallest", "entropy", 0.1, 0.0, orders),
        low=0.3,
        reason="weights without it fall slowly: too few steps",
    ),
    Claim(
        name="entropy-closed-form",
        says="The weights settle where w (1 − w) gain = entropy (½ − w).",
        source="derived",
        experiment=RIGGED_WEIGHTS.name,
        quantity="|lesser weight − solution| with coefficient 0.1, by seed",
        values=column("error", entropy=0.1),
        high=1e-3,
        reason="too few steps",
    ),
    Claim(
        name="mix-dcgan",
        says="MIX+DCGAN has a higher Inception score on CIFAR-10 than DCGAN.",
        source=f"{ARORA}, Sec. 6 (7.72 and 7.16 with the authors' networks)",
        experiment=MIXTURE_OF_DCGANS.name,
        quantity="Inception score of 5 against 5 less that of 1 against 1, by seed",
        values=between("inception_score", "networks", 5, 1),
        low=0.0,
        reason="the authors' networks are conditional on classes, and these are not",
        scales=("full",),
    ),
]

ROTATIONS = [
    *(
        exact(
            f"{solver}-factor",
            says,
            source,
            ROTATION.name,
            "|factor of a step − theory| at four rates, every seed",
            each("error", keep=lambda row, solver=solver: row["solver"] == solver),
            high=1e-6,
        )
        for solver, says, source in (
            ("simultaneous", "On xy simultaneous descent leaves by √(1 + h²) a step.", "Salimans et al. 2016, Sec. 3"),
            ("extragradient", "Extragradient contracts by √(1 − h² + h⁴) a step.", "Gidel et al. 2019, Sec. 3"),
            ("consensus", "Consensus optimisation contracts by √((1 − h)² + h²).", "Mescheder et al. 2017, Sec. 4"),
        )
    ),
    exact(
        "alternating-bounded",
        "On xy alternating descent stays on an ellipse.",
        "derived; Gidel et al. 2019, Sec. 2",
        ROTATION.name,
        "largest change of the distance over the longest possible, √((2 + h)/(2 − h)), at four rates, every seed",
        each("beyond", keep=lambda row: row["solver"] == "alternating"),
        high=1 + 1e-9,
    ),
    exact(
        "imaginary-eigenvalues",
        "At the equilibria of xy and of unregularised toy GANs all eigenvalues of the field are imaginary (±i for xy).",
        "Mescheder et al. 2017, Sec. 3; Mescheder et al. 2018, Lemma 2.3",
        SPECTRA.name,
        "largest difference from ± i f, six games",
        each("error"),
        high=1e-6,
    ),
]

STRATEGIES = [
    exact(
        "mixed-equilibrium",
        "Every finite zero-sum game has an equilibrium in mixed strategies.",
        "von Neumann 1928; Barnett 2018",
        MATRIX_MIXTURES.name,
        "duality gap of the mixed equilibrium, every seed (payoffs from 0 to 1)",
        each("equilibrium_gap"),
        high=1e-8,
    ),
    Claim(
        name="no-pure-equilibrium",
        says="A random game has none in pure strategies, nor any pair near to one.",
        source=f"{ARORA}, Sec. 4",
        experiment=MATRIX_MIXTURES.name,
        quantity="smallest duality gap of a pair of pure strategies (payoffs from 0 to 1), by seed",
        values=column("pure_gap"),
        low=0.1,
        reason="small games may have a saddle",
    ),
    Claim(
        name="few-strategies-suffice",
        says="Even mixtures of T strategies from the equilibrium have a gap that falls as T^(−1/2).",
        source=f"{ARORA}, Sec. 4; Lipton et al. 2003, Theorem 1",
        experiment=MATRIX_MIXTURES.name,
        quantity="exponent of the mean gap in T, by seed",
        values=column("slope"),
        low=-0.6,
        high=-0.4,
        reason="at T = 1 the gap is bounded by the payoffs' range",
    ),
    Claim(
        name="averages-converge",
        says="On a bilinear game averages of simultaneous play have a gap of order T^(−1/2).",
        source="Freund & Schapire 1999; derived",
        experiment=AVERAGED_PLAY.name,
        quantity="exponent of the averages' gap in T, rate 1/√T, by seed",
        values=column("averaged_slope"),
        high=-0.4,
        reason="play of a few turns leaves an average off the centre",
    ),
    Claim(
        name="iterates-do-not",
        says="The last iterates of the same play come no nearer.",
        source="Salimans et al. 2016, Sec. 3; derived",
        experiment=AVERAGED_PLAY.name,
        quantity="exponent of the last iterates' gap in T, by seed",
        values=column("last_slope"),
        low=-0.1,
        reason="at the rate 1/√T the spiral is slow",
    ),
]

STUDY = Study(
    name="convergence-problems",
    title="Convergence Problems with Generative Adversarial Networks",
    paper="Barnett 2018, arXiv 1806.11382",
    experiments=[
        AFFINE_MIXTURES,
        FROZEN_RING,
        TRAINED_DISTANCE,
        ROTATION,
        TWO_SAMPLES,
        PLAY,
        VANISHING_GRADIENT,
        AVERAGED_PLAY,
        RIGGED_WEIGHTS,
        FROZEN_FREE,
        SUPREMA,
        IDENTITIES,
        EXACT_LINES,
        SAMPLED_LINES,
        MATRIX_MIXTURES,
        SPECTRA,
        MIXTURE_OF_DCGANS,
    ],
    claims=[
        *IDEAL,
        *LINES,
        *METRICS,
        *GRADIENTS,
        *COLLAPSE,
        *GENERALISATION,
        *MIXTURES,
        *ROTATIONS,
        *STRATEGIES,
    ],
)
