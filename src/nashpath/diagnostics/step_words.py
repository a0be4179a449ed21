"""Steps beyond what contracts, in words: each player judged by its own rule."""

from collections.abc import Collection, Mapping

STEEP, STEEP_ADAPTIVE = 1.01, 5.0
"""How far beyond its limit a player's curvature may be: at least by what advice can mend. Under moments training itself
climbs to about the limit."""


def too_steep(sharpness: Mapping[str, float], adaptive: Collection[str]) -> dict[str, float]:
    """Players whose curvature is further beyond the limit of their own rule than that rule may go, the furthest first.

    ``sharpness`` is in units of the limit, and so is what is returned; ``adaptive`` are the players whose steps adapt.
    """
    over = {who: value / (STEEP_ADAPTIVE if who in adaptive else STEEP) for who, value in sharpness.items()}
    return {who: sharpness[who] for who in sorted(over, key=lambda who: -over[who]) if over[who] > 1}


def steep_in_words(
    steep: Mapping[str, float], rates: Mapping[str, float], adaptive: Collection[str], resting: Collection[str]
) -> str:
    """What is wrong with the steps of players that are `too_steep`, and what to multiply their learning rates by.

    Play shows it of those alone that are not at rest: of ``resting`` ones beside them it is told, and nothing advised.
    """
    named = [who for who in steep if who not in resting] or list(steep)
    told = ", and ".join(
        f"for the {who}'s steepest direction {_step(who, rates, adaptive)} is {steep[who]:.3g} times the largest that "
        "contracts"
        for who in named
    )
    advice = ", and ".join(
        f"the learning rate of the {who} by less than {1 / steep[who]:.2g} (to {rates[who] / steep[who]:.2g})"
        for who in named
    )
    valleys, them = ("that valley", "it") if len(named) == 1 else ("those valleys", "them")
    beside = "".join(
        f" The {who} is at rest; but once it is moved it jumps as well: its step is {steep[who]:.3g} times its limit."
        for who in steep
        if who not in named
    )
    return f"{told}, so play jumps across {valleys} and never settles in {them}. Multiply {advice}.{beside}"


def _step(who: str, rates: Mapping[str, float], adaptive: Collection[str]) -> str:
    return "Adam's or RMSProp's present step" if who in adaptive else f"the learning rate {rates[who]:g}"
