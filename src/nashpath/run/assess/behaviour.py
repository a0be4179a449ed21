"""What the present play does here: by its round at a stationary point, and by playing on everywhere else."""

import math
from dataclasses import replace
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Game, Tree
from nashpath.diagnostics import (
    Behaviour,
    Contraction,
    Linearised,
    PointEvidence,
    contraction_of,
    judge_way,
)
from nashpath.diagnostics.behaviour import FAR_OUT, Centre, steadily_falls, within_numbers
from nashpath.diagnostics.certificate import solve
from nashpath.diagnostics.falling import SPENT, judge_falling
from nashpath.games.toys.base import kind_at
from nashpath.run.assess.bounds import encloses, excluded, rest_at_bound
from nashpath.run.assess.flats import played_along
from nashpath.run.assess.limits import binds
from nashpath.run.assess.moments import unmet
from nashpath.run.assess.playing import DISPLACED, displaced, play_on
from nashpath.run.assess.schedules import changes_ahead, rates_left
from nashpath.run.engine.linear_play import LinearPlay
from nashpath.run.engine.step import TrainState, Trial, begin

SMALL = 64
"""Up to this many parameters rounds are formed as matrices and play goes on for thousands of rounds."""
CAP, QUICK = 4000, 600
"""Rounds of a toy that are played on at most."""
FURTHER = 2000
"""Rounds that are played from further along flat directions at most, unless they rest before."""
FORGETTING = 1000
"""Rounds that rules which adapt are given first: about the memory of Adam's second moments."""
FEWEST = 4
"""Points after those rounds that are judged without them, at least."""
CHUNK = 200
"""Rounds between two looks at whether the play is decided."""
ARRIVED = 1e-2
"""The share of ``1 + ‖θ‖`` that Newton's last step may have: at a root of order p, x/p of what is left."""
GROWING = ("leaves", "spirals out")
"""What no play does for good that constraints enclose."""
SLOWED = 0.7
"""Growth slows that gains, in the last third of what is judged, less than this share of that in the third before."""
SHARES = (0.1, -0.1, 1.0, -1.0, 10.0, -10.0)
"""How far, in units of ``1 + ‖θ‖``, a field is looked at before it is called linear."""


def behaviour(
    trial: Trial,
    train_state: TrainState,
    near: Linearised,
    seen: PointEvidence,
    cap: int = CAP,
    annealed: Trial | None = None,
) -> tuple[Behaviour, Tensor | None]:
    """The play of a small game from here, and the way [rounds, parameters] if it was played on.

    Where the game is linear, or at rest, one round says it: the eigenvalues of the present play's own, with its rates,
    momentum and memory. Everywhere else, where rules adapt their steps, and where what holds the play binds on its way
    (`limits`), nothing is concluded from a linear picture: play goes on, from a point at rest after a small
    displacement. So it does where schedules change the rates, or the annealing of ``annealed``, which is the trial
    before its numbers were held at those of this step.
    """
    centre, known = centre_of(trial, near, seen)
    if changes_ahead(annealed or trial, train_state):
        return _play_falling(annealed or trial, train_state, near, seen, centre, known, cap)
    at_rest, adaptive = bool(seen.stationary), _adaptive(trial, train_state)
    linear = not seen.bounded and _is_linear(near, centre)
    by_round = linear or (at_rest and not seen.bounded and not near.has_kink())
    first = found = _round(trial, train_state, near) if by_round else None
    # multipliers belong to the point of rest itself, and only those off the unit circle decide
    if found and not linear:
        found = _at_the_rest(trial, train_state, near, found, centre)
    if found and linear and not seen.noisy and not adaptive and not _scales(trial, near, centre):
        found = None
    if found and seen.noisy and ((linear and not _vanishes(near)) or not _steady(trial, train_state, near, found)):
        found = None
    begun = displaced(train_state, near) if at_rest else train_state
    if found and not adaptive and _is_held(trial, begun, near, found, centre, cap):
        found = None
    if found and not adaptive:
        if linear and not seen.noisy and centre is None and not _vanishes(near):
            return Behaviour("leaves", why="the field vanishes nowhere"), None
        if linear or (found.sure and not found.flat and found.motion not in ("goes round", "stays")):
            return _by_round(found, near, seen, known), None
    held = encloses(trial.solver, near) or bool(linear and first and not found)
    told, way = play_and_judge(trial, begun, near, centre, known, cap, seen.noisy, adaptive, held)
    told.noisy = seen.noisy
    if told.motion == "undecided" and linear and not seen.noisy and centre is None and not _vanishes(near):
        told = _without_end(trial, near, told, way)
    beside = told.centre == "another point of rest"
    if found and found.flat and found.motion == told.motion and beside:
        told = replace(told, rate=found.rate, turn=found.turn, flat=found.flat, along=0.0, centre=known)
    if found and at_rest:
        told.why = f"from a small displacement; the round here has a largest multiplier of {found.rate:.6g}. {told.why}"
    if found and found.flat and at_rest and centre is not None and not adaptive and not seen.noisy:
        told = _with_flats(trial, begun, near, told, centre, known, cap)
    return told, way


