"""Which h belongs to which divergence, and which plug-in costs are increasing functions at all.

The gradient flow of D_f = E_q f(p/q) is a MonoFlow with ``h'(log r) = r² f''(r)``, positive for every convex f; a GAN
with the plug-in cost f(exp(d)) has ``h = −f(exp(d))``, increasing only for some (Yi, Zhu & Liu 2023, Secs. 3 and 4.3).
"""

from collections.abc import Callable, Iterator
from typing import get_args

import torch
from torch import Tensor
from torch.func import grad

from nashpath.core.math.f_divergences import F_DIVERGENCES
from nashpath.core.math.monotone import MonotoneFunction
from nashpath.games.objectives.plug_in import PLUG_INS, Costs
from nashpath.studies.figures import Strip
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Experiment, Size

_RATIOS = torch.linspace(0.02, 8, 400, dtype=torch.float64)
LOGITS = torch.linspace(-4, 4, 801, dtype=torch.float64)
SHIFTS = (0.0, 5.0, 10.0, 20.0, 40.0)


def derivative_of(function: Callable[[Tensor], Tensor]) -> Callable[[Tensor], Tensor]:
    """The derivative_of of an elementwise function."""
    return grad(lambda x: function(x).sum())


def _gap(name: str) -> float:
    """The largest relative difference between ``r² f''(r)`` and the slope of the h of that name."""
    f = F_DIVERGENCES[name]
    expected = _RATIOS**2 * derivative_of(derivative_of(lambda r: f(r.log())))(_RATIOS)
    found = MonotoneFunction(name).double().slope(_RATIOS.log())  # type: ignore[arg-type]
    return float(((found - expected) / expected).abs().max())


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """Rows of three tables: divergences and their h, plug-in costs and their slopes, shifts of the vanilla loss."""
    for name in F_DIVERGENCES:
        yield {"table": "divergences", "h": name, "gap": significant(_gap(name), 3)}
    for cost in get_args(Costs):
        slope = -derivative_of(PLUG_INS[cost])(LOGITS)
        yield {"table": "plug-ins", "cost": cost, "least_slope": significant(float(slope.min()))}
    for shift in SHIFTS:
        away = (MonotoneFunction("shifted_vanilla", shift=shift).double().slope(LOGITS) - 1).abs().max()
        yield {"table": "shifts", "shift": shift, "from_logit": significant(float(away))}


MONOTONE_SLOPES = Experiment(
    name="monotone-slopes",
    about=(
        "By automatic differentiation in float64: r² f''(r) against h' at 400 ratios from 0.02 to 8 for reverse KL, "
        "forward KL, χ², Hellinger and JS; the least slope of −f(exp(d)) over logits from −4 to 4 for the six costs of "
        "ratio-costs; the largest distance of the shifted vanilla loss's slope from 1 there. Deterministic."
    ),
    measure=measure,
    sizes={"quick": Size(seeds=1), "default": Size(seeds=1)},
    figures=[
        Strip(
            "Least slope of −f(exp(d))",
            "Positive: a MonoFlow, so a GAN with this cost works.",
            where={"table": "plug-ins"},
            y="least_slope",
            by=("cost",),
            target=0.0,
        )
    ],
)
