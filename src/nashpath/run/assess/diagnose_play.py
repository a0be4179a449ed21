"""Continued training from the checkpoint, and the samples there."""

import importlib
import math
from typing import Any

import numpy as np
import torch
from torch import Tensor

from nashpath.core import Key
from nashpath.core.math.distances import nearest_neighbours
from nashpath.core.source import HasModes, is_labelled
from nashpath.diagnostics import Behaviour, RunSummary, plane_of, trajectory_of
from nashpath.metrics.label_metrics import FEW_CLASSES
from nashpath.metrics.modes import class_shares, coverage, modes
from nashpath.metrics.nearest import nearest_labels
from nashpath.run.assess.diagnose_point import Arrays
from nashpath.run.assess.playing import play_on
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.observe.snapshot import samples

RECORDED = 256
"""Recorded points of the continued trajectory."""
NETWORK_STEPS = 96
ROUND = 1.5
"""Turns that networks must make in that time to be said to go round."""
STILL = 8
"""Roundings, as a share of its norm, within which a way is one point."""
SAMPLES, DRAWN = 1000, 300
"""Samples that are counted, and those of them that are drawn."""
CLUSTERS = 10
"""Clusters of the data in which samples are counted where nothing better is known of them."""
KNOWN = 5000
"""Labelled examples that say which class a sample is nearest to."""
GREW = 1.2
"""Samples that spread this much further than halfway through training are still spreading."""


def continue_training(trial: Trial, train_state: TrainState) -> tuple[Behaviour, float | None, Arrays]:
    """Plays networks on for `NETWORK_STEPS` steps: what they do, the share of their norm that one step moves, the way.

    Whether they go round is seen in the plane where the points vary most; a mere walk winds less than once there. Of
    play that nothing moves it is not known whether it would come back from beside the point.
    """
    way = play_on(trial, train_state)(NETWORK_STEPS)
    if not torch.isfinite(way).all():
        return Behaviour("leaves", played=NETWORK_STEPS, why="to numbers that are not finite"), None, {}
    found = trajectory_of(way)
    if _stands_still(way):
        why = "no step moves it, and in so large a game play from beside the point, which it may leave, was not tried"
        return Behaviour("undecided", played=NETWORK_STEPS, why=why), found.move, plane_picture(way)
    told: dict[str, Any] = {"played": NETWORK_STEPS, "turns": found.turns}
    if found.turns >= ROUND and found.growth > 0.9 and found.straightness < 0.5:
        rate = found.growth ** (1.5 / NETWORK_STEPS)  # from the middle of the first third to that of the last
        return Behaviour("goes round", rate, NETWORK_STEPS / found.turns, **told), found.move, plane_picture(way)
    kept = f"of the steps' length {100 * found.straightness:.2g} % is kept"
    why = f"each step moves it by {100 * found.move:.2g} % of its norm, and {kept}"
    return Behaviour("still moving", why=why, **told), found.move, plane_picture(way)


def _stands_still(way: Tensor) -> bool:
    """Whether a way is one point, up to a few roundings of its numbers."""
    off = (way - way[0]).double().norm(dim=1).max()
    return float(off) <= STILL * torch.finfo(way.dtype).eps * float(way[0].double().norm())


def plane_picture(way: Tensor) -> Arrays:
    """The way in the plane: a toy's two strategies as they are, (generator, discriminator), else two directions."""
    rows = way[torch.isfinite(way).all(1)]
    every = max(1, len(rows) // RECORDED)
    rows = rows[::every]
    if len(rows) < 4:
        return {}
    if rows.shape[1] == 2:
        return {"path": rows.flip(1).numpy(), "path.every": np.array(every)}
    plane, shares = plane_of(rows.double())
    return {"path": plane.numpy(), "path.shares": np.array(shares), "path.every": np.array(every)}


def look_at_samples(trial: Trial, train_state: TrainState, summary: RunSummary) -> Arrays:
    """Fills in spread and modes of the samples; returns some of them and of the data, in one plane."""
    source: Any = trial.game.data
    fake = samples(trial, train_state, 0, SAMPLES).double().cpu().flatten(1)
    if not torch.isfinite(fake).all():
        return {}
    real = source.draw(Key(0, "reference"), SAMPLES)["real"].double().flatten(1)
    there = float(real.var(0).sum())
    summary.spread = math.sqrt(float(fake.var(0).sum()) / there) if there > 0 else None
    centres, due = source.centres.double() if isinstance(source, HasModes) else None, None
    if centres is not None:
        index, count = nearest_neighbours(fake, centres)[1][:, 0], len(centres)
        summary.reached = int(modes(fake, centres, source.deviation)["modes"])
    elif is_labelled(source) and source.classes <= FEW_CLASSES:
        known, labels = source.labelled_examples(KNOWN)
        index, count = nearest_labels(fake, known.double().flatten(1), labels), source.classes
        due, summary.places = class_shares(labels, count), "classes"
    else:
        count, summary.places = min(CLUSTERS, len(real.unique(dim=0))), "clusters of the data"
        index, due = _clusters(real, fake, count)
    summary.modes = (int(coverage(index, count, len(fake), due)[0]), count)
    told = _in_plane(real, fake, centres)
    return told if centres is None else told | {"samples.counts": torch.bincount(index, minlength=count).numpy()}


def _clusters(real: Tensor, fake: Tensor, count: int) -> tuple[Tensor, Tensor]:
    """The cluster of the data (k-means, ``count`` of them) nearest to each sample, and their shares of the data.

    Reference: Richardson & Weiss 2018, "On GANs and GMMs" (samples counted in clusters of the data).
    """
    kmeans: Any = importlib.import_module("scipy.cluster.vq").kmeans2
    scale = real.std().clamp(min=torch.finfo(real.dtype).tiny)
    centres, _ = kmeans((real / scale).numpy(), count, minit="++", seed=0)
    theirs, index = (nearest_neighbours(x / scale, torch.from_numpy(centres))[1][:, 0] for x in (real, fake))
    return index, class_shares(theirs, count)


def _in_plane(real: Tensor, fake: Tensor, centres: Tensor | None = None) -> Arrays:
    """Everything in the data's first two principal directions, or as it is where it has two coordinates or one."""
    mean, axes = torch.zeros(real.shape[1]).double(), torch.eye(real.shape[1]).double()
    if real.shape[1] > 2:
        mean, axes = real.mean(0), torch.linalg.svd(real - real.mean(0), full_matrices=False)[2][:2].T
    kinds = {"samples.real": real[:DRAWN], "samples.fake": fake[:DRAWN]}
    if centres is not None:
        kinds["samples.centres"] = centres
    return {k: ((v - mean) @ axes).float().numpy() for k, v in kinds.items()}


def still_grows(half: np.ndarray, last: np.ndarray, centres: Any = None) -> bool:
    """Whether samples [n, ...] spread further, or lie around more modes, than as many did halfway through training."""
    before, after = (torch.from_numpy(part).double().flatten(1) for part in (half, last))
    if not (torch.isfinite(before).all() and torch.isfinite(after).all()):
        return False
    if centres is None:
        return float(after.std(0).norm()) > GREW * float(before.std(0).norm())
    found = [len(nearest_neighbours(part, centres.double())[1].unique()) for part in (before, after)]
    return found[1] > found[0]
