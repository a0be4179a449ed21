"""The tables and figures of ``docs/choose.md``, from the run folders that its commands left.

Prints one Markdown table a run folder (a GAN's metrics over seeds, or a toy's rate a step), and with ``--figures``
draws the strips of seeds as SVG.

    python scripts/choose_figures.py runs/choose/* [--figures docs/figures]
"""

import argparse
import json
import math
from collections.abc import Iterable
from pathlib import Path
from statistics import mean
from typing import Any

Group = tuple[str, list[dict[str, Any]]]

WIDTH, LEFT, ROW = 720, 250, 24
FULL, PART, INK = "#2563a8", "#c2571a", "#222222"
FLOOR = 1e-5
"""Below this distance from the equilibrium, float32 is what limits a toy."""


def read(folder: Path) -> list[Group]:
    """The members of a run by what was swept, in the order of the sweep."""
    groups: dict[str, list[dict[str, Any]]] = {}
    for member in json.loads((folder / "members.json").read_text()):
        label = ", ".join(str(value) for value in member["settings"].values()) or folder.name
        groups.setdefault(label, []).append(member)
    return list(groups.items())


def values(members: list[dict[str, Any]], metric: str) -> list[float]:
    """A metric of every member; a member without it (samples not finite) counts as having nothing right."""
    found = [member["metrics"].get(metric) for member in members]
    return [0.0 if value is None else value for value in found]


def gan_table(groups: list[Group]) -> Iterable[str]:
    """Modes and quality, or the test error where there is one: mean, worst seed, and how many finished."""
    if "test_error" in groups[0][1][0]["metrics"]:
        yield "| settings | n | test error, mean | best | worst |\n|---|---|---|---|---|"
        for label, members in groups:
            errors = values(members, "test_error")
            yield f"| {label} | {len(errors)} | {mean(errors):.3f} | {min(errors):.3f} | {max(errors):.3f} |"
        return
    yield "| settings | n | modes, mean | worst | seeds with all 8 | high quality, mean | worst | finished |"
    yield "|---|---|---|---|---|---|---|---|"
    for label, members in groups:
        modes, good = values(members, "modes"), values(members, "high_quality")
        done = sum(member["outcome"] == "finished" for member in members)
        whole = sum(count == 8 for count in modes)
        cells = [label, len(modes), f"{mean(modes):.1f}", f"{min(modes):.0f}", f"{whole}"]
        yield "| " + " | ".join(map(str, [*cells, f"{mean(good):.2f}", f"{min(good):.2f}", done])) + " |"


def rate(distances: list[tuple[int, float]]) -> float:
    """The factor a step of the distance, from a least-squares line through its logarithm (after a tenth of the run)."""
    last = distances[-1][0]
    pairs = [(step, math.log(d)) for step, d in distances if step >= last / 10 and d > FLOOR]
    if len(pairs) < 3:  # so fast that the floor came first
        pairs = [(step, math.log(d)) for step, d in distances if d > FLOOR]
    if len(pairs) < 2:
        return math.nan
    x, y = mean(p[0] for p in pairs), mean(p[1] for p in pairs)
    slope = sum((a - x) * (b - y) for a, b in pairs) / sum((a - x) ** 2 for a, _ in pairs)
    return math.exp(slope)


def toy_table(folder: Path) -> Iterable[str]:
    """Rate a step and last distance, one line a member."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    yield "| settings | rate a step | distance: start | end | outcome |\n|---|---|---|---|---|"
    for label, (member, *_) in read(folder):
        path = [(r["step"], r["distance"]) for r in rows if r["member"] == member["member"] and "distance" in r]
        path = [(step, d) for step, d in path if d]
        numbers = f"{rate(path):.4f} | {path[0][1]:.2f} | {path[-1][1]:.2g}"
        yield f"| {label} | {numbers} | {member['outcome']} |"


def strips(groups: list[Group], title: str) -> str:
    """One strip a group: the high-quality share of every seed, blue with all 8 modes and orange with fewer."""
    height = ROW * len(groups) + 80
    scale = lambda share: LEFT + share * (WIDTH - LEFT - 20)  # noqa: E731
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {WIDTH} {height}" font-family="sans-serif" '
        f'font-size="13" fill="{INK}"><rect width="{WIDTH}" height="{height}" fill="#ffffff"/>',
        f'<text x="10" y="20" font-size="14">{title}</text>',
    ]
    for tick in (0, 0.25, 0.5, 0.75, 1):
        x = scale(tick)
        parts.append(f'<path d="M{x:.0f} 34V{height - 42}" stroke="#dddddd"/>')
        parts.append(f'<text x="{x:.0f}" y="{height - 26}" text-anchor="middle">{tick:g}</text>')
    for index, (label, members) in enumerate(groups):
        y = 34 + ROW * (index + 0.5)
        parts.append(f'<text x="{LEFT - 10}" y="{y + 4:.0f}" text-anchor="end">{label}</text>')
        for share, count in zip(values(members, "high_quality"), values(members, "modes"), strict=True):
            colour = FULL if count == 8 else PART
            parts.append(f'<circle cx="{scale(share):.1f}" cy="{y:.0f}" r="4.5" fill="{colour}" fill-opacity="0.6"/>')
    legend = "share of high-quality samples; one dot a seed: blue covers all 8 modes, orange fewer"
    parts.append(f'<text x="{WIDTH - 20}" y="{height - 8}" text-anchor="end">{legend}</text></svg>')
    return "\n".join(parts) + "\n"


FIGURES = {
    "choose-objectives": ("Objective and penalty: the ring after 3,000 steps", ["none", "dragan", "gan_gp", "r1"]),
    "choose-solvers": ("Solver: the ring after 3,000 steps", ["solvers1", "solvers2"]),
}


def draw(folders: dict[str, Path], out: Path) -> None:
    """The figures whose run folders are given."""
    for name, (title, wanted) in FIGURES.items():
        known = [folders[key] for key in wanted if key in folders]
        groups = [
            (f"{label} + {folder.name}" if name == "choose-objectives" else label, members)
            for folder in known
            for label, members in read(folder)
        ]
        if groups:
            out.mkdir(parents=True, exist_ok=True)
            (out / f"{name}.svg").write_text(strips(sorted(groups) if "objectives" in name else groups, title))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folders", nargs="+", type=Path)
    parser.add_argument("--figures", type=Path)
    args = parser.parse_args()
    for folder in args.folders:
        groups = read(folder)
        toy = "modes" not in groups[0][1][0]["metrics"] and "test_error" not in groups[0][1][0]["metrics"]
        print(f"\n{folder.name}\n\n" + "\n".join(toy_table(folder) if toy else gan_table(groups)))
    if args.figures:
        draw({folder.name: folder for folder in args.folders}, args.figures)


if __name__ == "__main__":
    main()
