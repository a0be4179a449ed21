"""Several penalties at once."""

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Key, checks_arguments
from nashpath.games.penalties.base import Critic, Penalty


class Sum(Penalty):
    """The sum of several penalties, each with noise and weight of its own: ``Sum(R1(10.0), LeCam(0.3))``.

    Raises `ValueError` without any.

    Reference: Huang et al. 2024 (R1 + R2); Tseng et al. 2021, Sec. 4 (LeCam beside R1).
    """

    @checks_arguments
    def __init__(self, *penalties: Penalty):
        super().__init__()
        if not penalties:
            raise ValueError("a sum needs at least one penalty; for none, use NoPenalty()")
        self.parts = nn.ModuleList(penalties)
        self.needs_input_gradient = any(penalty.needs_input_gradient for penalty in penalties)
        self.joins = any(penalty.joins for penalty in penalties)
        self.learns = any(penalty.learns for penalty in penalties)

    def advance(self) -> None:
        for _, part in self._named():
            part.advance()

    def on_average(self) -> Penalty:
        averages = [part.on_average() for _, part in self._named()]
        same = all(average is part for average, (_, part) in zip(averages, self._named()))
        return self if same else Sum(*averages)

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {name: part.draw(key.stream(name), lead, shape) for name, part in self._named()}

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        return torch.stack([part(critic, real, fake, noise[name]) for name, part in self._named()]).sum()

    def _named(self) -> list[tuple[str, Penalty]]:
        return [(name, part) for name, part in self.parts.named_children() if isinstance(part, Penalty)]
