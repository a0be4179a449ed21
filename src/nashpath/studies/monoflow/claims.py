"""MonoFlow: which losses make a GAN follow a flow towards the data, and which do not (Yi, Zhu & Liu 2023)."""

import math
from itertools import pairwise

from nashpath.core.monotone import MONOTONES
from nashpath.studies.claim import Claim
from nashpath.studies.monoflow.dissipation import DISSIPATION
from nashpath.studies.monoflow.drawing_identity import DRAWING_IDENTITY
from nashpath.studies.monoflow.monoflow_images import CIFAR10_LOSSES, MNIST_LOSSES
from nashpath.studies.monoflow.monotone_losses import MONOTONE_LOSSES
from nashpath.studies.monoflow.monotone_slopes import MONOTONE_SLOPES
from nashpath.studies.monoflow.particle_monoflow import PARTICLE_MONOFLOW
from nashpath.studies.monoflow.ratio_costs import RATIO_COSTS
from nashpath.studies.monoflow.shifted_vanilla import OTHERS, SHIFTED_VANILLA, SHIFTS
from nashpath.studies.rows import Rows, paired
from nashpath.studies.study import Study

DIVERGENCES = ("reverse_kl", "forward_kl", "chi2", "hellinger", "js")
NO_FLOWS = ("forward_kl", "chi2", "hellinger", "js")
FLOWS = ("reverse_kl", "exponential")
"""The costs f for which −f(exp(d)) increases in d."""


def ending(rows: Rows, way: str, costs: tuple[str, ...], fit: str) -> list[float]:
    """For each seed, how many of the costs ended that way."""
    count: dict[int, float] = {}
    for cost in costs:
        for row in rows.where(way=way, cost=cost):
            count[row["seed"]] = count.get(row["seed"], 0.0) + (row["fit"] == fit)
    return list(count.values())


def each(rows: Rows, key: str, pool=max) -> list[float]:
    """The largest (or otherwise pooled) value of each seed."""
    return list(rows.by_seed(key, pool).values())


def growing(rows: Rows) -> list[float]:
    """For each seed, the smallest quotient of the first gradients under neighbouring shifts, the larger over."""
    quotients = [
        paired(
            rows.where(loss=f"C = {b:g}").by_seed("gradient"),
            rows.where(loss=f"C = {a:g}").by_seed("gradient"),
            lambda x, y: math.log10(x / y),
        )
        for a, b in pairwise(SHIFTS)
    ]
    return [min(of_seed) for of_seed in zip(*quotients)]


def moving(rows: Rows) -> Rows:
    """The losses that C = 0 and C = 1, which are as good as gone, are compared with."""
    names = [*(f"C = {c:g}" for c in SHIFTS if c >= 3), *OTHERS]
    return Rows(row for name in names for row in rows.where(loss=name))


def log_quotient(a: Rows, b: Rows, key: str) -> list[float]:
    """log₁₀ of the quotient of two conditions, by seed."""
    return paired(a.by_seed(key), b.by_seed(key), lambda x, y: math.log10(x / y))


def better_shifted(rows: Rows) -> list[float]:
    """FID without a shift over that of the best shift, log₁₀, by seed."""
    shifted = Rows(row for c in (3, 5) for row in rows.where(loss=f"C = {c}"))
    return paired(rows.where(loss="C = 0").by_seed("fid"), shifted.by_seed("fid", min), lambda x, y: math.log10(x / y))


def beside_usual(loss: str):
    """FID of a loss over that of the non-saturating one, log₁₀, by seed."""
    return lambda rows: log_quotient(rows.where(loss=loss), rows.where(loss="non-saturating"), "fid")


TABLE = [
    Claim(
        name="divergences-variationally",
        says="Minimising the true divergence works for every one of the five f.",
        source="Sec. 4.3, notebook of variational minimisation",
        experiment="ratio-costs",
        quantity="how many of reverse KL, forward KL, χ², Hellinger and JS succeed",
        values=lambda rows: ending(rows, "variational", DIVERGENCES, "success"),
        low=5,
        reason="χ² has the heaviest tails; its gradient is dominated by few samples of a batch",
    ),
    Claim(
        name="no-divergence-variationally",
        says="The cost −r^1.5, which is no divergence, fails when it is minimised as if it were one.",
        source="Sec. 4.3, notebook of variational minimisation",
        experiment="ratio-costs",
        quantity="1 if the variational run of −r^1.5 fails",
        values=lambda rows: ending(rows, "variational", ("exponential",), "failure"),
        low=1,
    ),
    Claim(
        name="flows-with-the-ratio-held",
        says="With the ratio held, reverse KL and −r^1.5 work: their −f(exp(d)) increases in d.",
        source="Sec. 4.3, notebook of variational minimisation (detached)",
        experiment="ratio-costs",
        quantity="how many of reverse KL and −r^1.5 succeed",
        values=lambda rows: ending(rows, "detached", FLOWS, "success"),
        low=2,
    ),
    Claim(
        name="no-flows-with-the-ratio-held",
        says="With the ratio held, forward KL, χ², Hellinger and JS fail, though they are divergences.",
        source="Sec. 4.3, notebook of variational minimisation (detached)",
        experiment="ratio-costs",
        quantity="how many of the four fail",
        values=lambda rows: ending(rows, "detached", NO_FLOWS, "failure"),
        low=4,
    ),
    Claim(
        name="flows-as-gans",
        says="As GANs, reverse KL and −r^1.5 work.",
        source="Sec. 4.3, notebook of adversarial training",
        experiment="ratio-costs",
        quantity="how many of reverse KL and −r^1.5 succeed",
        values=lambda rows: ending(rows, "gan", FLOWS, "success"),
        low=2,
        reason="the generator still fluctuates at a constant learning rate, and −r^1.5 weighs rare large ratios",
    ),
    Claim(
        name="no-flows-as-gans",
        says="As GANs, forward KL, χ², Hellinger and JS fail: no GAN minimises the divergence it is named after.",
        source="Sec. 4.3, notebook of adversarial training",
        experiment="ratio-costs",
        quantity="how many of the four fail",
        values=lambda rows: ending(rows, "gan", NO_FLOWS, "failure"),
        low=4,
    ),
]

