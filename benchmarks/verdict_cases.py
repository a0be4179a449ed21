"""Random games whose truth is computed another way: by algebra on their coefficients, and by the powers of one step.

The truth of a point uses the matrices the game was made of. The truth of a play uses the Jacobian of the real step, of
all parameters and all memory, and squares it forty times; rules that adapt are played to the end. Nothing of
`nashpath.diagnostics` is used.
"""

import math
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Game, Key, Point, tree_map
from nashpath.core.tree import leaves
from nashpath.games.toys import Vector
from nashpath.run.engine.step import Trial, begin, hyperparameters_of, make_step
from nashpath.solvers import RULES, SOLVERS

KINDS = ("definite", "indefinite", "degenerate", "stiff", "skew", "minimax", "quartic", "cubic")
STARTS = ("at", "near", "off")
AFFINE = 1e-8
"""Relative rounding of a round that is an affine map (the inner solves of `cgd` round the most)."""
ROUNDS = 4000
"""Rounds after which a play whose rules adapt is at its end."""
RULE_NAMES = ("sgd", "momentum", "adam")


class RandomGame(Game):
    """min over x, max over y of ½ u·A u + u·B v − ½ v·C v + s (w·u)^p, u = x − x*, v = y − y*, plus noise ε·x − δ·y."""

    def __init__(self, a: Tensor, b: Tensor, c: Tensor, at: tuple[Tensor, Tensor], extra: tuple[Tensor, int, float]):
        super().__init__()
        self.generator, self.discriminator = Vector(at[0]), Vector(at[1])
        for name, value in {"a": a, "b": b, "c": c, "x0": at[0], "y0": at[1], "w": extra[0]}.items():
            self.register_buffer(name, value.clone())
        self.power, self.sign, self.noise = extra[1], extra[2], 0.0

    def draw(self, key: Key, lead: tuple[int, ...] = ()):
        if not self.noise:
            return {}
        sizes = {"x": len(self.generator.value), "y": len(self.discriminator.value)}
        return {k: self.noise * key.stream(k).normal(*lead, n).double() for k, n in sizes.items()}

    def forward(self, player: str, batch: Any) -> Tensor:
        x, y = self.generator.value, self.discriminator.value
        u, v = x - self.x0, y - self.y0  # type: ignore[operator]
        value = 0.5 * u @ self.a @ u + u @ self.b @ v - 0.5 * v @ self.c @ v + self.sign * (self.w @ u) ** self.power  # type: ignore[operator]
        if batch:
            value = value + batch["x"] @ x - batch["y"] @ y
        return value if player == "generator" else -value


@dataclass
class Case:
    """A random game, a play and a start, with what is true of them."""

    name: str
    trial: Trial
    state: Any
    noiseless: bool
    point: set[str]
    """The kinds of point that are true."""
    play: set[str] = field(default_factory=set)
    """The motions that are true; empty where the truth is not certain."""


PLAYED = [name for name in SOLVERS if name != "svre"]
"""Solvers of any game; variance is reduced over data, of which these games have none."""


def solver_of(seed: int) -> str:
    """The solver that plays the case of a seed."""
    return PLAYED[seed % len(PLAYED)]