def _play_falling(
    trial: Trial,
    begun: TrainState,
    near: Linearised,
    seen: PointEvidence,
    centre: Tensor | None,
    known: Centre,
    cap: int,
) -> tuple[Behaviour, Tensor]:
    """Plays on under the schedules until it arrives, or their rates are spent, at most ``cap`` rounds."""
    begun, last = displaced(begun, near) if seen.stationary else begun, [begun]

    def read(now: TrainState) -> dict[str, Tree]:
        last[0] = now
        return now.point.players

    further, way = play_on(trial, begun, read), begun.steps.new_zeros(1)
    enclosed = not seen.noisy and encloses(trial.solver, near)
    while True:
        way = further(max(CHUNK, min(len(way) - 1, cap + 1 - len(way))))
        rest = rates_left(trial, begun, last[0], len(way) - 1)
        final = len(way) > cap or rest < SPENT or not bool(torch.isfinite(way[-1]).all())
        if enclosed and (end := rest_at_bound(trial.solver, near, way)) is not None:
            centre, known = end, "the point of rest at a bound"
        if found := judge_falling(way, centre, known, rest, final, seen.noisy):
            if seen.stationary:
                found.why = f"from a small displacement{'; ' + found.why if found.why else ''}"
            found.noisy = seen.noisy
            return found, way


def _by_round(found: Contraction, near: Linearised, seen: PointEvidence, known: Centre) -> Behaviour:
    """What the multipliers of one round say; where gradients are noisy they are those of the mean play."""
    told = Behaviour(found.motion, found.rate, found.turn, found.flat, centre=known, noisy=seen.noisy)
    if seen.noisy:
        told.why, told.along = f"of the mean over {near.draws} batches: noise moves it besides", 0.0
        told.centre = "where the mean field vanishes" if known == "the middle of the path" else known
    return told


def _with_flats(
    trial: Trial, train_state: TrainState, near: Linearised, told: Behaviour, centre: Tensor, known: Centre, cap: int
) -> Behaviour:
    """What play from beside a point of rest showed, and what it shows from further along directions that J leaves."""
    if told.motion != "undecided" and not told.flat:
        return told

    def play(move: Tensor) -> Tensor:
        further = play_on(trial, train_state._replace(point=near.at(move).point))
        way = further(CHUNK)
        while len(way) <= min(cap, FURTHER) and _moves(way[-CHUNK:]):
            way = further(CHUNK)
        return way

    other, stays = played_along(play, near, centre, known)
    if told.motion == "undecided":
        return other if other is not None and other.motion in ("leaves", "spirals out") else told
    if other is None:
        return replace(told, along=stays)
    beside = f"to first order, and from a small displacement, it closes in at {told.rate:.6g} a round across them"
    return replace(other, why=f"{other.why}; {beside}")


def _moves(way: Tensor) -> bool:
    """Whether a stretch of play, all of it finite, is no single point up to rounding."""
    off = float((way - way[-1]).norm(dim=1).max())
    return math.isfinite(off) and off > 1e-14 * (1 + float(way[-1].norm()))


def _at_the_rest(
    trial: Trial, train_state: TrainState, near: Linearised, found: Contraction, centre: Tensor | None
) -> Contraction:
    """The round at the stationary point that is a little off; unsure where its distance from 1 is not that from here.

    With a curvature that vanishes at the point the multipliers beside it tell how far it is off, and no more.
    """
    if centre is None or not bool((centre != near.vector).any()):
        return found
    there = _round(trial, train_state, near.at(centre - near.vector))
    same = there is not None and there.motion == found.motion
    alike = there is not None and abs(there.rate - found.rate) < abs(there.rate - 1) / 3
    return found._replace(sure=False) if there is None else there._replace(sure=there.sure and same and alike)


def _is_held(
    trial: Trial, train_state: TrainState, near: Linearised, found: Contraction, centre: Tensor | None, cap: int
) -> bool:
    """Whether play from here is another than its round foretells, since something holds it on its way, or will."""
    endless = found.motion in GROWING or not _vanishes(near)
    return (endless and encloses(trial.solver, near)) or binds(trial, train_state, centre, cap)


