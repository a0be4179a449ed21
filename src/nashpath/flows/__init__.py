"""Particles that move towards a target: MonoFlow for any increasing h, and its relatives.

``FLOWS`` are velocity fields, ``RATIOS`` say where a MonoFlow's log ratio comes from, ``INTEGRATORS`` turn a field into
steps, `simulate` runs them. `drawing_loss` lets a generator draw a flow; `Variational` compares minimising a divergence
with what a GAN does.
"""

from nashpath.core import Table
from nashpath.core.math.kernel import smoothed_kl
from nashpath.core.math.monotone import MonotoneFunction, UserMonotone
from nashpath.flows.base import Field, Flow, Ratio, with_gradient
from nashpath.flows.density_ratio import DensityRatio, gaussian_of
from nashpath.flows.discriminator_ratio import DiscriminatorRatio
from nashpath.flows.euler import Euler, Integrator, Overshoot, Stride, euler
from nashpath.flows.kde_ratio import KDERatio
from nashpath.flows.langevin import Langevin
from nashpath.flows.mmd import MMDFlow
from nashpath.flows.monoflow import MonoFlow
from nashpath.flows.ode import TorchDiffEq
from nashpath.flows.score import exact_score, kernel_score, longest_step, score_of
from nashpath.flows.simulate import State, simulate
from nashpath.flows.svgd import SVGD
from nashpath.flows.variational import ReparameterisedGaussian, Variational, drawing_loss, gaussian_kl

FLOWS = Table("flow", {"monoflow": MonoFlow, "mmd": MMDFlow, "svgd": SVGD, "langevin": Langevin}, Flow)

RATIOS = Table("ratio", {"discriminator": DiscriminatorRatio, "kde": KDERatio, "density": DensityRatio}, Ratio)

INTEGRATORS = Table("integrator", {"euler": Euler, "torchdiffeq": TorchDiffEq}, needs=("step",), like=Integrator)

__all__ = [
    "FLOWS",
    "INTEGRATORS",
    "RATIOS",
    "SVGD",
    "DensityRatio",
    "DiscriminatorRatio",
    "Euler",
    "Field",
    "Flow",
    "Integrator",
    "KDERatio",
    "Langevin",
    "MMDFlow",
    "MonoFlow",
    "MonotoneFunction",
    "Overshoot",
    "Ratio",
    "ReparameterisedGaussian",
    "State",
    "Stride",
    "TorchDiffEq",
    "UserMonotone",
    "Variational",
    "drawing_loss",
    "euler",
    "exact_score",
    "gaussian_kl",
    "gaussian_of",
    "kernel_score",
    "longest_step",
    "score_of",
    "simulate",
    "smoothed_kl",
    "with_gradient",
]
