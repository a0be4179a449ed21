"""A critic asked once for each batch, and its features."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

from torch import Tensor, nn

from nashpath.core.torch_compat import BATCH_NORMS
from nashpath.core.typed import named_modules


def activations(network: Any, x: Tensor, layer: str) -> Tensor:
    """Output of ``layer`` of ``network`` for samples ``x``: [batch, ...].

    ``layer`` is a dotted path. In an ``nn.Sequential`` it names the last child to run (``"3"``, ``"body.relu"``). Any
    other module must have its lower part as a child or method of that name which takes the samples, as the networks
    of `nashpath.networks` have ``features``; ``"features.activation1"`` then reaches into it. A critic with a method
    ``activations(x, layer)`` is asked instead.

    Raises ValueError that lists the layers, where there is none of that name.
    """
    if hasattr(network, "activations"):
        return network.activations(x, layer)
    name, _, rest = layer.partition(".")
    if isinstance(network, nn.Sequential):
        children = dict(network.named_children())
        if name not in children:
            raise ValueError(_unknown(layer, network, list(children)))
        for child_name, child in children.items():
            if child_name == name:
                return activations(child, x, rest) if rest else child(x)
            x = child(x)
    lower = getattr(network, name, None)
    if lower is None or name != _entrance(network):
        raise ValueError(_unknown(layer, network, layer_names(network)))
    return activations(lower, x, rest) if rest else lower(x)


def layer_names(network: Any) -> list[str]:
    """The layers of ``network`` whose activations can be had."""
    if isinstance(network, nn.Sequential):
        return [name for name, _ in network.named_children()]
    entrance = _entrance(network)
    if entrance is None:
        return []
    lower = getattr(network, entrance)
    inside = layer_names(lower) if isinstance(lower, nn.Sequential) else []
    return [entrance, *(f"{entrance}.{name}" for name in inside)]


def _entrance(network: Any) -> str | None:
    """The part of a module that is not a Sequential known to take the samples themselves."""
    return "features" if callable(getattr(network, "features", None)) else None


def _unknown(layer: str, network: Any, known: list[str]) -> str:
    kind = type(network).__name__
    if known:
        return f"{kind} has no layer {layer!r} to match features at; it has: {', '.join(known)}"
    return (
        f"{kind} has no layer {layer!r} to match features at: make it an nn.Sequential, or give it a child or a method "
        "'features' that takes the samples, and a head"
    )


def observe_real(critic: Any, logits: Callable[[], Tensor]) -> None:
    """Hands the logits on real samples to a critic with a method ``observe_real(logits)``; else they are not asked for.

    It is called once for each price of the discriminator, outside of every derivative in the samples, so that what the
    critic assigns there is state like any other.
    """
    watch = getattr(critic, "observe_real", None)
    if watch is not None:
        watch(logits())


def mixing_layer(network: nn.Module) -> str | None:
    """The first layer whose output for one sample depends on the others of the batch."""
    mixing = (n for n, m in named_modules(network) if getattr(m, "mixes_batch", False) or isinstance(m, BATCH_NORMS))
    return next(mixing, None)


class LogitCritic:
    """A critic that is asked for one logit a sample, and refused in the name of ``who`` asks where it gives another.

    Raises `ValueError` for an output that is no tensor ``[n]`` or ``[n, 1]``.
    """

    def __init__(self, critic: Callable[[Tensor], Tensor], who: str):
        self.critic, self.who = critic, who

    def __call__(self, points: Tensor) -> Tensor:
        found: Any = self.critic(points)
        count = points.shape[0]
        if isinstance(found, Tensor) and tuple(found.shape) in ((count,), (count, 1)):
            return found
        given = f"shape {tuple(found.shape)}" if isinstance(found, Tensor) else f"a {type(found).__name__}"
        raise ValueError(
            f"{self.who}: the critic returns {given} for {count} samples; it needs one logit of each, ({count}, 1) or "
            f"({count},), which depends on that sample alone"
        )

    def alike(self, points: Tensor) -> "LogitCritic":
        """The critic for samples of the kind of ``points``."""
        return LogitCritic(alike(self.critic, points), self.who)


def alike(critic: Any, points: Tensor) -> Callable[[Tensor], Tensor]:
    """The critic as it is asked about ``points``, for other samples of their kind (views, points of a derivative).

    A critic with noise on its samples has other noise for real than for generated ones.
    """
    found = getattr(critic, "alike", None)
    return critic if found is None else found(points)


class CachedCritic:
    """A critic that remembers its answers: asked again about the same tensor (the same object), it does not compute.

    It lives as long as one evaluation of a cost, so it never remembers across parameters. A saved pass is also a pass
    that does not move running statistics a second time. The tensors ``fakes`` are shown inside ``showing()``, where the
    critic's noise layers take the samples for generated ones (`nashpath.core.noise`).
    """

    def __init__(
        self,
        critic: Callable[[Tensor], Tensor],
        fakes: Sequence[Tensor] = (),
        showing: Callable[[], AbstractContextManager[None]] = nullcontext,
    ):
        self._critic, self._fakes, self._showing = critic, fakes, showing
        self._known: list[tuple[Tensor, Tensor]] = []

    def __call__(self, points: Tensor) -> Tensor:
        for asked, answer in self._known:
            if asked is points:
                return answer
        answer = self.alike(points)(points)
        self._known.append((points, answer))
        return answer

    def alike(self, points: Tensor) -> Callable[[Tensor], Tensor]:
        """The critic for samples of the kind of ``points``, without memory."""
        if not self._generated(points):
            return self._critic

        def asked(x: "Tensor") -> "Tensor":
            with self._showing():
                return self._critic(x)

        return asked

    def _generated(self, points: Tensor) -> bool:
        return any(points is fake for fake in self._fakes)

    def observe_real(self, points: Tensor) -> None:
        """Tells a critic that watches itself (`observe_real`) its logits on real samples."""
        observe_real(self._critic, lambda: self(points))

    def activations(self, points: Tensor, layer: str) -> Tensor:
        """The critic's activations at one layer."""
        if not self._generated(points):
            return activations(self._critic, points, layer)
        with self._showing():
            return activations(self._critic, points, layer)
