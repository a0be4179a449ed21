"""Weights & Biases."""

import os
from collections.abc import Mapping
from typing import Any

import numpy as np

from nashpath.run.trackers.base import Tracked, Tracker


class WeightsAndBiases(Tracker):
    """Weights & Biases: one run a member, in one group; offline with ``WANDB_MODE=offline``.

    Where you are not logged in, and not offline, training says so and goes on without it. Numbers are drawn over the
    number ``step``. Offline runs lie in the run folder below ``wandb``, for ``wandb sync``, unless ``WANDB_DIR`` says
    where.

    Reference: https://docs.wandb.ai (``wandb.init``, ``resume="allow"``).
    """

    module = "wandb"
    extra = "wandb"

    def __init__(self, tracked: Tracked):
        super().__init__(tracked)
        wandb = self.library()
        self.image, self.open = wandb.Image, dict[int, Any]()
        quiet = wandb.Settings(console="off", silent=True)
        for member, config in tracked.configs.items():
            self.runs[member] = tracked.key(member)
            self.open[member] = run = wandb.init(
                project=tracked.project,
                group=tracked.group,
                name=tracked.title(member),
                id=self.runs[member],
                config=dict(config),
                dir=os.environ.get("WANDB_DIR") or str(tracked.folder),
                resume="allow",
                reinit="create_new",
                settings=quiet,
            )
            run.define_metric("*", step_metric="step")

    def scalars(self, member: int, step: int, values: Mapping[str, float]) -> None:
        """One entry of the run's history."""
        self.open[member].log({"step": step, **values})

    def picture(self, member: int, step: int, pixels: np.ndarray) -> None:
        """An image of the run's history."""
        self.open[member].log({"step": step, "samples": self.image(pixels if pixels.shape[2] == 3 else pixels[..., 0])})

    def close(self, outcomes: Mapping[int, str]) -> None:
        """Puts the outcome into the summary and ends the runs; one that diverged has failed."""
        for member, run in self.open.items():
            run.summary["outcome"] = outcomes[member]
            run.finish(exit_code=int(outcomes[member].startswith("diverged")))
        self.open.clear()
