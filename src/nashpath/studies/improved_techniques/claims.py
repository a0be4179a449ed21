"""Salimans et al. 2016, "Improved Techniques for Training GANs": its claims, and which experiment decides each.

The paper gives no numbers for its toy game, and none for small digits: those thresholds are ours, set before the
default size was run. Changed on 2026-11-27, after the rows of 2026-11-22 and before those that are judged now: the
ring on which minibatch discrimination prevents a collapse is one on which plain GANs do collapse, which is a claim of
its own; what does not hold on small digits is called "not reproduced at this size"; an arm whose generator does not
learn says what the unlabelled terms do alone.
"""

from collections.abc import Callable
from functools import partial
from math import log
from typing import Any

from nashpath.studies.claim import Claim
from nashpath.studies.improved_techniques.claims_quality import ABLATION, ALGEBRA, SCORES
from nashpath.studies.improved_techniques.ensembles import ENSEMBLES, ENSEMBLES_MNIST
from nashpath.studies.improved_techniques.few_labels import (
    FEW_LABELS,
    FEW_LABELS_CIFAR10,
    FEW_LABELS_MNIST,
    FEW_LABELS_REAL,
    FEW_LABELS_SVHN,
)
from nashpath.studies.improved_techniques.historical_averaging import HISTORICAL_AVERAGING, growth
from nashpath.studies.improved_techniques.minibatch_collapse import MINIBATCH_COLLAPSE
from nashpath.studies.improved_techniques.score_ordering import SCORE_ORDERING
from nashpath.studies.improved_techniques.technique_ablation import TECHNIQUE_ABLATION
from nashpath.studies.improved_techniques.technique_algebra import TECHNIQUE_ALGEBRA
from nashpath.studies.reading import Values, column, each, versus
from nashpath.studies.rows import Row, Rows, paired
from nashpath.studies.study import Study


def growths(order: str, expected: Callable[[int], float]) -> Values:
    """Last over first distance on xy without averaging, over what is expected of it, less 1."""

    def values(rows: Rows) -> list[float]:
        found = rows.where(game="bilinear", coefficient=0.0, order=order)
        return [abs(row["distance"] / row["began"] / expected(row["step"][-1]) - 1) for row in found]

    return values


def error_ratio(a: float, b: float) -> float:
    """log(a / b) of two test errors; half an error in 542 stands for none."""
    return log(max(a, 1e-3) / max(b, 1e-3))


def against(arm: str, other: str, labels: int) -> Values:
    """log(test error of one arm / of the other), by seed."""
    return versus("test_error", {"arm": arm, "labels": labels}, {"arm": other, "labels": labels}, error_ratio)


toy = partial(Claim, experiment=HISTORICAL_AVERAGING.name, exact=True)
AT_END = "after 20,000 steps, three starts, both orders of play"
_TOYS = [
    toy(
        name="averaging-arrives",
        says="Historical averaging finds the equilibrium of (f(x) − 1)(y − 1).",
        source="Sec. 3.3 (the paper gives no coefficient; 0.1 is ours)",
        quantity=f"distance to (1, 1) with coefficient 0.1 {AT_END}",
        values=each("distance", game="salimans", coefficient=0.1),
        high=0.01,
        scales=("default",),
    ),
    toy(
        name="descent-circles",
        says="Gradient descent alone goes into extended orbits on that game.",
        source="Sec. 3.3",
        quantity=f"distance to (1, 1) without averaging {AT_END}",
        values=each("distance", game="salimans", coefficient=0.0),
        low=1.0,
        scales=("default",),
    ),
    toy(
        name="averaging-arrives-on-xy",
        says="Historical averaging also finds the equilibrium of xy.",
        source="derived from Sec. 3 and 3.3",
        quantity=f"distance to (0, 0) with coefficient 0.1 {AT_END}",
        values=each("distance", game="bilinear", coefficient=0.1),
        high=0.01,
        scales=("default",),
        kind="ours",
    ),
    toy(
        name="stable-orbit",
        says="On xy, descent in turns enters a stable orbit and does not converge.",
        source="Sec. 3 (the orbit; that play must be in turns is derived)",
        quantity="|last distance / first distance − 1| of alternating descent, three starts",
        values=growths("alternating", lambda steps: 1.0),
        high=0.05,
        kind="theorem",
    ),
    toy(
        name="unstable-orbit",
        says="With simultaneous steps the orbit is not stable: the distance grows by (1 + h²)^½ a step.",
        source="derived (against the letter of Sec. 3)",
        quantity="|last distance / (first distance · (1 + h²)^(steps/2)) − 1|, three starts",
        values=growths("simultaneous", growth),
        high=0.01,
        kind="ours",
    ),
    toy(
        name="large-coefficients-freeze",
        says="A large coefficient freezes the players: with 2 they are still far when those with 0.1 have arrived.",
        source="derived: the mean of the past is stale; not in the paper",
        quantity=f"distance to (1, 1) with coefficient 2 {AT_END}",
        values=each("distance", game="salimans", coefficient=2.0),
        low=0.1,
        scales=("default",),
        kind="ours",
    ),
]

