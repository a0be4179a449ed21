"""TensorBoard events, in the run folder itself."""

from collections.abc import Mapping
from typing import Any

import numpy as np

from nashpath.run.trackers.base import Tracked, Tracker


class TensorBoard(Tracker):
    """Events for TensorBoard below ``events`` in the run folder: scalars, pictures and settings of every member.

    What an earlier part of the run wrote after the step at which this one begins is hidden, as rows are dropped then.

    Reference: https://www.tensorflow.org/tensorboard (events), written by ``torch.utils.tensorboard``.
    """

    module = "torch.utils.tensorboard"
    extra = "tensorboard"
    every_member = True

    def __init__(self, tracked: Tracked):
        super().__init__(tracked)
        self.open, self.writers = self.library().SummaryWriter, dict[int, Any]()

    def _writer(self, member: int) -> Any:
        if member not in self.writers:
            place = self.tracked.folder / "events" / f"member-{member}"
            self.writers[member] = writer = self.open(str(place), purge_step=self.tracked.start + 1)
            lines = [f"    {key} = {value}" for key, value in self.tracked.configs[member].items()]
            writer.add_text("settings", "\n".join(lines), self.tracked.start)
        return self.writers[member]

    def scalars(self, member: int, step: int, values: Mapping[str, float]) -> None:
        """One point of a curve for each number."""
        for key, value in values.items():
            self._writer(member).add_scalar(key, value, step)

    def picture(self, member: int, step: int, pixels: np.ndarray) -> None:
        """The sheet at this step."""
        self._writer(member).add_image("samples", pixels, step, dataformats="HWC")

    def close(self, outcomes: Mapping[int, str]) -> None:
        """Writes the events that are still in memory; the outcome is a text."""
        for member, writer in self.writers.items():
            writer.add_text("outcome", outcomes[member])
            writer.close()
        self.writers.clear()
