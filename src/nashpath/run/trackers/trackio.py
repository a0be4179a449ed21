"""Trackio."""

from collections.abc import Mapping
from contextvars import Context
from typing import Any

import numpy as np

from nashpath.run.trackers.base import Tracked, Tracker


class Trackio(Tracker):
    """Trackio: one run a member, in one group, on this machine; ``TRACKIO_SPACE_ID`` sends them to a Space.

    ``trackio show --project NAME`` shows them.

    Reference: https://huggingface.co/docs/trackio (``trackio.init``, ``resume="allow"``).
    """

    module = "trackio"
    extra = "trackio"

    def __init__(self, tracked: Tracked):
        super().__init__(tracked)
        trackio = self.library()
        self.image, self.open = trackio.Image, dict[int, Any]()
        for member, config in tracked.configs.items():
            # By its name Trackio finds a run again, so it must be of this run alone.
            self.runs[member] = tracked.known.get(member) or f"{tracked.title(member)} {tracked.key(member)}"
            # A new run ends the one before of the same context, so each member's has one of its own.
            self.open[member] = Context().run(
                trackio.init,
                project=tracked.project,
                name=self.runs[member],
                group=tracked.group,
                config=dict(config),
                resume="allow",
                embed=False,
                auto_log_gpu=False,
                auto_log_cpu=False,
            )

    def scalars(self, member: int, step: int, values: Mapping[str, float]) -> None:
        """One entry at this step."""
        self.open[member].log(dict(values), step=step)

    def picture(self, member: int, step: int, pixels: np.ndarray) -> None:
        """An image at this step."""
        self.open[member].log({"samples": self.image(np.broadcast_to(pixels, (*pixels.shape[:2], 3)))}, step=step)

    def close(self, outcomes: Mapping[int, str]) -> None:
        """Waits until everything is written."""
        for run in self.open.values():
            run.finish()
        self.open.clear()
