"""Particles without a generator flow to eight Gaussians along ∇h(d), for every increasing h and for decreasing ones.

Set-up: Yi, Zhu & Liu 2023, Sec. 3, with the particles of the author's own account (512 of them; a discriminator by
cross-entropy, Adam 1e-3); ring, start and steps are ours. In the rows of 2026-11-22 three claims that six seeds left
open needed 10 or 11, from a start at which the slowest flows hardly moved.
"""

from collections.abc import Iterator

import torch
from torch import Tensor

from nashpath.core import Key, derive, generator, seeded
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.math.monotone import MonotoneFunction
from nashpath.data import Ring
from nashpath.flows import DiscriminatorRatio, Euler, MonoFlow, State, simulate, smoothed_kl
from nashpath.networks import MLPDiscriminator
from nashpath.solvers import Adam
from nashpath.studies.figures import Cloud, Lines, Strip
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size


class Decreasing(MonotoneFunction):
    """The negative of an increasing function: particles that follow it flee from the data."""

    def forward(self, d: Tensor) -> Tensor:
        return -super().forward(d)

    def slope(self, d: Tensor) -> Tensor:
        return -super().slope(d)


INCREASING = {
    "logit": MonotoneFunction("logit"),
    "non_saturating": MonotoneFunction("non_saturating"),
    "arcsinh": MonotoneFunction("arcsinh"),
    "vanilla": MonotoneFunction("vanilla"),
    "vanilla, C = 5": MonotoneFunction("shifted_vanilla", shift=5.0),
    "forward_kl": MonotoneFunction("forward_kl"),
    "hellinger": MonotoneFunction("hellinger"),
    "chi2": MonotoneFunction("chi2"),
    "r^1.5": MonotoneFunction("exponential"),
}
"""One name of each function: reverse KL is logit, JS is vanilla, maximum likelihood is forward KL."""
DECREASING = {"−logit": Decreasing("logit"), "−vanilla": Decreasing("vanilla")}
"""Two that differ: h' is −1, and −σ(d), which vanishes as particles flee."""
_FLOWS = {
    "increasing": (INCREASING, 1.0),
    "decreasing": (DECREASING, 1.0),
    "from afar": ({name: INCREASING[name] for name in ("vanilla", "non_saturating")}, 4.0),
}
"""The functions of each cell, and both coordinates of the first particles' mean."""

PARTICLES = 512
REFERENCES = 1000
BANDWIDTH = {"mmd": 1.0, "kl": 0.3}
LOOKS = 25
FOLLOWED = 32
"""Particles whose paths are kept, at `MOMENTS` moments."""
MOMENTS = 8


def _flow(h: MonotoneFunction, seed: int, size: Size) -> MonoFlow:
    """The flow of h, with a discriminator that is refreshed at every step."""
    data, warm_up = Ring(), size.options["warm_up"]
    with seeded(derive(seed, "weights")):
        net = MLPDiscriminator(data.shape, width=64)
    return MonoFlow(DiscriminatorRatio(net, Adam(3e-3, b1=0.9), data, refresh=2, warm_up=warm_up, batch=256), h)


def states(h: MonotoneFunction, seed: int, size: Size, start: float) -> list[State]:
    """The flow from N((start, start), I) to its end, `LOOKS` moments after it."""
    begun = start + torch.randn(PARTICLES, 2, generator=generator(derive(seed, "start")))
    integrator = Euler(0.05, reach=0.2, control="off")
    path = simulate(_flow(h, seed, size), begun, Key(seed, "draws"), integrator, size.steps)
    every = max(1, size.steps // LOOKS)
    return [state for state in path if state.step % every == 0]


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each h and seed: MMD² and KL to real samples, at the end and on the way."""
    functions, start = _FLOWS[cell["direction"]]
    for name, h in functions.items():
        for seed in range(size.seeds):
            seen = states(h, seed, size, start)
            real = Ring().draw(Key(seed, "reference"), REFERENCES)["real"]
            mmd = [significant(float(gaussian_mmd(s.particles, real, BANDWIDTH["mmd"])[0])) for s in seen]
            kl = [significant(smoothed_kl(s.particles, real, BANDWIDTH["kl"])) for s in seen]
            row: Row = {"h": name, "seed": seed, "steps": seen[-1].step, "mmd": mmd[-1], "kl": kl[-1]}
            row |= {"mmd_ratio": significant(mmd[-1] / mmd[0]), "kl_ratio": significant(kl[-1] / kl[0])}
            row |= {"step": [s.step for s in seen], "mmd_curve": mmd, "kl_curve": kl}
            yield row | (_paths(seen, real) if seed == 0 else {})


def _paths(seen: list[State], real: Tensor) -> Row:
    """Some particles at some moments, and real samples."""
    kept = [seen[round(k * (len(seen) - 1) / (MOMENTS - 1))].particles[:FOLLOWED] for k in range(MOMENTS)]
    return {"path": _points(torch.cat(kept)), "real": _points(real[:128])}


def _points(x: Tensor) -> list[list[float]]:
    return [[round(v, 3) for v in point] for point in x.tolist()]


PARTICLE_MONOFLOW = Experiment(
    name="particle-monoflow",
    about=(
        "512 particles from N((1, 1), I) move by Euler steps of 0.05 along h'(d) ∇d, d the logit of an MLP 2-64-64-1 "
        "trained by cross-entropy on the particles against a ring of eight Gaussians (radius 2, deviation 0.05): Adam "
        "3e-3, batch 256, 200 steps before and 2 at each of 250 steps of the flow. No particle moves further than 0.2 "
        "in a step. Nine increasing h and two decreasing ones; from N((4, 4), I) vanilla and non-saturating alone. "
        "Measured: unbiased MMD² (Gaussian kernel, width 1) and smoothed KL(q‖p) (width 0.3) to 1,000 real samples, "
        "as a share of their first values."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=2, steps=10, options={"warm_up": 50}),
        "default": Size(seeds=10, steps=250, options={"warm_up": 200}),
    },
    cells=[{"direction": direction} for direction in _FLOWS],
    figures=[
        Lines(
            "MMD² to the data",
            "Median and range over seeds: every increasing h comes closer, however slowly; decreasing ones flee.",
            x="step",
            y="mmd_curve",
            by=("direction", "h"),
        ),
        Strip(
            "KL(q‖p) at the end, as a share of its start", "", y="kl_ratio", by=("direction", "h"), log=True, target=1.0
        ),
        Cloud(
            "Paths of 32 particles",
            "Orange: where they stand at eight moments, from the upper right; blue: the data.",
            points="path",
            by=("direction", "h"),
            real="real",
        ),
    ],
)
