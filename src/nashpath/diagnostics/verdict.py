"""From numbers to sentences: findings about a run, each with its number and a remedy.

Each finding is a function of the `RunSummary` that returns a sentence or nothing. A healthy run gets none."""

import math
from collections.abc import Callable
from dataclasses import dataclass, field

from nashpath.diagnostics.averages import Averages, averages_in_words
from nashpath.diagnostics.behaviour import Behaviour
from nashpath.diagnostics.evidence import Kind, PointEvidence
from nashpath.diagnostics.play_words import play_in_words
from nashpath.diagnostics.point_words import at_kink, on_few_batches, second_order, why_undecided
from nashpath.diagnostics.probing import SURE
from nashpath.diagnostics.step_words import steep_in_words, too_steep


@dataclass
class Tried:
    """A change of the play that was tried from here, and what it did."""

    change: str
    found: Behaviour


@dataclass
class RunSummary:
    """The inputs of a verdict; what could not be measured is None."""

    kind: Kind
    """What the point is."""
    evidence: PointEvidence
    play: Behaviour = field(default_factory=lambda: Behaviour("undecided"))
    """What the present play does here."""
    goal: Kind | None = None
    """What the stationary point is on which play closes in from elsewhere; None: not asked."""
    averages: Averages | None = None
    """The averages that the run keeps beside the weights that it plays; None: it keeps none."""
    tried: list[Tried] = field(default_factory=list)
    """Changes that were played from here, where the present play brings nothing."""
    outcome: str = "finished"
    solver: str = "alternating"
    rates: dict[str, float] = field(default_factory=dict)
    """The present learning rate of each player's rule."""
    sharpness: dict[str, float] = field(default_factory=dict)
    """By player, its largest curvature times its rule's step, over the largest value at which that rule contracts."""
    adaptive: list[str] = field(default_factory=list)
    """Players whose step is one of moments (Adam, RMSProp), which adapts to the curvature."""
    margins: dict[str, float] | None = None
    """By solver, the largest stable multiple of the present learning rates, the present solver first; None: unknown."""
    windows: dict[str, tuple[float, float]] = field(default_factory=dict)
    """By solver whose smaller steps repel though its present ones do not: the multiples between which they do not."""
    unknown: str = ""
    """Why nothing is known of stable steps, where something could be expected."""
    vanishing: float | None = None
    logit: float | None = None
    """The critic's mean logit on generated samples: negative where it is the critic that wins."""
    modes: tuple[int, int] | None = None
    """How many of the `places` are nearest to more than a few samples, and of how many."""
    places: str = "modes"
    """What samples are counted by: known modes, classes, or clusters of the data."""
    reached: int | None = None
    """How many known modes have samples within their reach."""
    penalised: bool = False
    """Whether the critic is penalised already."""
    spread: float | None = None
    growing: bool = False
    """Whether the samples still spread: they lay closer together, or around fewer modes, halfway through training."""
    moves: float | None = None
    """Share of the networks' norm that one step moves."""
    exploitability: dict[str, float] = field(default_factory=dict)
    """What best responses gain: readings of the duality gap and of the perturbed one; empty: not asked."""
    responses: int = 0
    """Steps of a best response."""


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
PLAIN, PERTURBED = "duality_gap", "perturbed_duality_gap"


def findings(s: RunSummary) -> list[Finding]:
    """Everything that is wrong, most fundamental first."""
    said = [(code, find(s), figures) for code, (find, figures) in FINDINGS.items()]
    return [Finding(code, f"{sentence} {more(code)}", figures) for code, sentence, figures in said if sentence]


def has_diverged(s: RunSummary) -> bool:
    """Whether the run, or the field at its last point, left the finite numbers."""
    return s.outcome.startswith("diverged") or not s.evidence.finite


def more(word: str) -> str:
    """Where a word is explained: the section of that name in the documentation, which is installed with the package."""
    return f"See nashpath explain {word!r}."


def _diverged(s: RunSummary) -> str | None:
    if not has_diverged(s):
        return None
    where = s.outcome if s.outcome.startswith("diverged") else "the field is not finite at the last point"
    return (
        f"NaN or infinity ({where}): training ended there, and the last finite state was kept. Lower both learning "
        f"rates about tenfold{_to(s, 0.1)}, or bound the critic by a gradient penalty or spectral normalisation."
    )


