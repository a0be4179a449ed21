"""MLflow."""

import time
from collections.abc import Mapping

import numpy as np

from nashpath.run.trackers.base import Tracked, Tracker

AT_ONCE = 100
"""Parameters in one request, as many as a server takes."""
LONGEST = 6000
"""Characters of a parameter's value, as many as a server takes."""


class MLflow(Tracker):
    """MLflow: one run a member, in the experiment that ``track_project`` names, where ``MLFLOW_TRACKING_URI`` says.

    Settings are its parameters. A run that was stopped has the status ``KILLED`` until it is resumed, one that diverged
    ``FAILED``; the tag ``outcome`` says more.

    Reference: https://mlflow.org/docs (``MlflowClient``).
    """

    module = "mlflow"
    extra = "mlflow"

    def __init__(self, tracked: Tracked):
        super().__init__(tracked)
        mlflow = self.library()
        self.client, self.metric, param = mlflow.MlflowClient(), mlflow.entities.Metric, mlflow.entities.Param
        found = self.client.get_experiment_by_name(tracked.project)
        experiment = self.client.create_experiment(tracked.project) if found is None else found.experiment_id
        for member, config in tracked.configs.items():
            if member in tracked.known:
                self.client.update_run(tracked.known[member], status="RUNNING")
                continue
            tags = {"group": tracked.group, "member": str(member)}
            made = self.client.create_run(experiment, tags=tags, run_name=tracked.title(member))
            self.runs[member] = made.info.run_id
            params = [param(key, str(value)[:LONGEST]) for key, value in config.items()]
            for first in range(0, len(params), AT_ONCE):
                self.client.log_batch(self.runs[member], params=params[first : first + AT_ONCE])

    def scalars(self, member: int, step: int, values: Mapping[str, float]) -> None:
        """One request a row."""
        now = int(1000 * time.time())
        metrics = [self.metric(key, value, now, step) for key, value in values.items()]
        self.client.log_batch(self.runs[member], metrics=metrics)

    def picture(self, member: int, step: int, pixels: np.ndarray) -> None:
        """An image of the run, at this step."""
        self.client.log_image(self.runs[member], pixels, key="samples", step=step, synchronous=True)

    def close(self, outcomes: Mapping[int, str]) -> None:
        """Ends the runs with their status."""
        for member in self.tracked.configs:
            outcome = outcomes[member]
            status = {"finished": "FINISHED", "stopped": "KILLED"}.get(outcome, "FAILED")
            self.client.set_tag(self.runs[member], "outcome", outcome[:LONGEST])
            self.client.set_terminated(self.runs[member], status)
