"""From numbers to sentences: findings about a run, each with its number and a remedy.

Each finding is a function of the `RunSummary` that returns a sentence or nothing. A healthy run gets none."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nashpath.diagnostics.certificate import Kind, PointEvidence


@dataclass
class RunSummary:
    """The inputs of a verdict; what could not be measured is None."""

    kind: Kind
    evidence: PointEvidence
    outcome: str = "finished"
    solver: str = "alternating"
    rates: dict[str, float] = field(default_factory=dict)
    """The present learning rate of each player's rule."""
    sharpness: dict[str, float] = field(default_factory=dict)
    """By player, its largest curvature times its rule's step, over the largest value at which that rule contracts."""
    adaptive: bool = False
    """Whether that step is one of moments (Adam, RMSProp), which adapts to the curvature."""
    margins: dict[str, float] | None = None
    """By solver, the largest stable multiple of the present learning rates, the present solver first; None: unknown."""
    unknown: str = ""
    """Why nothing is known of stable steps, where something could be expected."""
    r1: float | None = None
    """The smallest weight of R1 (added to what is there) at which the present play would close in."""
    vanishing: float | None = None
    logit: float | None = None
    """The critic's mean logit on generated samples: negative where it is the critic that wins."""
    modes: tuple[int, int] | None = None
    spread: float | None = None
    growing: bool = False
    """Whether the samples still spread: they lay closer together, or around fewer modes, halfway through training."""
    moves: float | None = None
    """Share of the networks' norm that one step moves."""


@dataclass
class Finding:
    """One thing that is said: a code, a sentence with the number and the advice, and the figures that show it."""

    code: str
    sentence: str
    figures: tuple[str, ...] = ()


WEAK = 0.05
"""A generator's gradient below this share of the logit loss's has vanished."""
LARGE_MOVE = 0.03
"""A step that moves a network by more than this share of its norm is too large whatever the landscape."""
STEEP, STEEP_ADAPTIVE = 1.0, 5.0
"""How far beyond its limit a player's curvature may be. Under moments training itself climbs to about the limit."""
ROUND = 3.0
"""|imag/real| of an eigenvalue above which its motion counts as rotation."""
PAGE = "docs/diagnostics.md"
"""The page with a section on each finding, named by its code."""


def findings(s: RunSummary) -> list[Finding]:
    """Everything that is wrong, most fundamental first."""
    said = [(code, find(s), figures) for code, (find, figures) in FINDINGS.items()]
    return [Finding(code, f"{sentence} See {page(code)}.", figures) for code, sentence, figures in said if sentence]


def page(code: str) -> str:
    """The section that explains a finding."""
    return f"{PAGE}#{code.replace(' ', '-')}"


def _diverged(s: RunSummary) -> str | None:
    if not s.outcome.startswith("diverged") and s.kind != "diverged":
        return None
    where = s.outcome if s.outcome.startswith("diverged") else "the field is not finite at the last point"
    return (
        f"NaN or infinity ({where}): training ended there, and the last finite state was kept. Lower both learning "
        f"rates about tenfold{_to(s, 0.1)}, or bound the critic by a gradient penalty or spectral normalisation."
    )


def _step_too_large(s: RunSummary) -> str | None:
    steepest = max(s.sharpness, key=lambda who: s.sharpness[who], default="")
    times = s.sharpness.get(steepest, 0.0)
    if times > (STEEP_ADAPTIVE if s.adaptive else STEEP):
        own = "Adam's or RMSProp's present step" if s.adaptive else f"the learning rate {s.rates[steepest]:g}"
        return (
            f"step too large: for the {steepest}'s steepest direction {own} is {times:.3g} times the largest that "
            "contracts, so play jumps across that valley and never settles in it. Multiply the learning rate of the "
            f"{steepest} by less than {1 / times:.2g}{_to(s, 1 / times, steepest)}."
        )
    if s.moves is not None and s.moves > LARGE_MOVE:
        return (
            f"step too large: one step moves the networks by {100 * s.moves:.3g} % of their norm, every step, so "
            f"after about {1 / s.moves:.0f} steps nothing of what was learned need be left. Lower the learning rates "
            f"about tenfold{_to(s, 0.1)}."
        )
    return None


