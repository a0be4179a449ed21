"""Parts of one run: each trains some of its members in a folder of its own, anywhere and at any time.

The parts lie in ``OUT/parts/I-of-N``. What is measured before training (stacked or not, compiled or not, threads) is
measured by the first part, and kept in ``OUT/parts/plan.json`` for all: members get the numbers of the whole run.
"""

import json
import os
import shlex
import shutil
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from nashpath.run.errors import FolderError, SettingError
from nashpath.run.folder.identity import flat_settings_of
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.run_folder import plain_json, write_atomic
from nashpath.run.settings.members import plan, record
from nashpath.run.settings.model import parse_part
from nashpath.run.settings.overrides import Raw
from nashpath.run.training.session import Session

SETTLED = ("stack", "compile", "threads")
"""What the first part chooses for all."""
RESTARTS = 3
"""How often a part that ended in an error is started again."""


def part_folder(whole: Path, part: str) -> Path:
    """Where a part of the run in ``whole`` lies. Raises `SettingError` for what is no part."""
    try:
        index, parts = parse_part(part)
    except ValueError as error:
        raise SettingError(f"--part {part}: {error}") from None
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
        other = _differing(known["settings"], json.loads(plain_json(asked["settings"])))
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


def _differing(known: dict[str, Any], asked: dict[str, Any]) -> list[str]:
    """The settings in which two runs differ, in words; not what is chosen for all."""
    keys = [key for key in dict.fromkeys([*known, *asked]) if key not in (*SETTLED, "device")]
    return [
        f"{key} is {known.get(key, 'not set')} there, {asked.get(key, 'not set')} here"
        for key in keys
        if known.get(key) != asked.get(key)
    ]


def train_in_processes(
    whole: Path, parts: int, arguments: Sequence[str], say: Callable[[str], None], stop: Callable[[], bool]
) -> list[str]:
    """Trains every part of a run in a process of its own, all at once; one that fails is started again.

    ``arguments`` are those of ``nashpath train`` for the whole run. Where there are several GPUs the parts are spread
    over them. Parts that are finished end at once. Returns the parts that could not be finished, each with its last
    words; none is started after ``stop()``, and those that run are asked to stop.
    """
    devices, begun = _gpus(), dict[str, int]()
    running: dict[str, subprocess.Popen[str]] = {}
    waiting, failed = [f"{k}/{parts}" for k in range(1, parts + 1)], list[str]()
    asked = False
    while waiting or running:
        while waiting and not stop():
            part = waiting.pop(0)
            begun[part] = begun.get(part, 0) + 1
            running[part] = _start(whole, part, arguments, devices)
        if stop() and not asked:
            asked = True
            for process in running.values():
                process.terminate()
        for part, process in list(running.items()):
            if process.poll() is None:
                continue
            del running[part]
            words = _log(whole, part).read_text().strip()
            last = words.splitlines()[-1] if words else f"exit status {process.returncode}"
            if process.returncode == 0:
                say(f"part {part} has ended")
            elif begun[part] <= RESTARTS and not stop() and process.returncode != 2:
                say(f"part {part} ended with status {process.returncode} ({last}); it is started again")
                waiting.append(part)
            else:
                failed.append(f"part {part}: {last}")
        if stop():
            waiting.clear()
        time.sleep(0.1)
    return failed


def _start(whole: Path, part: str, arguments: Sequence[str], devices: Sequence[str]) -> "subprocess.Popen[str]":
    folder, log = part_folder(whole, part), _log(whole, part)
    folder.parent.mkdir(parents=True, exist_ok=True)
    resumed = (folder / "config.toml").exists()
    own = ["--resume"] if resumed else list(arguments)
    command = [sys.executable, "-m", "nashpath", "train", *own, "--part", part, "--out", str(whole), "--quiet"]
    environment = dict(os.environ)
    if devices:
        environment["CUDA_VISIBLE_DEVICES"] = devices[(parse_part(part)[0] - 1) % len(devices)]
    with open(log, "w") as words:
        return subprocess.Popen(command, stdout=words, stderr=subprocess.STDOUT, text=True, env=environment)


def _log(whole: Path, part: str) -> Path:
    """Where a part that is trained here says what it has to say."""
    folder = part_folder(whole, part)
    return folder.with_name(f"{folder.name}.log")


def _gpus() -> list[str]:
    """The GPUs that parts are spread over, where there are several."""
    if torch.cuda.device_count() < 2:
        return []
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return seen.split(",") if seen else [str(k) for k in range(torch.cuda.device_count())]


def submit_to_slurm(whole: Path, parts: int, arguments: Sequence[str], options: Sequence[str]) -> str:
    """Writes ``OUT/parts/job.sh``, an array job of all parts, and submits it; returns what ``sbatch`` says.

    ``options`` are further lines for ``#SBATCH``. Raises `SettingError` where there is no ``sbatch``, or it refuses.
    """
    there = (whole / "parts").absolute()
    there.mkdir(parents=True, exist_ok=True)
    job = SLURM.format(
        parts=parts,
        logs=shlex.quote(str(there)),
        options="\n".join(f"#SBATCH {option}" for option in options),
        whole=shlex.quote(str(whole.absolute())),
        arguments=shlex.join(arguments),
        python=shlex.quote(sys.executable),
    )
    write_atomic(there / "job.sh", job.encode())
    if shutil.which("sbatch") is None:
        raise SettingError(f"--on slurm: there is no sbatch here; the job is in {there / 'job.sh'}")
    found = subprocess.run(["sbatch", str(there / "job.sh")], capture_output=True, text=True)
    if found.returncode:
        raise SettingError(f"--on slurm: sbatch refused {there / 'job.sh'}: {found.stderr.strip()}")
    return found.stdout.strip()


SLURM = """\
#!/bin/sh
#SBATCH --job-name=nashpath
#SBATCH --array=1-{parts}
#SBATCH --requeue
#SBATCH --signal=B:TERM@120
#SBATCH --output={logs}/%a-of-{parts}.log
{options}
part="$SLURM_ARRAY_TASK_ID/{parts}"
folder={whole}/parts/"$SLURM_ARRAY_TASK_ID-of-{parts}"
if [ -e "$folder/config.toml" ]; then
  set -- --resume
else
  set -- {arguments}
fi
{python} -m nashpath train "$@" --part "$part" --out {whole} --quiet &
trap 'kill -TERM $!' TERM
wait $!
wait $!
status=$?
if [ "$status" -ne 2 ] && ! grep -q '"status": "finished"' "$folder/run.json" 2> /dev/null; then
  scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
fi
exit "$status"
"""
"""An array job: a part a task, which writes a checkpoint two minutes before its time ends, and is put back in line."""
