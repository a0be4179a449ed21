"""From numbers to sentences: what is wrong with a run, what the number behind it is, and what to do.

Each finding is a function of the `Symptoms` that returns a sentence or nothing. A healthy run gets none.
"""

from collections.abc import Callable
from dataclasses import dataclass, field

from nashpath.diagnostics.certificate import Evidence, Kind

WEAK = 0.05
"""A generator's gradient below this share of the logit loss's has vanished."""
LARGE_MOVE = 0.02
"""A step that moves a network by more than this share of its norm is too large whatever the landscape."""
ROUND = 3.0
"""|imag/real| of an eigenvalue above which its motion counts as rotation."""


@dataclass
class Symptoms:
    """All that a verdict looks at; what could not be measured is None."""

    kind: Kind
    evidence: Evidence
    outcome: str = "finished"
    solver: str = "alternating"
    rates: dict[str, float] = field(default_factory=dict)
    margins: dict[str, float] | None = None
    """By solver, the largest stable multiple of the present learning rates; None unless the rules are plain descent."""
    descent: float | None = None
    """The same for the mostly real eigenvalues alone: beyond 1, steps jump across valleys."""
    vanishing: float | None = None
    logit: float | None = None
    """The critic's mean logit on generated samples: negative where it is the critic that wins."""
    modes: tuple[int, int] | None = None
    spread: float | None = None
    moves: float | None = None
    """Share of the networks' norm that one step moves."""


@dataclass
class Finding:
    """One thing that is wrong: a code, and a sentence with the number and the advice."""

    code: str
    sentence: str


def findings(s: Symptoms) -> list[Finding]:
    """Everything that is wrong, most fundamental first."""
    said = [(code, find(s)) for code, find in FINDINGS.items()]
    return [Finding(code, sentence) for code, sentence in said if sentence]


def _diverged(s: Symptoms) -> str | None:
    if not s.outcome.startswith("diverged") and s.kind != "diverged":
        return None
    where = s.outcome if s.outcome.startswith("diverged") else "the field is not finite at the last point"
    return (
        f"NaN or infinity ({where}): the last finite state was kept. Lower both learning rates about tenfold, or bound "
        "the critic by a gradient penalty or spectral normalisation."
    )


def _step_too_large(s: Symptoms) -> str | None:
    if s.descent is not None and s.descent < 1:
        rates = ", ".join(f"{who} {rate:g}" for who, rate in s.rates.items())
        return (
            f"step too large: the learning rates ({rates}) are {1 / max(s.descent, 1e-12):.3g} times the largest at "
            f"which the steepest direction (curvature {s.evidence.leading.real:.3g}) still contracts. Multiply them by "
            f"less than {s.descent:.3g}."
        )
    if s.moves is not None and s.moves > LARGE_MOVE:
        return (
            f"step too large: one step moves the networks by {100 * s.moves:.3g} % of their norm, every step. "
            "Lower the learning rates about tenfold."
        )
    return None


def _discriminator_too_strong(s: Symptoms) -> str | None:
    if s.vanishing is None or s.logit is None or not (s.vanishing < WEAK and s.logit < 0):
        return None
    return (
        f"discriminator too strong for this loss: the generator's gradient is {s.vanishing:.2g} of what the same "
        "critic would give under the logit loss, so it has vanished. Use the non-saturating loss, penalise the critic "
        "(R1, DRAGAN), or slow the discriminator down."
    )


def _mode_collapse(s: Symptoms) -> str | None:
    advice = (
        "Slow the generator down against the discriminator, penalise the critic (DRAGAN, R1), or let the critic see "
        "the batch (minibatch discrimination). Early in training this is normal: train on first."
    )
    if s.modes is not None and 2 * s.modes[0] <= s.modes[1]:
        return f"mode collapse: the samples lie around {s.modes[0]} of {s.modes[1]} modes. {advice}"
    if s.spread is not None and s.spread < 0.2:
        return f"mode collapse: the samples spread {100 * s.spread:.3g} % as far as the data. {advice}"
    return None


def _rotation(s: Symptoms) -> str | None:
    path = s.evidence.trajectory
    ratio = abs(s.evidence.leading.imag) / max(abs(s.evidence.leading.real), 1e-12)
    if s.kind != "limit cycle" or path is None or ratio < ROUND:
        return None
    shown = f"{ratio:.3g}" if ratio < 1e6 else "infinite"
    how = f"the orbit's radius changes by a factor {path.growth:.3g} over {path.turns:.3g} turns"
    limit = (s.margins or {}).get("extragradient", 0.0)
    safe = f" (stable up to {limit:.3g} times the present learning rates)" if 0 < limit < float("inf") else ""
    return (
        f"limit cycle: |imag/real| = {shown} at the leading pair, and {how}. Extragradient{safe} or a gradient penalty "
        "such as R1 on the critic would damp it."
    )


FINDINGS: dict[str, Callable[[Symptoms], str | None]] = {
    "diverged": _diverged,
    "step too large": _step_too_large,
    "discriminator too strong": _discriminator_too_strong,
    "mode collapse": _mode_collapse,
    "rotation": _rotation,
}
"""Every finding by its code, in the order in which they are told."""

MEANING: dict[str, str] = {
    "local Nash": "no player gains by a small move alone, to first and second order",
    "local minimax": "the generator could gain alone, but not once the discriminator answers (Stackelberg)",
    "stable, not Nash": "descent stays here, though some player sits on a maximum or saddle of its own cost",
    "saddle": "the players stand still, but descent leaves this point along at least one direction",
    "limit cycle": "play goes round and does not close in",
    "drifting": "the players are still moving, and do not merely go round: train longer, or decay the learning rates",
    "diverged": "there is no equilibrium to speak of",
    "collapsed": "the generator makes almost one and the same sample",
}
"""What each kind of point means, in plain words."""


def certificate_sentence(s: Symptoms) -> str:
    """The certificate with its numbers."""
    seen, said = s.evidence, f"{s.kind}: {MEANING[s.kind]}"
    if s.kind == "diverged":
        return said + "."
    own = ", ".join(f"{who} {value:.2g}" for who, value in (seen.curvature or {}).items())
    return (
        f"{said} (distance from stationary {seen.distance:.2g}; smallest real part of the game's spectrum "
        f"{seen.smallest_real:.2g}; smallest own curvature: {own}; all relative to the largest, {seen.scale:.3g})."
    )
