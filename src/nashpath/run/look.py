"""A look at one member at a moment: what is saved of it, and what is measured."""

from typing import Any

import numpy as np

from nashpath.run.members import Member
from nashpath.run.step import Carry, Trial
from nashpath.run.view import distance, evaluate, has_samples, held_out_error, picture, samples, strategies


def look(member: Member, trial: Trial, carry: Carry, shown: bool) -> tuple[dict[str, np.ndarray], dict[str, Any]]:
    """``(arrays, metrics)``: samples where they are ``shown`` (or a toy's strategies), and the evaluation."""
    if not has_samples(trial):
        return {f"p{member.index}": strategies(carry)}, distance(trial, carry)
    wanted: Any = member.settings
    found = samples(trial, carry, member.seed, max(wanted.evaluation_samples, wanted.samples))
    metrics = evaluate(found, trial.game.data, member.seed) | held_out_error(trial, carry)  # type: ignore[arg-type]
    arrays = picture(member.index, trial, carry, found, wanted.samples) if shown else {}
    return arrays, metrics
