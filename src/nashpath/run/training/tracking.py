"""The trackers of one run: what they are given, and that none of them ends a training."""

import json
import sys
import warnings
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, redirect_stdout
from typing import Any

import numpy as np

from nashpath.core.tiles import tiles
from nashpath.run.errors import SettingError
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import dotted
from nashpath.run.settings.resolve import dump
from nashpath.run.trackers import TRACKERS, Tracked, Tracker, finite_numbers

FILE = "trackers.json"
"""Names the trackers' runs, by tracker and member, for a resumed run."""


def check_installed(names: Sequence[str]) -> None:
    """Raises `ImportError` where what a tracker needs is not installed, and says what to install."""
    for name in names:
        try:
            TRACKERS[name].library()
        except ImportError as error:
            extra = TRACKERS[name].extra
            cure = f"pip install 'nashpath[{extra}]', or leave it out" if extra else "leave it out"
            raise ImportError(
                f"track: {name} cannot be imported ({error}); {cure} (metrics.jsonl holds the same numbers)"
            ) from error


class Tracking:
    """All trackers that the settings name. One that fails is left out from there on, which is said once."""

    def __init__(
        self, store: RunFolder, members: Sequence[Member], shown: set[int], start: int, say: Callable[[str], None]
    ):
        self.say, self.step, self.trackers = say, start, dict[str, Tracker]()
        settings = members[0].settings
        known = self._known(store)
        for name in dict.fromkeys(settings.track):
            kind = TRACKERS[name]
            configs = {
                member.index: {**dotted(dump(member.settings)), "seed": member.seed}
                for member in members
                if kind.every_member or member.index in shown
            }
            earlier = {int(member): run for member, run in known.get(name, {}).items() if int(member) in configs}
            tracked = Tracked(store.folder, settings.track_project, configs, start, earlier)
            with self._guarded(name):
                self.trackers[name] = kind(tracked)
        runs = {name: {str(k): run for k, run in one.runs.items()} for name, one in self.trackers.items() if one.runs}
        if {**known, **runs} != known:
            store.write_json(FILE, {**known, **runs})

    def rows(self, rows: Sequence[Mapping[str, Any]]) -> None:
        """Gives rows as `RunFolder.append` takes them to every tracker."""
        for name, tracker in [*self.trackers.items()]:
            with self._guarded(name):
                for row in rows:
                    self.step, values = row["step"], finite_numbers(row)
                    if values and row["member"] in tracker.tracked.configs:
                        tracker.scalars(row["member"], row["step"], values)

    def pictures(self, step: int, arrays: Mapping[int, Mapping[str, np.ndarray]]) -> None:
        """Gives each member's saved samples, where they are images, to every tracker as a sheet."""
        for name, tracker in [*self.trackers.items()]:
            with self._guarded(name):
                for member, own in arrays.items():
                    found, rows = own.get(f"m{member}"), own.get(f"rows{member}")
                    if found is not None and found.ndim == 4 and member in tracker.tracked.configs:
                        pixels = tiles(found, None if rows is None else len(found) // int(rows))
                        tracker.picture(member, step, pixels)

    def close(self, outcomes: Mapping[int, str]) -> None:
        """Tells every tracker what became of the members, and ends it."""
        for name, tracker in [*self.trackers.items()]:
            with self._guarded(name):
                tracker.close(outcomes)
        self.trackers.clear()

    @contextmanager
    def _guarded(self, name: str) -> Iterator[None]:
        """Whatever fails in a tracker ends that tracker alone. What it prints is no output of the command's."""
        try:
            with warnings.catch_warnings(action="ignore"), redirect_stdout(sys.stderr):
                yield
        except Exception as error:
            self.trackers.pop(name, None)
            told = " ".join(str(error).split())[:300] or "no reason was given"
            self.say(
                f"tracking with {name} ended at step {self.step}: {type(error).__name__}: {told}; training goes on, "
                "metrics.jsonl holds all numbers, and a resumed run tries again"
            )

    def _known(self, store: RunFolder) -> dict[str, dict[str, str]]:
        """The trackers' runs of earlier parts of this run; none, which is said, where the file is damaged."""
        if not (store.folder / FILE).exists():
            return {}
        try:
            return json.loads(store.sound(FILE, "trackers begin new runs"))
        except (SettingError, ValueError) as error:
            self.say(str(error))
            return {}