WITH, WITHOUT = {"technique": "minibatch discrimination"}, {"technique": "none"}
collapse = partial(
    Claim,
    experiment=MINIBATCH_COLLAPSE.name,
    source="Sec. 3.2",
    reason="a plain GAN of this size loses modes in some seeds only, and finds them again",
)
COLLAPSE = [
    Claim(
        name="plain-loses-modes",
        says="On this ring a plain GAN loses modes: there is a collapse to prevent.",
        source="ours: the control of the next claims",
        experiment=MINIBATCH_COLLAPSE.name,
        quantity="modes of 8 without the technique, mean over the second half of training",
        values=column("modes", technique="none"),
        high=6.5,
        kind="ours",
    ),
    collapse(
        name="minibatch-covers-modes",
        says="With minibatch discrimination the generator covers nearly all modes.",
        quantity="modes of 8 with minibatch discrimination, mean over the second half of training",
        values=column("modes", technique="minibatch discrimination"),
        low=7.0,
    ),
    collapse(
        name="minibatch-against-collapse",
        says="Minibatch discrimination keeps modes that a discriminator of single samples loses.",
        quantity="modes of 8 with minibatch discrimination less modes without, by seed",
        values=versus("modes", WITH, WITHOUT),
        low=0.0,
    ),
    collapse(
        name="minibatch-evens-modes",
        says="Samples are spread over the modes more evenly with minibatch discrimination.",
        quantity="KL divergence (nats) of the histogram over modes from uniform, with less without, by seed",
        values=versus("mode_kl", WITH, WITHOUT),
        high=0.0,
    ),
]


label = partial(Claim, experiment=FEW_LABELS.name)
MARGIN = round(log(0.85), 4)
AT_THIS_SIZE = (
    "not reproduced at this size (1,255 digits of 8x8 pixels, three layers), which says nothing of the paper's"
)
LABELS = [
    *(
        label(
            name=f"unlabelled-helps-{count}",
            says=f"With {count} labels, feature matching on unlabelled images lowers the test error.",
            source="Sec. 5 and 6.1 (on MNIST); the factor 0.85 is ours",
            quantity=f"log(error with feature matching / error from {count} labels alone), by seed",
            values=against("feature matching", "labels only", count),
            high=MARGIN,
            reason="which labels are known matters: the gain differs by a factor of three between seeds",
        )
        for count in (20, 50)
    ),
    label(
        name="learning-generator-helps",
        says="With 20 labels feature matching has less error than the unlabelled terms with a generator that is held.",
        source="ours: it isolates what the learning generator does",
        quantity="log(error with feature matching / error with a held generator) at 20 labels, by seed",
        values=against("feature matching", "held generator", 20),
        high=0.0,
        kind="ours",
        reason="telling digits from anything else may be all that the unlabelled terms teach here",
    ),
    label(
        name="minibatch-fails-with-few-labels",
        says="At this size, too, minibatch discrimination with few labels has more error than feature matching.",
        source="Sec. 5 (MNIST and CIFAR-10)",
        quantity="log(error with minibatch discrimination / error with feature matching) at 10 labels, by seed",
        values=against("minibatch discrimination", "feature matching", 10),
        low=0.0,
        reason=f"{AT_THIS_SIZE}: any generator helps, feature matching least of three",
    ),
    label(
        name="minibatch-no-help",
        says="At this size, too, minibatch discrimination does not lower the error of the labels alone.",
        source="Sec. 5 (MNIST and CIFAR-10: it 'does not work at all'); the factor 0.85 is ours",
        quantity="log(error with minibatch discrimination / error from 10 labels alone), by seed",
        values=against("minibatch discrimination", "labels only", 10),
        low=MARGIN,
        reason=f"{AT_THIS_SIZE}: any generator helps, feature matching least of three",
    ),
    label(
        name="more-labels-less-error",
        says="The error of feature matching falls with the number of labels.",
        source="Sec. 6, Tables 1 and 2 (MNIST, CIFAR-10)",
        quantity="log(error at 100 labels / error at 10 labels) with feature matching, by seed",
        values=versus(
            "test_error",
            {"arm": "feature matching", "labels": 100},
            {"arm": "feature matching", "labels": 10},
            error_ratio,
        ),
        high=0.0,
    ),
    label(
        name="matching-beats-plain-generator",
        says="Feature matching helps the classifier more than a plain (non-saturating) generator does.",
        source="ours: implied by Sec. 3.1 and 5, but the paper does not compare the two",
        quantity="log(error with feature matching / error with a plain generator) at 20 labels, by seed",
        values=against("feature matching", "plain generator", 20),
        high=0.0,
        reason="what helps is any generator near the data; on small digits both are",
        kind="ours",
    ),
]