def random_case(seed: int) -> Case:
    """The case of a seed."""
    rng = np.random.default_rng(seed)
    kind, start = KINDS[seed % len(KINDS)], STARTS[(seed // len(KINDS)) % 3]
    rule = rng.choice(RULE_NAMES, p=[0.5, 0.3, 0.2])
    noiseless = bool(rng.random() < 0.85)
    solver_name = solver_of(seed)
    n, m = (1 + rng.integers(4) for _ in range(2))
    a, b, c = _coefficients(kind, rng, int(n), int(m))
    extra, point = _truth_of_point(kind, rng, a, b, c)
    rest = rng.standard_normal(n), rng.standard_normal(m)
    tensors = [torch.from_numpy(v) for v in (a, b, c, *rest, extra[0])]
    quadratic, at, flat = tensors[:3], (tensors[3], tensors[4]), (tensors[5], extra[1], extra[2])
    game = RandomGame(quadratic[0], quadratic[1], quadratic[2], at, flat).double()
    size = max(np.linalg.norm(a, 2), np.linalg.norm(b, 2), np.linalg.norm(c, 2))
    rates = 10 ** rng.uniform(-4, 0.3, 2) / size
    made = {who: RULES[rule](float(rate)) for who, rate in zip(("discriminator", "generator"), rates)}
    trial = Trial(game, SOLVERS[solver_name](**made)).double()
    trial.solver.requires_grad_(False)
    away = {"at": 0.0, "near": 1e-6, "off": 1.0}[start]
    if away:
        for part, size_of in ((game.generator, n), (game.discriminator, m)):
            way = rng.standard_normal(size_of)
            part.value.data += torch.from_numpy(away * (1 + rng.random()) * way / np.linalg.norm(way))
    name = f"{seed} {kind} {start} {solver_name} {rule} {'noiseless' if noiseless else 'noisy'} {n}x{m}"
    state = begin(trial)
    state = _played(trial, state, 3)  # memories begin empty, and the first steps differ from all later ones
    still = not _left(game, state)
    case = Case(name, trial, state, noiseless, point if still else {"not stationary"})
    case.play = _truth_of_play(trial, state, game, adaptive=rule == "adam" or solver_name == "acgd")
    if 1e-5 < _distance(game, state.point) < 1e-2:  # about the tolerance either is right
        case.point = {*point, "not stationary"}
    if not noiseless:
        game.noise = 0.1
        if start == "near":
            case.point = {*case.point, "not stationary"}
    return case


def _left(game: RandomGame, state: Any) -> bool:
    return bool(_distance(game, state.point) > 1e-4)


def _distance(game: RandomGame, point: Point) -> float:
    rest: dict[str, Any] = {"generator": game.x0, "discriminator": game.y0}
    x, y = (point.players[who]["value"] - rest[who] for who in rest)
    return float(torch.cat([x, y]).norm())


def _coefficients(kind: str, rng: np.random.Generator, n: int, m: int) -> tuple[Any, Any, Any]:
    def symmetric(values: Any) -> Any:
        turn = np.linalg.qr(rng.standard_normal((len(values), len(values))))[0]
        found = turn @ np.diag(values) @ turn.T
        return (found + found.T) / 2

    def positive(k: int, low: float = -1, high: float = 1) -> Any:
        return 10 ** rng.uniform(low, high, k)

    b = rng.standard_normal((n, m))
    if kind == "definite":
        return symmetric(positive(n)), b, symmetric(positive(m))
    if kind == "indefinite":
        return symmetric(positive(n) * rng.choice([-1, 1], n)), b, symmetric(positive(m) * rng.choice([-1, 1], m))
    if kind == "degenerate":
        return symmetric(positive(n) * rng.choice([0, 1], n)), b, symmetric(positive(m) * rng.choice([0, 1], m))
    if kind == "stiff":
        signs = rng.choice([1, 1, 1, -1])
        return symmetric(positive(n, 1, 3)), 0.01 * b, signs * symmetric(positive(m, -3, -1))
    if kind == "skew":
        return np.zeros((n, n)), b, np.zeros((m, m))
    if kind == "minimax":
        c = symmetric(positive(m))
        a = -b @ np.linalg.inv(c) @ b.T + symmetric(positive(n) * rng.choice([1, 1, 1, -1], n))
        return a, b, c
    values = positive(n)  # quartic, cubic: one flat direction of x, in which a higher power decides
    values[0] = 0.0
    return symmetric(values), np.zeros((n, m)), symmetric(positive(m))


def _truth_of_point(kind: str, rng: np.random.Generator, a: Any, b: Any, c: Any) -> tuple[Any, set[str]]:
    n = len(a)
    nothing = (np.zeros(n), 2, 0.0)
    if kind in ("quartic", "cubic"):
        flat = np.linalg.eigh(a)[1][:, 0] if n > 1 else np.ones(1)
        values = np.linalg.eigvalsh(a)
        flat = np.linalg.eigh(a)[1][:, int(np.abs(values).argmin())]
        sign, power = (float(rng.choice([-1, 1])), 4) if kind == "quartic" else (1.0, 3)
        return (flat, power, sign), {"local Nash"} if power == 4 and sign > 0 else {"no equilibrium"}
    own = [np.linalg.eigvalsh(v).min() for v in (a, c)]
    if min(own) > -1e-9:
        return nothing, {"local Nash"}
    if own[1] < -1e-9:
        return nothing, {"no equilibrium"}
    values, vectors = np.linalg.eigh(c)
    null, bent = vectors[:, values < 1e-9], values >= 1e-9
    inverse = (vectors[:, bent] / values[bent]) @ vectors[:, bent].T
    free = np.linalg.svd(np.vstack([null.T @ b.T, np.zeros((1, n))]))
    basis = free[2][int((free[1] > 1e-9).sum()) :].T
    curved = np.linalg.eigvalsh(basis.T @ (a + b @ inverse @ b.T) @ basis) if basis.shape[1] else np.ones(1)
    return nothing, {"local minimax"} if curved.min() > 1e-9 else {"no equilibrium"}


def _played(trial: Trial, state: Any, rounds: int) -> Any:
    step, numbers = make_step(trial), hyperparameters_of(trial)
    with torch.no_grad():
        for _ in range(rounds):
            state, _ = step(state, numbers, {})
    return state


GROWING = {"spirals out", "leaves"}


def _truth_of_play(trial: Trial, state: Any, game: RandomGame, adaptive: bool) -> set[str]:
    if game.sign:
        return set()
    if adaptive:
        return _played_to_the_end(trial, state, game)
    step, numbers = make_step(trial), hyperparameters_of(trial)
    solver = trial.solver.unwrapped(state.memory)[0]
    like = list(leaves((state.point.players, state.memory)))
    moving = [v.is_floating_point() and v.dim() > 0 for v in like]

    def one(flat: Tensor, counts: list[Tensor] = like) -> Tensor:
        parts = iter(torch.split(flat, [v.numel() for v, it in zip(like, moving) if it]))
        values = iter([next(parts).view(v.shape) if it else v for v, it in zip(counts, moving)])
        players, memory = tree_map(lambda _: next(values), (state.point.players, state.memory))
        now = state._replace(point=Point(players, state.point.state), memory=memory)
        for _ in range(solver.period):
            now, _ = step(now, numbers, {})
        after = leaves((now.point.players, now.memory))
        return torch.cat([v.reshape(-1) for v, it in zip(after, moving) if it])

    here = torch.cat([v.reshape(-1) for v, it in zip(like, moving) if it])
    later = _played(trial, state, 50)
    with torch.no_grad():
        base = one(here)
        if not torch.allclose(base, one(here, list(leaves((later.point.players, later.memory)))), rtol=AFFINE, atol=0):
            return _played_to_the_end(trial, state, game)  # it plays otherwise later: an anchor that fades, say
        rows = [(one(here + e) - base) for e in torch.eye(len(here), dtype=here.dtype)]
        probe = torch.linspace(-1, 2, len(here), dtype=here.dtype)
        matrix = torch.stack(rows, 1)
        # a solver may choose by where it is (by a sign): then no one matrix is what it does
        still = torch.eye(len(here), dtype=here.dtype) - matrix
        rest = torch.linalg.lstsq(still, (base - here)[:, None], driver="gelsd").solution[:, 0]
        for move in (probe, 0.01 * probe, rest, 0.99 * rest, rest + 0.01 * probe):
            off = one(here + move) - base - matrix @ move
            if float(off.norm()) > AFFINE * float(move.norm() + here.norm()) * float(matrix.norm()):
                return set()
    return _long_run(matrix.numpy())


def _played_to_the_end(trial: Trial, state: Any, game: RandomGame) -> set[str]:
    """What so many rounds come to, where that is clear: growth is beyond all that the first quarter saw.

    Nothing for a start at rest.
    """
    first, way = _distance(game, state.point), []
    if first < 1e-2:
        return set()
    for _ in range(40):
        state = _played(trial, state, ROUNDS // 40)
        way.append(_distance(game, state.point))
        if not math.isfinite(way[-1]):
            return GROWING
    if min(way[30:]) > 5 * max(first, *way[:10]):
        return GROWING
    if max(way[30:]) >= 0.1 * first:
        return set()
    # near its end a rule that adapts may step to and fro, at a distance that no longer shrinks: no arrival
    stuck = min(way[35:]) > 0.9 * max(way[25:35]) and way[-1] > 1e-10
    return ({"goes round"} if way[-1] > 1e-2 * first else {"goes round", "closes in"}) if stuck else {"closes in"}


def _long_run(matrix: Any) -> set[str]:
    """What the powers of a round come to."""
    power, log = matrix.copy(), 0.0  # matrix^(2^k) = power · exp(log)
    logs = []
    for _ in range(44):
        size = np.linalg.norm(power)
        if size == 0:
            return {"closes in"}
        power, log = power / size, log + math.log(size)
        logs.append(log)
        power, log = power @ power, 2 * log
    last, before = logs[-1], logs[-24]
    if last > 60 or last - before > 12:  # it grows, be it as a power of time: in 2^23 times the rounds, 2^23 times
        return GROWING
    if last < -60:
        return {"closes in"}
    limit = power / np.linalg.norm(power)
    if np.linalg.norm(matrix @ limit - limit) < 1e-6:
        return {"stays"} if np.allclose(matrix, np.eye(len(matrix)), atol=1e-9) else {"closes in", "stays"}
    return {"goes round"}