LOSSES = [
    Claim(
        name="every-increasing-loss",
        says="Every increasing h makes a loss that trains the GAN: −log D, vanilla with and without shift, arcsinh, "
        "maximum likelihood.",
        source="Sec. 4.2",
        experiment="monotone-losses",
        quantity="largest KL(q‖p) of the five losses",
        values=lambda rows: each(rows, "kl"),
        high=0.2,
        reason="the vanilla loss is the slowest of them",
    ),
    Claim(
        name="vanilla-stalls",
        says="Far from the data the vanilla loss stalls, because h' = σ(d) vanishes.",
        source="Secs. 4.2 and 5.2; set-up ours",
        experiment="shifted-vanilla",
        quantity="‖μ‖ at the end, C = 0 (it starts at 5.66)",
        values=lambda rows: each(rows.where(loss="C = 0"), "distance"),
        low=1.5,
    ),
    Claim(
        name="vanilla-gradient-vanishes",
        says="The vanilla loss's gradient is a small share of the logit loss's at the same point.",
        source="Sec. 4.2; set-up ours",
        experiment="shifted-vanilla",
        quantity="norm of the generator's first gradient over that of the logit loss, C = 0",
        values=lambda rows: each(rows.where(loss="C = 0"), "share"),
        high=0.1,
    ),
    Claim(
        name="shift-cures",
        says="With a shift of 3 or more the vanilla loss arrives, as do the logit, non-saturating and arcsinh losses.",
        source="Secs. 4.2 and 5.2; set-up ours",
        experiment="shifted-vanilla",
        quantity="largest ‖μ‖ at the end over C = 3, 5, 10, logit, −log D, arcsinh",
        values=lambda rows: each(moving(rows), "distance"),
        high=0.1,
        reason="the discriminator is not perfect, so that ‖μ‖ fluctuates about 0",
    ),
    Claim(
        name="gradient-grows-with-shift",
        says="The larger the shift C, the larger the vanilla loss's gradient.",
        source="Sec. 4.2",
        experiment="shifted-vanilla",
        quantity="log₁₀ of the quotient of first gradients at neighbouring C of 0, 1, 3, 5, 10; the smallest",
        values=growing,
        low=0.0,
    ),
]

PARTICLES = [
    Claim(
        name="particles-approach-in-mmd",
        says="Particles come closer to the data under every increasing h.",
        source="Sec. 3",
        experiment="particle-monoflow",
        quantity="MMD² at the end over MMD² at the start; the largest over nine h",
        values=lambda rows: each(rows.where(direction="increasing"), "mmd_ratio"),
        high=1.0,
    ),
    Claim(
        name="particles-approach-in-kl",
        says="KL(q‖p) falls along the flow of every increasing h.",
        source="Sec. 3",
        experiment="particle-monoflow",
        quantity="smoothed KL(q‖p) at the end over that at the start; the largest over nine h",
        values=lambda rows: each(rows.where(direction="increasing"), "kl_ratio"),
        high=1.0,
    ),
    Claim(
        name="decreasing-flees-in-mmd",
        says="Particles flee from the data under a decreasing h.",
        source="Sec. 3, converse",
        experiment="particle-monoflow",
        quantity="MMD² at the end over MMD² at the start; the smaller of two decreasing h",
        values=lambda rows: each(rows.where(direction="decreasing"), "mmd_ratio", min),
        low=1.0,
        reason="MMD² is bounded, and no larger once all particles are far from all data",
    ),
    Claim(
        name="decreasing-flees-in-kl",
        says="KL(q‖p) grows along the flow of a decreasing h.",
        source="Sec. 3, converse",
        experiment="particle-monoflow",
        quantity="smoothed KL(q‖p) at the end over that at the start; the smaller of two decreasing h",
        values=lambda rows: each(rows.where(direction="decreasing"), "kl_ratio", min),
        low=1.0,
    ),
    Claim(
        name="vanilla-particles-stall",
        says="From afar, particles under the vanilla h are left behind those under the non-saturating one.",
        source="Sec. 4.2; set-up ours",
        experiment="particle-monoflow",
        quantity="log₁₀ of the quotient of MMD² at the end, vanilla over non-saturating",
        values=lambda rows: log_quotient(rows.where(h="vanilla"), rows.where(h="non_saturating"), "mmd"),
        low=math.log10(2),
        scales=("default",),
    ),
]

