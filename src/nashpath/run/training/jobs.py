"""Parts of a run, an evaluation or a reproduction, each in a process of its own: here, in a cluster's queue, or on Ray.

A part is one command line. It is started again where it was lost, and then goes on from what it has kept; so it does
not matter who starts it, nor how often.
"""

import ctypes
import os
import shlex
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import torch

from nashpath.run.errors import SettingError
from nashpath.run.folder.run_folder import write_atomic
from nashpath.run.settings.model import parse_part
from nashpath.run.training.parts import part_folder

RESTARTS = 3
"""How often a part that ended in an error is started again."""
REFUSED = 2
"""The exit status of a command that was refused: starting it again changes nothing."""


@dataclass(frozen=True)
class PartedJob:
    """``nashpath VERB ARGUMENTS`` in so many ``parts``, which lie below ``whole``: train, reproduce or evaluate."""

    whole: Path
    parts: int
    arguments: tuple[str, ...]
    verb: str = "train"
    python: str = field(default_factory=lambda: sys.executable)

    @property
    def names(self) -> list[str]:
        return [f"{k}/{self.parts}" for k in range(1, self.parts + 1)]

    def command(self, part: str) -> list[str]:
        """The command line of a part, which goes on where it has begun."""
        folder = part_folder(self.whole, part)
        own = [*self.arguments]
        if self.verb == "train":
            begun = (folder / "config.toml").exists()
            own = [*(("--resume",) if begun else self.arguments), "--out", str(self.whole)]
        elif self.verb == "reproduce":
            own += ["--out", str(folder)]
        return [self.python, "-m", "nashpath", self.verb, *own, "--part", part, "--quiet"]

    def log(self, part: str) -> Path:
        """Where a part says what it has to say."""
        folder = part_folder(self.whole, part)
        return folder.with_name(f"{folder.name}.log")

    def start(
        self, part: str, environment: dict[str, str] | None = None, first: Callable[[], None] | None = None
    ) -> "subprocess.Popen[str]":
        """Starts the process of a part, which calls ``first`` before all else."""
        log = self.log(part)
        log.parent.mkdir(parents=True, exist_ok=True)
        with open(log, "w") as words:
            return subprocess.Popen(
                self.command(part),
                stdout=words,
                stderr=subprocess.STDOUT,
                text=True,
                env=environment,
                preexec_fn=first,
            )

    def last_words(self, part: str, status: int | None) -> str:
        """Why a part has ended."""
        words = self.log(part).read_text().strip()
        return words.splitlines()[-1] if words else f"exit status {status}"


def run_in_processes(job: PartedJob, say: Callable[[str], None], stop: Callable[[], bool]) -> list[str]:
    """Does every part in a process of its own, all at once; one that fails is started again.

    Where there are several GPUs the parts are spread over them. Parts that are finished end at once; on Linux all end
    with this process, however that ends. Returns the parts that could not be finished, each with its last words; none
    is started after ``stop()``, and those that run are asked to stop.
    """
    devices, begun = _gpus(), dict[str, int]()
    running: dict[str, subprocess.Popen[str]] = {}
    waiting, failed = job.names, list[str]()
    asked = False
    while waiting or running:
        while waiting and not stop():
            part = waiting.pop(0)
            begun[part] = begun.get(part, 0) + 1
            one = {"CUDA_VISIBLE_DEVICES": devices[(parse_part(part)[0] - 1) % len(devices)]} if devices else {}
            running[part] = job.start(part, {**os.environ, **one}, _end_with_parent)
        if stop() and not asked:
            asked = True
            for process in running.values():
                process.terminate()
        for part, process in list(running.items()):
            if process.poll() is None:
                continue
            del running[part]
            last = job.last_words(part, process.returncode)
            if process.returncode == 0:
                say(f"part {part} has ended")
            elif begun[part] <= RESTARTS and not stop() and process.returncode != REFUSED:
                say(f"part {part} ended with status {process.returncode} ({last}); it is started again")
                waiting.append(part)
            else:
                failed.append(f"part {part}: {last}")
        if stop():
            waiting.clear()
        time.sleep(0.1)
    return failed


def _gpus() -> list[str]:
    """The GPUs that parts are spread over, where there are several."""
    if torch.cuda.device_count() < 2:
        return []
    seen = os.environ.get("CUDA_VISIBLE_DEVICES", "")
    return seen.split(",") if seen else [str(k) for k in range(torch.cuda.device_count())]


