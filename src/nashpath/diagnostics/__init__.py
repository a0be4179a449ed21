"""Diagnostics: measurements of a game at a point, without side effects."""

from nashpath.core import Table
from nashpath.diagnostics.averages import Averages
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.behaviour import Behaviour, judge_way
from nashpath.diagnostics.calibration import Calibration, calibration_of
from nashpath.diagnostics.certificate import Certificate, doubt_flats
from nashpath.diagnostics.contraction import Contraction, contraction_of
from nashpath.diagnostics.duality_gap import DualityGap, PerturbedDualityGap
from nashpath.diagnostics.eigenvalues import NotConvergedError, hessian_ends, hessian_leading, leading, most_negative
from nashpath.diagnostics.evidence import Held, Kind, PlayerEvidence, PointEvidence, certify
from nashpath.diagnostics.field_cosine import FieldCosine
from nashpath.diagnostics.field_norm import FieldNorm
from nashpath.diagnostics.linearised import Linearised
from nashpath.diagnostics.matrix_game import Equilibrium, exploitability, matrix_duality_gap, solve_matrix_game
from nashpath.diagnostics.path import Path
from nashpath.diagnostics.proximal_duality_gap import ProximalDualityGap
from nashpath.diagnostics.rotation import Rotation, rotation_share
from nashpath.diagnostics.sharpness import Sharpness, sharpness_of
from nashpath.diagnostics.signal_to_noise import SignalToNoise
from nashpath.diagnostics.spectrum import Spectrum
from nashpath.diagnostics.stable_step import StableStep, stable_steps
from nashpath.diagnostics.trajectory import Trajectory, Winding, plane_of, trajectory_of, winding_of
from nashpath.diagnostics.vanishing import VanishingGradient
from nashpath.diagnostics.verdict import FINDINGS, Finding, RunSummary, Tried, findings, headline, statements

DIAGNOSTICS = Table(
    "diagnostic",
    {
        "field_norm": FieldNorm,
        "signal_to_noise": SignalToNoise,
        "vanishing": VanishingGradient,
        "calibration": Calibration,
        "field_cosine": FieldCosine,
        "path": Path,
        "spectrum": Spectrum,
        "rotation": Rotation,
        "sharpness": Sharpness,
        "stable_step": StableStep,
        "certificate": Certificate,
        "duality_gap": DualityGap,
        "perturbed_duality_gap": PerturbedDualityGap,
        "proximal_duality_gap": ProximalDualityGap,
    },
    Diagnostic,
)

__all__ = [
    "DIAGNOSTICS",
    "FINDINGS",
    "Averages",
    "Behaviour",
    "Calibration",
    "Certificate",
    "Contraction",
    "Diagnostic",
    "DualityGap",
    "Equilibrium",
    "FieldCosine",
    "FieldNorm",
    "Finding",
    "Held",
    "Kind",
    "Linearised",
    "NotConvergedError",
    "Path",
    "PerturbedDualityGap",
    "PlayerEvidence",
    "PointEvidence",
    "ProximalDualityGap",
    "Readings",
    "Rotation",
    "RunSummary",
    "Sharpness",
    "SignalToNoise",
    "Spectrum",
    "StableStep",
    "Trajectory",
    "Tried",
    "VanishingGradient",
    "Winding",
    "calibration_of",
    "certify",
    "contraction_of",
    "doubt_flats",
    "exploitability",
    "findings",
    "headline",
    "hessian_ends",
    "hessian_leading",
    "judge_way",
    "leading",
    "matrix_duality_gap",
    "most_negative",
    "plane_of",
    "rotation_share",
    "sharpness_of",
    "solve_matrix_game",
    "stable_steps",
    "statements",
    "trajectory_of",
    "winding_of",
]
