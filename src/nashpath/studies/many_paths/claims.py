"""Fedus et al. 2017: GANs reach equilibrium on paths along which no divergence falls.

Three experiments at laptop scale (parallel lines, a line in many dimensions, robustness on digits), digits of MNIST in
colours at the scale of real data, and the paper's own images at full scale. Criteria were fixed by pilot runs of other
code (one to three seeds) before this study was run. Changed on 2026-11-27, after the rows of 2026-11-22 and before
those that are judged now:

- "finds the line" asked for a mean squared distance off the line of at most 1e-3, which a collapse to one point meets;
  it now asks for the places along the line, too;
- that JS stays at log 2 on the way is true of any line that is off the data, and now counted as an identity;
- "a gradient penalty brings the spread closer" is left out: no affordable number of seeds decides it.
"""

import math
from collections import defaultdict

from nashpath.studies.claim import Claim, identity
from nashpath.studies.many_paths.claims_grids import COLOURS, GRID, fid_ratio, gain_at_best, mean_over
from nashpath.studies.many_paths.embedded_gaussian import EMBEDDED_GAUSSIAN, GENERATOR_KINDS
from nashpath.studies.many_paths.gan_variants import PENALISED, TITLES
from nashpath.studies.many_paths.paper_images import PAPER_IMAGES, REAL_IMAGES
from nashpath.studies.many_paths.robustness import COLOURED, ROBUSTNESS
from nashpath.studies.reading import Values, column, log_ratio, versus
from nashpath.studies.rows import Rows
from nashpath.studies.shared.parallel_lines import PARALLEL_LINES
from nashpath.studies.study import Study

TINY = 1e-38


def logs(key: str, **where: object) -> Values:
    """log₁₀ of a column, one number a seed: the largest over the conditions."""
    return column(key, max, lambda value: math.log10(max(value, TINY)), **where)


LINES = [
    *(
        Claim(
            name=f"ns-arrives{'-from-a-sure-discriminator' if known else ''}",
            says="NS-GAN brings a line onto the data's parallel line"
            + (", also from a discriminator that is nearly optimal." if known else "."),
            source="Fedus et al. 2017, synthetic experiments",
            experiment="parallel-lines",
            quantity="log₁₀ of the mean squared distance from the data's line after training (start: 0.6)",
            values=logs("d2", objective="non_saturating", pretrained=known),
            high=math.log10(0.05),
        )
        for known in (False, True)
    ),
    Claim(
        name="minimax-stays",
        says="With a nearly optimal discriminator, the minimax loss leaves the generator where it was.",
        source="Fedus et al. 2017, synthetic experiments; Goodfellow et al. 2014, Sec. 3",
        experiment="parallel-lines",
        quantity="mean squared distance from the data's line after training (start: 4)",
        values=column("d2", objective="minimax", pretrained=True),
        low=3.5,
    ),
    Claim(
        name="gradient-ratio",
        says="There the non-saturating loss has a gradient, and the minimax loss has none.",
        source="Arjovsky & Bottou 2017, Theorem 2.4, which Fedus et al. 2017 discuss",
        experiment="parallel-lines",
        quantity="log₁₀ of the ratio of the generator's first gradient norms, non-saturating over minimax",
        values=lambda rows: [
            math.log10(row["gradient_non_saturating"] / max(row["gradient_minimax"], TINY))
            for row in rows.where(objective="non_saturating", pretrained=True)
        ],
        low=6.0,
        kind="theorem",
    ),
    identity(
        "js-stays-at-log-2",
        "Until NS-GAN's line coincides with the data's, their Jensen-Shannon divergence is log 2, by definition; the "
        "verdicts of a threshold on the distance see as much.",
        "Arjovsky et al. 2017, Example 1",
        "parallel-lines",
        "a lower bound of the divergence, mean over 21 looks at training, in units of log 2, every seed",
        column("js", of=lambda js: js / math.log(2), objective="non_saturating", pretrained=False),
        low=0.95,
    ),
]


def misses(method: str, kind: str) -> Values:
    """By how many powers of ten a generator misses the line or the data's places along it; the largest of all, by seed.

    Off the line 1e-3 a direction is allowed, along it a W₁ of 0.4: half of what a collapse to the data's mean has.
    """

    def values(rows: Rows) -> list[float]:
        found: dict[int, list[float]] = defaultdict(list)
        for row in rows.where(method=method, generator=kind):
            for value, allowed in ((row["off"], 1e-3), (row["w1"], 0.4)):
                found[row["seed"]].append(math.log10(max(value, TINY) / allowed))
        return [max(found[seed]) for seed in sorted(found)]

    return values


