"""What no run could repeat, or learn from, is refused by name: modules, draws and costs that are no pure functions."""

import math
import random
from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import Any, NamedTuple, cast

import torch
from torch import Tensor, nn
from torch.nn.parameter import is_lazy

from nashpath.core.contracts import KEEPS_FORM, other_form
from nashpath.core.draws import moves_random_state, seeds_of_any_draw
from nashpath.core.game import Batch, FunctionalGame, Game, Point, pick, point_of
from nashpath.core.key import Key
from nashpath.core.own import MethodError, is_named, own_title, refused_method, warn_of_own
from nashpath.core.passes import CURE, as_they_were, changed_by_a_turn, with_its_tensors
from nashpath.core.shares import check_shares
from nashpath.core.source import Source
from nashpath.core.torch_compat import DROPOUTS, global_random_state, has_gradient_hooks, hidden_power_iteration
from nashpath.core.tree import leaves, tensor_leaves
from nashpath.core.typed import named_modules

CLOSE = 1e-4
"""Two outputs for one input differ by at most this share of the largest: kernels of a GPU round in any order."""

FROM_THE_KEY = (
    "take its numbers from the key: key.normal(*shape), key.uniform(*shape), key.integers(high, *shape), or "
    "key.generator() for what takes a torch.Generator"
)


SLOPE = 1e-2
"""Slopes by two ways to the same differ by at most this share of the largest."""


class Refused(ValueError):
    """A module that is refused for what it does, in words of its own."""


def check_game(game: Game, members: int = 1) -> None:
    """Raises `ValueError` where a game's modules, draws or costs are no pure functions, or a player would never learn.

    Where a module keeps a state in Python it is refused for several ``members``, who would share it; for one an
    `OwnMethodWarning` says it.

    It draws two batches of one key and prices one of them twice for each player. What fails with an error of its own is
    left to the first step, which names the module.
    """
    check_modules(game)
    problem, point = FunctionalGame(game), point_of(game)
    key = Key(0, "check", next(game.parameters()).device)
    batch = _drawn_twice(game, key)
    if batch is None:
        return
    modules = {name or type(game).__name__: module for name, module in named_modules(game)}
    for who in game.players:
        own = {name: value.requires_grad_() for name, value in point.players[who].items()}
        try:
            with torch.enable_grad():
                cost = called_twice(partial(_cost, problem, who, point, batch), modules)
            check_shares(modules, partial(_cost, problem, who, point, batch))
            _check_cost(game, who, cost, own, lambda who=who: problem.own_cost(who, batch))
        except (Refused, MethodError):
            raise
        except Exception:
            check_data(game, key)
            for player in game.players:
                check_precision(player, game.get_submodule(player))
            return
    _check_counting(game, members)


def _check_counting(game: Game, members: int) -> None:
    """Warns of a state that a module keeps in Python where there is one member; raises `Refused` for several."""
    name = changed_by_a_turn(game)
    if not name:
        return
    holder = game.get_submodule(name.rpartition(".")[0])
    whose = f" ({own_title(holder)})" if is_named(holder) else ""
    if members > 1:
        raise Refused(
            f"{name} changes in the forward pass{whose}, and is no buffer: members that are trained together "
            f"would share it, each counting for all; {CURE}, or train each in a call, or a run, of its own"
        )
    warn_of_own(
        holder,
        f"{name} changes in the forward pass{whose}, and is no buffer: every pass changes it, also one that evaluates "
        "or diagnoses, and no checkpoint holds it, so that where a pass depends on it how often that is done changes "
        f"the training, and a run that is resumed is not the run that was never stopped; {CURE}",
        stacklevel=4,
    )


def _cost(problem: FunctionalGame, who: str, point: Point, batch: Batch) -> Any:
    return problem.loss(who, point, batch)[0]


def _check_cost(game: Game, who: str, cost: Any, own: Mapping[str, Tensor], plain: Callable[[], Any]) -> None:
    """Refuses a cost that is no scalar, and one that no derivative leads back from to the player.

    ``plain`` prices the same by the modules' own parameters: where a slope is another, one is read from elsewhere.
    """
    what = f"{type(game).__name__}.forward({who!r}, batch)"
    if not isinstance(cost, Tensor):
        raise Refused(f"{what} returns a {type(cost).__name__}; expected the player's cost, a scalar tensor")
    if cost.dim():
        raise Refused(f"{what} returns shape {tuple(cost.shape)}; expected the player's cost, a scalar: its mean()")
    known = [None]
    if cost.requires_grad:
        known = list(torch.autograd.grad(cost, list(own.values()), allow_unused=True))
    if all(slope is None for slope in known):
        raise Refused(
            f"{what} has no derivative by the parameters of the {who}, so it would never learn: the cost does not use "
            "it, or something on the way detaches it, rounds it, or runs under torch.no_grad()"
        )
    _check_read(game, who, dict(zip(own, known)), plain)


