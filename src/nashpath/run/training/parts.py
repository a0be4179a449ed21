"""Parts of one run: each trains some of its members in a folder of its own, anywhere and at any time.

The parts lie in ``OUT/parts/I-of-N``. What is measured before training (stacked or not, compiled or not, threads) is
measured by the first part, and kept in ``OUT/parts/plan.json`` for all: members get the numbers of the whole run.
"""

import json
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from nashpath.run.errors import FolderError, SettingError
from nashpath.run.folder.identity import flat_settings_of
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.run_folder import plain_json, write_atomic
from nashpath.run.settings.members import asked_part, plan, record
from nashpath.run.settings.model import parse_part
from nashpath.run.settings.overrides import Raw
from nashpath.run.training.session import Session

SETTLED = ("stack", "compile", "threads", "start_digest")
"""What the first part chooses for all."""


def part_folder(whole: Path, part: str) -> Path:
    """Where a part of the run in ``whole`` lies. Raises `SettingError` for what is no part."""
    index, parts = asked_part(part)
    return whole / "parts" / f"{index}-of-{parts}"


@contextmanager
def planned_once(
    whole: Path, raw: Raw, sweeps: dict[str, list[Any]], say: Callable[[str], None], stop: Callable[[], bool]
) -> Iterator[tuple[Raw, Callable[[Session], None]]]:
    """The settings of a part with what was chosen for all; the session that is opened in this block is handed back.

    One process at a time chooses; the others wait for it. Raises `SettingError` where the parts that are there have
    other settings.
    """
    there = whole / "parts"
    own = {"with": raw["with"]} if "with" in raw else {}
    raw = {key: value for key, value in raw.items() if key != "with"}
    asked: dict[str, Any] = {
        "settings": flat_settings_of({**record(raw, plan({**raw, "part": ""}, sweeps)), "sweep": sweeps})
    }
    asked["settings"].pop("part", None)
    asked["parts"] = parse_part(raw["part"])[1]
    lock = None if (there / "plan.json").exists() else _alone(there, say, stop)
    try:
        known = json.loads((there / "plan.json").read_text()) if (there / "plan.json").exists() else None
        if known is None:
            yield {**raw, **own}, lambda session: _keep(there, asked, session)
            return
        if known["parts"] != asked["parts"]:
            raise SettingError(f"{there}: the run is in {known['parts']} parts there, not {asked['parts']}")
        other = differing(known["settings"], json.loads(plain_json(asked["settings"])))
        if other:
            raise SettingError(f"{there} has parts of another run: {'; '.join(other)}; choose another --out")
        if lock is not None:
            lock.release()
            lock = None
        yield {**raw, **own, **known["chosen"]}, lambda session: None
    finally:
        if lock is not None:
            lock.release()


def _keep(there: Path, asked: dict[str, Any], session: Session) -> None:
    settings = session.settings
    chosen = {key: getattr(settings, key) for key in SETTLED}
    write_atomic(there / "plan.json", (plain_json({**asked, "chosen": chosen}, indent=1) + "\n").encode())


def _alone(there: Path, say: Callable[[str], None], stop: Callable[[], bool]) -> FolderLock:
    told = False
    while True:
        try:
            return FolderLock(there)
        except FolderError:
            if stop():
                raise
            if not told:
                say("waiting for the part that measures how to run all of them")
            told = True
            time.sleep(0.5)


def differing(known: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """The settings in which two runs differ, in words; not what is chosen for all."""
    keys = [key for key in dict.fromkeys([*known, *asked]) if key not in (*SETTLED, "device")]
    return [
        f"{key} is {known.get(key, 'not set')} there, {asked.get(key, 'not set')} here"
        for key in keys
        if known.get(key) != asked.get(key)
    ]