def _without_end(trial: Trial, near: Linearised, told: Behaviour, way: Tensor) -> Behaviour:
    """What a way shows in a field that vanishes nowhere: it leaves where each tenth of it leads further, and far."""
    off = (way - way[0]).norm(dim=1)
    far = float(off[-1]) > FAR_OUT * (1 + float(way[0].norm())) and steadily_falls(off.flip(0))
    if not far or encloses(trial.solver, near):
        return told
    return replace(told, motion="leaves", why="the field vanishes nowhere")


def _steady(trial: Trial, train_state: TrainState, near: Linearised, found: Contraction) -> bool:
    """Whether the round is told apart from 1 by far more than it differs between two halves of the batches."""
    halves = [_round(trial, train_state, half) for half in near.halves()]
    if not halves or any(half is None or half.motion != found.motion for half in halves):
        return False
    rates = [half.rate for half in halves if half is not None]
    spread = abs(rates[0] - rates[1])
    return (found.motion == "goes round" and spread == 0) or abs(found.rate - 1) > 5 * spread


def _scales(trial: Trial, near: Linearised, centre: Tensor | None) -> bool:
    """Whether two rounds from here are those from nearer the centre, and from further off, enlarged.

    A solver may choose by where it is, and a constraint bind far from the centre alone. Without a centre it is asked of
    rounds from beside this point how they differ from those from here.
    """
    middle, moved = near.vector if centre is None else centre, []

    def after(away: Tensor) -> Tensor:
        return play_on(trial, begin(trial, near.at(middle + away - near.vector).point))(2)[-1]

    away, still = near.vector - middle, middle if centre is not None else after(torch.zeros_like(middle))
    if float(away.norm()) <= DISPLACED:
        away = torch.randn(near.size, generator=torch.Generator().manual_seed(0)).to(away)
    for share in (1.0, 1e-2, 1e2):
        moved.append((after(share * away) - still) / share - away)
    rounding = 1e-11 * (1 + float(middle.norm()) + float(away.norm()))
    return all(bool((moved[0] - other).norm() <= 1e-4 * moved[0].norm() + rounding) for other in moved[1:])


def _vanishes(near: Linearised) -> bool:
    """Whether some move makes the field vanish to first order."""
    left = near.field - near.plain_product(_newton(near))
    return bool(left.norm() <= 1e-6 * near.field.norm())


def _adaptive(trial: Trial, train_state: TrainState) -> bool:
    """Whether some rule or the solver adapts its steps to the gradients that it has met."""
    solver = trial.solver.unwrapped(train_state.memory)[0]
    rules = [solver.rule(who) for who in train_state.point.players]
    return any(rule.adaptive for rule in rules) or bool(solver.preconditioner)


def _round(trial: Trial, train_state: TrainState, near: Linearised) -> Contraction | None:
    """One round of the present play on the game's linear part; None where it has none, or steps that are not known."""
    try:
        if unmet(*trial.solver.unwrapped(train_state.memory), near):
            return None
        play = LinearPlay(trial.solver, train_state.memory, near.point.players)
        return contraction_of(play.matrix(near.plain_matrix, near.sizes))
    except (ValueError, RuntimeError, np.linalg.LinAlgError):
        return None


def centre_of(trial: Trial, near: Linearised, seen: PointEvidence) -> tuple[Tensor | None, Centre]:
    """What play goes round, if anything: the known point of the game, or what Newton's method finds from here.

    A point that the constraints exclude is none.
    """
    found, known = stationary_point(trial.game, near, seen)
    if found is None or not excluded(trial.solver, near, found):
        return found, known
    return (near.vector, "the point of rest at a bound") if seen.stationary else (None, "the middle of the path")


def stationary_point(game: Game, near: Linearised, seen: PointEvidence) -> tuple[Tensor | None, Centre]:
    """The known point of the game, or what Newton's method finds from here, within its constraints or not."""
    known: Any = getattr(game, "equilibrium", None)
    found = _nearest_rest(near, seen) if seen.stationary else None
    if known:
        parts = [torch.as_tensor(known[who], dtype=torch.float64).expand(size) for who, size in near.sizes.items()]
        vector = torch.cat(parts).to(near.vector)
        there = near.at(vector - near.vector)
        elsewhere = found is not None and float((found - vector).norm()) > DISPLACED * (1 + float(vector.norm()))
        if not elsewhere and float(there.field.norm()) <= 1e-9 * (1 + float(near.field.norm())):
            kind = kind_at(known, getattr(game, "truth", ()))
            return vector, "the known equilibrium" if kind == "local Nash" else "the known stationary point"
    found = found if seen.stationary else _nearest_rest(near, seen)
    if found is None:
        return None, "the middle of the path"
    at_bound = bool(seen.bounded and seen.stationary)
    return found, "the point of rest at a bound" if at_bound else "a stationary point found from here"


