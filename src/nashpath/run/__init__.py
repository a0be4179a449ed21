"""Runs: from settings to members, programs and run folders, which can be resumed, measured, diagnosed and loaded.

Names are imported when they are first used: settings are refused by their names without PyTorch.
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from nashpath.run.assess.critic import CriticScore, independent_critic
    from nashpath.run.assess.diagnose import Diagnosis, diagnose
    from nashpath.run.assess.evaluate import EvaluationOptions, evaluate, evaluate_images, evaluate_run
    from nashpath.run.assess.evaluate_parts import evaluate_part, join_evaluations
    from nashpath.run.assess.export import export
    from nashpath.run.assess.gather import gather_run
    from nashpath.run.assess.load import load
    from nashpath.run.assess.member import LoadedMember
    from nashpath.run.engine.linear_play import unit_plays
    from nashpath.run.engine.step import TrainState, Trial
    from nashpath.run.errors import FolderError, FolderWarning, MethodsWarning, SettingError
    from nashpath.run.folder.checkpoint import CheckpointError, restore_member, restore_members
    from nashpath.run.folder.run_folder import RunFolder
    from nashpath.run.observe.snapshot import place, samples
    from nashpath.run.settings.flow import resolve_flow
    from nashpath.run.settings.method_files import load_methods
    from nashpath.run.settings.register import register
    from nashpath.run.trackers import Tracked, Tracker
    from nashpath.run.training.flow import resume_flow, run_flow
    from nashpath.run.training.group import RunProgress
    from nashpath.run.training.library import Trained, train, train_many
    from nashpath.run.training.session import Session
    from nashpath.run.training.start import open_session, resume_session

__all__ = [
    "CheckpointError",
    "CriticScore",
    "Diagnosis",
    "EvaluationOptions",
    "FolderError",
    "FolderWarning",
    "LoadedMember",
    "MethodsWarning",
    "RunFolder",
    "RunProgress",
    "Session",
    "SettingError",
    "Tracked",
    "Tracker",
    "TrainState",
    "Trained",
    "Trial",
    "diagnose",
    "evaluate",
    "evaluate_images",
    "evaluate_part",
    "evaluate_run",
    "export",
    "gather_run",
    "independent_critic",
    "join_evaluations",
    "load",
    "load_methods",
    "open_session",
    "place",
    "register",
    "resolve_flow",
    "restore_member",
    "restore_members",
    "resume_flow",
    "resume_session",
    "run_flow",
    "samples",
    "train",
    "train_many",
    "unit_plays",
]

_HOMES = (
    "errors",
    "assess.critic",
    "assess.diagnose",
    "assess.evaluate",
    "assess.evaluate_parts",
    "assess.export",
    "assess.gather",
    "assess.load",
    "assess.member",
    "engine.linear_play",
    "engine.step",
    "folder.checkpoint",
    "folder.run_folder",
    "observe.snapshot",
    "settings.flow",
    "settings.method_files",
    "settings.register",
    "trackers.base",
    "training.flow",
    "training.group",
    "training.library",
    "training.session",
    "training.start",
)
"""Modules in the order in which they are searched; the first needs no PyTorch."""

if not TYPE_CHECKING:

    def __getattr__(name: str) -> Any:
        """A name of the room, when it is first asked for (PEP 562)."""
        for home in _HOMES if name in __all__ else ():
            module = import_module(f"nashpath.run.{home}")
            found = vars(module).get(name)
            if getattr(found, "__module__", "") == module.__name__:
                globals()[name] = found
                return found
        raise AttributeError(f"module 'nashpath.run' has no attribute {name!r}")

    def __dir__() -> list[str]:
        return sorted({*globals(), *__all__})
