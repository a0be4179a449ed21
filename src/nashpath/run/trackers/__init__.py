"""Trackers: where the numbers of a run go beside its folder. One file each."""

from nashpath.core import Table
from nashpath.run.trackers.base import Tracked, Tracker, finite_numbers
from nashpath.run.trackers.mlflow import MLflow
from nashpath.run.trackers.tensorboard import TensorBoard
from nashpath.run.trackers.trackio import Trackio
from nashpath.run.trackers.wandb import WeightsAndBiases

TRACKERS = Table(
    "tracker",
    {"tensorboard": TensorBoard, "trackio": Trackio, "wandb": WeightsAndBiases, "mlflow": MLflow},
    Tracker,
)

__all__ = ["TRACKERS", "MLflow", "TensorBoard", "Tracked", "Tracker", "Trackio", "WeightsAndBiases", "finite_numbers"]
