"""What ``run.json`` says of a run: when, how far, on what, and how its programs were run."""

from typing import TYPE_CHECKING, Any

from nashpath.run.machine import machine
from nashpath.run.measure import protocols

if TYPE_CHECKING:
    from nashpath.run.session import Session


def facts(session: "Session", status: str) -> dict[str, Any]:
    """Name, status, times, machine and programs of a session."""
    trial: Any = session.teams[0].program.trials[0]
    yardsticks = {id(team.yardstick): team.yardstick for team in session.teams if team.yardstick}
    return {
        "format": 1,
        "name": session.name,
        "status": status,
        "started": session.started,
        "wall_seconds": round(session.seconds(), 3),
        "evaluate_seconds": round(session.aside.evaluating, 3),
        "steps": session.taken,
        "steps_per_second": round(session.steps_per_second(), 3),
        **machine(),
        "device": str(session.teams[0].program.device),
        "shape": list(trial.game.data.shape) if session.pictures else None,
        "warnings": session.warnings,
        "metrics": [entry for yardstick in yardsticks.values() for entry in protocols(yardstick.tried)],
        "programs": [
            {
                "members": [m.index for m in team.members],
                "mode": team.program.mode if len(team.members) > 1 else "solo",
                "compiled": team.program.compiled,
                "reason": team.reason,
            }
            for team in session.teams
        ],
    }