def _step_too_large(s: RunSummary) -> str | None:
    steep = too_steep(s.sharpness, s.adaptive)
    if steep:
        return f"step too large: {steep_in_words(steep, s.rates, s.adaptive, s.evidence.resting)}"
    if s.moves is not None and s.moves > LARGE_MOVE:
        return (
            f"step too large: one step moves the networks by {100 * s.moves:.3g} % of their norm, every step, so "
            f"after about {1 / s.moves:.0f} steps nothing of what was learned need be left. Lower the learning rates "
            f"about tenfold{_to(s, 0.1)}."
        )
    return None


def _to(s: RunSummary, factor: float) -> str:
    """``" (to 0.1 for the generator)"``: what the present rates would become."""
    named = [f"{factor * rate:.2g} for the {who}" for who, rate in s.rates.items()]
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
    penalise = "try other weights of the penalty" if s.penalised else "penalise the critic (R1 from 0.1, DRAGAN from 1)"
    advice = (
        f"so most of the data is never generated. Slow the generator down against the discriminator, {penalise}, or "
        "let the critic see the batch (minibatch discrimination). Early in training this is normal: train on first."
    )
    if s.modes is not None and 2 * s.modes[0] <= s.modes[1]:
        near = f" (and within reach of {s.reached})" if s.reached not in (None, s.modes[0]) else ""
        return f"mode collapse: the samples lie around {s.modes[0]} of {s.modes[1]} {s.places}{near}, {advice}"
    if s.spread is not None and s.spread < 0.2:
        return f"mode collapse: the samples spread {100 * s.spread:.3g} % as far as the data, {advice}"
    return None


def _rotation(s: RunSummary) -> str | None:
    if s.play.motion not in ("goes round", "spirals out") or not math.isfinite(s.play.turn) or _settles(s):
        return None
    out = "so it moved further off as long as it was played" if s.play.played else "so it moves ever further off"
    how = "so more rounds of this play bring nothing" if s.play.motion == "goes round" else out
    return f"rotation: {play_in_words(s.play)}, {how}. {_advice(s)}"


def _settles(s: RunSummary) -> bool:
    """Whether it is the averages that come to rest, while the play goes round: then its rounds bring something."""
    return s.play.motion == "goes round" and s.averages is not None and (s.averages.at_rest or s.averages.nearer)


def _leaving(s: RunSummary) -> str | None:
    if s.play.motion != "leaves":
        return None
    return f"leaving: {play_in_words(s.play)}. {_advice(s)}"


def _advice(s: RunSummary) -> str:
    """What was tried from here, and what it did; what closes in first."""
    if not s.tried:
        return "No change of the play was tried."
    order = {"closes in": 0, "goes round": 1}
    said = [
        f"{one.change}: {play_in_words(one.found)}"
        for one in sorted(s.tried, key=lambda t: order.get(t.found.motion, 2))
    ]
    helped = sum(one.found.motion == "closes in" for one in s.tried)
    head = "Tried from here, what closes in first" if helped else "Tried from here, and none of it closes in"
    return f"{head}: {'; '.join(said)}."


def _exploitability(s: RunSummary) -> str:
    """The duality gap from beside the point, by player, and from the point itself: at a point at rest that is 0."""
    gap, here = ((s.exploitability[name], s.exploitability[f"{name}_error"]) for name in (PERTURBED, PLAIN))
    each = [(name.rpartition(".")[2], v) for name, v in s.exploitability.items() if name.startswith("perturbed_regret")]
    told = ", ".join(f"the {who} {value:.2g}" for who, value in each)
    blind = here[0] <= SURE * here[1] + 1e-9 and gap[0] > SURE * gap[1] + 1e-9
    alone = ", which alone would have read as an equilibrium" if blind else ""
    short = min(gap[0], here[0]) < 0  # whatever its error: it bounds nothing
    none = "; who stays gains 0, so a search that ends below it found no gain and says nothing" if short else ""
    more_steps = "" if short else "; a lower bound, since more steps may gain more"
    return (
        f"exploitability: best responses of {s.responses} steps gain {_with_error(*gap)} from beside the point "
        f"({told}), and {_with_error(*here)} from the point itself{alone}{none}{more_steps}"
    )


