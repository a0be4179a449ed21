"""Runs: settings to trials, trials to programs, programs through the one training loop."""

from nashpath.run.checkpoint import CheckpointError
from nashpath.run.critic import CriticScore, independent_critic
from nashpath.run.overrides import (
    SettingError,
    flatten_sweeps,
    override,
    parse_overrides,
    parse_seeds,
    parse_sweeps,
)
from nashpath.run.session import Progress, Session
from nashpath.run.step import Trial
from nashpath.run.store import Store, plain_json, read_toml
from nashpath.run.train import Trained, open_session, resume_session, train, train_many

__all__ = [
    "CheckpointError",
    "CriticScore",
    "Progress",
    "Session",
    "SettingError",
    "Store",
    "Trained",
    "Trial",
    "flatten_sweeps",
    "independent_critic",
    "open_session",
    "override",
    "parse_overrides",
    "parse_seeds",
    "parse_sweeps",
    "plain_json",
    "read_toml",
    "resume_session",
    "train",
    "train_many",
]
