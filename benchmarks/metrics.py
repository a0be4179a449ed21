"""FID arithmetic at Inception's 2,048 dimensions against the matrix square root that other libraries take.

Features are ready and statistics are not timed, except in the low-rank case, where both sides start from features. The
square root is SciPy's ``sqrtm`` of the product of covariances, which is what clean-fid and pytorch-fid call (their call
itself fails on SciPy 1.18, which removed an option); torch-fidelity's eigenvalues of the product are the third way.
CPU time of one thread, median of ``--rounds``. Targets: 4 times ``sqrtm`` at full rank, 40 times for 500 samples.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py [--width 2048] [--rounds 3] [--memory] [--smallest]

``--memory`` measures instead the peak memory of precision and recall of 50,000 x 2,048 (target: under 4 GB).
"""

import argparse
import resource
import statistics
import time
from collections.abc import Callable

import numpy as np
import scipy.linalg
import torch

from nashpath.core import generator
from nashpath.metrics import FID, PrecisionRecall, frechet, moments
from sizes import parse

Statistics = tuple[np.ndarray, np.ndarray]


def features(seed: int, count: int, width: int) -> torch.Tensor:
    """Positive and correlated with a decaying spectrum, like pooled rectified features."""
    rng = generator(seed)
    decay = torch.arange(1, width + 1).float().pow(-0.5)
    mixing = torch.linalg.qr(torch.randn(width, width, generator=generator(9)))[0]
    return (torch.randn(count, width, generator=rng) * decay) @ mixing + 0.4


def statistics_of(x: torch.Tensor) -> Statistics:
    return x.double().mean(0).numpy(), np.cov(x.double().numpy(), rowvar=False)


def by_square_root(a: Statistics, b: Statistics) -> float:
    root = np.asarray(scipy.linalg.sqrtm(a[1] @ b[1]))
    gap = a[0] - b[0]
    return float(gap @ gap + np.trace(a[1]) + np.trace(b[1]) - 2 * np.trace(root).real)


def by_eigenvalues(a: Statistics, b: Statistics) -> float:
    gap = a[0] - b[0]
    overlap = np.sqrt(np.linalg.eigvals(a[1] @ b[1]).astype(complex)).real.sum()
    return float(gap @ gap + np.trace(a[1]) + np.trace(b[1]) - 2 * overlap)


def seconds(work: Callable[[], float], rounds: int) -> tuple[float, float]:
    """``(median CPU seconds, the value)``."""
    times, value = [], 0.0
    for _ in range(rounds):
        start = time.process_time()
        value = work()
        times.append(time.process_time() - start)
    return statistics.median(times), value


def compare(title: str, ways: dict[str, Callable[[], float]], rounds: int) -> None:
    print(title)
    ours = 0.0
    for name, work in ways.items():
        taken, value = seconds(work, rounds)
        ours = ours or taken
        print(f"  {name:32} {taken:8.3f} s   {taken / ours:6.1f} x   {value:.9g}", flush=True)


def full_rank(width: int, rounds: int) -> None:
    x, y = features(0, 2 * width, width), features(1, 2 * width, width) * 1.1
    a, b = moments(x), moments(y)
    c, d = statistics_of(x), statistics_of(y)
    ways = {
        "nashpath": lambda: frechet(a, b),
        "eigenvalues of the product": lambda: by_eigenvalues(c, d),
        "scipy.linalg.sqrtm": lambda: by_square_root(c, d),
    }
    compare(f"full rank, {width} dimensions, from statistics", ways, rounds)


def low_rank(width: int, rounds: int) -> None:
    x, y = features(0, 500, width), features(1, 500, width) * 1.1
    ways = {
        "nashpath": lambda: FID()(x, y)["fid"],
        "eigenvalues of the product": lambda: by_eigenvalues(statistics_of(x), statistics_of(y)),
        "scipy.linalg.sqrtm": lambda: by_square_root(statistics_of(x), statistics_of(y)),
    }
    compare(f"500 samples, {width} dimensions, from features", ways, rounds)


def memory(width: int, count: int) -> None:
    x, y = features(0, count, width), features(1, count, width)
    start = time.perf_counter()
    found = PrecisionRecall()(x, y)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    print(f"precision and recall of {count} x {width}: {found}")
    print(f"  peak {peak:.2f} GB with both sets of features ({2 * x.nbytes / 2**30:.2f} GB), libraries and all")
    print(f"  {time.perf_counter() - start:.0f} s on {torch.get_num_threads()} threads")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--width", type=int, default=2048)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", action="store_true")
    parser.add_argument("--count", type=int, default=50_000, help="samples with --memory")
    chosen = parse(parser, width=8, rounds=1, count=50)
    if chosen.memory:
        memory(chosen.width, chosen.count)
        return
    full_rank(chosen.width, chosen.rounds)
    low_rank(chosen.width, chosen.rounds)


if __name__ == "__main__":
    main()
