"""What play does, in words: the motion with its numbers, and how they were found."""

import math

from nashpath.diagnostics.behaviour import Behaviour


def play_in_words(play: Behaviour) -> str:
    """What a play does, with its numbers and how they were found."""
    turning = math.isfinite(play.turn)
    turn = f"once in {play.turn:.3g} rounds"
    how = (
        "by the multipliers of one round"
        if not play.played
        else f"over {play.turns:.2g} turns, {play.played} rounds played on"
        if play.turns >= 1
        else f"over {play.played} rounds played on"
    )
    flat = f", but for {flat_directions(play.flat)}, along which it stays" if play.flat else ""
    match play.motion:
        case "closes in" if play.rate > 0:
            round_it = f", turning {turn}" if turning else ""
            rounds = (
                "at present, and more slowly all the while: it does not tell when 1 % is reached"
                if play.slowing
                else f"{play.rounds:,.0f} rounds to 1 %, should that rate last"
                if play.rounds < 1e15
                else "no end in sight"
            )
            said = f"play closes in on {play.centre} at {near_one(play.rate)} a round ({rounds}){round_it}{flat}"
        case "closes in":
            said = f"play arrives at {play.centre} in finitely many rounds{flat}"
        case "goes round":
            change = "unchanged" if abs(play.a_turn - 1) < 1e-9 else f"changing by {times_larger(play.a_turn)} a turn"
            said = f"play goes round {play.centre} {turn}, the radius {change}{flat}"
        case "spirals out":
            said = f"play spirals out, turning {turn}, the radius growing {times_larger(play.a_turn)} a turn"
        case "leaves":
            growth = f"its distance growing {times_larger(play.rate)} a round" if play.rate > 1 else "without end"
            said = f"play leaves {play.centre}, {growth}"
        case "stays":
            said = "play stays where it is: to first order no round moves it by a billionth of its distance"
        case "still moving":
            return f"play is still moving ({play.why or how})"
        case _:
            return f"what play does is undecided ({play.why}; {how})"
    return f"{said} ({how}{'; ' + play.why.rstrip('. ') if play.why else ''})"


def flat_directions(many: int) -> str:
    return f"{many} flat direction{'' if many == 1 else 's'}"


def near_one(value: float) -> str:
    """A factor near 1 with the digits that tell it from 1."""
    return f"{value:.3g}" if abs(1 - value) > 0.005 else f"1 − {1 - value:.2g}" if value < 1 else f"1 + {value - 1:.2g}"


def times_larger(value: float) -> str:
    return f"{value:.3g} times" if abs(value - 1) > 0.005 else f"a factor {near_one(value)}"