def ensemble_gain(row: Row) -> float:
    """log(error of the ensemble / mean error of its members)."""
    return error_ratio(row["ensemble_error"], row["test_error"])


def gains(rows: Rows, labels: int) -> dict[int, float]:
    """`ensemble_gain` by labelled set."""
    return {row["seed"]: ensemble_gain(row) for row in rows.where(labels=labels)}


of_ten = partial(
    Claim,
    experiment=ENSEMBLES.name,
    reason=f"{AT_THIS_SIZE}: classifiers that share few labels may share their errors, too",
)
TOGETHER = [
    *(
        of_ten(
            name=f"ensembles-{count}",
            says=f"Ten classifiers that share {count} labels err less together than each does in the mean.",
            source="Sec. 6, Table 1 (MNIST: 32 % less at 20 labels, 36 % at 50, 8 % at 100)",
            quantity="log(error of the ensemble / mean error of its members), by labelled set",
            values=lambda rows, count=count: [*gains(rows, count).values()],
            high=0.0,
        )
        for count in (20, 50, 100)
    ),
    of_ten(
        name="ensembles-help-with-few-labels",
        says="Together they gain more with 20 labels than with 100.",
        source="ours: read off Table 1 (MNIST)",
        quantity="the same with 20 labels less that with 100, by labelled set",
        values=lambda rows: paired(gains(rows, 20), gains(rows, 100)),
        high=0.0,
        kind="ours",
    ),
]


PUBLISHED = (
    (FEW_LABELS_MNIST, "MNIST", 20, 0.1677, 0.0452, "Table 1"),
    (FEW_LABELS_MNIST, "MNIST", 50, 0.0221, 0.0136, "Table 1"),
    (FEW_LABELS_MNIST, "MNIST", 100, 0.0093, 0.00065, "Table 1"),
    (FEW_LABELS_MNIST, "MNIST", 200, 0.009, 0.00042, "Table 1"),
    (FEW_LABELS_SVHN, "SVHN", 500, 0.1844, 0.048, "Sec. 6.3"),
    (FEW_LABELS_SVHN, "SVHN", 1000, 0.0811, 0.013, "Sec. 6.3"),
    (FEW_LABELS_SVHN, "SVHN", 2000, 0.0616, 0.0058, "Sec. 6.3"),
    (FEW_LABELS_CIFAR10, "CIFAR-10", 1000, 0.2183, 0.0201, "Table 2"),
    (FEW_LABELS_CIFAR10, "CIFAR-10", 2000, 0.1961, 0.0209, "Table 2"),
    (FEW_LABELS_CIFAR10, "CIFAR-10", 4000, 0.1863, 0.0232, "Table 2"),
    (FEW_LABELS_CIFAR10, "CIFAR-10", 8000, 0.1772, 0.0182, "Table 2"),
)
"""Experiment, data, labels, test error and its deviation over ten subsets, as the paper's full text has them."""
OF_TEN = ((20, 0.1134, 0.0445), (50, 0.0142, 0.0096), (100, 0.0086, 0.00056), (200, 0.0081, 0.00043))
"""Labels of MNIST, test error of an ensemble and its deviation, as Table 1 has them."""


