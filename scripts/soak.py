"""Trains for an hour with evaluation, diagnosis and checkpoints on, and says whether memory or file handles grow.

    python scripts/soak.py [--seconds 3600] [--every 2] [--out FOLDER] [--allow 10] [-- -s data=digits …]

Memory and handles of the training process are written into ``soak.csv`` beside its run folder. The verdict is that of
the last half: the slope of resident memory with its 95 % interval, of 20 medians of successive samples (single ones
hang together). Exit status: 0 flat, 1 grows (or the training failed), 2 undecided. Needs Linux's ``/proc``.
"""

import argparse
import csv
import math
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import numpy as np
from scipy import stats

BLOCKS = 20
"""Medians of successive samples that the slope is fitted to."""
SPARE_HANDLES = 2
"""Handles that may be open at one moment and not at another: a file that is being written, and its folder."""
SETTINGS = (
    *("data=ring", "penalty=dragan", "average=ema", "steps=1000000000", "on_divergence=rollback", "threads=1"),
    *("compile=off", "log_every=500", "sample_every=1000", "checkpoint_every=1000", "evaluation_samples=500"),
    *("metrics=precision_recall,mmd", "evaluate_every=1000", "diagnostics=field_norm,signal_to_noise,vanishing"),
)


class Moment(NamedTuple):
    """One sample of the process: seconds since its start, megabytes of resident memory, open file handles."""

    seconds: float
    megabytes: float
    handles: int


class Judgement(NamedTuple):
    """``status``: 0 flat, 1 grows, 2 undecided; slopes in megabytes an hour, with the ends of the interval."""

    status: int
    slope: float
    low: float
    high: float
    text: str


def judge(moments: Sequence[Moment], allowed: float) -> Judgement:
    """Whether the last half grows by more than ``allowed`` megabytes an hour, or holds more handles than it began with.

    Grows: the whole interval of the slope is above; flat: all of it is below; undecided: it holds ``allowed``.
    """
    half = [m for m in moments if m.seconds >= moments[-1].seconds / 2] if moments else []
    if len(half) < 2 * BLOCKS:
        return Judgement(
            2, math.nan, math.nan, math.nan, f"undecided: {len(half)} samples in the last half are too few"
        )
    blocks = np.array_split(np.array([(m.seconds / 3600, m.megabytes) for m in half]), BLOCKS)
    hours, size = np.array([np.median(block, 0) for block in blocks]).T  # evaluations are peaks, a leak is in between
    fit = stats.linregress(hours, size)
    reach = float(stats.t.ppf(0.975, BLOCKS - 2) * fit.stderr)
    slope, low, high = float(fit.slope), float(fit.slope) - reach, float(fit.slope) + reach
    most, first = max(m.handles for m in half), max(m.handles for m in half[: len(half) // 4])
    told = f"{slope:+.2f} MB an hour ({low:+.2f} to {high:+.2f}) at {size.mean():.0f} MB; at most {most} handles"
    if most > first + SPARE_HANDLES:
        return Judgement(1, slope, low, high, f"grows: handles, from {first} to {most}; memory {told}")
    if low > allowed:
        return Judgement(1, slope, low, high, f"grows: {told}")
    if high > allowed:
        return Judgement(2, slope, low, high, f"undecided, run longer or allow more than {allowed:g}: {told}")
    return Judgement(0, slope, low, high, f"flat: {told}")


def look(pid: int, begun: float) -> Moment:
    """A sample of a process."""
    fields = dict(line.split(":", 1) for line in Path(f"/proc/{pid}/status").read_text().splitlines())
    megabytes = int(fields["VmRSS"].split()[0]) / 1024
    return Moment(round(time.monotonic() - begun, 3), megabytes, len(list(Path(f"/proc/{pid}/fd").iterdir())))


def watch(process: "subprocess.Popen[str]", seconds: float, every: float, out: Path) -> list[Moment]:
    """Samples a process until the time is over, or it has ended; each is written down at once."""
    begun, moments = time.monotonic(), []
    with out.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(Moment._fields)
        while time.monotonic() - begun < seconds and process.poll() is None:
            time.sleep(every)
            try:
                moments.append(look(process.pid, begun))
            except (OSError, KeyError):  # it has ended
                break
            rows.writerow(moments[-1])
            file.flush()
    return moments


def main() -> int:
    """Trains, watches, stops and judges."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seconds", type=float, default=3600.0)
    parser.add_argument("--every", type=float, default=2.0)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--allow", type=float, default=10.0, help="megabytes an hour")
    parser.add_argument("more", nargs="*", help="after --: more arguments of nashpath train")
    asked = parser.parse_args()
    place = asked.out or Path(tempfile.mkdtemp(prefix="soak-"))
    place.mkdir(parents=True, exist_ok=True)
    flags = [part for setting in SETTINGS for part in ("-s", setting)]
    command = [sys.executable, "-m", "nashpath", "train", *flags, *asked.more, "--quiet", "--out", str(place / "run")]
    with (place / "said.txt").open("w") as said:
        process = subprocess.Popen(command, stdout=said, stderr=subprocess.STDOUT, text=True)
        moments = watch(process, asked.seconds, asked.every, place / "soak.csv")
        ended = process.poll()
        if ended is None:
            process.send_signal(signal.SIGINT)
        status = process.wait()
    told = (place / "said.txt").read_text()
    found = judge(moments, asked.allow)
    print(f"{found.text}; {len(moments)} samples in {place / 'soak.csv'}")
    if ended is not None or status or "Traceback" in told:
        print(
            f"the training ended with status {status}, {'by itself' if ended is not None else 'when stopped'}:\n{told}"
        )
        return 1
    return found.status


if __name__ == "__main__":
    sys.exit(main())
