"""Every race of the engine in one command, kept as a record of this machine and shown in `docs/speed.md`.

Raced are the ring (solo and stacked, eager and compiled, against a plain eager loop and, where it is installed, JAX)
and a DCGAN of 32 pixels, then the ring over members, batch and width; measured besides are the share of a run's time
that evaluation takes, and this machine's ceilings (a large matrix product, a large copy), which say how far a race is
from them. Ratios are of one run; a ratio that fell by a fifth against this machine's last record is named.

    python benchmarks/record.py [--rounds 5] [--members 1 16 64 256] [--only ring dcgan scaling evaluation]
        [--records FOLDER] [--page docs/speed.md] [--smallest]
"""

import argparse
import json
import os
import statistics
import tempfile
import time
from dataclasses import asdict
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch

import jax_ring
import scaling
import stacked
from nashpath.run import open_session
from nashpath.run.engine.device import processor
from nashpath.run.folder.run_folder import machine
from scaling import operations
from sizes import parse

ROOT = Path(__file__).parent.parent
PARTS = ["ring", "dcgan", "scaling", "evaluation"]
REGRESSION = 0.8
"""A ratio below this share of the last record's is a regression."""


def ceilings(size: int = 1024, megabytes: int = 256, times: int = 5) -> dict[str, float]:
    """What one thread of this machine does at best: float32 operations and bytes a second, in 10⁹."""
    a = torch.randn(size, size)
    x, y = torch.empty(2, megabytes << 18).unbind()
    product, copy = [], []
    for _ in range(times):
        start = time.perf_counter()
        a @ a
        product.append(time.perf_counter() - start)
        start = time.perf_counter()
        y.copy_(x)
        copy.append(time.perf_counter() - start)
    return {"gflops": 2e-9 * size**3 / min(product), "gigabytes": 2e-3 * megabytes / min(copy)}


def evaluation(steps: int) -> list[dict[str, Any]]:
    """The share of a run's time that its default evaluation takes: one ring, and a stack of twenty."""
    found = []
    for members in (1, 20):
        with tempfile.TemporaryDirectory() as folder:
            raw = {"steps": steps, "seeds": list(range(members)), "threads": 1, "compile": "off"}
            session = open_session(raw, {}, Path(folder) / "run")
            session.train()
            training = sum(group.program.seconds for group in session.groups)
            aside = session.recorder.overhead
            share = aside.evaluating / (aside.evaluating + training)
            found.append({"run": f"ring, {members} seeds, {steps} steps", "share": share, "looks": aside.times["look"]})
    return found


def regressions(new: dict[str, Any], old: list[dict[str, Any]]) -> list[str]:
    """The races whose ratio to the plain loop fell by a fifth since their last record (the newest last), in words."""
    before = {(r["race"], r["way"], r["members"]): r for record in old for r in record["races"]}
    found = []
    for race in new["races"]:
        known = before.get((race["race"], race["way"], race["members"]))
        now, then = (statistics.median(r["ratios"]) if r else 0.0 for r in (race, known))
        if known and now < REGRESSION * then:
            found.append(f"{race['race']}: {race['way']}, {race['members']} members: {now:.2f} x, was {then:.2f} x")
    return found


def alike(record: dict[str, Any]) -> tuple[str, str]:
    """What tells machines apart: the processor's name, and its vectors, since different machines share a name."""
    return record["processor"], record["vectors"]


def picture(record: dict[str, Any]) -> str:
    """Where the picture of a record's curves is, from the page."""
    return f"figures/speed-{'-'.join(_words(' '.join(alike(record))))}.png"


def _words(text: str) -> list[str]:
    return "".join(c if c.isalnum() else " " for c in text).lower().split()


def curves(chosen: argparse.Namespace, jax: bool) -> list[scaling.Point]:
    """The ring over members, batch and width."""
    if chosen.smallest:
        return scaling.measure(4, 1, False, False, scaling.SIZES[:1])
    return scaling.measure(scaling.MEMBERS[-1], 3, chosen.compile, jax)


def records(folder: Path) -> list[dict[str, Any]]:
    """All records, the newest last."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def page(kept: list[dict[str, Any]]) -> str:
    """The newest record of each machine as a page, the last one first."""
    newest: dict[tuple[str, str], dict[str, Any]] = {}
    for record in reversed(kept):
        newest.setdefault(alike(record), record)
    lines = [HEAD]
    for (name, vectors), record in newest.items():
        about, top = record["machine"], record["ceilings"]
        lines.append(f"## {name}, {vectors}\n")
        lines.append(
            f"Measured on {record['date']}: one thread, torch {about['versions']['torch']}. One "
            f"thread makes at best {top['gflops']:.0f} · 10⁹ float32 operations a second in a matrix product, and "
            f"moves {top['gigabytes']:.1f} GB a second in a copy.\n"
        )
        for race in dict.fromkeys(r["race"] for r in record["races"]):
            work = record["operations"][race]
            lines.append(f"### {race}\n\nOne step: {work / 1e6:,.1f} million operations in products.\n")
            lines.append(
                "| | members | steps a CPU-second | against the plain loop | of the product ceiling | ready in |"
            )
            lines.append("|---|---|---|---|---|---|")
            for r in (r for r in record["races"] if r["race"] == race):
                rate, ratio = statistics.median(r["rates"]), statistics.median(r["ratios"])
                share = rate * work / (1e9 * top["gflops"])
                spread = f"{ratio:.2f} × ({min(r['ratios']):.2f} to {max(r['ratios']):.2f})"
                lines.append(
                    f"| {r['way']} | {r['members']} | {rate:,.0f} | {spread} | {share:.0%} | {r['ready']:.0f} s |"
                )
            lines.append("")
        if record.get("scaling"):
            lines += [
                "### Over members, batch and width\n",
                f"![Speed over members, batch and width]({picture(record)})\n",
            ]
            lines += [f"Of the ceiling, {said}.\n" for said in scaling.shares(record["scaling"], top["gflops"])]
            lines.append(f"{BENDS}\n")
        if record["evaluation"]:
            lines += ["### Evaluation\n", "| run | looks | share of the time |", "|---|---|---|"]
            lines += [f"| {e['run']} | {e['looks']} | {e['share']:.1%} |" for e in record["evaluation"]]
            lines.append("")
    return "\n".join(lines)


BENDS = """The dashed line is the ceiling of products. Why the curves bend:

