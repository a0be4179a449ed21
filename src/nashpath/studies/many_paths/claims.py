"""Fedus et al. 2017: GANs reach equilibrium on paths along which no divergence falls.

Three experiments at laptop scale (parallel lines, a line in many dimensions, robustness on digits), and the paper's own
images at full scale. Criteria were fixed by pilot runs of other code (one to three seeds) before this study was run.
"""

import math

from nashpath.studies.claim import Claim
from nashpath.studies.many_paths.claims_grids import COLOURS, GRID, fid_ratio, gain_at_best
from nashpath.studies.many_paths.embedded_gaussian import EMBEDDED_GAUSSIAN, GENERATOR_KINDS
from nashpath.studies.many_paths.gan_variants import PENALISED, TITLES
from nashpath.studies.many_paths.paper_images import PAPER_IMAGES
from nashpath.studies.many_paths.robustness import COLOURED, ROBUSTNESS
from nashpath.studies.reading import Values, column, versus
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
    ),
    Claim(
        name="no-divergence-falls",
        says="While NS-GAN comes closer, the Jensen-Shannon divergence stays at log 2.",
        source="Fedus et al. 2017, title and abstract; Arjovsky et al. 2017, Example 1",
        experiment="parallel-lines",
        quantity="a lower bound of the divergence, mean over 21 looks at training, in units of log 2",
        values=column("js", of=lambda js: js / math.log(2), objective="non_saturating", pretrained=False),
        low=0.98,
    ),
]
MANIFOLD = [
    *(
        Claim(
            name=f"{method.replace('_', '-')}-finds-the-line-{kind}",
            says=f"{TITLES[method]} with an {kind} generator reaches a line in 20 and in 100 dimensions.",
            source="Fedus et al. 2017, synthetic experiments",
            experiment="embedded-gaussian",
            quantity="log₁₀ of the mean squared distance for each direction off the line, the larger of both",
            values=logs("off", method=method, generator=kind),
            high=-3.0,
            reason="the criterion comes from over-complete generators in 20 dimensions; two parameters a coordinate "
            "move with every sample of a noisy gradient, at a rate that does not fall",
        )
        for kind in GENERATOR_KINDS
        for method in ("ns", *PENALISED)
    ),
    Claim(
        name="minimax-with-a-weak-discriminator",
        says="Where the discriminator is far from optimal, the minimax loss finds the line as well.",
        source="derived: saturation needs a sure discriminator (Goodfellow et al. 2014, Sec. 3)",
        experiment="embedded-gaussian",
        quantity="log₁₀ of the mean squared distance for each direction off the line, over-complete generators",
        values=logs("off", method="m_gan", generator="over-complete"),
        high=-3.0,
    ),
    Claim(
        name="gan-gp-spreads",
        says="A gradient penalty brings the spread along the line closer to the data's.",
        source="Fedus et al. 2017, synthetic experiments; the direction is from our pilots",
        experiment="embedded-gaussian",
        quantity="|deviation − 1| of NS-GAN minus that of GAN-GP, over-complete generators, mean of both dimensions",
        values=versus(
            "spread_error",
            {"method": "ns", "generator": "over-complete"},
            {"method": "gan_gp", "generator": "over-complete"},
        ),
        low=0.0,
        reason="both are within a few per cent of the data's spread, and seeds differ by more",
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

STUDY = Study(
    name="many-paths",
    title="Many paths to equilibrium: GANs do not need to decrease a divergence at every step",
    paper="Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2017 (arXiv 1710.08446; ICLR 2018)",
    experiments=[PARALLEL_LINES, EMBEDDED_GAUSSIAN, ROBUSTNESS, COLOURED, PAPER_IMAGES],
    claims=[*LINES, *MANIFOLD, *GRID, *COLOURS, *FULL],
)