def _nearest_rest(near: Linearised, seen: PointEvidence) -> Tensor | None:
    """The stationary point that Newton's method finds from here, if any; with noise nothing is sought.

    Where the field only dies away, the method never arrives: its steps stay as long as they were.
    """
    if seen.noisy:
        return None
    if seen.bounded and seen.stationary:
        return near.vector
    here, best = near, float(near.field.norm())
    step = _newton(here)
    for _ in range(40):
        if best <= 1e-12 * (1 + abs(seen.scale)):
            break
        for share in (1.0, 0.5, 0.25, 0.1, 0.02):
            there = here.at(-share * step)
            size = float(there.field.norm())
            if size < best:
                here, best, step = there, size, _newton(there)
                break
        else:
            break
    vanished = best <= 1e-7 * (1e-300 + float(near.field.norm())) or best <= 1e-10
    arrived = best == 0 or float(step.norm()) <= ARRIVED * (1 + float(here.vector.norm()))
    return here.vector if vanished and arrived else None


def _newton(near: Linearised) -> Tensor:
    """Newton's step from here, to be subtracted; NaN where the curvature is not finite."""
    if not near.bends():
        return torch.full_like(near.vector, math.nan)
    return torch.from_numpy(solve(near.plain_matrix, near.field.double().cpu().numpy())).to(near.vector)


def _is_linear(near: Linearised, centre: Tensor | None) -> bool:
    """Whether the Jacobian is the same here, at the centre, and off the line between them, and tells the field there.

    The field is asked on both sides, near and far, too: beyond a kink it is another one, perhaps of the same Jacobian.
    """
    rng = torch.Generator().manual_seed(0)
    off, *others = (torch.randn(near.size, generator=rng).to(near.vector) for _ in range(4))
    size = float(np.abs(near.plain_matrix).max())
    known = [] if centre is None else [centre - near.vector]
    moves = [*known, off, -0.3 * off]
    if any(np.abs(near.at(move).plain_matrix - near.plain_matrix).max() > 1e-9 * size for move in moves):
        return False
    reach = 1 + float(near.vector.norm())
    moves += [2 * move for move in known] + [share * reach * way for way in (off, *others) for share in SHARES]
    bound = near.field.norm() + size * math.sqrt(near.size) * torch.stack(moves).norm(dim=1)
    return bool((torch.stack([near.untold(move) for move in moves]).norm(dim=1) <= 1e-9 * bound).all())


def play_and_judge(
    trial: Trial,
    train_state: TrainState,
    near: Linearised,
    centre: Tensor | None,
    known: Centre,
    cap: int,
    noisy: bool = False,
    adaptive: bool = False,
    held: bool = False,
) -> tuple[Behaviour, Tensor]:
    """Plays on until it is decided, at most ``cap`` rounds. Rules that adapt first forget their beginning.

    Of play that leaves before they did the whole way is judged: no more of it is to come. Where something ``held`` it,
    or may, growth is judged at the end alone, by the later half of it; and it may come to rest at a bound.
    """
    further, begun = play_on(trial, train_state), 0
    if adaptive:
        begun = min(FORGETTING, cap // 3)
        further(begun)
    way = further(CHUNK)
    if int(within_numbers(way[begun:]).sum()) < FEWEST:
        begun = 0
    while True:
        last = len(way) - 1 >= cap or not bool(torch.isfinite(way[-1]).all())
        if held and not noisy and (rest := rest_at_bound(trial.solver, near, way)) is not None:
            centre, known = rest, "the point of rest at a bound"
        found = judge_way(way[begun:], centre, known, last, noisy, adaptive, way[:begun] if begun else None)
        if found and held and found.motion in GROWING and bool(torch.isfinite(way[-1]).all()):
            found = _by_its_end(way, max(begun, len(way) // 2), centre, known, noisy, adaptive) if last else None
        if found:
            return found, way
        way = further(CHUNK)


def _by_its_end(
    way: Tensor, late: int, centre: Tensor | None, known: Centre, noisy: bool, adaptive: bool
) -> Behaviour | None:
    """What a way shows from its round ``late`` on; undecided where it grows there ever more slowly."""
    rest = way[late:]
    found = judge_way(rest, centre, known, True, noisy, adaptive, way[:late])
    if found and found.motion in GROWING:
        off = (rest - (rest.mean(0) if centre is None else centre)).norm(dim=1)
        first, then, last = (part.max().log() for part in off.tensor_split(3))
        if bool(last - then < SLOWED * (then - first)):
            return Behaviour("undecided", played=len(way) - 1, centre=known, why="it grows, and ever more slowly")
    return found and replace(found, played=len(way) - 1)