- **Members.** Alone, more than half of a step's time goes into calling its parts and asking for memory; sixteen share
  each call. From 32 on a population is several stacks, since one large stack leaves the caches ("one stack"). With
  thousands, every step fetches each member's state from memory: parameters and two moments, 120 kB.
- **Batch.** Calls and the rule's arithmetic cost the same for any batch, so products come to dominate as it grows.
- **Width.** Products grow with the square of the width, calls not at all. From 256 on it is a library's speed in
  products that counts, and the memory that the rule moves for every parameter.

Points were measured one after the other, in one process. One member, batch 64 and width 64 are the same game: the plain
loop made 409 and 468 steps of it there, ours 2,671, 2,370 and 3,386, JAX 3,518, 3,110 and 3,517. What is alive beside
a step slows it (beside 1,024 members one GAN made 3,499 steps instead of 3,915, and 3,901 when they were gone), and so
does what else a machine does. So compare at one point only. The races above have populations of 256 beside them, too:
in a process of its own, on the same day, a compiled solo GAN made 3,918 and 4,013 steps (7.4 × the plain loop) and JAX
3,192 and 3,616; an eager one took 1.06 to 1.13 times as long as the plain loop. Held to AVX2, ours made 3,695, JAX
3,531, of 16 members 6,080 and 4,287."""

HEAD = """# Speed

Made by `make bench`, which races everything in one run and keeps a record under `benchmarks/records/`. Rates are GAN
steps (both players' turns) of all members together, a CPU-second; what to quote is the ratio to the plain loop: stock
modules, stock Adam, DRAGAN by double backward, as a careful user of PyTorch would write it. JAX is a `scan` of 32 steps
under `vmap` and `jit`, draws included. "Ready in" are seconds to the end of the first step, with nothing compiled
before: what the compiler kept on the disk, a later run of the same shapes finds. Of each machine the last record is
shown, the newest first; what the engine learned since then is not in it. A CUDA device: not measured yet by
this command. Predicted for an H100, from prototypes of recorded steps (`cuda_graph`): 13 × the plain loop for a ring
solo, 950 × for 64 members stacked, 4,100 × for 4,096.
"""


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--members", type=int, nargs="+", default=[1, 16, 64, 256])
    parser.add_argument("--only", nargs="+", choices=PARTS)
    parser.add_argument("--records", type=Path, default=ROOT / "benchmarks" / "records")
    parser.add_argument("--page", type=Path)
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--steps", type=int, default=0)
    chosen = parse(
        parser, rounds=1, members=[1, 2], steps=1, compile=False, records=Path(tempfile.mkdtemp()), page=None
    )
    if chosen.page and chosen.only:
        parser.error("--page shows whole records; leave out --only")
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as compiled:
        os.environ["TORCHINDUCTOR_CACHE_DIR"] = compiled  # nothing was compiled before
        measure(chosen)


def measure(chosen: argparse.Namespace) -> None:
    wanted, jax = chosen.only or PARTS, jax_ring.available() and not chosen.smallest
    each = [True, False] if chosen.compile else [False]
    found: list[stacked.Rate] = []
    work: dict[str, float] = {}
    for name, members in (("ring", chosen.members), ("dcgan", [1])):
        if name in wanted:
            race = stacked.races()[name]
            ways = [("stacked" if n > 1 else "looped", n, compiled) for n in members for compiled in each]
            work[race.name] = operations(race)
            found += stacked.run_race(race, ways, chosen.rounds, chosen.steps, jax and name == "ring")
            print(stacked.told([one for one in found if one.race == race.name]), flush=True)
    name = processor()
    record: dict[str, Any] = {
        "date": datetime.now(UTC).date().isoformat(),
        "processor": name,
        "machine": machine(),
        "vectors": torch.backends.cpu.get_cpu_capability(),
        "ceilings": ceilings(128, 1, 1) if chosen.smallest else ceilings(),
        "operations": work,
        "races": [asdict(one) for one in found],
        "scaling": curves(chosen, jax) if "scaling" in wanted else [],
        "evaluation": evaluation(4 if chosen.smallest else 2000) if "evaluation" in wanted else [],
    }
    for e in record["evaluation"]:
        print(f"{e['run']}: evaluation takes {e['share']:.1%} of the time in {e['looks']} looks")
    same = [old for old in records(chosen.records) if alike(old) == alike(record)]
    record["regressions"] = regressions(record, same)
    for said in record["regressions"]:
        print(f"slower than in the last record: {said}")
    chosen.records.mkdir(parents=True, exist_ok=True)
    path = chosen.records / f"{datetime.now(UTC):%Y-%m-%d-%H%M}-{'-'.join(_words(name))}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(path)
    if chosen.page:
        chosen.page.write_text(page(records(chosen.records)))
        drawn = scaling.draw(record["scaling"], record["ceilings"]["gflops"])
        (chosen.page.parent / picture(record)).write_bytes(drawn)


if __name__ == "__main__":
    main()
