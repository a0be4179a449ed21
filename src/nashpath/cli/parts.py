"""Parts of a command, all at once: options of train, reproduce and evaluate, and what is done with them."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from nashpath.run.training.jobs import PartedJob

On = Annotated[str, typer.Option("--on", help="Do all --parts at once: processes (here), slurm (an array job) or ray.")]
Parts = Annotated[int, typer.Option("--parts", min=0, help="How many parts --on makes (0: one a core, or a GPU).")]
Slurm = Annotated[
    list[str] | None, typer.Option("--sbatch", metavar="OPTION", help="A line for sbatch, such as --partition=gpu.")
]
WAYS = ("processes", "slurm", "ray")
"""Where parts are done: in processes of this machine, in a cluster's queue, or on Ray."""


def check_ways(on: str, sbatch: list[str], out: Path | None, other: str) -> None:
    """Raises `SettingError` for what does not go together; ``other`` is what was given besides."""
    from nashpath.run import SettingError

    if on not in WAYS:
        raise SettingError(f"--on {on or '?'}: expected processes, slurm or ray, which --parts and --sbatch are for")
    if sbatch and on != "slurm":
        raise SettingError(f"--sbatch is for --on slurm, not {on}")
    if out is None:
        raise SettingError(f"--on {on} needs the folder of the whole run: --out")
    if other:
        raise SettingError(f"--on {on} does all parts, and goes on with those that are there: leave out {other}")


def many_parts(parts: int, members: int) -> int:
    """How many parts there are of so many members, where ``parts`` were asked for (0: one a GPU, else one a core)."""
    import torch

    return min(members, parts or torch.cuda.device_count() or os.cpu_count() or 1)


def all_done(
    job: "PartedJob",
    on: str,
    sbatch: list[str],
    then: Sequence[str],
    say: Callable[[str], None],
    stop: Callable[[], bool],
) -> bool:
    """Does all parts; whether they can be joined: not where they wait in a queue (``then`` says how), or on ``stop()``.

    Raises `SettingError` where parts could not be done.
    """
    from nashpath.run import SettingError
    from nashpath.run.training.jobs import run_in_processes, run_on_ray, submit_to_slurm

    if on == "slurm":
        typer.echo(submit_to_slurm(job, sbatch))
        for command in then:
            typer.echo(f"when all parts have ended: {command}")
        return False
    failed = (run_on_ray if on == "ray" else run_in_processes)(job, say, stop)
    if stop():
        say("stopped; the same command goes on")
        return False
    if failed:
        raise SettingError(f"{'; '.join(failed)}. What was done is kept; the same command goes on")
    return True
