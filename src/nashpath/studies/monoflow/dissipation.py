"""How fast KL(q‖p) falls along a MonoFlow: measured on an exact push-forward, and as the theorem says.

Along ``dx = h'(d) ∇d dt`` the theorem says d/dt KL = −E_q h'(d) ‖∇d‖² (Yi, Zhu & Liu 2023, Sec. 3). Both densities are
known Gaussians; all expectations are sums over a fine grid, so that nothing is drawn.
"""

from collections.abc import Iterator

import torch
from torch import Tensor
from torch.func import jacrev, vmap

from nashpath.core.math.monotone import MONOTONES, MonotoneFunction
from nashpath.data import Gaussian
from nashpath.flows import DensityRatio, MonoFlow
from nashpath.metrics.divergences.quadrature import midpoints
from nashpath.studies.figures import Strip
from nashpath.studies.monoflow.gaussian_fit import TARGET
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

STARTS = {"(1, 1), 2 I": (1.0, 1.0, 2.0), "(2, −1), 3 I": (2.0, -1.0, 3.0), "(0, 0), 4 I": (0.0, 0.0, 4.0)}
"""Mean and variance of q: wider than p in every direction, so that no h' explodes in the tails."""

BOX = [(-16.0, 16.0), (-16.0, 16.0)]


def rates(h: str, start: tuple[float, float, float], resolution: int, time: float) -> tuple[float, float]:
    """``(measured, theory)`` of d/dt KL: the difference quotient over ``time``, and the theorem's."""
    x, y, variance = start
    law = Gaussian(variance, variance, 0.0, x, y)
    ratio = DensityRatio(TARGET.log_density, lambda particles: law.log_density)
    flow = MonoFlow(ratio, MonotoneFunction(h).double())  # type: ignore[arg-type]
    points, cell = midpoints(BOX, resolution)
    weights = law.log_density(points).exp() * cell
    d, slope = ratio.log_ratio(points, points, {})
    theory = -(weights * flow.h.slope(d) * slope.square().sum(1)).sum()
    velocity = flow.field(points, points, {}).velocity
    stretch = torch.linalg.slogdet(torch.eye(2).double() + time * _jacobian(flow, points))[1]
    fallen = d - stretch - TARGET.log_density(points + time * velocity) + law.log_density(points)
    return float((weights * fallen).sum() / time), float(theory)


def _jacobian(flow: MonoFlow, points: Tensor) -> Tensor:
    """``∂v/∂x`` at every point, [n, 2, 2]."""

    def velocity(point):
        return flow.field(point[None], point[None], {}).velocity[0]

    return vmap(jacrev(velocity), chunk_size=1 << 14)(points)


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row for each h and start: both rates, and their quotient."""
    for h in MONOTONES:
        for name, start in STARTS.items():
            measured, theory = rates(h, start, size.options["resolution"], size.options["time"])
            found = {"measured": significant(measured), "theory": significant(theory)}
            yield {"h": h, "start": name, **found, "quotient": significant(measured / theory)}


DISSIPATION = Experiment(
    name="dissipation",
    about=(
        "q is a round Gaussian, p = N(0, [[1, .8], [.8, .89]]); eleven h, three q. Measured: the fall of KL(q‖p) when "
        "every point of a grid moves for a time of 1e-6 along h'(d) ∇d, with the density of the moved points by change "
        "of variables, over that time; theory: −E_q h'(d) ‖∇d‖². Sums over a grid of 320² cells; deterministic."
    ),
    measure=measure,
    sizes={
        "quick": Size(seeds=1, options={"resolution": 160, "time": 1e-6}),
        "default": Size(seeds=1, options={"resolution": 320, "time": 1e-6}),
    },
    figures=[
        Strip("Measured over theoretical rate", "A dot a start; 1 is equality.", y="quotient", by=("h",), target=1.0)
    ],
)