def _to(s: RunSummary, factor: float, only: str = "") -> str:
    """``" (to 0.1 for the generator)"``: what the present rates would become."""
    named = [f"{factor * rate:.2g} for the {who}" for who, rate in s.rates.items() if only in ("", who)]
    return f" (to {', '.join(named)})" if named else ""


def _discriminator_too_strong(s: RunSummary) -> str | None:
    if s.vanishing is None or s.logit is None or not (s.vanishing < WEAK and s.logit < 0):
        return None
    return (
        f"discriminator too strong for this loss: the generator's gradient is {s.vanishing:.2g} of what the same "
        f"critic would give under the logit loss (mean logit of its samples {s.logit:.3g}), so the generator hardly "
        "moves. Use the non-saturating loss, whose gradient stays above half of it there, or penalise the critic "
        "(R1, DRAGAN) or slow it down until that share is above 0.1."
    )


def _mode_collapse(s: RunSummary) -> str | None:
    if s.growing or s.outcome.startswith("diverged"):
        return None
    advice = (
        "so most of the data is never generated. Slow the generator down against the discriminator, penalise the "
        "critic (R1 from 0.1, DRAGAN from 1), or let the critic see the batch (minibatch discrimination). Early in "
        "training this is normal: train on first."
    )
    if s.modes is not None and 2 * s.modes[0] <= s.modes[1]:
        return f"mode collapse: the samples lie around {s.modes[0]} of {s.modes[1]} modes, {advice}"
    if s.spread is not None and s.spread < 0.2:
        return f"mode collapse: the samples spread {100 * s.spread:.3g} % as far as the data, {advice}"
    return None


def _rotation(s: RunSummary) -> str | None:
    path = s.evidence.trajectory
    ratio = abs(s.evidence.leading.imag) / max(abs(s.evidence.leading.real), 1e-12)
    if s.kind != "limit cycle" or path is None or ratio < ROUND:
        return None
    shown = f"{ratio:.3g}" if ratio < 1e6 else "infinite"
    how = f"the orbit's radius changes by a factor {path.growth:.3g} over {path.turns:.3g} turns"
    limit = (s.margins or {}).get("extragradient", 0.0)
    safe = f" (stable up to {limit:.3g} times the present learning rates)" if 0 < limit < float("inf") else ""
    weight = f"R1 ≥ {s.r1:.2g}" if s.r1 is not None else "a gradient penalty such as R1"
    penalty = "" if s.logit is None else f" or {weight} on the critic"
    return (
        f"limit cycle: |imag/real| = {shown} at the leading pair, and {how}, so more steps of this play bring nothing. "
        f"Extragradient{safe}{penalty} would damp it."
    )


FINDINGS: dict[str, tuple[Callable[[RunSummary], str | None], tuple[str, ...]]] = {
    "diverged": (_diverged, ("magnitudes",)),
    "step too large": (_step_too_large, ("steps", "path")),
    "discriminator too strong": (_discriminator_too_strong, ("logits",)),
    "mode collapse": (_mode_collapse, ("samples",)),
    "rotation": (_rotation, ("spectrum", "path")),
}
"""Every finding by its code, in order of report, with the figures that show it."""


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
"""The meaning of each kind of point, in plain words."""

ALSO: dict[str, tuple[str, ...]] = {"limit cycle": ("path",), "drifting": ("path",), "collapsed": ("samples",)}
"""The figures of a kind of point, in addition to that of the evidence."""


def statements(s: RunSummary) -> list[Finding]:
    """Statements about every point: its kind, and, where theory gives them, the largest stable steps."""
    if s.kind == "diverged":
        return [Finding(s.kind, f"{s.kind}: {MEANING[s.kind]}.", ("magnitudes",))]
    said = [Finding(s.kind, certificate_sentence(s), ("evidence", *ALSO.get(s.kind, ())))]
    if s.margins:
        return [*said, Finding("stable steps", _stable_steps(s.margins), ("spectrum", "rounds"))]
    if s.unknown:
        why = f"largest stable learning rates: unknown, since {s.unknown}."
        said.append(Finding("stable steps", why, ("spectrum",)))
    return said


def certificate_sentence(s: RunSummary) -> str:
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
