"""Claims about the Inception score, the ablation, and identities.

Changed on 2026-11-27, after the rows of 2026-11-22 and before those that are judged now: "all" is what Table 3 means by
it (labels in, historical averaging out); "needs historical averaging", which the table does not say, is left out; its
rows −L, −L+HA and −MBF+HA and Sec. 5.1 on labels have claims.
"""

from functools import partial

from nashpath.studies.claim import Claim, ClaimKind, identity
from nashpath.studies.improved_techniques.score_ordering import SCORE_ORDERING
from nashpath.studies.improved_techniques.technique_ablation import TECHNIQUE_ABLATION
from nashpath.studies.improved_techniques.technique_algebra import TECHNIQUE_ALGEBRA
from nashpath.studies.reading import Values, column, each, versus
from nashpath.studies.rows import Rows, paired

OTHERS = ("virtual batch norm", "labels", "label smoothing")


def worst_removal(rows: Rows) -> list[float]:
    """Inception score without minibatch discrimination less the lowest with another removed, by seed."""
    scores = [rows.where(techniques=f"all but {name}").by_seed("inception_score") for name in OTHERS]
    lowest = {seed: min(score[seed] for score in scores) for seed in scores[0]}
    return paired(rows.where(techniques="all but minibatch discrimination").by_seed("inception_score"), lowest)


ORDERS: dict[str, tuple[str, str, str, ClaimKind]] = {
    "real": ("Real images score above a trained GAN's.", "real", "GAN", "found"),
    "noise": ("A trained GAN's images score above noise.", "GAN", "noise", "ours"),
    "collapse": ("A GAN of all classes scores above images of one class.", "GAN", "real, one class", "found"),
    "classes": ("Images of all classes score above images of five.", "real", "real, five classes", "ours"),
}


SCORES = [
    *(
        Claim(
            name=f"score-orders-{name}",
            says=says,
            source="Sec. 4 and 6.2" if kind == "found" else "ours: what a score after Sec. 4 has to do",
            experiment=SCORE_ORDERING.name,
            quantity=f"Inception score, {above} less {below}, by seed",
            values=versus("inception_score", {"samples": above}, {"samples": below}),
            low=0.0,
            kind=kind,
        )
        for name, (says, above, below, kind) in ORDERS.items()
    ),
    Claim(
        name="score-agrees",
        says="The Inception score orders the moments of training as the Fréchet distance does.",
        source="ours: Sec. 4 has people's votes, for which the Fréchet distance stands here",
        experiment=SCORE_ORDERING.name,
        quantity="Spearman rank correlation of score and minus Fréchet distance over twelve moments, by seed",
        values=column("rank_correlation", samples="GAN"),
        low=0.5,
        kind="ours",
    ),
]


ablation = partial(Claim, experiment=TECHNIQUE_ABLATION.name, scales=("quick", "default", "full"))


def score_gain(techniques: str, other: str) -> Values:
    """Inception score with some techniques less that with others, by seed."""
    return versus("inception_score", {"techniques": techniques}, {"techniques": other})


REMOVALS = {
    "minibatch discrimination": ("−MBF", "without it generated digits are of all classes anyway"),
    "virtual batch norm": ("−VBN+BN", "a small dense generator is as well off with batch normalisation"),
    "labels": ("−L", "small digits are sampled well without being told their classes"),
    "label smoothing": ("−LS", "the discriminator of small digits is not sure of itself, smoothed or not"),
}
ABLATION = [
    ablation(
        name="labels-improve-samples",
        says="A discriminator that learns classes makes for better samples.",
        source="Sec. 5.1",
        quantity="Inception score with labels alone less that with no technique, by seed",
        values=score_gain("only labels", "none"),
        low=0.0,
        reason="small digits are sampled well without being told their classes",
    ),
    ablation(
        name="all-beats-none",
        says="All techniques together give a higher Inception score than none.",
        source="ours: Table 3 has no such row",
        quantity="Inception score with all less that with none, by seed",
        values=score_gain("all", "none"),
        low=0.0,
        kind="ours",
        reason="a plain GAN of this size already makes digits of all classes",
    ),
    *(
        ablation(
            name=f"needs-{name.replace(' ', '-')}",
            says=f"Taking {name} from all techniques lowers the Inception score.",
            source=f"Table 3, row {row} (CIFAR-10)",
            quantity=f"Inception score with all less that with all but {name}, by seed",
            values=score_gain("all", f"all but {name}"),
            low=0.0,
            reason=reason,
        )
        for name, (row, reason) in REMOVALS.items()
    ),
    ablation(
        name="averaging-makes-up-for-labels",
        says="Without labels, historical averaging makes up for some of the loss.",
        source="Table 3, rows −L and −L+HA (CIFAR-10)",
        quantity="Inception score of all but labels with historical averaging less that without, by seed",
        values=score_gain("all but labels, and historical averaging", "all but labels"),
        low=0.0,
        reason="the coefficient is unknown; this one may be too small to matter, or too large to help",
    ),
    ablation(
        name="averaging-cannot-prevent-the-loss",
        says="Historical averaging does not make up for the removal of minibatch discrimination.",
        source="Table 3, row −MBF+HA (CIFAR-10)",
        quantity="Inception score of all but minibatch discrimination, with historical averaging, less that of all, by "
        "seed",
        values=score_gain("all but minibatch discrimination, and historical averaging", "all"),
        high=0.0,
        reason="there is hardly a loss to make up for",
    ),
    ablation(
        name="minibatch-matters-most",
        says="No other removal costs as much as that of minibatch discrimination.",
        source="Table 3 (CIFAR-10)",
        quantity="Inception score without minibatch discrimination less the lowest of the other three, by seed",
        values=worst_removal,
        high=0.0,
        reason="small digits are hard to collapse on; the paper's generator collapsed",
    ),
]


IDENTITIES = {
    "label smoothing": ("Under targets α, β the best discriminator is (α p + β q) / (p + q).", "Sec. 3.4"),
    "Inception score": ("The score is K for certainty over K classes, 1 for samples all alike.", "derived from Sec. 4"),
    "virtual batch norm": ("A sample does not depend on the others of its batch.", "Sec. 3.5"),
    "minibatch discrimination": ("The order of a batch is nothing; copies are closest.", "derived from Sec. 3.2"),
    "K+1 classes": ("With 'generated' at logit 0, D = Z / (Z + 1), and costs are those of K + 1 classes.", "Sec. 5"),
}


ALGEBRA = [
    identity(
        f"algebra-of-{name.lower().replace(' ', '-').replace('+', '-plus-')}",
        says,
        source,
        TECHNIQUE_ALGEBRA.name,
        "largest absolute difference of the two sides, in each case",
        each("error", identity=name),
        high=1e-5,
    )
    for name, (says, source) in IDENTITIES.items()
]
