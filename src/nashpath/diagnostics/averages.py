"""The averages of weights that a run keeps beside its play: what they are, and where play takes them, in words."""

from dataclasses import dataclass, field

from nashpath.diagnostics.behaviour import Centre
from nashpath.diagnostics.evidence import Kind, PointEvidence

SHRINKS = 0.99
"""The averages come nearer where each quarter of the rounds played ends nearer, and the last within this share."""
TRUSTED: tuple[Kind, ...] = ("local Nash", "local minimax")


@dataclass
class Averages:
    """Averages of the weights of some players, or of all: then they are a point of the game, which is looked at."""

    players: tuple[str, ...]
    """Whose weights are averaged."""
    kind: Kind | None = None
    """What the averaged point is; None: not asked, since some player has no average."""
    evidence: PointEvidence = field(default_factory=PointEvidence)
    exploitability: dict[str, float] = field(default_factory=dict)
    """What best responses gain from the averaged point; empty: not asked."""
    centre: Centre = "the middle of the path"
    goal: Kind | None = None
    """What the point is from which distances are taken."""
    rounds: int = 0
    """Rounds that were played on, 0: none."""
    distances: tuple[float, ...] = ()
    """Largest distances of the averages from that point, in each quarter of those rounds."""
    lasting: bool = False
    """Whether shares of the average fall with the number of steps, so that of a bounded play it comes to rest."""

    @property
    def at_rest(self) -> bool:
        """Whether the averaged point is stationary."""
        return self.kind is not None and bool(self.evidence.stationary)

    @property
    def nearer(self) -> bool:
        """Whether play was found to bring them ever nearer to the centre, and they do not forget what they were."""
        steps = list(zip(self.distances, self.distances[1:], strict=False))
        falls = bool(steps) and all(later < earlier for earlier, later in steps)
        return self.lasting and falls and self.distances[-1] < SHRINKS * self.distances[0]

    @property
    def sound(self) -> bool:
        """Whether they rest at, or come nearer to, an equilibrium."""
        return (self.at_rest and self.kind in TRUSTED) or (self.nearer and self.goal in TRUSTED)


def averages_in_words(seen: Averages) -> str:
    """One sentence: that all else is of the raw weights, and what the averages are, and are played to."""
    whose = " and the ".join(seen.players)
    if seen.kind is None:
        return (
            f"averages: all of this is of the raw weights, which play moves; samples and metrics are those of an "
            f"average of the {whose}'s, and an equilibrium is of both players, so that one alone is not judged"
        )
    told = [
        f"the {who} {own.distance:.2g} from rest (allowed {own.allowed:.2g})"
        for who, own in seen.evidence.players.items()
        if own.distance is not None
    ]
    said = f"the averaged point is {_named(seen.kind)}{' (' + '; '.join(told) + ')' if told else ''}"
    if "duality_gap" in seen.exploitability:
        said += f"; best responses gain {seen.exploitability['duality_gap']:.2g} from it"
    if seen.distances:
        ends = f"from {seen.distances[0]:.2g} to {seen.distances[-1]:.2g}"
        what = "fell" if seen.nearer else "went"
        said += (
            f"; over {seen.rounds:,} rounds played on its distance from {seen.centre} {what} {ends} (the largest of "
            "the first and of the last quarter)"
        )
    return f"averages: all else here is of the raw weights, which play moves; {said}"


def _named(kind: Kind) -> str:
    return {"local Nash": "a local Nash equilibrium", "local minimax": "a local minimax point"}.get(kind, kind)
