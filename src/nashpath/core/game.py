"""The one idea: a game is a module that prices a batch for a player.

Everything random in one step is in the batch, everything else is in parameters and buffers, so a cost is a pure
function and every solver and every diagnostic runs on every game. A solver receives the game as a
`FunctionalGame`: it may ask for any player's cost or gradient at any point it likes.
"""

from collections.abc import Callable, Mapping, Sequence
from contextlib import nullcontext
from typing import Any, ClassVar, NamedTuple

import torch
from torch import Tensor, nn
from torch.func import grad_and_value

from nashpath.core.contracts import share_of
from nashpath.core.hyperparameters import Hyperparameters, Stateful, split_buffers
from nashpath.core.key import Key
from nashpath.core.memory import shared
from nashpath.core.noise import beside, bound, generated
from nashpath.core.torch_compat import call_with, is_outermost, other_names
from nashpath.core.tree import Tree, leaves, tree_map

Batch = dict[str, Any]
"""All randomness of one step: a (nested) dict of tensors."""


def pick(batches: Batch, index: int) -> Batch:
    """Batch ``index`` of several, which lie along the first axis."""

    def at(v: "Tensor") -> "Tensor":
        return v[index]

    return tree_map(at, batches)


class DataSweep(NamedTuple):
    """A game of finite data: how many samples there are, and how many of them are in a batch."""

    samples: int
    batch: int

    @property
    def parts(self) -> int:
        """Whole batches in one pass over the data."""
        return max(1, self.samples // self.batch)


class Term(Hyperparameters):
    """A cost that a technique adds to what players pay in the game itself: an entry of `Game.terms`.

    Its state belongs to no player, and is renewed by `advance` in the turn of the player whose it is.
    """

    def advance(self, player: str, module: nn.Module) -> None:
        """Assigns the next value of the state that is kept for ``player``, from its module; as `Stateful.advance`."""

    def forward(self, player: str, module: nn.Module) -> Tensor:
        """The cost of ``player``, a scalar; a pure function of parameters and buffers."""
        raise NotImplementedError


class Game(nn.Module):
    """A game: each player is a child module of that name, and wants its own cost small.

    Every two-player game calls the player who minimises the value ``generator`` and the one who maximises it
    ``discriminator``, so that settings, reports and solvers speak of toys and GANs alike. What `forward` prices is the
    game itself; a `FunctionalGame`, and so every solver and diagnostic, adds the ``terms`` (by technique) to it.
    """

    players: tuple[str, ...] = ("discriminator", "generator")

    has_samples: ClassVar[bool] = False
    """Whether it generates samples that can be compared with data; else its strategies are shown."""

    equilibrium: Mapping[str, float | Sequence[float]] | None = None
    """The known stationary point of a toy, by player: the value of all coordinates, or of each; None: unknown."""

    classifies: ClassVar[bool] = False
    """Whether its discriminator tells the data's classes apart: one logit for each."""

    of_classes: ClassVar[bool] = False
    """Whether its samples are asked for by class: ``classes_of_samples(key, count)`` tells which ``sample`` made."""

    defaults: ClassVar[Mapping[str, Mapping[str, Any]]] = {}
    """Default methods of the settings under this game, by key, where they differ from those of other games.

    Each entry is ``{"kind": name, **settings}``; the settings count wherever that method is chosen.
    """

    @classmethod
    def sizes(cls, latent: int, outputs: int, classes: int, chosen: Mapping[str, Any]) -> tuple[int, int]:
        """``(inputs of the generator, outputs of the critic)`` that its networks are to be built with.

        The settings give ``latent`` numbers, the objective asks for ``outputs``, the data have so many ``classes`` (0:
        no labels); ``chosen`` are the game's own settings.
        """
        return latent, outputs

    def __init__(self):
        super().__init__()
        self.terms = nn.ModuleDict()

    def draw(self, key: Key, lead: tuple[int, ...] = ()) -> Batch:
        """All randomness of one step, with ``lead`` axes in front (``(5,)`` draws five independent batches).

        A pure function of ``key``, whose `Key.normal`, `Key.uniform` and `Key.integers` make the numbers.
        """
        raise NotImplementedError

    def advance(self, player: str) -> None:
        """Renews the game's own state that counts turns of ``player``, before its turn; as `Stateful.advance`."""

    @property
    def sweep(self) -> DataSweep | None:
        """The finite data whose mean the costs are; None: they have no end, or cannot be taken in order.

        A game without draws is a sum of one term.
        """
        return None if leaves(self.draw(Key(0))) else DataSweep(1, 1)

    def swept(self, batch: Batch, first: Tensor) -> Batch:
        """The batch with the samples from number ``first`` on (an integer, beginning anew after the last) as its own.

        All other randomness stays the batch's.
        """
        return batch

    def on_average(self) -> "Game":
        """The game whose costs are the means of this one's over turns, where some are paid in some turns only.

        What looks at a point asks it, so that the answer does not depend on the turn; itself where all turns are alike.
        """
        return self

    def forward(self, player: str, batch: Batch) -> Tensor:
        """The cost of ``player``, a scalar it wants small; a pure function of parameters, buffers and batch."""
        raise NotImplementedError


class Point(NamedTuple):
    """The state of a game: each player's parameters, and the state buffers."""

    players: dict[str, Tree]
    state: Tree


class PlayerGradient(NamedTuple):
    """One player's gradient (over its own parameters), its cost, and the state buffers that its turn changed."""

    gradient: Tree
    cost: Tensor
    state: Tree


class _Turn(nn.Module):
    """Renews the player's own state where asked, then prices the batch, the terms of techniques included."""

    def __init__(self, game: Game):
        super().__init__()
        self.game = game
        # Found beforehand: it is quicker, and the compiler does not list the modules of a player whose noise is bound.
        self.stateful = {
            who: [module for module in game.get_submodule(who).modules() if isinstance(module, Stateful)]
            for who in game.players
        }

    def forward(self, player: str, batch: Batch, advance: bool) -> Tensor:
        own = self.game.get_submodule(player)
        terms = [term for term in self.game.terms.values() if isinstance(term, Term)]
        if advance:
            for module in self.stateful[player]:
                module.advance()
            self.game.advance(player)
            for term in terms:
                term.advance(player, own)
        cost = self.game(player, batch)
        for term in terms:
            cost = cost + share_of(term, term(player, own))
        return cost


class FunctionalGame:
    """A game as pure functions of a `Point`; what a solver or a diagnostic receives.

    ``numbers`` are the game's hyper-parameters by name (by default the game's own buffers); ``precision`` is a dtype
    for mixed precision (autocast) or None.
    """

    def __init__(
        self,
        game: "Game | _Turn",
        numbers: Tree | None = None,
        precision: torch.dtype | None = None,
        tied: dict[str, str] | None = None,
    ):
        self._turn = game if isinstance(game, _Turn) else _Turn(game)
        self._numbers = split_buffers(self._turn.game)[0] if numbers is None else numbers
        self._precision = precision
        self.players = self._turn.game.players
        self._then: Callable[[Tensor], None] | None = None
        """What is done with the next cost while the modules still hold the point."""
        self._tied = other_names(self._turn) if tied is None else tied

    @property
    def sweep(self) -> DataSweep | None:
        """As `Game.sweep`."""
        return self._turn.game.sweep

    def swept(self, batch: Batch, first: Tensor) -> Batch:
        """As `Game.swept`."""
        return self._turn.game.swept(batch, first)

    def with_hyperparameters(self, numbers: Tree) -> "FunctionalGame":
        """The same game with other hyper-parameters."""
        # not by copy.copy, which the compiler of PyTorch 2.11 does not look into
        return FunctionalGame(self._turn, numbers, self._precision, self._tied)

    def loss(self, player: str, point: Point, batch: Batch, advance: bool = False) -> tuple[Tensor, Tree]:
        """The player's cost (a scalar), and the state buffers as the evaluation left them.

        State that belongs to another player is never in the result: it changes only in that player's own turn. State
        that belongs to no player is in it where the evaluation assigned it, so that what one player's turn changed
        is not undone by another's.
        """
        given = {k: v.clone() for k, v in point.state.items()}
        full = {f"game.{who}.{k}": v for who, own in point.players.items() for k, v in own.items()}
        full |= {f"game.{k}": v for k, v in (self._numbers | given).items()}
        full |= {other: full[name] for other, name in self._tied.items() if name in full}
        if self._precision is None:
            cost = call_with(self._turn, full, (player, batch, advance), self._then)
        else:
            device = next(iter(full.values())).device.type
            with torch.autocast(device, self._precision):
                cost = call_with(self._turn, full, (player, batch, advance), self._then)
        others = tuple(f"{who}." for who in self.players if who != player)
        left = {k: full[f"game.{k}"] for k in given if not k.startswith(others)}
        changed = {k: v for k, v in left.items() if k.startswith(f"{player}.") or v is not given[k]}
        return cost.float() if self._precision is not None else cost, changed

    def own_cost(self, player: str, batch: Batch) -> Tensor:
        """The player's cost as the modules themselves price it, at their own parameters; autograd may record it."""
        return self._turn(player, batch, False)

    def gradient(self, player: str, point: Point, batch: Batch) -> PlayerGradient:
        """The gradient of the player's cost over its own parameters: one component of the game's vector field."""

        # quoted: for the compiler a constant, nothing to trace
        def own(params: "Tree") -> "tuple[Tensor, Tree]":
            moved = Point({**point.players, player: params}, point.state)
            return self.loss(player, moved, batch, advance=True)

        if is_outermost():
            return self._recorded(own, point.players[player])
        gradient, (cost, state) = grad_and_value(own, has_aux=True)(point.players[player])
        return PlayerGradient(gradient, cost, state)

    def _recorded(self, own: "Callable[[Tree], tuple[Tensor, Tree]]", params: Tree) -> PlayerGradient:
        """As `grad_and_value`, up to rounding, by plain autograd: a small eager step takes a third less."""
        params = {k: v.detach().requires_grad_() for k, v in params.items()}
        found: list[Tensor] = []

        def differentiate(cost: Tensor) -> None:
            if not cost.requires_grad:
                found.extend(torch.zeros_like(v) for v in params.values())
                return
            given, device = list(params.values()), cost.device.type
            # products of the derivative are in the precision of their factors
            mixed = torch.is_autocast_enabled(device)
            with torch.autocast(device, enabled=False) if mixed else nullcontext():
                found.extend(torch.autograd.grad(cost, given, allow_unused=True, materialize_grads=True))

        self._then = differentiate
        try:
            with torch.enable_grad():
                cost, state = own(params)
        finally:
            self._then = None
        return PlayerGradient(dict(zip(params, found)), cost.detach(), {k: v.detach() for k, v in state.items()})

    def apply(self, player: str, point: Point, *inputs: Tensor) -> Tensor:
        """Output of the player's module on ``inputs`` at the point, in full precision; no state is renewed."""
        tensors = {**point.players[player], **own_state(self._numbers, player)}
        tensors |= {k: v.clone() for k, v in own_state(point.state, player).items()}
        before = f"game.{player}."
        tied = {k.removeprefix(before): v.removeprefix(before) for k, v in self._tied.items() if k.startswith(before)}
        tensors |= {other: tensors[name] for other, name in tied.items() if name in tensors}
        return call_with(self._turn.game.get_submodule(player), tensors, inputs)

    def judge(self, point: Point, x: Tensor, batch: Batch, fake: bool = False) -> Tensor:
        """`apply` of the discriminator to the real (or ``fake``) samples of a batch, each with what belongs to it.

        That is the class of each sample, where a game judges samples with their class. Noise is left out.
        """
        game = self._turn.game
        known = beside(game, batch.get("noise", {}))
        with bound(game, known), generated(game, known) if fake else nullcontext():
            return self.apply("discriminator", point, x)


def point_of(game: Game) -> Point:
    """The game's present parameters and state, detached, in copies of their own.

    Frozen parameters (``requires_grad`` is false) are state: no solver moves them. Raises `ValueError` for parameters
    outside the players, for a player that has none or of which all are frozen, and for parameters of two players.
    """
    owned = {who: dict(game.get_submodule(who).named_parameters()) for who in game.players}
    stray = {k for k, _ in game.named_parameters()} - {f"{who}.{k}" for who, own in owned.items() for k in own}
    if stray:
        raise ValueError(f"parameters outside the players {game.players}: {sorted(stray)}; put each inside a player")
    empty = [who for who, own in owned.items() if not own]
    if empty:
        kind = type(game.get_submodule(empty[0])).__name__
        raise ValueError(f"the {empty[0]} ({kind}) has no parameters: it cannot move, and no game is played without it")
    check_own(game)
    players = {who: {k: v.detach().clone() for k, v in own.items() if v.requires_grad} for who, own in owned.items()}
    still = [who for who, own in owned.items() if own and not players[who]]
    if still:
        raise ValueError(f"all parameters of the {still[0]} are frozen (requires_grad=False): it cannot move")
    state = {**split_buffers(game)[1], **frozen_parameters(game)}
    return Point(players, {k: v.detach().clone() for k, v in state.items()})


def check_own(game: Game) -> None:
    """Raises `ValueError` for a parameter that belongs to two players: it cannot be moved by both.

    And for parameters and buffers of any player that lie in the same memory (one is a view of the other): each is moved
    by itself in training, and in the modules that are handed back the last would overwrite the others.
    """
    owner: dict[int, str] = {}
    each: dict[int, tuple[str, Tensor]] = {}
    for who in game.players:
        own = game.get_submodule(who)
        for name, value in (*own.named_parameters(), *own.named_buffers()):
            each.setdefault(id(value), (f"{who}.{name}", value))
        for name, value in own.named_parameters():
            other = owner.setdefault(id(value), f"{who}.{name}")
            if other.partition(".")[0] != who:
                raise ValueError(
                    f"{who}.{name} is {other}: a layer of two players cannot be moved by both; give one of them a copy "
                    "(copy.deepcopy)"
                )
    alike = shared(each.values())
    if alike is not None:
        one, other = alike
        told = f"several elements of {one} are" if one == other else f"{one} and {other} are, at least in part,"
        raise ValueError(
            f"{told} one in memory: each is trained by itself, and what is written back last overwrites the others. "
            "Let one be a copy (.clone()); one weight in two places is one nn.Parameter, or computed in forward"
        )


def frozen_parameters(game: Game) -> Tree:
    """The parameters that no solver moves, by their names in the game."""
    return {k: v for k, v in game.named_parameters() if not v.requires_grad}


def load_point(game: Game, point: Point) -> None:
    """Writes a point's parameters and state into the game's modules, in place."""
    own = {**dict(game.named_parameters()), **dict(game.named_buffers())}
    held = {f"{who}.{name}": value for who, params in point.players.items() for name, value in params.items()}
    with torch.no_grad():
        for name, value in {**held, **point.state}.items():
            own[name].copy_(value)


def own_state(state: Tree, player: str) -> Tree:
    """The buffers inside one player, with the player's name taken off."""
    prefix = f"{player}."
    return {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
