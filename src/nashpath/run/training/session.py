"""The one training loop: programs in lockstep, rows and samples at intervals, checkpoints, a clean stop."""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import numpy as np

from nashpath.run.engine.program import never, spent
from nashpath.run.engine.step import NOT_DIVERGED, outcome
from nashpath.run.folder.checkpoint import CheckpointError, load_checkpoint, save_checkpoint
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.folder.tensorboard import Events
from nashpath.run.observe.diagnostics import diagnostic_rows
from nashpath.run.observe.metrics import measure_member
from nashpath.run.observe.snapshot import equilibrium, has_samples, reference_samples, snapshot
from nashpath.run.settings.members import Member
from nashpath.run.settings.method_files import Entry, without_folders
from nashpath.run.training.group import MemberGroup, RunProgress
from nashpath.run.training.manifest import manifest
from nashpath.run.training.overhead import Stopwatch

CHECKPOINT_SECONDS = 60.0
SHOWN = 16
"""So many members' samples are saved through training, spread evenly over all."""


@dataclass
class Session:
    """A training run over a run folder; `train` may be called on a fresh or a restored session."""

    store: RunFolder
    groups: list[MemberGroup]
    name: str
    notify: Callable[[RunProgress], None] = lambda progress: None
    stop: Callable[[], bool] = never
    events: Events | None = None
    methods: list[Entry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    spent: float = 0.0
    results: dict[int, dict[str, Any]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.settings = self.groups[0].members[0].settings
        self.members = [member for group in self.groups for member in group.members]
        self.begun, self.started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        self.saved = self.begun
        trial = self.groups[0].program.trials[0]
        self.pictures = has_samples(trial)
        frames = 20 if self.pictures else 200
        self.log_every = self.settings.log_every or max(1, self.settings.steps // 100)
        self.sample_every = self.settings.sample_every or max(1, self.settings.steps // frames)
        watch_every = (self.settings.diagnose_every or self.sample_every) if self.settings.diagnostics else 0
        measure_every = (self.settings.evaluate_every or self.sample_every) if self.settings.metrics else 0
        self.regular = [
            (self.log_every, "log", self._log),
            (self.sample_every, "look", self._look),
            (measure_every, "measure", self._measure),
            (watch_every, "watch", self._watch),
        ]
        self.aside = Stopwatch()
        self.shown = set(np.linspace(0, len(self.members) - 1, SHOWN).round().astype(int).tolist())
        self.results = self.results or {
            m.index: {"outcome": "running", "steps": 0, "costs": {}, "metrics": {}} for m in self.members
        }

    @property
    def taken(self) -> int:
        """Steps that every program has taken."""
        return min(group.program.taken for group in self.groups)

    @property
    def untouched(self) -> bool:
        """Whether no program has taken a step; training then begins with a look at the start."""
        return not any(group.program.taken for group in self.groups)

    def train(self) -> str:
        """Trains to the end or until stopped; returns the status. What was computed is on disk either way."""
        if self.untouched:
            trial: Any = self.groups[0].program.trials[0]
            known = reference_samples(trial.game.data, self.settings.samples) if self.pictures else equilibrium(trial)
            if known:
                self.store.write_arrays("reference.npz", known)
            for _, name, act in self.regular[1:]:
                self.aside.do(name, act)
        while self.taken < self.settings.steps and not self.stop():
            target = self._next()
            self._advance(target)
            if self.taken < target:  # stopped on the way; what was reached is recorded, stopped or not
                break
            for name, act in [(name, act) for every, name, act in self.regular if every and self._due(every)]:
                self.aside.do(name, act)
            self._warn()
            if self._checkpoint_due():
                self.checkpoint()
        status = "finished" if self.taken >= self.settings.steps else "stopped"
        self._conclude(status)
        return status

    def checkpoint(self) -> None:
        """Writes everything a resumed run needs, atomically."""
        pairs = self._indexed()
        meta = {
            "taken": [group.program.taken for group in self.groups],
            "reports": [group.program.info() for group in self.groups],
            "clocks": [(group.program.seconds, group.program.timed) for group in self.groups],
            "spent": self.seconds(),
            "aside": vars(self.aside),
            "results": {str(k): v for k, v in self.results.items()},
        }
        members = [(group.program.train_state(i), group.program.samplers[i].state()) for _, group, i in pairs]
        save_checkpoint(self.store.checkpoint, members, meta)
        self.saved = time.perf_counter()

    def restore(self) -> None:
        """Continues where the run folder's checkpoint was taken; later rows and samples are dropped.

        A run that was killed before its first checkpoint starts again: its draws are the same.
        """
        if not self.store.checkpoint.exists():
            self.store.truncate(-1)
            return
        pairs = self._indexed()
        like = [(t.program.train_state(i), t.program.samplers[i].state()) for _, t, i in pairs]
        stored, meta = load_checkpoint(self.store.checkpoint, like)
        if len(meta["taken"]) != len(self.groups):
            raise CheckpointError(f"{self.store.checkpoint}: has {len(meta['taken'])} programs, not {len(self.groups)}")
        for group, taken, report, clock in zip(self.groups, meta["taken"], meta["reports"], meta["clocks"]):
            own = [stored[k] for k, (_, its, _) in enumerate(pairs) if its is group]
            group.program.load(own, taken, report)
            group.program.seconds, group.program.timed = clock
        self.aside = Stopwatch(**meta.get("aside", {}))
        self.spent, self.results = meta["spent"], {int(k): v for k, v in meta["results"].items()}
        self.store.truncate(-1 if self.untouched else self.taken)

    def _indexed(self) -> list[tuple[Member, MemberGroup, int]]:
        """Every member with its group and its place in it, in member order."""
        found = [(m, group, i) for group in self.groups for i, m in enumerate(group.members)]
        return sorted(found, key=lambda entry: entry[0].index)

    def _next(self) -> int:
        """The step at which something is due next."""
        periods = [*(every for every, *_ in self.regular), self.settings.checkpoint_every]
        return min([self.settings.steps, *((self.taken // p + 1) * p for p in periods if p)])

    def _due(self, every: int) -> bool:
        return self.taken % every == 0 or self.taken >= self.settings.steps

    def _advance(self, target: int) -> None:
        for group in self.groups:
            if group.program.alive():
                group.program.run(target - group.program.taken, self.stop)
            else:
                group.program.taken = target

    def _checkpoint_due(self) -> bool:
        every = self.settings.checkpoint_every
        return self.taken % every == 0 if every else time.perf_counter() - self.saved > CHECKPOINT_SECONDS

    def seconds(self) -> float:
        """Wall-clock seconds of this run, those before it was resumed included."""
        return self.spent + time.perf_counter() - self.begun

    def _log(self) -> None:
        """One row a member that still moves, and one empty row at the step where it was found to have stopped."""
        rows, costs = [], []
        for group in self.groups:
            for i, (member, info) in enumerate(zip(group.members, group.program.info())):
                result, train_state = self.results[member.index], group.program.train_state(i)
                where = {"step": self.taken, "member": member.index, "seconds": round(self.seconds(), 3)}
                where |= spent(group.program, i, train_state)
                if int(train_state.diverged_player) != NOT_DIVERGED:
                    if result["outcome"] == "running":
                        result["outcome"] = outcome(group.program.trials[i], train_state)
                        rows.append({**where, **dict.fromkeys(info)})
                    continue
                rows.append({**where, **info})
                result["costs"] = {k.removeprefix("cost."): v for k, v in info.items() if k.startswith("cost.")}
                costs.append(result["costs"])
        self._record(rows)
        middle = {k: float(np.median([c[k] for c in costs])) for k in (costs[0] if costs else {})}
        self.notify(
            RunProgress(self.taken, self.settings.steps, len(costs), len(self.members), middle, self.steps_per_second())
        )

    def steps_per_second(self) -> float:
        """Member-steps a second of training time; the first step, which compiles, is left out."""
        taken = sum(group.program.timed * len(group.members) for group in self.groups)
        return taken / max(1e-9, sum(group.program.seconds for group in self.groups))

    def _record(self, rows: list[dict[str, Any]]) -> None:
        self.store.append(rows)
        if self.events is not None:
            self.events.write(rows)

    def _watch(self) -> None:
        """Records what the diagnostics that the settings name read of every member."""
        for group in self.groups:
            self._record(diagnostic_rows(group.members, group.program, group.diagnostics))

    def _look(self) -> None:
        """Saves samples (or a toy's strategies) and evaluates every member."""
        arrays: dict[str, np.ndarray] = {}
        rows = []
        for member, group, i in self._indexed():
            saved, results = snapshot(
                member, group.program.trials[i], group.program.train_state(i), member.index in self.shown
            )
            arrays |= saved
            # A metric that cannot be told any more (samples that are not finite) stays in the row, as None.
            results = dict.fromkeys(self.results[member.index]["metrics"]) | results
            rows += self._latest(member, group, i, {k: v for k, v in results.items() if k not in group.measured})
        self._record(rows)
        self.store.write_arrays(f"samples/step-{self.taken:08d}.npz", arrays)

    def _measure(self) -> None:
        """Records the metrics that the settings name of every member."""
        rows = []
        for member, group, i in self._indexed():
            if group.reference_set is not None:
                found = measure_member(
                    group.reference_set, member, group.program.trials[i], group.program.train_state(i)
                )
                rows += self._latest(member, group, i, found)
        self._record(rows)

    def _latest(self, member: Member, group: MemberGroup, i: int, results: dict[str, Any]) -> list[dict[str, Any]]:
        """Keeps an evaluation as the member's latest; the row of it, or none where there was nothing to evaluate."""
        self.results[member.index]["metrics"] |= results
        where = {"step": self.taken, "member": member.index, **spent(group.program, i, group.program.train_state(i))}
        return [{**where, **results}] if results else []

    def _warn(self) -> None:
        """Says once that evaluating takes too long, and what to change."""
        said = self.aside.excess(sum(group.program.seconds for group in self.groups))
        if said and not self.warnings:
            self.warnings.append(said)
            self.notify(RunProgress(self.taken, self.settings.steps, 0, 0, {}, 0.0, warning=said))

    def _conclude(self, status: str) -> None:
        self.checkpoint()
        for member, group, i in self._indexed():
            result, train_state = self.results[member.index], group.program.train_state(i)
            result["steps"] = int(train_state.steps)
            result["outcome"] = (
                status
                if int(train_state.diverged_player) == NOT_DIVERGED
                else outcome(group.program.trials[i], train_state)
            )
        if self.events is not None:
            self.events.close()
        self.store.write_json("members.json", self.summary())
        times = {"wall_seconds": self.seconds(), "evaluate_seconds": self.aside.evaluating}
        times |= {"steps_per_second": self.steps_per_second()}
        about = {"format": 1, "name": self.name, "status": status, "started": self.started, "steps": self.taken}
        about |= {key: round(value, 3) for key, value in times.items()}
        own = {"methods": without_folders(self.methods)} if self.methods else {}
        self.store.write_json(
            "run.json", about | {"warnings": self.warnings} | own | manifest(self.groups, self.pictures)
        )

    def summary(self) -> list[dict[str, Any]]:
        """One entry a member: seed, what differs, outcome, steps, costs, metrics."""
        found = []
        for member in sorted(self.members, key=lambda m: m.index):
            result = {key: self.results[member.index][key] for key in ("outcome", "steps", "costs", "metrics")}
            found.append({"member": member.index, "seed": member.seed, "settings": member.swept, **result})
        return found
