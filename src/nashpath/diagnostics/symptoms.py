"""What a verdict looks at, and what it says: numbers in, sentences out, each with the figures that back it."""

from dataclasses import dataclass, field

from nashpath.diagnostics.certificate import Evidence, Kind


@dataclass
class Symptoms:
    """All that a verdict looks at; what could not be measured is None."""

    kind: Kind
    evidence: Evidence
    outcome: str = "finished"
    solver: str = "alternating"
    rates: dict[str, float] = field(default_factory=dict)
    """The present learning rate of each player's rule."""
    sharpness: dict[str, float] = field(default_factory=dict)
    """By player, its largest curvature times its rule's step, over the largest value at which that rule contracts."""
    adaptive: bool = False
    """Whether that step is one of moments (Adam, RMSProp), which adapts to the curvature."""
    margins: dict[str, float] | None = None
    """By solver, the largest stable multiple of the present learning rates; None unless the rules are plain descent."""
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
