"""The one training loop: programs in lockstep, rows and samples at intervals, checkpoints, a clean stop."""

import platform
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from typing import Any

import numpy as np
import torch

from nashpath.run.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from nashpath.run.members import Member
from nashpath.run.program import Program, never
from nashpath.run.step import SOUND
from nashpath.run.store import Store
from nashpath.run.view import evaluate, extent, has_samples, levels, samples, strategies

CHECKPOINT_SECONDS = 60.0
SHOWN = 16
"""Members whose samples are saved through training."""


@dataclass
class Progress:
    """Where training stands: the step of all members, the median cost of each player, and the rate."""

    step: int
    total: int
    alive: int
    members: int
    costs: dict[str, float]
    steps_per_second: float
    message: str = ""


@dataclass
class Team:
    """One group of members and the program that trains them."""

    members: list[Member]
    program: Program
    reason: str


@dataclass
class Session:
    """A training run over a run folder; `train` may be called on a fresh or a restored session."""

    store: Store
    teams: list[Team]
    name: str
    notify: Callable[[Progress], None] = lambda progress: None
    stop: Callable[[], bool] = never
    warnings: list[str] = field(default_factory=list)
    spent: float = 0.0
    results: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = self.teams[0].members[0].settings
        self.members = [member for team in self.teams for member in team.members]
        self.begun, self.started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        self.saved = self.begun
        trial = self.teams[0].program.trials[0]
        self.pictures = has_samples(trial) and "data" in self.store.read_config()
        frames = 20 if self.pictures else 200
        self.log_every = self.settings.log_every or max(1, self.settings.steps // 100)
        self.sample_every = self.settings.sample_every or max(1, self.settings.steps // frames)
        self.results = self.results or {
            m.index: {"costs": {}, "metrics": {}, "outcome": "running"} for m in self.members
        }

    @property
    def taken(self) -> int:
        """Steps that every program has taken."""
        return min(team.program.taken for team in self.teams)

    def train(self) -> str:
        """Trains to the end or until stopped; returns the status. What was computed is on disk either way."""
        if self.taken == 0:
            self._reference()
            self._look()
        while self.taken < self.settings.steps and not self.stop():
            self._advance(self._next())
            if self.stop():
                break
            if self._due(self.log_every):
                self._log()
            if self._due(self.sample_every):
                self._look()
            if self._checkpoint_due():
                self.checkpoint()
        status = "finished" if self.taken >= self.settings.steps else "stopped"
        self._conclude(status)
        return status

    def checkpoint(self) -> None:
        """Writes everything a resumed run needs, atomically."""
        pairs = self._indexed()
        meta = {
            "taken": [team.program.taken for team in self.teams],
            "spent": self._spent(),
            "results": {str(k): v for k, v in self.results.items()},
        }
        save_checkpoint(self.store.checkpoint, [(p.carry(i), p.samplers[i].state()) for _, p, i in pairs], meta)
        self.saved = time.perf_counter()

    def restore(self) -> None:
        """Continues where the run folder's checkpoint was taken; later rows and samples are dropped."""
        pairs = self._indexed()
        like = [(p.carry(i), p.samplers[i].state()) for _, p, i in pairs]
        stored, meta = load_checkpoint(self.store.checkpoint, like)
        if len(meta["taken"]) != len(self.teams):
            raise CheckpointError(f"{self.store.checkpoint}: has {len(meta['taken'])} programs, not {len(self.teams)}")
        for team, taken in zip(self.teams, meta["taken"]):
            own = [stored[k] for k, (member, _, _) in enumerate(pairs) if member in team.members]
            team.program.load(own, taken)
        self.spent, self.results = meta["spent"], {int(k): v for k, v in meta["results"].items()}
        self.store.truncate(self.taken)

    def _indexed(self) -> list[tuple[Member, Program, int]]:
        """Every member with its program and its place in it, in member order."""
        found = [(m, team.program, i) for team in self.teams for i, m in enumerate(team.members)]
        return sorted(found, key=lambda entry: entry[0].index)

    def _next(self) -> int:
        """The step at which something is due next."""
        periods = [self.log_every, self.sample_every, self.settings.checkpoint_every]
        return min([self.settings.steps, *((self.taken // p + 1) * p for p in periods if p)])

    def _due(self, every: int) -> bool:
        return self.taken % every == 0 or self.taken >= self.settings.steps

    def _advance(self, target: int) -> None:
        for team in self.teams:
            if team.program.alive():
                team.program.run(target - team.program.taken, self.stop)
            else:
                team.program.taken = target

    def _checkpoint_due(self) -> bool:
        every = self.settings.checkpoint_every
        return self.taken % every == 0 if every else time.perf_counter() - self.saved > CHECKPOINT_SECONDS

    def _spent(self) -> float:
        return self.spent + time.perf_counter() - self.begun

    def _log(self) -> None:
        """One row a member that still moves, and one empty row at the step where it was found to have stopped."""
        rows, costs = [], []
        for team in self.teams:
            for i, (member, info) in enumerate(zip(team.members, team.program.info())):
                result, carry = self.results[member.index], team.program.carry(i)
                where = {"step": self.taken, "member": member.index, "seconds": round(self._spent(), 3)}
                if int(carry.culprit) != SOUND:
                    if not result["outcome"].startswith("diverged"):
                        player = team.program.trials[i].game.players[int(carry.culprit)]
                        result["outcome"] = f"diverged: {player} at step {int(carry.steps) + 1}"
                        rows.append({**where, **dict.fromkeys(info)})
                    continue
                rows.append({**where, **info})
                result["costs"] = {k.removeprefix("cost."): v for k, v in info.items() if k.startswith("cost.")}
                costs.append(result["costs"])
        self.store.append(rows)
        middle = {k: float(np.median([c[k] for c in costs])) for k in (costs[0] if costs else {})}
        self.notify(
            Progress(self.taken, self.settings.steps, len(costs), len(self.members), middle, self.steps_per_second())
        )

    def steps_per_second(self) -> float:
        """Member-steps a second of training time; the first step, which compiles, is left out."""
        taken = sum(team.program.timed * len(team.members) for team in self.teams)
        return taken / max(1e-9, sum(team.program.seconds for team in self.teams))

    def _reference(self) -> None:
        if not self.pictures:
            return
        source: Any = self.teams[0].program.trials[0].game.data
        real = source.draw(torch.Generator().manual_seed(0), max(256, self.settings.samples))["real"]
        arrays = {"real": real.numpy()}
        if hasattr(source, "centres"):
            arrays["centres"] = np.asarray(source.centres)
        self.store.write_arrays("reference.npz", arrays)

    def _look(self) -> None:
        """Saves samples (or a toy's strategies) and evaluates every member."""
        arrays: dict[str, np.ndarray] = {}
        rows = []
        for member, program, i in self._indexed():
            trial, carry = program.trials[i], program.carry(i)
            if not self.pictures:
                arrays[f"p{member.index}"] = strategies(carry)
                continue
            found = samples(trial, carry, member.seed, max(self.settings.evaluation_samples, self.settings.samples))
            results = evaluate(found, trial.game.data, member.seed)
            self.results[member.index]["metrics"] = results
            rows.append({"step": self.taken, "member": member.index, **results})
            if member.index < SHOWN:
                arrays |= self._picture(member, trial, carry, found)
        self.store.append(rows)
        self.store.write_arrays(f"samples/step-{self.taken:08d}.npz", arrays)

    def _picture(self, member: Member, trial: Any, carry: Any, found: torch.Tensor) -> dict[str, np.ndarray]:
        points = found.shape[1:] == (2,)
        shown = found[: max(self.settings.samples, 400) if points else self.settings.samples]
        arrays = {f"m{member.index}": shown.cpu().numpy()}
        if points:
            square = extent(trial.game.data.draw(torch.Generator().manual_seed(0), 2000)["real"])
            level = levels(trial, carry, square)
            if level is not None:
                arrays |= {f"level{member.index}": level, "extent": np.array(square, dtype=np.float32)}
        return arrays

    def _conclude(self, status: str) -> None:
        self.checkpoint()
        for member, program, i in self._indexed():
            result, carry = self.results[member.index], program.carry(i)
            result["steps"] = int(carry.steps)
            if not result["outcome"].startswith("diverged"):
                result["outcome"] = status
        self.store.write_json("members.json", self.summary())
        self.store.write_json("run.json", self._facts(status))

    def summary(self) -> list[dict[str, Any]]:
        """One entry a member: seed, what differs, outcome, steps, costs, metrics."""
        return [
            {"member": m.index, "seed": m.seed, "settings": m.swept, **self.results[m.index]}
            for m in sorted(self.members, key=lambda m: m.index)
        ]

    def _facts(self, status: str) -> dict[str, Any]:
        trial = self.teams[0].program.trials[0]
        names = ("nashpath", "torch", "numpy")
        return {
            "format": 1,
            "name": self.name,
            "status": status,
            "started": self.started,
            "wall_seconds": round(self._spent(), 3),
            "steps": self.taken,
            "steps_per_second": round(self.steps_per_second(), 3),
            "versions": {**{name: version(name) for name in names}, "python": platform.python_version()},
            "platform": platform.platform(),
            "device": str(self.teams[0].program.device),
            "threads": torch.get_num_threads(),
            "shape": list(trial.game.data.shape) if self.pictures else None,
            "warnings": self.warnings,
            "programs": [
                {
                    "members": [m.index for m in team.members],
                    "mode": team.program.mode if len(team.members) > 1 else "solo",
                    "compiled": team.program.compiled,
                    "reason": team.reason,
                }
                for team in self.teams
            ],
        }
