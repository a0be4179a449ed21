"""A solver receives the game, not a gradient: it decides where the field is evaluated and who moves.

A rule decides by how much, from one player's gradients. Both are pure: memory in, memory out.
"""

import copy
import re
from collections.abc import Callable
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn

from nashpath.core import Batch, FunctionalGame, Hyperparameters, NonNegative, PlayerGradient, Point, Tree
from nashpath.core import tree as trees
from nashpath.core.arguments import instead
from nashpath.core.contracts import gives, in_few_words, keeps_form, no_scalar, no_tensors, other_form
from nashpath.core.torch_compat import with_child

Memory = Any
"""A tree of tensors that a solver or a rule carries from step to step."""

Info = dict[str, Tensor]
"""The report of a step, by name: ``cost.generator``, ``gradient_norm.generator``, … Never fed back."""


class LinearPart(NamedTuple):
    """A rule near a point where gradients are small and its scales stay as they are.

    ::

        m ← decay · m + g,   move = −learning_rate · gain · scale · m

    ``scale`` has a number for each parameter; None stands for 1. It is ``most`` where every gradient was 0 so far.
    """

    decay: float | Tensor = 0.0
    gain: float | Tensor = 1.0
    scale: Tree | None = None
    most: float | Tensor = float("inf")


def _no_move(result: Any, rule: "UpdateRule", gradient: Tree, memory: Memory) -> str:
    """What is wrong with what a rule gives."""
    if not isinstance(result, tuple) or len(parts := cast("tuple[Any, ...]", result)) != 2:
        return f"returns {in_few_words(result)}, not a pair (move, memory)"
    move, kept = parts
    wrong = other_form(gradient, move, "move")
    if wrong:
        return f"returns a move that is not of the form of the gradient: {wrong}"
    return keeps_form(memory, kept, "memory")


def _no_step(
    result: Any, solver: "Solver", problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
) -> str:
    """What is wrong with what a solver gives."""
    if not isinstance(result, tuple) or len(parts := cast("tuple[Any, ...]", result)) != 3:
        return f"returns {in_few_words(result)}, not three: (point, memory, info)"
    moved, kept, info = parts
    if not isinstance(moved, Point) or not isinstance(info, dict):
        given = f"{in_few_words(moved)} first and {in_few_words(info)} last"
        return f"returns {given}, not (point, memory, info): a Point and a dict"
    wrong = other_form(point.players, moved.players, "players") or other_form(point.state, moved.state, "state")
    if wrong:
        return f"returns a point of another form than it is given: {wrong}"
    told = [f"cost.{who}" for who in problem.players if f"cost.{who}" not in info]
    if told:
        return f"returns info without {told[0]}, by which divergence is seen: self.play gives it, or report(who, price)"
    named = cast("dict[str, object]", info).items()
    others = [f"{name} {said.removeprefix('returns ')}" for name, v in named if (said := no_scalar(v))]
    return f"returns info of which {others[0]}" if others else keeps_form(memory, kept, "memory")


