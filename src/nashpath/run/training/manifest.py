"""What ``run.json`` says of the programs of a run: on what, measured by what, and why they ran as they did."""

from collections.abc import Sequence
from typing import Any

from nashpath.run.folder.machine import machine
from nashpath.run.observe.metrics import protocols
from nashpath.run.training.group import Team


def facts(teams: Sequence[Team], pictures: bool) -> dict[str, Any]:
    """Machine, device, the shape of a sample (where there are ``pictures``), protocols of metrics, and programs."""
    trial: Any = teams[0].program.trials[0]
    yardsticks = {id(team.yardstick): team.yardstick for team in teams if team.yardstick}
    return {
        **machine(),
        "device": str(teams[0].program.device),
        "shape": list(trial.game.data.shape) if pictures else None,
        "metrics": [entry for yardstick in yardsticks.values() for entry in protocols(yardstick.tried)],
        "programs": [
            {
                "members": [m.index for m in team.members],
                "mode": team.program.mode if len(team.members) > 1 else "solo",
                "compiled": team.program.compiled,
                "reason": team.reason,
            }
            for team in teams
        ],
    }
