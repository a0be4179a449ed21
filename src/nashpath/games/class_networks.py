"""The networks of a class-conditional GAN: a generator and a discriminator around plain ones, and its critic."""

from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager, nullcontext
from typing import Any

import torch
from torch import Tensor, nn

from nashpath.core.noise import Noise
from nashpath.core.purity import Refused
from nashpath.core.typed import named_modules
from nashpath.games.critics import CachedCritic, activations, observe_real
from nashpath.games.heads import ClassHead


class ClassGenerator(nn.Module):
    """A generator of classes: latents ``[batch, latent + classes]``, the last ones one-hot, to samples.

    It also takes the two apart, as exported programs do: ``(latents [batch, latent], classes [batch])`` (int64). Raises
    `Refused` for latents of another width, which name no class, and `IndexError` for a class that there is not.
    ``network`` maps [batch, latent + embedding], z beside the class's row of ``embedding``, to samples. A layer
    of it with a method ``conditional(classes)`` (batch normalisation) is replaced by what that returns: a layer that
    takes the one-hot classes of the batch from its attribute ``given``. `Conditional.latents` draws classes from the
    shares ``balance`` [classes].
    """

    balance: Tensor

    def __init__(self, network: nn.Module, latent: int, embedding: int, balance: Tensor):
        super().__init__()
        self.network, self.latent, self.classes = network, latent, len(balance)
        self.from_data = getattr(network, "from_data", False)
        self.embedding = nn.Parameter(torch.randn(self.classes, embedding))
        self.register_buffer("balance", balance)
        self.norms = make_conditional(network, self.classes)

    def forward(self, latents: Tensor, classes: Tensor | None = None) -> Tensor:
        self._check(latents, classes)
        chosen = latents[:, self.latent :] if classes is None else one_hot_of(classes, self.classes).to(latents.dtype)
        norms: list[Any] = [self.network.get_submodule(name) for name in self.norms]
        for norm in norms:
            norm.given = chosen
        try:
            return self.network(torch.cat([latents[:, : self.latent], chosen @ self.embedding], 1))
        finally:
            for norm in norms:
                norm.given = None

    def _check(self, latents: Tensor, classes: Tensor | None) -> None:
        """Raises `Refused` for inputs of other shapes."""
        count, wide = latents.shape[0], self.latent + (self.classes if classes is None else 0)
        if latents.shape != (count, wide) or (classes is not None and classes.shape != (count,)):
            given = f"latents {list(latents.shape)}" + (
                "" if classes is None else f" and classes {list(classes.shape)}"
            )
            raise Refused(
                f"a generator of {self.classes} classes takes latents [n, {self.latent}] and classes [n]: "
                f"generator(latents, classes), or both joined by game.of_class(latents, classes); got {given}"
            )


class ClassDiscriminator(Noise):
    """A discriminator of samples and their classes, by a `ClassHead` on the outputs of ``network``.

    The classes come with the batch, as noise does. Outside of it they are unknown, and it gives the mean over the
    data's classes: a picture of the critic, or a test of its shape, needs no more.
    """

    sides = 2
    drawn = False
    balance: Tensor

    def __init__(self, network: nn.Module, head: ClassHead, balance: Tensor):
        super().__init__(())
        self.network, self.head, self.whole = network, head, False
        self.from_data = getattr(network, "from_data", False)
        self.register_buffer("balance", balance)

    def forward(self, x: Tensor) -> Tensor:
        outputs = self.network(x)
        needed = self.head.outputs(self.head.width, self.head.classes)
        if outputs.shape != (x.shape[0], needed):
            raise Refused(
                f"the discriminator ({type(self.network).__name__}) returns shape {tuple(outputs.shape)}; "
                f"{self.head.classes} classes need ({x.shape[0]}, {needed}) under this head: outputs={needed}"
            )
        return outputs if self.whole else self.logit(outputs)

    def logit(self, outputs: Tensor) -> Tensor:
        """What the objective is shown of these outputs."""
        label = self.rows(outputs.shape[0])
        known = self.balance.expand(outputs.shape[0], -1) if label is None else one_hot_of(label, self.head.classes)
        return self.head.logit(outputs, known)

    def activations(self, x: Tensor, layer: str) -> Tensor:
        """The network's own layers."""
        return activations(self.network, x, layer)

    def observe_real(self, logits: Tensor) -> None:
        """Told to the network."""
        observe_real(self.network, lambda: logits)


class HeadCritic(CachedCritic):
    """A critic that also gives all outputs of its class head, of the same pass as the logit."""

    def __init__(
        self,
        network: Callable[[Tensor], Tensor],
        layer: ClassDiscriminator,
        fakes: Sequence[Tensor],
        showing: Callable[[], AbstractContextManager[None]],
    ):
        super().__init__(network, fakes, showing)

        def whole(x: "Tensor") -> "Tensor":
            layer.whole = True
            try:
                return network(x)
            finally:
                layer.whole = False

        self._layer, self.outputs = layer, CachedCritic(whole, fakes, showing)

    def __call__(self, points: Tensor) -> Tensor:
        with self._showing() if self._generated(points) else nullcontext():
            return self._layer.logit(self.outputs(points))


def make_conditional(network: nn.Module, classes: int) -> list[str]:
    """Replaces the layers below ``network`` that can be those of a class, in place; their names."""
    layers: dict[str, Any] = {name: layer for name, layer in named_modules(network) if name}
    able = {name: layer for name, layer in layers.items() if hasattr(layer, "conditional")}
    for name, layer in able.items():
        network.set_submodule(name, layer.conditional(classes))
    return list(able)


def one_hot_of(label: Tensor, classes: int) -> Tensor:
    """``[..., classes]``, as numbers. `IndexError` for a label that is none of 0 to ``classes - 1``.

    A label is looked up among those that there are, which programs made of this refuse for others as well; a negative
    one, which would count from the end, is taken for one beyond it.
    """
    every = torch.arange(classes, device=label.device)
    known = every[torch.where(label < 0, classes, label).long()]
    return (known[..., None] == every).to(torch.get_default_dtype())