def _with_error(value: float, error: float) -> str:
    """A mean over restarts; where all are alike, as in games without randomness, no error is claimed."""
    return f"{value:.2g} ± {error:.1g}" if error else f"{value:.2g}"


FINDINGS: dict[str, tuple[Callable[[RunSummary], str | None], tuple[str, ...]]] = {
    "diverged": (_diverged, ("magnitudes",)),
    "step too large": (_step_too_large, ("steps", "path")),
    "discriminator too strong": (_discriminator_too_strong, ("logits",)),
    "mode collapse": (_mode_collapse, ("samples",)),
    "rotation": (_rotation, ("spectrum", "path")),
    "leaving": (_leaving, ("spectrum", "path")),
}
"""Every finding by its code, in order of report, with the figures that show it."""


MEANING: dict[Kind, str] = {
    "local Nash": "no player gains by a small move alone",
    "local minimax": "the generator could gain alone, but not once the discriminator answers (Stackelberg)",
    "no equilibrium": "all players are at rest, but some player gains by a small move alone",
    "not stationary": "some player is pulled away",
    "undecided": "what was measured does not say",
}
"""The meaning of each kind of point, in plain words."""


def statements(s: RunSummary) -> list[Finding]:
    """Statements about every run: what the point is, what this play does here, and the largest stable steps."""
    if has_diverged(s):
        return [Finding("diverged", "diverged: there is no equilibrium to speak of.", ("magnitudes",))]
    said = [Finding(s.kind, point_sentence(s), ("evidence",))]
    play = play_in_words(s.play)
    if s.goal == "no equilibrium":
        play = f"{play}; that point is no equilibrium: some player gains there by a small move alone"
    if s.goal == "not stationary":
        play = f"{play}; there some player is still pulled away, by less than play shows"
    said.append(Finding("play", f"{play}. {more('what this play does here')}", ("path", "rounds")))
    if s.averages is not None:
        said.append(Finding("averages", f"{averages_in_words(s.averages)}. {more('averages')}", ("path",)))
    if s.exploitability:
        said.append(Finding("exploitability", f"{_exploitability(s)}. {more('exploitability')}"))
    if s.margins:
        return [*said, Finding("stable steps", _stable_steps(s), ("spectrum", "rounds"))]
    if s.unknown:
        why = f"largest stable learning rates: unknown, since {s.unknown}."
        said.append(Finding("stable steps", why, ("spectrum",)))
    return said


def point_sentence(s: RunSummary) -> str:
    """What the point is, with the numbers that say so."""
    seen, told = s.evidence, []
    for who, own in seen.players.items():
        if who in seen.held:
            told.append(f"the {who} held by its bound, which these numbers leave out")
        elif own.bound and own.bound == own.weights:
            told.append(f"the {who} pressed against its bound in every weight")
        elif who in seen.kinks:
            told.append(at_kink(who, own))
        elif own.distance is not None:
            error = f" ± {own.error:.2g}" if own.error else ""
            told.append(f"the {who} {own.distance:.2g}{error} from rest (allowed {own.allowed:.2g})")
        elif s.kind != "undecided":
            told.append(f"the {who}'s mean gradient differs from 0 by {own.signal:.3g} standard errors")
        if 0 < own.bound < own.weights:
            share = f"{own.bound:,} of the {who}'s {own.weights:,} weights"
            told.append(f"{share} pressed against a bound, which these numbers leave out")
    bent = s.kind in ("local Nash", "local minimax", "no equilibrium")
    if bent:
        told += [second_order(who, own) for who, own in seen.players.items() if own.bound < max(own.weights, 1)]
        if seen.schur is not None and s.kind != "local Nash":
            told.append(f"the generator's smallest curvature once answered {seen.schur:.2g}")
    gains = seen.players.get("generator")
    if not seen.shared and gains is not None and gains.gains and seen.schur is not None:
        told.append(f"judged by the generator's own cost along the discriminator's answers, of slope {seen.led:.2g}")
    if seen.strict and s.kind == "local minimax":
        told.append("strict: second derivatives alone say so")
    if seen.residual > 1e-6 and s.kind == "not stationary":
        told.append(f"{100 * seen.residual:.2g} % of the field cannot be made to vanish to first order")
    told += on_few_batches(seen, bent)
    within = " within the bounds" if seen.bounded else ""
    why = (
        why_undecided(seen) if s.kind == "undecided" else f"{MEANING[s.kind]}{within if s.kind == 'local Nash' else ''}"
    )
    return f"{s.kind}: {why}{' (' + '; '.join(told) + ')' if told else ''}. {more('what the point is')}"