@instead("parameters are moved by rules such as nashpath.Adam(1e-3), not by an optimizer of torch")
class UpdateRule(Hyperparameters):
    """One player's update: from a gradient and the rule's memory to a move (added to the parameters)."""

    adaptive: bool = False
    """Whether the step adapts to past gradients, so that training itself climbs to the largest curvature it bears."""

    dense_learning_rate: float | None = None
    """Default learning rate in settings for networks that are not convolutional; None: the constructor's."""

    def __init__(self, learning_rate: NonNegative, **numbers: float):
        super().__init__(learning_rate=learning_rate, **numbers)

    @gives(no_tensors)
    def init(self, params: Tree) -> Memory:
        """The memory before the first step; every leaf is a fresh tensor."""
        return {}

    @gives(_no_move, pure=True, counted=True)
    def forward(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        """``(move, memory)``: the next parameters are ``params + move``. Every move is linear in the learning rate."""
        raise NotImplementedError

    @gives(_no_move, pure=True)
    def extrapolate(self, gradient: Tree, memory: Memory) -> tuple[Tree, Memory]:
        """As `forward`, for an extrapolation step: moments are updated, a schedule does not count it."""
        return self(gradient, memory)

    def rate(self, memory: Memory) -> Tensor:
        """The learning rate of the coming step, a scalar."""
        return self.learning_rate

    def linear(self, memory: Memory) -> LinearPart | None:
        """The rule as a linear map of the gradient, where it is one near a resting point; None where it is none."""
        return None

    def unlimited(self) -> "UpdateRule":
        """The rule without any bound on the gradients that it is shown; its memory is the same. By default itself."""
        return self


class Solver(Hyperparameters):
    """One step of play for all players. Abstract: subclasses write `forward` and ``draws``.

    The constructor takes its rules, and its numbers, each by its name.
    """

    draws: int = 1
    """Number of independent batches that one step consumes."""

    gradients: int = 2
    """Number of player-gradients that one step evaluates: the unit in which solvers are compared."""

    products: int = 0
    """Number of times one step differentiates a player's gradient again (Hessian- and Jacobian-vector products)."""

    period: int = 1
    """After how many steps its play repeats: one round."""

    spectral: bool = False
    """Whether, under plain descent, one round acts on each eigenvector of the game's Jacobian alone."""

    no_round: str = ""
    """Why no linear map of the field says what a round does, as the end of a sentence; empty where one does."""

    local: bool = False
    """Whether, under plain descent, only small displacements have linear images: its step bends with the field."""

    preconditioner: tuple[str, ...] = ()
    """Entries of its memory that scale steps: near a fixed point they change too slowly to count."""

    def __init__(self, **parts: UpdateRule | float | Tensor):
        rules = {name: part for name, part in parts.items() if isinstance(part, nn.Module)}
        super().__init__(**{name: part for name, part in parts.items() if name not in rules})  # pyright: ignore
        self.rules = nn.ModuleDict(rules)
        self.constraints: dict[str, Callable[[Tree], Tree]] = {}
        """Projections that end every move, by player; see `constrained`."""

    @classmethod
    def label(cls) -> str:
        """The solver's name in sentences: that of its class in lower case with spaces."""
        return re.sub(r"(?<=[a-z])(?=[A-Z])", " ", cls.__name__).lower()

    @gives(no_tensors)
    def init(self, problem: FunctionalGame, point: Point) -> Memory:
        """The memory before the first step."""
        self.check(problem)
        return {who: self.rule(who).init(point.players[who]) for who in problem.players}

    def rule(self, player: str) -> UpdateRule:
        """The rule of one player."""
        rule = self.rules[player]
        assert isinstance(rule, UpdateRule)
        return rule

    def rule_memory(self, memory: Memory, player: str) -> Memory:
        """The memory of one player's rule, out of the solver's."""
        return memory[player]

    def unwrapped(self, memory: Memory) -> tuple["Solver", Memory]:
        """The solver that moves the players, below averages and constraints, and its memory."""
        return self, memory

    def around(self, other: "Solver") -> "Solver":
        """The same averages, constraints and the like around ``other``, which moves the players in this one's place."""
        return other

    def settled(self, memory: Memory) -> Memory:
        """Puts the learning rates that its memory has lowered into the solver itself, in place; the memory beside them.

        Play goes on as it would have; and play from another point, with a new memory, goes on at these rates.
        """
        return memory

    def constrained(self, player: str, project: Callable[[Tree], Tree]) -> "Solver":
        """The same solver (rules and numbers are shared), every move of whose ``player`` ends in ``project``.

        A solver that wraps another one keeps it as ``solver``: then it is that one which is constrained.
        """
        inner, other = getattr(self, "solver", None), copy.copy(self)
        if isinstance(inner, Solver):
            return with_child(self, "solver", inner.constrained(player, project))
        before = self.constraints.get(player)
        other.constraints = {**self.constraints, player: project if before is None else partial(_both, before, project)}
        return other

    def unconstrained(self) -> "Solver":
        """The same solver without constraints."""
        inner = getattr(self, "solver", None)
        other = with_child(self, "solver", inner.unconstrained()) if isinstance(inner, Solver) else copy.copy(self)
        other.constraints = {}
        return other

    def moved(self, player: str, params: Tree, move: Tree) -> Tree:
        """A player's parameters after a move, inside its constraints."""
        return self.within(player, trees.add(params, move))

    def within(self, player: str, params: Tree) -> Tree:
        """A player's parameters inside its constraints, nearest to ``params``; where it has none, those themselves."""
        project = self.constraints.get(player)
        return params if project is None else project(params)

    def check(self, problem: FunctionalGame) -> None:
        """Raises `ValueError` unless there is a rule for each player and no other."""
        if set(self.rules) != set(problem.players):
            raise ValueError(
                f"the game's players are {sorted(problem.players)}; the solver has rules for {sorted(self.rules)}"
            )

    @gives(_no_step, pure=True, counted=True)
    def forward(
        self, problem: FunctionalGame, point: Point, memory: Memory, batches: Batch
    ) -> tuple[Point, Memory, Info]:
        """One step: ``(point, memory, info)``. ``batches`` holds `draws` batches along its first axis."""
        raise NotImplementedError

    def play(
        self, point: Point, priced: dict[str, PlayerGradient], memory: Memory, directions: dict[str, Tree] | None = None
    ) -> tuple[Point, Memory, Info]:
        """Moves every player by its own rule, and reports costs and gradient norms.

        ``directions`` are what the rules see in place of the gradients; the report then has their norms, too.
        """
        info: Info = {}
        for who, price in priced.items():
            info |= report(who, price)
            if directions is not None:
                price = price._replace(gradient=directions[who])
                info[f"direction_norm.{who}"] = trees.norm(directions[who])
            point, memory = self.move(who, point, price, memory)
        return point, memory, info

    def averages(self, memory: Memory) -> dict[str, Tree]:
        """Averaged parameters by player, where this solver keeps any."""
        return {}

    def learning_rates(self) -> Tree:
        """The learning rates of all its rules, by their qualified names: the buffers themselves, which may be set."""
        return {name: rate for name, rate in self.named_buffers() if name.endswith("learning_rate")}

    def at_width(self, width: float) -> None:
        """From now on `averages` have another width. Raises `ValueError` where it keeps none to choose from."""
        raise ValueError("width: this run keeps no averages of several widths; train with average=post_hoc")

    def statistics(self, memory: Memory) -> Tree:
        """Averaged state that belongs to averaged parameters, by its name in the state."""
        return {}

    def move(self, player: str, point: Point, priced: PlayerGradient, memory: Memory) -> tuple[Point, Memory]:
        """Lets one player's rule act on its gradient, and keeps the state that its turn changed."""
        move, kept = self.rule(player)(priced.gradient, memory[player])
        players = {**point.players, player: self.moved(player, point.players[player], move)}
        return Point(players, {**point.state, **priced.state}), {**memory, player: kept}


def _both(first: Callable[[Tree], Tree], then: Callable[[Tree], Tree], params: Tree) -> Tree:
    return then(first(params))


def price_all(problem: FunctionalGame, point: Point, batch: Batch) -> dict[str, PlayerGradient]:
    """Every player's gradient at one point, on one batch."""
    return {who: problem.gradient(who, point, batch) for who in problem.players}


def report(player: str, priced: PlayerGradient) -> Info:
    """A player's cost and gradient norm, under their names."""
    return {f"cost.{player}": priced.cost, f"gradient_norm.{player}": trees.norm(priced.gradient)}


def gather(infos: list[Info]) -> Info:
    """The mean of each name over several reports of one step."""
    names = dict.fromkeys(name for info in infos for name in info)
    found = {k: [info[k] for info in infos if k in info] for k in names}
    return {k: torch.stack(those).mean() if len(those) > 1 else those[0] for k, those in found.items()}
