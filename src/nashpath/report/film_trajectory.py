"""The path of a toy game's parameters in the plane of the first two."""

from typing import Any

import numpy as np

Frames = list[tuple[int, dict[str, np.ndarray]]]


def trajectory_film(frames: Frames, members: list[int], reference: dict[str, np.ndarray]) -> dict[str, Any]:
    """``paths[position of the member][frame] = [x, y]``, None where it is missing or not finite.

    A game of one parameter is drawn against the step. ``equilibrium`` is a spot, or None.
    """
    lone = all(saved[name].size == 1 for _, saved in frames for name in saved if name.startswith("p"))
    return {
        "kind": "trajectory",
        "steps": [step for step, _ in frames],
        "paths": [[_spot(step, saved.get(f"p{m}"), lone) for step, saved in frames] for m in members],
        "equilibrium": None if lone else _spot(0, reference.get("equilibrium"), lone),
        "axes": ["step", "parameter 1"] if lone else ["parameter 1", "parameter 2"],
    }


def _spot(step: int, parameters: np.ndarray | None, lone: bool) -> list[float] | None:
    if parameters is None or parameters.size == 0:
        return None
    flat = parameters.astype(np.float64).ravel()[:2]
    spot = [float(step), float(flat[0])] if lone else [float(v) for v in flat]
    return [float(f"{v:.6g}") for v in spot] if np.isfinite(spot).all() and len(spot) == 2 else None