def headline(s: RunSummary) -> tuple[str, str]:
    """What became of the game in one line, and how good that is: ``good``, ``bad`` or ``open``.

    Play that closes in where some player would leave is no success: more rounds do not mend it.
    """
    if has_diverged(s):
        return f"diverged: {s.outcome}", "bad"
    if s.modes is not None and s.reached == 0:
        return f"0 of {s.modes[1]} modes: the generator has not found the data", "bad"
    wrong = findings(s)
    if wrong and wrong[0].code not in ("rotation", "leaving"):
        return wrong[0].sentence.split(":")[0].partition(" for this loss")[0], "bad"
    seen = s.modes if s.reached is None or s.modes is None else (s.reached, s.modes[1])
    found = f"{seen[0]} of {seen[1]} {s.places}" if seen is not None else ""
    if s.play.motion in ("spirals out", "leaves"):
        return play_in_words(s.play).partition(" (")[0], "bad"
    if s.kind in ("local Nash", "local minimax"):
        kind = f"{s.kind} within the bounds" if s.evidence.bounded and s.kind == "local Nash" else s.kind
        near = s.play.motion == "stops short" and s.play.share <= 1
        ends = (near or s.play.motion in ("closes in", "stays")) and _told(s.play)
        return f"{kind}, {_short(s.play)}", "good" if ends else "open"
    if s.play.motion == "closes in" and "no equilibrium" in (s.kind, s.goal):
        return f"{_short(s.play)}: no equilibrium", "bad"
    if s.play.motion == "closes in":
        return _short(s.play), "good" if _told(s.play) and (
            s.play.reached or not s.play.falling
        ) and s.goal != "not stationary" else "open"
    if s.averages is not None and _settles(s):
        what = "rest" if s.averages.at_rest else "close in"
        return f"the averages {what}, while {_short(s.play)}", "good" if s.averages.sound else "open"
    if s.play.motion == "stops short":
        return _short(s.play), "open"
    if s.play.motion == "goes round":
        return ", ".join(part for part in (found, _short(s.play)) if part), "open"
    kind = {"not stationary": "still moving", "undecided": "undecided"}.get(s.kind, s.kind)
    return ", ".join(part for part in (found, kind, _short(s.play)) if part and part != "play is still moving"), "open"


def _told(play: Behaviour) -> bool:
    """Whether what play does along directions that the first order leaves is known, too."""
    return not play.flat or play.along > 0


def _short(play: Behaviour) -> str:
    return "play undecided" if play.motion == "undecided" else play_in_words(play).partition(" (")[0]


def _stable_steps(s: RunSummary) -> str:
    margins = s.margins or {}
    said = ", ".join(f"{solver} {_multiple(value, s.windows.get(solver))}" for solver, value in margins.items())
    present = ", ".join(f"{rate:.3g} of the {who}" for who, rate in s.rates.items()) if s.play.falling else ""
    rates = f" ({present}, which a schedule changes)" if present else ""
    return (
        f"largest stable multiples of the present learning rates{rates}, near this point and to first order: {said}. "
        f"Beyond them play grows. {more('stable steps')}"
    )


def _multiple(value: float, window: tuple[float, float] | None = None) -> str:
    if window is not None:
        least, most = window
        below = f" (play grows below {least:.3g}, too)" if least > 0 else ""
        return f"{'any' if math.isinf(most) else f'{most:.3g}'}{below}"
    return "none (no rate is small enough)" if value == 0 else "any" if math.isinf(value) else f"{value:.3g}"
