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
    flat = f", but for {flat_directions(play.flat)}, along which {_staying(play)}" if play.flat else ""
    who = "the mean play" if play.noisy and not play.played else "play"
    mean = " in the mean" if play.noisy else ""
    if play.falling and play.motion in ("closes in", "stops short"):
        return f"{_of_falling(play, who)} ({how}{'; ' + play.why.rstrip('. ') if play.why else ''})"
    match play.motion:
        case "closes in" if play.rate > 0:
            round_it = f", turning {turn}" if turning else ""
            rounds = (
                "at present, and more slowly all the while: it does not tell when 1 % is reached"
                if play.slowing
                else f"{play.rounds:,.0f} rounds to 1 %{mean}, should that rate last"
                if play.rounds < 1e15
                else "no end in sight"
            )
            said = f"{who} closes in on {play.centre} at {near_one(play.rate)} a round ({rounds}){round_it}{flat}"
        case "closes in":
            said = f"{who} arrives at {play.centre} in finitely many rounds{flat}"
        case "goes round":
            change = "unchanged" if abs(play.a_turn - 1) < 1e-9 else f"changing by {times_larger(play.a_turn)} a turn"
            said = f"{who} goes round {play.centre} {turn}, the radius {change}{flat}"
        case "spirals out":
            said = f"{who} spirals out, turning {turn}, the radius growing {times_larger(play.a_turn)} a turn"
        case "leaves":
            growth = f"its distance growing {times_larger(play.rate)} a round" if play.rate > 1 else "without end"
            said = f"{who} leaves {play.centre}, {growth}"
        case "stays":
            said = f"{who} stays where it is: to first order no round moves it by a trillionth of its distance"
        case "still moving":
            return f"play is still moving ({play.why or how})"
        case _:
            return f"what play does is undecided ({play.why}; {how})"
    return f"{said} ({how}{'; ' + play.why.rstrip('. ') if play.why else ''})"


def _of_falling(play: Behaviour, who: str) -> str:
    """What a play does whose rates change on the way, by where they carry it."""
    if play.motion == "closes in":
        end = (
            f"1 % is left after {play.reached:,} rounds"
            if play.reached
            else f"{_percent(play)} is left, and falls still"
        )
        return f"{who} closes in on {play.centre}, as its rates change: {end}"
    if math.isnan(play.share):
        return f"{who} stops short, as its rates fall: all that are left amount to {play.rest:.2g} of those played"
    left = f"{_percent(play)} of its distance from {play.centre} is left"
    if play.share > 1:
        left = f"its distance from {play.centre} is {play.share:.3g} times what it was"
    rest = f"{play.rest:.2g} of those played" if play.rest >= 1e-3 else "hardly anything"
    return f"{who} stops short, as its rates fall: {left}, and all rates after that amount to {rest}"


def _percent(play: Behaviour) -> str:
    return f"{100 * play.share:.3g} %"


def _staying(play: Behaviour) -> str:
    """How it is known that flat directions are not left."""
    if math.isinf(play.along):
        return "it stays"
    return f"it was found to stay up to {play.along:g} of 1 + ‖θ‖ away" if play.along else "it stays to first order"


def flat_directions(many: int) -> str:
    return f"{many} flat direction{'' if many == 1 else 's'}"


def near_one(value: float) -> str:
    """A factor near 1 with the digits that tell it from 1."""
    return f"{value:.3g}" if abs(1 - value) > 0.005 else f"1 − {1 - value:.2g}" if value < 1 else f"1 + {value - 1:.2g}"


def times_larger(value: float) -> str:
    return f"{value:.3g} times" if abs(value - 1) > 0.005 else f"a factor {near_one(value)}"