MISSES = (
    "log₁₀ of the mean squared distance for each direction off the line over 1e-3, or of W₁ along it over 0.4, the "
    "larger, in the worse of both dimensions"
)
OVERSHOOT = (
    "along the line its samples spread too far, 4.6 to 6.0 in 100 dimensions and 1.1 to 2.4 in 20 (rows of 2026-11-22; "
    "the data: 1): the affine generator runs on along the line that it comes near to"
)
MANIFOLD = [
    *(
        Claim(
            name=f"{method.replace('_', '-')}-finds-the-line-{kind}",
            says=f"{TITLES[method]} with an {kind} generator finds a line in 20 and in 100 dimensions, and the data's "
            "places along it.",
            source="Fedus et al. 2017, synthetic experiments; the bounds are ours",
            experiment="embedded-gaussian",
            quantity=MISSES,
            values=misses(method, kind),
            high=0.0,
            reason=OVERSHOOT if (method, kind) == ("ns", "exact") else "",
        )
        for kind in GENERATOR_KINDS
        for method in ("ns", *PENALISED)
    ),
    Claim(
        name="minimax-leaves-exact-generators",
        says="Exact generators under the minimax loss stay as far off the line as they were.",
        source="ours: the contrast that Fedus et al. 2017 draw on parallel lines",
        experiment="embedded-gaussian",
        quantity="log₁₀ of the mean squared distance for each direction off the line, the smaller of both dimensions "
        "(a fresh generator: −1 to −0.15)",
        values=column("off", min, math.log10, method="m_gan", generator="exact"),
        low=-1.0,
        kind="ours",
    ),
    Claim(
        name="minimax-with-a-weak-discriminator",
        says="Over-complete generators, whose samples overlap with the data's from the start, find it by the minimax "
        "loss as well.",
        source="ours: saturation needs a sure discriminator (Goodfellow et al. 2014, Sec. 3)",
        experiment="embedded-gaussian",
        quantity=MISSES,
        values=misses("m_gan", "over-complete"),
        high=0.0,
        kind="ours",
    ),
]
FULL = [
    *(
        Claim(
            name=f"{method.replace('_', '-')}-{data.replace('_', '-')}-{name}",
            says=f"On {title}, {TITLES[method]} at its best setting has {what} than NS-GAN at its own.",
            source="Fedus et al. 2017, image experiments",
            experiment="paper-images",
            quantity=f"{quantity}, each at its setting of smallest FID",
            values=gain_at_best(method, value, data=data),
            low=0.0,
            scales=("full",),
        )
        for method in PENALISED
        for data, title, name, what, quantity, value in (
            (
                "cifar10", "CIFAR-10", "inception-score", "a higher Inception score", "score minus NS-GAN's",
                lambda row: row["inception_score"],
            ),
            (
                "celeba", "CelebA", "ms-ssim", "more diverse samples",
                "MS-SSIM of NS-GAN minus the method's", lambda row: -row["similarity"],
            ),
            (
                "colour_mnist", "Color MNIST", "critic", "samples that an independent critic sees closer to the data",
                "the critic's distance, NS-GAN's minus the method's", lambda row: -row["critic"],
            ),
        )
    ),
    Claim(
        name="wgan-gp-celeba-worst",
        says="On CelebA WGAN-GP fails for some settings where DRAGAN-NS does not.",
        source="Fedus et al. 2017, image experiments",
        experiment="paper-images",
        quantity="log of the ratio of worst FIDs over six settings, WGAN-GP over DRAGAN-NS",
        values=fid_ratio("wgan_gp", "dragan_ns", max, data="celeba"),
        low=0.0,
        scales=("full",),
    ),
]  # fmt: skip

REAL = [
    Claim(
        name="real-penalties-fid",
        says="On digits of MNIST in colours penalised GANs are nearer to the data than NS-GAN, at equally many steps.",
        source="Fedus et al. 2017, image experiments (Color MNIST)",
        experiment=REAL_IMAGES.name,
        quantity="log of the ratio of Fréchet distances, NS-GAN over the method, mean of GAN-GP and DRAGAN-NS, by seed",
        values=mean_over(lambda method: versus("fid", {"method": "ns"}, {"method": method}, log_ratio)),
        low=0.0,
        scales=("real",),
        reason="in so few steps a penalty may slow down more than it steadies",
    ),
    Claim(
        name="real-penalties-critic",
        says="There an independent critic sees samples of penalised GANs closer to held-out images than NS-GAN's.",
        source="Fedus et al. 2017, image experiments (independent Wasserstein critic)",
        experiment=REAL_IMAGES.name,
        quantity="the critic's distance, NS-GAN's minus the method's, mean of GAN-GP and DRAGAN-NS, by seed",
        values=mean_over(lambda method: versus("critic", {"method": "ns"}, {"method": method})),
        low=0.0,
        scales=("real",),
        reason="in so few steps a penalty may slow down more than it steadies",
    ),
    Claim(
        name="real-wgan-gp-at-one-step",
        says="With one discriminator step WGAN-GP is behind DRAGAN-NS on these digits.",
        source="ours: at equally many discriminator steps, where Fedus et al. 2017 give WGAN-GP more",
        experiment=REAL_IMAGES.name,
        quantity="log of the ratio of Fréchet distances, WGAN-GP over DRAGAN-NS, by seed",
        values=fid_ratio("wgan_gp", "dragan_ns", min),
        low=0.0,
        scales=("real",),
        kind="ours",
    ),
]

STUDY = Study(
    name="many-paths",
    title="Many paths to equilibrium: GANs do not need to decrease a divergence at every step",
    paper="Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2017 (arXiv 1710.08446; ICLR 2018)",
    experiments=[PARALLEL_LINES, EMBEDDED_GAUSSIAN, ROBUSTNESS, COLOURED, REAL_IMAGES, PAPER_IMAGES],
    claims=[*LINES, *MANIFOLD, *GRID, *COLOURS, *REAL, *FULL],
)
