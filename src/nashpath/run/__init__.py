"""Runs: settings to trials, trials to programs, programs through the one training loop."""

from nashpath.run.assess.critic import CriticScore, independent_critic
from nashpath.run.engine.step import Trial
from nashpath.run.errors import MethodsWarning, SettingError
from nashpath.run.folder.checkpoint import CheckpointError
from nashpath.run.folder.run_folder import RunFolder, plain_json, read_toml
from nashpath.run.settings.method_files import load_methods
from nashpath.run.settings.overrides import flatten_sweeps, override, parse_overrides, parse_seeds, parse_sweeps
from nashpath.run.settings.register import register
from nashpath.run.training.group import RunProgress
from nashpath.run.training.library import Trained, train, train_many
from nashpath.run.training.session import Session
from nashpath.run.training.start import open_session, resume_session

__all__ = [
    "CheckpointError",
    "CriticScore",
    "MethodsWarning",
    "RunFolder",
    "RunProgress",
    "Session",
    "SettingError",
    "Trained",
    "Trial",
    "flatten_sweeps",
    "independent_critic",
    "load_methods",
    "open_session",
    "override",
    "parse_overrides",
    "parse_seeds",
    "parse_sweeps",
    "plain_json",
    "read_toml",
    "register",
    "resume_session",
    "train",
    "train_many",
]