def _check_read(game: Game, who: str, known: Mapping[str, Tensor | None], plain: Callable[[], Any]) -> None:
    """Refuses parameters that the forward pass reads elsewhere than under their names, so that they would not move."""
    parameters = {name: game.get_submodule(who).get_parameter(name) for name in known}
    with as_they_were(game):
        try:
            cost = plain()
            slopes = cast(
                "Sequence[Tensor | None]", torch.autograd.grad(cost, list(parameters.values()), allow_unused=True)
            )
        except Exception:  # whatever a pass of the user's may raise, the first step raises
            return
    most = max((float(v.abs().max()) for v in slopes if v is not None and v.numel()), default=0.0)
    for (name, here), there in zip(known.items(), slopes):
        if there is None:
            continue
        if here is not None and torch.allclose(here, there, rtol=0.0, atol=SLOPE * most, equal_nan=True):
            continue
        if here is None or not changed_by_a_turn(game):  # else the two passes are not one function
            raise Refused(
                f"{who}.{name} is read in the forward pass by another way than its name (through a list, a dict, or a "
                "view of it), where what a step gives it is not seen, so it would not learn: read it as the attribute "
                "under which it is registered (several: nn.ParameterList, nn.ParameterDict), and make views in forward"
            )


def _drawn_twice(game: Game, key: Key) -> Batch | None:
    """A batch of the game, the same one under the same key; None where drawing fails."""
    kind = type(game).__name__
    try:
        before = global_random_state()[1:]
        first, second = (game.draw(Key.of(key.words), (1,)) for _ in range(2))
        touched = before != global_random_state()[1:] and moves_random_state(lambda: game.draw(Key.of(key.words), (1,)))
    except MethodError:
        raise
    except Exception:
        check_data(game, key)
        return None
    if touched or not _alike(first, second):
        check_data(game, key)
        raise Refused(
            f"{kind}.draw gives another batch for the same key, or draws from a global random state, so no run could "
            f"be repeated, resumed or compared; {FROM_THE_KEY}"
        )
    real, source = first.get("real"), getattr(game, "data", None)
    if isinstance(real, Tensor) and source is not None and not bool(torch.isfinite(real).all()):
        raise refused_method(source, "draw", "draw gives samples that are not finite (NaN or infinite)")
    short = [v for v in leaves(first) if isinstance(v, Tensor) and v.shape[:1] != (1,)]
    if short:
        raise Refused(
            f"{kind}.draw(key, lead) returns a tensor of shape {tuple(short[0].shape)} for lead=(1,); every tensor "
            "begins with the axes of lead, since a step may take several batches: (*lead, batch, ...)"
        )
    return pick(first, 0)


def check_data(game: Game, key: Key) -> None:
    """Raises `ValueError` for data of a game that do not give the samples they promise, the same ones for a key."""
    source = getattr(game, "data", None)
    if not isinstance(source, Source):
        return
    count, what = 16, f"{own_title(source)}: draw" if is_named(source) else f"{type(source).__name__}.draw"
    before = global_random_state()[1:]
    try:
        first, second = (source.draw(Key.of(key.words), count) for _ in range(2))
    except MethodError:
        raise
    except Exception:  # whatever data of the user's may raise, the first step raises
        return
    touched = before != global_random_state()[1:] and moves_random_state(lambda: source.draw(Key.of(key.words), count))
    if touched or not _alike(first, second):
        raise Refused(
            f"{what} gives other samples for the same key, or draws from a global random state, so no run could be "
            f"repeated, resumed or compared; {FROM_THE_KEY}"
        )
    real: Any = first.get("real") if isinstance(cast(object, first), dict) else None
    if not isinstance(real, Tensor):
        raise Refused(f'{what} must return {{"real": samples}}, a tensor [count, *shape] under that name')
    usual = torch.get_default_dtype()
    if real.dtype == torch.float32 != usual:
        raise Refused(
            f"{what} returns float32, as data do, and torch.set_default_dtype({usual}) is in force, in which latents "
            "and layers are made: set it back, torch.set_default_dtype(torch.float32), and build the game again"
        )
    if real.shape != (count, *source.shape) or real.dtype != usual:
        raise Refused(
            f"{what}(key, {count}) returns samples of {real.dtype} and shape {tuple(real.shape)}; with shape = "
            f"{tuple(source.shape)} they are {usual}, {(count, *source.shape)}"
        )