def reaches(where: str, error: float, deviation: float, **told: Any) -> Claim:
    """The claim of a test error at full size."""
    source = f"{where}: {error:g} ± {deviation:g}; the bound is two deviations above"
    return Claim(source=source, high=round(error + 2 * deviation, 4), scales=("full",), **told)


FULL = [
    reaches(
        *(table, error, deviation),
        name=f"{data}-{count}-labels",
        says=f"Feature matching reaches the paper's test error on {data} with {count} labels.",
        experiment=experiment.name,
        quantity="test error, by seed",
        values=column("test_error", arm="feature matching", labels=count),
        reason="which labels are known matters; the released code draws them, and the order of samples, otherwise",
    )
    for experiment, data, count, error, deviation, table in PUBLISHED
]
FULL += [
    reaches(
        *("Table 1", error, deviation),
        name=f"MNIST-{count}-labels-of-ten",
        says=f"An ensemble of ten reaches the paper's test error on MNIST with {count} labels.",
        experiment=ENSEMBLES_MNIST.name,
        quantity="test error of the ensemble, by labelled set",
        values=column("ensemble_error", labels=count),
        reason="what the ten of the paper differ in is not said",
    )
    for count, error, deviation in OF_TEN
]

FAILS_ON_MNIST = Claim(
    name="MNIST-minibatch-fails",
    says="On MNIST minibatch discrimination has more error than feature matching in semi-supervised learning.",
    source="Sec. 5",
    experiment=FEW_LABELS_MNIST.name,
    quantity="log(error with minibatch discrimination / error with feature matching) at 100 labels, by seed",
    values=against("minibatch discrimination", "feature matching", 100),
    low=0.0,
    scales=("full",),
)
real = partial(Claim, experiment=FEW_LABELS_REAL.name, scales=("real",))
REAL = [
    real(
        name="real-unlabelled-helps",
        says="With 100 labels of MNIST, feature matching on unlabelled images lowers the test error.",
        source="Sec. 5 and 6.1; the factor 0.85 is ours",
        quantity="log(error with feature matching / error from 100 labels alone), by seed",
        values=against("feature matching", "labels only", 100),
        high=MARGIN,
        reason="1.7 epochs of 300",
    ),
    real(
        name="real-learning-generator-helps",
        says="There it has less error than the unlabelled terms with a generator that is held.",
        source="ours: it isolates what the learning generator does",
        quantity="log(error with feature matching / error with a held generator) at 100 labels, by seed",
        values=against("feature matching", "held generator", 100),
        high=0.0,
        kind="ours",
        reason="1.7 epochs of 300",
    ),
]

ON_DIGITS = (
    HISTORICAL_AVERAGING,
    MINIBATCH_COLLAPSE,
    FEW_LABELS,
    ENSEMBLES,
    SCORE_ORDERING,
    TECHNIQUE_ABLATION,
    TECHNIQUE_ALGEBRA,
)
STUDY = Study(
    name="improved-techniques",
    title="Improved techniques for training GANs",
    paper="Salimans, Goodfellow, Zaremba, Cheung, Radford & Chen 2016 (NeurIPS; arXiv 1606.03498)",
    experiments=[*ON_DIGITS, FEW_LABELS_REAL, FEW_LABELS_MNIST, ENSEMBLES_MNIST, FEW_LABELS_SVHN, FEW_LABELS_CIFAR10],
    claims=[*_TOYS, *COLLAPSE, *LABELS, *TOGETHER, *SCORES, *ABLATION, *ALGEBRA, *REAL, *FULL, FAILS_ON_MNIST],
)
