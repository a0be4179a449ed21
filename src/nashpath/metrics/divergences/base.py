"""A divergence of known densities is an expectation of functions of the log-ratio ``d = log p − log q``.

What changes from one to the next are two functions, one averaged over p and one over q. The averages may be over
samples (then they have a standard error) or over a grid of masses (quadrature).
"""

from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.metrics.errors import NotFiniteError, ShapeError, TooFewSamplesError


class Estimate(NamedTuple):
    """A number and its standard error (0 by quadrature; infinite where the value is)."""

    value: float
    error: float


class DensityDivergence:
    """Base: ``E_p on_p(d) + E_q on_q(d)`` for the log-ratio ``d = log p − log q``, in nats where it has a unit.

    Called with the log-ratios at independent samples of p, ``at_p [n]``, and of q, ``at_q [m]``, it is the Monte-Carlo
    estimate. A point to which the other density gives no mass has the log-ratio +∞ (in ``at_p``) or −∞ (in ``at_q``).

    Raises `ShapeError`, `TooFewSamplesError` (fewer than two), and `NotFiniteError` for NaN or an infinity of the wrong
    sign, which says that a density is zero at a sample of its own.
    """

    def on_p(self, d: Tensor) -> Tensor:
        """The integrand over p, elementwise."""
        return torch.zeros_like(d)

    def on_q(self, d: Tensor) -> Tensor:
        """The integrand over q, elementwise."""
        return torch.zeros_like(d)

    def __call__(self, at_p: Tensor, at_q: Tensor) -> Estimate:
        terms = self.on_p(checked(at_p, "at_p")), self.on_q(checked(at_q, "at_q"))
        value = float(sum(term.mean() for term in terms))
        variance = sum(float(term.var()) / len(term) for term in terms)
        return Estimate(value, variance**0.5 if value < float("inf") else value)

    def integrate(self, p: Tensor, q: Tensor, d: Tensor) -> float:
        """The same expectation by masses p and q [k] on a grid where the log-ratios are d [k]."""
        parts = ((p, self.on_p(d)), (q, self.on_q(d)))
        return float(sum(torch.where(mass > 0, mass * term, 0.0).sum() for mass, term in parts))


def checked(ratios: Tensor, name: str) -> Tensor:
    """Log-ratios [n] as float64, if they can be averaged; raises a `MetricError` that names ``name``."""
    if ratios.dim() != 1:
        raise ShapeError(f"{name} has shape {tuple(ratios.shape)}; give one log-ratio a sample, [n]")
    if len(ratios) < 2:
        raise TooFewSamplesError(f"{name} has {len(ratios)} samples; this needs at least 2")
    own = "p" if name == "at_p" else "q"
    impossible = -torch.inf if own == "p" else torch.inf
    wrong = int((ratios.isnan() | (ratios == impossible)).sum())
    if wrong:
        raise NotFiniteError(
            f"{wrong} of {len(ratios)} log-ratios {name} are NaN or {impossible:+}: {own} is zero, or not a number, at "
            f"samples of its own; is this the density that they were drawn from?"
        )
    return ratios.detach().double()