def check_modules(module: nn.Module) -> None:
    """Refuses modules whose forward pass cannot be a pure function, with the replacement to use."""
    made = [name for name, value in module.named_parameters() if not is_lazy(value) and value.is_inference()]
    if torch.is_inference_mode_enabled() or made:
        what = f"{made[0]} was made" if made else "this is called"
        raise ValueError(
            f"{what} under torch.inference_mode(), and nothing from there has a derivative: build networks and games, "
            "and train them, outside of it"
        )
    for name, part in named_modules(module):
        if isinstance(part, torch.jit.ScriptModule):
            raise ValueError(
                f"{name or 'the module'} is compiled by torch.jit, and takes no other parameters than its own; give "
                "the module that it was made of"
            )
        if isinstance(part, DROPOUTS) and part.p > 0:
            raise ValueError(
                f"{name} is {type(part).__name__}, which draws from the global random state, so no run could be "
                "repeated; use nashpath.networks.Dropout(shape, rate), whose draws come with the batch"
            )
        if hidden_power_iteration(part):
            raise ValueError(
                f"{name} uses torch's spectral_norm (or a weight that changes its own state in the same way), which "
                "cannot be stacked or penalised; use nashpath.networks.spectral_norm(module) instead"
            )
    for name, value in module.named_parameters():
        if value.is_complex():
            raise ValueError(
                f"{name} is a complex parameter ({value.dtype}), of which rules and norms know nothing; give its "
                "real and imaginary parts as two (torch.complex puts them together)"
            )
        if has_gradient_hooks(value):
            raise ValueError(
                f"{name} has a hook on its gradient (register_hook), which would not be called: players are "
                "functions of parameters that a solver gives them. Remove it (handle.remove()), and have the forward "
                "pass do what it does, such as to multiply the weight by a mask"
            )


def check_precision(who: str, network: nn.Module) -> None:
    """Raises `ValueError` for a network in another precision than samples and latents are drawn in."""
    usual = torch.get_default_dtype()
    for name, value in network.named_parameters():
        if value.is_floating_point() and value.dtype != usual:
            raise ValueError(
                f"the {who} ({type(network).__name__}) has parameters of {value.dtype}, {name} first; samples "
                f"and latents are {usual}: give {who}.to({usual}), and precision=torch.bfloat16 for mixed precision"
            )


def undrawn(who: str, network: nn.Module, x: Tensor) -> Any:
    """The network's output, which autograd records, and may not be differentiated. Its buffers are left as they were.

    Raises `ValueError` that names the module which draws for itself, or the buffer whose form the pass changes.
    """

    def call() -> Any:
        given, before = x.clone(), {name: buffer.clone() for name, buffer in network.named_buffers()}
        with with_its_tensors(network), torch.enable_grad():
            result = network(given)
            wrong = other_form(before, dict(network.named_buffers()), who)
        if wrong:
            holder = network.get_submodule(wrong.split()[0].removeprefix(f"{who}.").rpartition(".")[0])
            raise Refused(f"{own_title(holder)}: {wrong}, after its forward pass: {KEEPS_FORM}")
        if not torch.equal(given.nan_to_num(), x.nan_to_num()):
            raise Refused(
                f"the {who} ({type(network).__name__}) writes into its input, which others use, too: write "
                "x = x - a in place of x -= a, and no in-place layer first"
            )
        return result

    named = {f"{who}.{name}" if name else who: module for name, module in named_modules(network)}
    return called_twice(call, named)