def run_on_ray(job: PartedJob, say: Callable[[str], None], stop: Callable[[], bool]) -> list[str]:
    """Does every part as a task of Ray's, which starts it again where it, or its machine, is lost.

    It is the cluster that ``RAY_ADDRESS`` names, else one on this machine for as long as this takes; its machines see
    the same files and have the same environment. Returns as `run_in_processes`. Raises `ImportError` without Ray.
    """
    try:
        import ray as installed  # pyright: ignore[reportMissingImports]
    except ImportError as error:
        raise ImportError('--on ray needs Ray: pip install "nashpath[ray]"') from error
    ray: Any = installed
    own = not ray.is_initialized()
    if own:
        os.environ.setdefault("RAY_USAGE_STATS_ENABLED", "0")  # it would tell its makers
        ray.init(log_to_driver=False, include_dashboard=False, logging_level="error")
    try:
        gpus = 1 if ray.cluster_resources().get("GPU", 0) else 0
        task = ray.remote(num_cpus=1, num_gpus=gpus, max_retries=RESTARTS, retry_exceptions=[LostPartError])(_ray_task)
        parts = {task.remote(job, part, os.getcwd()): part for part in job.names}
        failed, asked = list[str](), False
        while parts:
            if stop() and not asked:
                asked = True
                for reference in parts:
                    ray.cancel(reference)
            for reference in ray.wait(list(parts), timeout=0.5)[0]:
                part = parts.pop(reference)
                try:
                    last = ray.get(reference)
                except Exception as error:
                    last = "stopped" if stop() else " ".join(str(error).strip().splitlines()[-1:])
                if last:
                    failed.append(f"part {part}: {last}")
                else:
                    say(f"part {part} has ended")
        return [] if stop() else failed
    finally:
        if own:
            ray.shutdown()


class LostPartError(RuntimeError):
    """A part has ended, and was neither finished nor refused."""


def _ray_task(job: PartedJob, part: str, place: str) -> str:
    """One part, on whatever machine; why it was refused, or nothing. Raises `LostPartError`."""
    os.chdir(place)
    process = job.start(part, first=_end_with_parent)
    try:
        status = process.wait()
    except BaseException:  # cancelled: the part writes its checkpoint
        process.terminate()
        with suppress(subprocess.TimeoutExpired):
            process.wait(60)
        raise
    if status == 0:
        return ""
    last = job.last_words(part, status)
    if status == REFUSED:
        return last
    raise LostPartError(last)


def _end_with_parent() -> None:
    """On Linux, this process is ended when the one that started it is: else it would hold the part's folder."""
    with suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)


PR_SET_PDEATHSIG = 1


def submit_to_slurm(job: PartedJob, options: Sequence[str]) -> str:
    """Writes ``OUT/parts/job.sh``, an array job of all parts, and submits it; returns what ``sbatch`` says.

    ``options`` are further lines for ``#SBATCH``. Raises `SettingError` where there is no ``sbatch``, or it refuses.
    """
    there = (job.whole / "parts").absolute()
    there.mkdir(parents=True, exist_ok=True)
    text = SLURM.format(
        parts=job.parts,
        logs=shlex.quote(str(there)),
        options="\n".join(f"#SBATCH {option}" for option in options),
        whole=shlex.quote(str(job.whole.absolute())),
        begin=BEGIN[job.verb].format(arguments=shlex.join(job.arguments), whole=shlex.quote(str(job.whole.absolute()))),
        lost=LOST[job.verb],
        restarts=RESTARTS,
        verb=job.verb,
        python=shlex.quote(job.python),
    )
    write_atomic(there / "job.sh", text.encode())
    for left in there.glob("*-of-*.tries"):  # errors of an earlier job
        left.unlink()
    if shutil.which("sbatch") is None:
        raise SettingError(f"--on slurm: there is no sbatch here; the job is in {there / 'job.sh'}")
    found = subprocess.run(["sbatch", str(there / "job.sh")], capture_output=True, text=True)
    if found.returncode:
        raise SettingError(f"--on slurm: sbatch refused {there / 'job.sh'}: {found.stderr.strip()}")
    return found.stdout.strip()


BEGIN = {
    "train": """\
if [ -e "$folder/config.toml" ]; then
  set -- --resume --out {whole}
else
  set -- {arguments} --out {whole}
fi""",
    "reproduce": """\
set -- {arguments} --out "$folder\"""",
    "evaluate": "set -- {arguments}",
}
LOST = {
    "train": """[ "$status" -ne 2 ] && ! grep -qE '"status": "(finished|halted)"' "$folder/run.json" 2> /dev/null""",
    "reproduce": '[ "$status" -gt 2 ]',
    "evaluate": '[ "$status" -gt 2 ]',
}
"""When a task puts its part back in line: it was neither finished nor refused, nor did it halt (on_divergence=stop)."""
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
{begin}
{python} -m nashpath {verb} "$@" --part "$part" --quiet &
child=$!
trap 'told=1; kill -TERM "$child"' TERM
status=
while :; do
  told=
  wait "$child"
  found=$?
  [ "$found" -eq 127 ] && [ -n "$status" ] && break
  status=$found
  [ -z "$told" ] && break
done
tries="$folder.tries"
case "$status" in
  0 | 130 | 143) rm -f "$tries" ;;
  *) echo "$status" >> "$tries" ;;
esac
if {lost}; then
  if [ -e "$tries" ] && [ "$(wc -l < "$tries")" -gt {restarts} ]; then
    echo "part $part ended with status $status, and is given up; submit it again when that is mended"
  else
    scontrol requeue "${{SLURM_ARRAY_JOB_ID}}_$SLURM_ARRAY_TASK_ID"
  fi
fi
exit "$status"
"""
"""An array job: a part a task, which writes a checkpoint two minutes before its time ends, and is put back in line.

A signal ends the shell's ``wait`` before the part ends, so it waits again; of a part that was waited for already some
shells know nothing (status 127). A part that ends in errors, one after the other, is started again as often as
`run_in_processes` does.
"""
