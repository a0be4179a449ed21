"""How the ring's speed changes with members, batch and width, as numbers and as a picture.

    python benchmarks/scaling.py [--most 4096] [--rounds 3] [--no-compile] [--picture speed.png] [--smallest]

One thread. Members are those of one population (in stacks that fit the caches, as a run takes them; and as one stack);
batch and width are changed one at a time, of one GAN. `make bench` keeps these curves in its record.
"""

import argparse
import statistics
import time
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import torch
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils.flop_counter import flop_registry

import jax_ring
import stacked
from nashpath.report.draw import COLOURS, as_png, new_panels
from nashpath.run.engine.memory import COMPILED
from sizes import parse

MEMBERS = (1, 4, 16, 64, 256, 1024, 4096)
SIZES = (16, 64, 256, 1024)
LONGEST = 3.0
"""Seconds of one measurement, about."""

Point = dict[str, Any]
Run = Callable[[int], None]


def measure(most: int, rounds: int, compiles: bool, jax: bool, sizes: tuple[int, ...] = SIZES) -> list[Point]:
    """Every point of the three curves: GAN steps of all members a CPU-second, and the operations of one in products."""
    found: list[Point] = []
    for curve, way, at, work, make in points(most, compiles, jax, sizes):
        members = at if curve == "members" else 1
        run, least = make(), jax_ring.SCANNED if way == jax_ring.NAME else 1
        run(least)  # compiles
        run(least)
        begun = time.process_time()
        run(least)
        took = max(time.process_time() - begun, 1e-6)
        steps = least * max(1, min(600 // least, int(LONGEST / rounds / took)))
        rates = [stacked.rate(run, steps, members) for _ in range(rounds)]
        found.append({"curve": curve, "way": way, "at": at, "rates": rates, "operations": work})
        print(f"  {curve} {at}: {way} {statistics.median(rates):,.0f}", flush=True)
    return found


def points(
    most: int, compiles: bool, jax: bool, sizes: tuple[int, ...]
) -> Iterator[tuple[str, str, int, float, Callable[[], Run]]]:
    """What is raced where: the curve, the way, the place on the curve, the operations of a step, and how it is made."""
    race = stacked.ring()
    work = operations(race)
    for n in (n for n in MEMBERS if n <= most):
        mode = "stacked" if n > 1 else "looped"
        yield "members", "eager", n, work, partial(stacked.population, race, n, mode, False)
        if compiles:
            yield "members", "compiled", n, work, partial(stacked.population, race, n, mode, True)
        if compiles and COMPILED < n <= 256:
            yield "members", "compiled, one stack", n, work, partial(one_stack, race, n)
        if jax:
            yield "members", jax_ring.NAME, n, work, partial(jax_ring.jax_loop, n)
    for curve in ("batch", "width"):
        for size in sizes:
            other = stacked.ring(**{curve: size})
            work = operations(other)
            yield curve, "plain eager loop", size, work, partial(stacked.eager_loop, other)
            yield curve, "eager", size, work, partial(stacked.population, other, 1, "looped", False)
            if compiles:
                yield curve, "compiled", size, work, partial(stacked.population, other, 1, "looped", True)
            if jax:
                yield curve, jax_ring.NAME, size, work, partial(jax_ring.jax_loop, 1, other.batch, other.width)


def one_stack(race: stacked.Race, members: int) -> Run:
    """All members in one compiled stack, however large."""
    return stacked.program(race, members, "stacked", True).run


class Operations(TorchDispatchMode):
    """Counts the operations of products and convolutions (PyTorch's own counter cannot follow a nested derivative)."""

    total = 0

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        result = func(*args, **(kwargs or {}))
        count = flop_registry.get(func.overloadpacket)
        self.total += count(*args, **(kwargs or {}), out_val=result) if count else 0
        return result


def operations(race: stacked.Race) -> float:
    """Floating-point operations of the matrix products and convolutions of one GAN step."""
    program = stacked.program(race, 1, "looped", False)
    program.run(1)
    with Operations() as counted:
        program.run(1)
    return float(counted.total)


def _speed(point: Point) -> float:
    """10⁹ operations a second in products."""
    return 1e-9 * point["operations"] * statistics.median(point["rates"])


def draw(found: list[Point], ceiling: float) -> bytes:
    """The curves as a PNG: 10⁹ operations a second in products, and what one thread makes at best, dashed."""
    ways = list(dict.fromkeys(point["way"] for point in found))
    curves = list(dict.fromkeys(point["curve"] for point in found))
    canvas, grid = new_panels(len(curves), 3.8, 3.8)
    for curve, axes in zip(curves, grid):
        if axes is not grid[0]:
            axes.sharey(grid[0])
        for way, colour in zip(ways, COLOURS):
            own = [p for p in found if (p["curve"], p["way"]) == (curve, way)]
            axes.plot([p["at"] for p in own], [_speed(p) for p in own], "o-", color=colour, label=way, markersize=4)
        axes.axhline(ceiling, color="#555555", ls="--", lw=1)
        axes.set_xscale("log", base=4)
        axes.set_yscale("log")
        axes.set_xticks(sorted({p["at"] for p in found if p["curve"] == curve}))
        axes.xaxis.set_major_formatter(lambda value, _: f"{value:,.0f}")
        axes.set_xlabel({"members": "members", "batch": "batch, one GAN", "width": "width, one GAN"}[curve])
    grid[0].set_ylabel("10⁹ operations a second in products")
    handles = {label: h for axes in grid for h, label in zip(*axes.get_legend_handles_labels())}
    canvas.legend(handles.values(), handles.keys(), loc="outside upper center", ncols=len(handles), frameon=False)
    return as_png(canvas)


def shares(found: list[Point], ceiling: float) -> list[str]:
    """The compiled curves in words: of the ceiling, how much is reached at each point."""
    lines = []
    for curve, way in dict.fromkeys((p["curve"], p["way"]) for p in found if p["way"].startswith("compiled")):
        own = [p for p in found if (p["curve"], p["way"]) == (curve, way)]
        reached = ", ".join(f"{_speed(p) / ceiling:.0%} at {p['at']:,}" for p in own)
        lines.append(f"{way}, by {curve}: {reached}")
    return lines


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--most", type=int, default=MEMBERS[-1], help="members")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--picture", type=Path)
    chosen = parse(parser, most=4, rounds=1, compile=False)
    torch.set_num_threads(1)
    print("GAN steps a CPU-second, one thread")
    jax = jax_ring.available() and not chosen.smallest
    found = measure(chosen.most, chosen.rounds, chosen.compile, jax, SIZES[:1] if chosen.smallest else SIZES)
    if chosen.picture:
        chosen.picture.write_bytes(draw(found, max(map(_speed, found))))


if __name__ == "__main__":
    main()