IDENTITIES = [
    Claim(
        name="dissipation",
        says="Along a MonoFlow KL(q‖p) falls at the rate E_q h'(log r) ‖∇ log r‖².",
        source="Sec. 3",
        experiment="dissipation",
        quantity="measured rate over theoretical rate, eleven h and three q",
        values=lambda rows: rows.values("quotient"),
        low=0.9,
        high=1.1,
        exact=True,
    ),
    Claim(
        name="dissipation-is-negative",
        says="KL(q‖p) falls for every increasing h.",
        source="Sec. 3",
        experiment="dissipation",
        quantity="measured rate of KL(q‖p), eleven h and three q",
        values=lambda rows: rows.values("measured"),
        high=0.0,
        exact=True,
    ),
    Claim(
        name="generator-draws-the-flow",
        says="A step of the generator is a least-squares step towards x + ε∇h(d(x)).",
        source="Sec. 4.1",
        experiment="drawing-identity",
        quantity=f"relative distance of the two gradients, {len(MONOTONES)} h, two ε",
        values=lambda rows: rows.values("gap"),
        high=1e-8,
        exact=True,
    ),
    Claim(
        name="slopes-of-divergences",
        says="The gradient flow of D_f is the MonoFlow with h'(log r) = r² f''(r).",
        source="Sec. 3",
        experiment="monotone-slopes",
        quantity="largest relative difference from h', five f",
        values=lambda rows: rows.where(table="divergences").values("gap"),
        high=1e-8,
        exact=True,
    ),
    Claim(
        name="plug-ins-that-are-flows",
        says="Of the plug-in costs, reverse KL and −r^1.5 are increasing functions h of the logit.",
        source="Sec. 4.3",
        experiment="monotone-slopes",
        quantity="least slope of −f(exp(d)) on [−4, 4], reverse KL and −r^1.5",
        values=lambda rows: [v for c in FLOWS for v in rows.where(cost=c).values("least_slope")],
        low=1e-6,
        exact=True,
    ),
    Claim(
        name="plug-ins-that-are-none",
        says="Of the plug-in costs, forward KL, χ², Hellinger and JS are not.",
        source="Sec. 4.3",
        experiment="monotone-slopes",
        quantity="least slope of −f(exp(d)) on [−4, 4], forward KL, χ², Hellinger, JS",
        values=lambda rows: [v for c in NO_FLOWS for v in rows.where(cost=c).values("least_slope")],
        high=-1e-6,
        exact=True,
    ),
    Claim(
        name="shift-tends-to-logit",
        says="As C grows the vanilla loss tends to the logit loss.",
        source="Sec. 4.2",
        experiment="monotone-slopes",
        quantity="largest distance of σ(d + 40) from 1 on [−4, 4]",
        values=lambda rows: rows.where(shift=40.0).values("from_logit"),
        high=1e-12,
        exact=True,
    ),
]


def images(data: str, title: str) -> list[Claim]:
    """The claims of Sec. 5.2 on one data set; the paper prints samples, the factors are ours."""
    source, experiment = "Sec. 5.2; criterion ours", f"{data}-losses"
    shift = Claim(
        name=f"{data}-shift-helps",
        says=f"On {title} the vanilla loss is better with a suitable shift than without.",
        source=source,
        experiment=experiment,
        quantity="log₁₀ of FID at C = 0 over the best FID of C = 3 and 5",
        values=better_shifted,
        low=0.0,
        scales=("full",),
        reason="Adam rescales the generator's gradient, and so hides how small it is",
    )
    others = [
        Claim(
            name=f"{data}-{loss}-trains",
            says=f"On {title} the {loss} loss trains a GAN about as well as the non-saturating one.",
            source=source,
            experiment=experiment,
            quantity="log₁₀ of its FID over that of the non-saturating loss",
            values=beside_usual(loss),
            high=math.log10(1.5),
            scales=("full",),
        )
        for loss in ("logit", "arcsinh")
    ]
    return [shift, *others]


STUDY = Study(
    name="monoflow",
    title="MonoFlow: which losses make a GAN follow a flow towards the data",
    paper='Yi, Zhu & Liu 2023, "MonoFlow: Rethinking Divergence GANs via the Perspective of Wasserstein Gradient '
    'Flows", ICML (arXiv 2302.01075)',
    experiments=[
        RATIO_COSTS,
        MONOTONE_LOSSES,
        SHIFTED_VANILLA,
        PARTICLE_MONOFLOW,
        DISSIPATION,
        DRAWING_IDENTITY,
        MONOTONE_SLOPES,
        MNIST_LOSSES,
        CIFAR10_LOSSES,
    ],
    claims=[*TABLE, *LOSSES, *PARTICLES, *IDENTITIES, *images("mnist", "MNIST"), *images("cifar10", "CIFAR-10")],
)
