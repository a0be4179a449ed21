"""What a point is, in words: the numbers of a player, and why nothing is decided."""

from nashpath.diagnostics.evidence import PlayerEvidence, PointEvidence
from nashpath.diagnostics.play_words import flat_directions
from nashpath.diagnostics.pulls import ASKED


def second_order(who: str, own: PlayerEvidence) -> str:
    flat = ""
    if own.flat:
        found = {
            True: f"a gain by a move of {own.move:.2g}" if own.move else "a gain",
            False: "no gain",
            None: "not decided",
        }[own.gains]
        flat = f", {flat_directions(own.flat)} probed: {found}"
    return f"the {who}'s own curvature from {own.smallest:.2g} to {own.largest:.2g}{flat}"


def why_undecided(seen: PointEvidence) -> str:
    if not seen.bends:
        return "the curvature is not finite here (a kink or a root)"
    if seen.held:
        return f"the {' and the '.join(seen.held)} is held by its bound, where rest is another thing than no slope"
    hidden = [who for who, own in seen.players.items() if own.error > 0 or own.distance is None]
    if seen.kinks:
        return f"the slope of the {' and the '.join(seen.kinks)} is no pull, as at a kink, where no slope tells of rest"
    if seen.stationary is None:
        return (
            f"gradient noise hides whether the {' and the '.join(hidden)} is at rest, after {seen.batches} batches; "
            "larger batches would decide"
        )
    beyond = [f"the {who}'s {own.beyond:.2g} away" for who, own in seen.players.items() if own.beyond]
    if beyond:
        told = ", ".join(beyond)
        return f"no probe of a flat direction gained, but play leaves, and a cost falls below that of the point: {told}"
    unclear = [who for who, own in seen.players.items() if own.gains is None]
    if unclear:
        after = f", over {seen.curved} batches" if seen.noisy else ""
        return f"the {' and the '.join(unclear)} is at rest, but the second order is flat or noisy there{after}"
    return "the generator gains alone, and the second order does not say whether it does once answered"


def at_kink(who: str, own: PlayerEvidence) -> str:
    """What was tried of a player whose slope is no pull."""
    few = own.weights <= ASKED
    further = ", down each axis and down the least mean of slopes within that," if few else ", or a shorter one,"
    tried = f"a move of {own.allowed:.2g} down it{further}"
    return f"the {who}'s slope is {own.slope:.2g}, and {tried} gains less than half of what it promises"


def on_few_batches(seen: PointEvidence, bent: bool) -> list[str]:
    """On how many random batches what is said rests; of curvatures where it rests on how the costs are ``bent``."""
    if seen.alike:
        return [f"the same on all {seen.alike:,} batches drawn, so a rarer one was not seen"]
    if not (seen.noisy and bent):
        return []
    taken = f"curvatures over {seen.curved} batches"
    return [f"{taken}, the same on all {seen.level:,} drawn, so a rarer one was not seen" if seen.level else taken]
