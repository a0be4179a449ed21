"""Claims about the Inception score, the ablation, and identities."""

from functools import partial

from nashpath.studies.claim import Claim
from nashpath.studies.improved_techniques.score_ordering import SCORE_ORDERING
from nashpath.studies.improved_techniques.technique_ablation import TECHNIQUE_ABLATION
from nashpath.studies.improved_techniques.technique_algebra import TECHNIQUE_ALGEBRA
from nashpath.studies.reading import column, each, versus
from nashpath.studies.rows import Rows, paired


def worst_removal(rows: Rows) -> list[float]:
    """Inception score without minibatch discrimination less the lowest with another removed, by seed."""
    removed = ("virtual batch norm", "historical averaging", "label smoothing")
    scores = [rows.where(techniques=f"all but {name}").by_seed("inception_score") for name in removed]
    lowest = {seed: min(score[seed] for score in scores) for seed in scores[0]}
    return paired(rows.where(techniques="all but minibatch discrimination").by_seed("inception_score"), lowest)


ORDERS = {
    "real": ("Real images score above a trained GAN's.", "real", "GAN"),
    "noise": ("A trained GAN's images score above noise.", "GAN", "noise"),
    "collapse": ("A GAN of all classes scores above images of one class.", "GAN", "real, one class"),
    "classes": ("Images of all classes score above images of five.", "real", "real, five classes"),
}


SCORES = [
    *(
        Claim(
            name=f"score-orders-{name}",
            says=says,
            source="Sec. 4 and 6.2",
            experiment=SCORE_ORDERING.name,
            quantity=f"Inception score, {above} less {below}, by seed",
            values=versus("inception_score", {"samples": above}, {"samples": below}),
            low=0.0,
        )
        for name, (says, above, below) in ORDERS.items()
    ),
    Claim(
        name="score-agrees",
        says="The Inception score orders the moments of training as image quality does.",
        source="Sec. 4 (agreement with people's votes; here the Fréchet distance stands for them)",
        experiment=SCORE_ORDERING.name,
        quantity="Spearman rank correlation of score and minus Fréchet distance over twelve moments, by seed",
        values=column("rank_correlation", samples="GAN"),
        low=0.5,
    ),
]


REMOVALS = {
    "minibatch discrimination": "without it generated digits are of all classes anyway",
    "virtual batch norm": "a small dense generator is as well off with batch normalisation",
    "historical averaging": "the coefficient is unknown; this one may be too small to matter, or too large to help",
    "label smoothing": "the discriminator of small digits is not sure of itself, smoothed or not",
}


ablation = partial(
    Claim,
    source="Table 3 (CIFAR-10, with labels)",
    experiment=TECHNIQUE_ABLATION.name,
    scales=("quick", "default", "full"),
)


ABLATION = [
    ablation(
        name="all-beats-none",
        says="All techniques together give a higher Inception score than none.",
        quantity="Inception score with all less that with none, by seed",
        values=versus("inception_score", {"techniques": "all"}, {"techniques": "none"}),
        low=0.0,
        reason="a plain GAN of this size already makes digits of all classes",
    ),
    *(
        ablation(
            name=f"needs-{name.replace(' ', '-')}",
            says=f"Taking {name} from all techniques lowers the Inception score.",
            quantity=f"Inception score with all less that with all but {name}, by seed",
            values=versus("inception_score", {"techniques": "all"}, {"techniques": f"all but {name}"}),
            low=0.0,
            reason=reason,
        )
        for name, reason in REMOVALS.items()
    ),
    ablation(
        name="minibatch-matters-most",
        says="No other removal costs as much as that of minibatch discrimination.",
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
    Claim(
        name=f"algebra-of-{name.lower().replace(' ', '-').replace('+', '-plus-')}",
        says=says,
        source=source,
        experiment=TECHNIQUE_ALGEBRA.name,
        quantity="largest absolute difference of the two sides, in each case",
        values=each("error", identity=name),
        high=1e-5,
        exact=True,
    )
    for name, (says, source) in IDENTITIES.items()
]
