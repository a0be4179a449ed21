"""What ``run.json`` says of the programs of a run: on what, measured by what, and why they ran as they did."""

from collections.abc import Sequence
from typing import Any

from nashpath.run.folder.machine import machine
from nashpath.run.observe.metrics import protocols
from nashpath.run.training.group import MemberGroup


def manifest(groups: Sequence[MemberGroup], pictures: bool) -> dict[str, Any]:
    """Machine, device, the shape of a sample (where there are ``pictures``), protocols of metrics, and programs."""
    trial: Any = groups[0].program.trials[0]
    reference_sets = {id(group.reference_set): group.reference_set for group in groups if group.reference_set}
    return {
        **machine(),
        "device": str(groups[0].program.device),
        "shape": list(trial.game.data.shape) if pictures else None,
        "metrics": [entry for reference_set in reference_sets.values() for entry in protocols(reference_set.tried)],
        "programs": [
            {
                "members": [m.index for m in group.members],
                "mode": group.program.mode if len(group.members) > 1 else "solo",
                "compiled": group.program.compiled,
                "reason": group.reason,
            }
            for group in groups
        ],
    }
