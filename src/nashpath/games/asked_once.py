"""One pass of the critic a batch, however many terms of a cost look at its logits."""

from collections.abc import Callable

from torch import Tensor

from nashpath.games.features import activations


class AskedOnce:
    """A critic that remembers its answers: asked again about the same tensor (the same object), it does not compute.

    It lives as long as one evaluation of a cost, so it never remembers across parameters. A saved pass is also a pass
    that does not move running statistics a second time.
    """

    def __init__(self, critic: Callable[[Tensor], Tensor]):
        self._critic = critic
        self._known: list[tuple[Tensor, Tensor]] = []

    def __call__(self, points: Tensor) -> Tensor:
        for asked, answer in self._known:
            if asked is points:
                return answer
        answer = self._critic(points)
        self._known.append((points, answer))
        return answer

    def activations(self, points: Tensor, layer: str) -> Tensor:
        """The critic's activations at one layer."""
        return activations(self._critic, points, layer)
