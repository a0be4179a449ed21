"""Synthetic run folders for the report's tests, in the format that training writes."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import tomli_w

INFO = {
    "format": 1,
    "name": "ring",
    "status": "finished",
    "started": "2025-01-02T03:04:05",
    "wall_seconds": 151.2,
    "steps": 3000,
    "steps_per_second": 1234.5,
    "versions": {"nashpath": "0.1.0", "torch": "2.13.0", "python": "3.12.1", "numpy": "2.0.0"},
    "platform": "Linux",
    "device": "cpu",
    "threads": 2,
    "programs": [{"members": [0, 1], "mode": "stacked", "compiled": True, "reason": "dense networks, many members"}],
    "shape": [2],
    "warnings": [],
}
CONFIG = {"seeds": [0, 1, 2], "steps": 3000, "data": {"kind": "ring"}, "penalty": {"kind": "dragan", "weight": 1.0}}


def folder(
    path: Path, members: list[dict[str, Any]], rows: list[dict[str, Any]], info: dict | None = None, **config: Any
) -> Path:
    """A run folder without samples."""
    (path / "samples").mkdir(parents=True)
    (path / "run.json").write_text(json.dumps(INFO | (info or {})))
    (path / "members.json").write_text(json.dumps(members))
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    (path / "config.toml").write_text(tomli_w.dumps(CONFIG | config))
    return path


def save(path: Path, step: int, **arrays: Any) -> None:
    np.savez(path / "samples" / f"step-{step:08d}.npz", **{k: np.asarray(v, np.float32) for k, v in arrays.items()})


def measurements(members: int, steps: range, seed: int = 0) -> list[dict[str, Any]]:
    """Rows like those of a GAN that settles: noisy costs around log 4 and log 2, falling gradient norms."""
    rng = np.random.default_rng(seed)
    rows: list[dict[str, Any]] = []
    for step in steps:
        fade = np.exp(-step / 900)
        for member in range(members):
            noise = rng.normal(size=4) * (0.02 + 0.2 * fade)
            rows.append(
                {
                    "step": step,
                    "member": member,
                    "seconds": step / 100,
                    "cost.discriminator": 1.386 - fade + noise[0],
                    "cost.generator": 0.693 + 1.5 * fade + noise[1],
                    "gradient_norm.discriminator": float(np.exp(-step / 700 + noise[2])),
                    "gradient_norm.generator": 0.3 * float(np.exp(-step / 700 + noise[3])),
                }
            )
            if step % 500 == 0:
                rows.append({"step": step, "member": member, "modes": min(8, 1 + step // 300 + member % 2)})
    return rows


def ring_folder(path: Path, steps: int = 12, grid: int = 33, members: int = 3) -> Path:
    """2-D samples on a ring of eight modes; the last member diverges."""
    rng = np.random.default_rng(1)
    angles = 2 * np.pi * np.arange(8) / 8
    centres = np.stack([np.cos(angles), np.sin(angles)], 1)
    real = centres[rng.integers(8, size=600)] + 0.04 * rng.normal(size=(600, 2))
    rows = measurements(members, range(0, 3001, 50))
    for row in rows:
        if row["member"] == members - 1 and row["step"] >= 400:
            row.update({key: None for key in row if "." in key})
    made: list[dict[str, Any]] = [
        {"member": m, "seed": m, "settings": {}, "outcome": "finished", "steps": 3000}
        | {"costs": {"discriminator": 1.38, "generator": 0.7 + 0.01 * m}}
        | {"metrics": {"modes": 8 - m % 2, "high_quality": 0.93}}
        for m in range(members)
    ]
    made[-1].update(outcome="diverged: discriminator at step 412", steps=411, metrics={"modes": None})
    made[-1]["costs"] = {"discriminator": None, "generator": None}
    folder(path, made, rows)
    np.savez(path / "reference.npz", real=real.astype(np.float32), centres=centres.astype(np.float32))
    axis = np.linspace(-1.5, 1.5, grid)
    x, y = np.meshgrid(axis, axis)
    for k in range(steps):
        share = k / max(1, steps - 1)
        arrays: dict[str, Any] = {"extent": [-1.5, 1.5, -1.5, 1.5]}
        for m in range(members):
            picks = rng.integers(8 - m % 2, size=512)
            arrays[f"m{m}"] = share * centres[picks] + (0.05 + 0.3 * (1 - share)) * rng.normal(size=(512, 2))
            arrays[f"level{m}"] = 3 * share * np.cos(8 * np.arctan2(y, x) + m) - 6 * (np.hypot(x, y) - 1) ** 2
        if share > 0.2:
            arrays[f"level{members - 1}"] = np.full((grid, grid), np.nan)
            arrays[f"m{members - 1}"] = np.full((512, 2), np.nan)
        save(path, 250 * k, **arrays)
    return path


def digits_folder(path: Path) -> Path:
    """8 by 8 grey images of two members that differ in a setting."""
    rng = np.random.default_rng(2)
    place = np.linspace(-1, 1, 8)
    x, y = np.meshgrid(place, place)
    radius = rng.uniform(0.3, 0.8, size=(64, 1, 1, 1))
    real = 2 * np.exp(-(((np.hypot(x, y) - radius) / 0.2) ** 2)) - 1
    members = [
        {"member": m, "seed": 0, "settings": {"penalty.weight": w}, "outcome": "finished", "steps": 2000}
        | {"costs": {"discriminator": 1.3, "generator": 0.9}, "metrics": {"classes": 9 + m}}
        for m, w in enumerate((0.1, 10.0))
    ]
    info = {"name": "digits", "shape": [1, 8, 8]}
    folder(path, members, measurements(2, range(100, 2001, 100)), info, sweep={"penalty.weight": [0.1, 10.0]})
    np.savez(path / "reference.npz", real=real.astype(np.float32))
    for k in range(6):
        share = k / 5
        noise = rng.normal(size=(2, 64, 1, 8, 8))
        save(path, 400 * k, m0=share * real + (1 - share) * noise[0], m1=share**2 * real + (1 - share**2) * noise[1])
    return path


def toy_folder(path: Path) -> Path:
    """The bilinear game: one member spirals outwards, one inwards."""
    members = [
        {"member": m, "seed": m, "settings": {"solver": s}, "outcome": "stopped", "steps": 199}
        | {"costs": {"discriminator": 0.1, "generator": -0.1}, "metrics": {}}
        for m, s in enumerate(("simultaneous", "extragradient"))
    ]
    info = {"name": "xy", "shape": None, "status": "stopped"}
    folder(path, members, [], info)
    with (path / "metrics.jsonl").open("w") as out:
        for step in range(200):
            for m, rate in enumerate((1.005, 0.99)):
                spot = rate**step * np.array([np.cos(0.1 * step), np.sin(0.1 * step)])
                cost = float(spot[0] * spot[1])
                row = {"step": step, "member": m, "cost.generator": cost, "cost.discriminator": -cost}
                out.write(json.dumps(row) + "\n")
    for step in range(0, 200, 2):
        spots = [r**step * np.array([np.cos(0.1 * step), np.sin(0.1 * step)]) for r in (1.005, 0.99)]
        save(path, step, p0=spots[0], p1=spots[1])
    return path


HOSTILE = '</script><script>window.broken = 1</script>"><img src=x onerror="window.broken = 2">\'{{ 7 * 7 }}<!--'


def hostile_folder(path: Path) -> Path:
    """Markup in every place that holds text."""
    member = {"member": 0, "seed": 0, "settings": {HOSTILE: HOSTILE}, "outcome": f"diverged: {HOSTILE}", "steps": 3}
    rows = [{"step": k, "member": 0, f"cost.{HOSTILE}": 1.0 / (k + 1)} for k in range(5)]
    programs = [{"members": [0], "mode": HOSTILE, "compiled": False, "reason": HOSTILE}]
    info = {"name": HOSTILE, "status": HOSTILE, "started": HOSTILE, "platform": HOSTILE, "warnings": [HOSTILE]}
    member |= {"costs": {HOSTILE: 1.0}, "metrics": {HOSTILE: HOSTILE}}
    folder(path, [member, member | {"member": 1, "settings": {}}], rows, info | {"programs": programs}, odd=HOSTILE)
    save(path, 0, m0=np.zeros((9, 2)))
    return path