def called_twice(call: Callable[[], Any], modules: Mapping[str, nn.Module]) -> Any:
    """What ``call`` gives, the first time of two. Raises `Refused` that names the module which draws for itself.

    It draws from a global random state, or its two outputs differ though nothing that it counts in Python has changed.
    Where the state is Python's, its output must be another one: type checkers draw from it which items they look at.
    """
    before = global_random_state()[1:]
    result = call()
    drew, python = before != global_random_state()[1:], global_random_state()[0]
    again = call()
    drew = drew and moves_random_state(call)
    if not drew and _alike(result, again) and (python == global_random_state()[0] or _whatever_python_draws(call)):
        return result
    counts = {name: counted(module) for name, module in modules.items()}
    first, second = _two_passes(call, modules)
    if counts != {name: counted(module) for name, module in modules.items()}:
        return result
    for one, other in zip(first, second):  # the first to leave is the innermost
        if one.drew or (_alike(one.given, other.given) and not _alike(one.output, other.output)):
            kind = own_title(modules[one.name])
            if one.drew or one.python:
                how = "draws from the global random state in its forward pass"
            else:
                how = "gives two outputs for one input, as one that draws from a generator of its own does"
            raise Refused(
                f"{one.name} ({kind}) {how}, so no run could be repeated; take the noise from nashpath.networks.Noise, "
                "as GaussianNoise and Dropout do"
            )
    return result


def _two_passes(call: Callable[[], Any], modules: Mapping[str, nn.Module]) -> tuple[list["_Pass"], list["_Pass"]]:
    """What modules did in two calls; in two that differ, where what Python's generator draws can make them."""
    with seeds_of_any_draw() as seeds:
        random.seed(seeds[0])
        first = second = _passes(call, modules)
        for seed in seeds[1:]:
            random.seed(seed)
            second = _passes(call, modules)
            if any(one.drew or not _alike(one.output, other.output) for one, other in zip(first, second)):
                break
    return first, second


def _whatever_python_draws(call: Callable[[], Any]) -> bool:
    """Whether a pass that draws from Python's generator gives the same whatever it draws, the rarest numbers too."""
    found: list[Any] = []
    with seeds_of_any_draw() as seeds:
        for seed in seeds:
            random.seed(seed)
            found.append(call())
    return all(_alike(found[0], other) for other in found[1:])


class _Pass(NamedTuple):
    """What one module did: whether it drew from PyTorch's or NumPy's state, or from Python's; what it took and gave."""

    name: str
    drew: bool
    python: bool
    given: Any
    output: Any


def _passes(call: Callable[[], Any], modules: Mapping[str, nn.Module]) -> list[_Pass]:
    """What each module did in a call, in the order in which they were left."""
    before: dict[str, tuple[Any, Any]] = {}
    found: list[_Pass] = []

    def copies(tree: Any) -> list[Tensor]:
        return [tensor.detach().clone() for tensor in tensor_leaves(tree)]

    def enter(name: str, _: object, *given: Any) -> None:
        before[name] = copies(given), global_random_state()

    def leave(name: str, *given: Any) -> None:
        (taken, was), now = before[name], global_random_state()
        found.append(_Pass(name, was[1:] != now[1:], was[0] != now[0], taken, copies(given[-1])))

    hooks = [
        module.register_forward_pre_hook(partial(enter, name), with_kwargs=True) for name, module in modules.items()
    ]
    hooks += [module.register_forward_hook(partial(leave, name)) for name, module in modules.items()]
    try:
        call()
    finally:
        for hook in hooks:
            hook.remove()
    return found


def _alike(one: Any, other: Any) -> bool:
    """Whether two results hold the same tensors, up to rounding."""
    pairs = list(zip(tensor_leaves(one), tensor_leaves(other)))
    return all(a.shape == b.shape and _close(a.detach(), b.detach()) for a, b in pairs)


def _close(a: Tensor, b: Tensor) -> bool:
    if torch.equal(a, b) or not a.is_floating_point():
        return torch.equal(a, b)
    size = float(a.nan_to_num().abs().max()) if a.numel() else 0.0
    return torch.allclose(a, b, rtol=0.0, atol=CLOSE * size if math.isfinite(size) else 0.0, equal_nan=True)


def counted(game: nn.Module) -> dict[str, Any]:
    """Plain numbers, words and lengths among the attributes of a game's modules, by their names."""
    found: dict[str, Any] = {}
    for where, module in named_modules(game):
        for name, value in vars(module).items():
            if isinstance(value, bool | int | float | str | None):
                found[f"{where}.{name}".lstrip(".")] = value
            elif isinstance(value, list | dict | set):
                found[f"{where}.{name}".lstrip(".")] = len(cast("list[Any]", value))
    return found
