"""One GAN on several processes: the rate of its steps beside that of one process, and how much of the work is spread.

    python benchmarks/processes.py [--sizes 1 2] [--steps 60] [--batch 64] [--rounds 3] [--smallest]

A DCGAN on 8x8 digits, under DRAGAN's penalty, uncompiled, one thread a process; processes start anew in each round.
An efficiency of 1 is a rate as many times that of one process as there are processes.
"""

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
from pathlib import Path

from sizes import parse

SETTINGS = ("data=digits", "generator=dcgan", "discriminator=dcgan", "penalty=dragan", "compile=off", "threads=1")
SETTINGS += ("device=cpu", "samples=4", "evaluation_samples=16")


def rate(size: int, steps: int, batch: int) -> float:
    """Steps a second of ``nashpath train`` on so many processes, as the run records them."""
    with tempfile.TemporaryDirectory() as folder:
        launch = ["-m", "torch.distributed.run", "--standalone", f"--nproc-per-node={size}"] if size > 1 else []
        command = [sys.executable, *launch, "-m", "nashpath", "train", "--quiet", "--out", f"{folder}/run"]
        for setting in (*SETTINGS, f"steps={steps}", f"batch_size={batch}"):
            command += ["-s", setting]
        subprocess.run(command, check=True, capture_output=True)
        return float(json.loads(Path(folder, "run", "run.json").read_text())["steps_per_second"])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--steps", type=int, default=60)
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--rounds", type=int, default=3)
    options = parse(parser, sizes=[1], steps=2, batch=4, rounds=1)
    rates = {size: [] for size in options.sizes}
    for _ in range(options.rounds):
        for size, found in rates.items():
            found.append(rate(size, options.steps, options.batch))
    base = statistics.median(rates[options.sizes[0]])
    print("processes  steps/s  times the first  efficiency")
    for size, found in rates.items():
        middle = statistics.median(found)
        print(f"{size:9}  {middle:7.2f}  {middle / base:15.2f}  {middle / base * options.sizes[0] / size:10.2f}")


if __name__ == "__main__":
    main()
