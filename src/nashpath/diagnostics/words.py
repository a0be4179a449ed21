"""What a point is and how far steps may go, in plain words: said of healthy games and of broken ones."""

import math

from nashpath.diagnostics.symptoms import Finding, Symptoms
from nashpath.diagnostics.verdict import PAGE

MEANING: dict[str, str] = {
    "local Nash": "no player gains by a small move alone, to first and second order",
    "local minimax": "the generator could gain alone, but not once the discriminator answers (Stackelberg)",
    "stable, not Nash": "descent stays here, though some player sits on a maximum or saddle of its own cost",
    "saddle": "mean gradients vanish up to the noise of batches, but descent leaves this point in some direction",
    "limit cycle": "play goes round and does not close in",
    "drifting": "the players are still moving, and do not merely go round: train longer, or decay the learning rates",
    "diverged": "there is no equilibrium to speak of",
    "collapsed": "the generator makes almost one and the same sample",
}
"""What each kind of point means, in plain words."""

ALSO: dict[str, tuple[str, ...]] = {"limit cycle": ("path",), "drifting": ("path",), "collapsed": ("samples",)}
"""The figures behind a kind of point, beside that of the evidence."""


def statements(s: Symptoms) -> list[Finding]:
    """What is said of every point: what it is, and, where theory gives them, the largest stable steps."""
    if s.kind == "diverged":
        return [Finding(s.kind, f"{s.kind}: {MEANING[s.kind]}.", ("magnitudes",))]
    said = [Finding(s.kind, certificate_sentence(s), ("evidence", *ALSO.get(s.kind, ())))]
    return [*said, Finding("stable steps", _stable_steps(s.margins), ("spectrum", "rounds"))] if s.margins else said


def certificate_sentence(s: Symptoms) -> str:
    """The certificate with its numbers."""
    seen = s.evidence
    own = ", ".join(f"{who} {value:.2g}" for who, value in (seen.curvature or {}).items())
    return (
        f"{s.kind}: {MEANING[s.kind]} (distance from stationary {seen.distance:.2g}; smallest real part of the game's "
        f"spectrum {seen.smallest_real:.2g}; smallest own curvature: {own}; all relative to the largest, "
        f"{seen.scale:.3g}). See {PAGE}#certificates."
    )


def _stable_steps(margins: dict[str, float]) -> str:
    said = ", ".join(f"{solver} {_multiple(value)}" for solver, value in margins.items())
    return (
        f"largest stable multiples of the present learning rates, near this point: {said}. Beyond them play grows. "
        f"See {PAGE}#stable-steps."
    )


def _multiple(value: float) -> str:
    return "none (no rate is small enough)" if value == 0 else "any" if math.isinf(value) else f"{value:.3g}"
