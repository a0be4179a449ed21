"""What a run writes down as it goes: rows of metrics, samples, each member's latest results, the facts of the run.

A `Stopwatch` counts the seconds that this takes beside training, and warns where they are too many.
"""

import math
import time
from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from torch import Tensor

from nashpath.core.own import own_warnings
from nashpath.metrics.features import Outputs
from nashpath.run.engine.device import hardware
from nashpath.run.engine.interrupt import interruptible
from nashpath.run.engine.program import never, spent
from nashpath.run.engine.step import NOT_DIVERGED, TrainState, Trial
from nashpath.run.folder.identity import DATA_SINCE, DATA_UNTIL, not_of_now
from nashpath.run.folder.run_folder import RunFolder, machine, named_infinities
from nashpath.run.observe.diagnostics import diagnostic_rows
from nashpath.run.observe.metrics import measure_member, protocols
from nashpath.run.observe.snapshot import (
    SAMPLES,
    equilibrium,
    has_samples,
    known_point,
    real_numbers,
    reference_samples,
    samples,
    snapshot,
    snapshots,
)
from nashpath.run.settings.members import Member
from nashpath.run.settings.method_files import Entry, without_folders
from nashpath.run.training.group import MemberGroup, RunProgress, in_order
from nashpath.run.training.tracking import Tracking
from nashpath.solvers.rollback import rollbacks

if TYPE_CHECKING:
    from nashpath.run.observe.shared import SharedSamples

SHARE = 0.2
"""Of the training time; above, the run says so."""
LEAST_SECONDS = 10.0
LEAST_TIMES = 4
"""One look stands at the start, before any step; after so many the share is that of the run."""

ADVICE = {
    "measure": "set evaluate_every higher, evaluation_samples lower, or name fewer metrics",
    "look": "set sample_every higher, or evaluation_samples lower",
    "watch": "set diagnose_every higher, or name fewer diagnostics",
}
"""What to change where an activity takes the most of the time."""


@dataclass
class Stopwatch:
    """Seconds and times of each activity beside training, by its name."""

    seconds: dict[str, float] = field(default_factory=dict)
    times: dict[str, int] = field(default_factory=dict)
    latest: dict[str, float] = field(default_factory=dict)
    """Seconds of the last time, those that the process did not wait for others (on a GPU it waits for its own)."""

    def do(self, name: str, act: Callable[[], None], device: str = "cpu") -> None:
        """Does it, and counts the time."""
        start, busy = time.perf_counter(), time.process_time()
        act()
        took, busy = time.perf_counter() - start, time.process_time() - busy
        self.seconds[name] = self.seconds.get(name, 0.0) + took
        self.times[name] = self.times.get(name, 0) + 1
        self.latest[name] = min(took, busy) if device == "cpu" else took

    @property
    def evaluating(self) -> float:
        """Seconds spent on looks at samples, metrics and diagnostics."""
        return sum(self.seconds.get(name, 0.0) for name in ADVICE)

    def excess(self, training: float) -> str:
        """What is wrong and what to change, where evaluating takes too much beside ``training`` seconds; else empty."""
        most = max(ADVICE, key=lambda name: self.seconds.get(name, 0.0))
        spent, often = self.evaluating, self.times.get(most, 0) >= LEAST_TIMES
        if not often or spent < LEAST_SECONDS or spent <= SHARE * training:
            return ""
        return (
            f"evaluating took {spent:.0f} s beside {training:.0f} s of training steps, more than {100 * SHARE:.0f} %; "
            f"to train faster, {ADVICE[most]}"
        )


SHOWN = 16
"""Number of members whose samples are saved through training, spread evenly over all."""


@dataclass
class Recorder:
    """Writes rows, samples and results of the members of ``groups`` into a run folder.

    ``results`` holds each member's outcome, steps, latest costs and metrics; ``overhead`` the time that is spent on
    anything but steps.
    """

    store: RunFolder
    groups: list[MemberGroup]
    notify: Callable[[RunProgress], None] = lambda progress: None
    tracking: Tracking | None = None
    methods: list[Entry] = field(default_factory=list)
    warnings: list[str] = field(default_factory=list)
    overhead: Stopwatch = field(default_factory=Stopwatch)
    spent: float = 0.0
    """Seconds of this run before it was resumed."""
    stands_on: dict[str, Any] = field(default_factory=dict)
    """Settings, data, methods, versions and device (`nashpath.run.folder.identity`)."""
    changes: list[str] = field(default_factory=list)
    """What of these was changed when the run was resumed."""
    shared: "SharedSamples | None" = None
    """Makes samples with the other processes of the run, where there are any."""

    def __post_init__(self) -> None:
        self.begun, self.started = time.perf_counter(), datetime.now(UTC).isoformat(timespec="seconds")
        self.settings = self.groups[0].members[0].settings
        self.pictures = has_samples(self.groups[0].program.trials[0])
        members = [member for member, _, _ in in_order(self.groups)]
        self.shown = set(np.linspace(0, len(members) - 1, SHOWN).round().astype(int).tolist())
        self.whole = True
        """Whether looks and metrics are of all members, or of those alone that are shown."""
        self.results: dict[int, dict[str, Any]] = {
            m.index: {"outcome": "running", "steps": 0, "costs": {}, "metrics": {}} for m in members
        }

    def track(self) -> None:
        """Opens the trackers that the settings name, where the run stands now."""
        members = [member for member, _, _ in in_order(self.groups)]
        if self.settings.track:
            self.tracking = Tracking(self.store, members, self.shown, self.taken, self.warn_of)

    @property
    def taken(self) -> int:
        """Steps that every program has taken."""
        return min(group.program.taken for group in self.groups)

    def seconds(self) -> float:
        """Wall-clock seconds of this run, those before it was resumed included."""
        return self.spent + time.perf_counter() - self.begun

    def steps_per_second(self) -> float:
        """Member-steps a second of training time; the first step, which compiles, is left out."""
        taken = sum(group.program.timed * len(group.members) for group in self.groups)
        return taken / max(1e-9, sum(group.program.seconds for group in self.groups))

    def write_reference(self, stop: Callable[[], bool] = never) -> None:
        """Real samples to compare with and what they get themselves, or a toy's known equilibrium.

        Raises `Interrupted` where ``stop`` was asked for before they were all computed; then nothing is written.
        """
        with interruptible(stop):
            known = self._reference()
        if known:
            self.store.write_arrays("reference.npz", known)

    def _reference(self) -> dict[str, np.ndarray]:
        trial: Any = self.groups[0].program.trials[0]
        known: dict[str, np.ndarray] = {} if self.pictures else equilibrium(trial)
        if self.pictures:
            count = max(self.settings.evaluation_samples, self.settings.samples)
            known = reference_samples(trial.game.data, self.settings.samples, count)
            named = self.groups[0].reference_set
            if named:
                doing = f"measuring real samples against each other for {', '.join(self.settings.metrics)}"
                self.notify(RunProgress(self.taken, self.settings.steps, 0, 0, {}, 0.0, doing))
                known |= real_numbers(named.against_itself(self.settings.evaluation_samples))
        return known

    def log(self) -> None:
        """One row a member that still moves, and one empty row at the step where it was found to have stopped."""
        rows, costs = [], []
        for group in self.groups:
            steps, stopped = group.program.steps(), set(group.program.diverged())
            for i, (member, info) in enumerate(zip(group.members, group.program.info())):
                result = self.results[member.index]
                where = {"step": self.taken, "member": member.index, "seconds": round(self.seconds(), 3)}
                where |= spent(group.program, steps[i])
                if i in stopped:
                    if result["outcome"] == "running":
                        result["outcome"] = group.program.outcome(i)
                        rows.append({**where, **dict.fromkeys(info)})
                    continue
                rows.append({**where, **info})
                result["costs"] = {k.removeprefix("cost."): v for k, v in info.items() if k.startswith("cost.")}
                costs.append(result["costs"])
        self._write(rows)
        told = [own for own in costs if not any(map(math.isnan, own.values()))]  # not of a step that was undone
        middle = {k: float(np.median([c[k] for c in told])) for k in (told[0] if told else {})}
        rate = self.steps_per_second()
        self.notify(RunProgress(self.taken, self.settings.steps, len(costs), len(self.results), middle, rate))

    def look(self) -> None:
        """Saves samples (or a toy's strategies) and evaluates every member that is looked at."""
        arrays: dict[int, dict[str, np.ndarray]] = {}
        rows: dict[int, list[dict[str, Any]]] = {}
        for group in self.groups:
            program = group.program
            places = {m.index: i for i, m in enumerate(group.members) if self.whole or m.index in self.shown}
            members = [group.members[i] for i in places.values()]
            trials = [program.trials[i] for i in places.values()]
            states = [program.train_state(i) for i in places.values()]
            if not members:
                continue
            kept = group.latents if program.mode == "stacked" else None
            make = samples if self.shared is None else self.shared.samples
            for member, state, found in snapshots(members, trials, states, kept, make):
                at, i = member.index, places[member.index]
                arrays[at], results, missing = snapshot(member, program.trials[i], state, found, at in self.shown)
                # A metric that cannot be told any more (samples that are not finite) stays in the row, as None.
                results = dict.fromkeys(self.results[at]["metrics"]) | results
                told = {k: v for k, v in results.items() if k not in group.measured}
                rows[at] = self._latest(member, group, told, state)
                self._say_missing(member, {k: v for k, v in missing.items() if k not in group.measured}, group.measured)
        self._write([row for at in sorted(rows) for row in rows[at]])
        saved = {name: array for at in sorted(arrays) for name, array in arrays[at].items()}
        self.store.write_samples(self.taken, saved)
        if self.tracking is not None:
            self.tracking.pictures(self.taken, arrays)

    def _looked_at(self) -> list[tuple[Member, MemberGroup, int]]:
        return [one for one in in_order(self.groups) if self.whole or one[0].index in self.shown]

    def measure(self) -> None:
        """Records the metrics that the settings name of every member that is looked at."""
        rows = []
        for member, group, i in self._looked_at():
            if group.reference_set is not None:
                held, at = group.reference_set, (group.program.trials[i], group.program.train_state(i))
                found, why = measure_member(held, member, *at, *self._seen(member, *at, held.spaces))
                rows += self._latest(member, group, found, at[1])
                others = self._missing_of(member).keys() - found.keys()
                self._say_missing(member, dict.fromkeys(found, why) if why else {}, others)
        self._write(rows)

    def _seen(
        self, member: Member, trial: Trial, train_state: TrainState, spaces: Sequence[str]
    ) -> tuple[Tensor, dict[str, Outputs]]:
        """A member's samples; and their features, where other processes make some of them."""
        count = member.settings.evaluation_samples
        if self.shared is None:
            return samples(trial, train_state, member.seed, count), {}
        return self.shared.seen(trial, train_state, member.seed, count, spaces)

    def diagnose(self) -> None:
        """Records what the diagnostics that the settings name read of every member."""
        for group in self.groups:
            self._write(diagnostic_rows(group.members, group.program, group.diagnostics))

    def warn(self) -> None:
        """Says once that evaluating takes too long, and what to change."""
        said = self.overhead.excess(sum(group.program.seconds for group in self.groups))
        if not self.warnings:
            self.warn_of(said)

    def warn_of(self, said: str) -> None:
        """Shows a warning, if there is one, and keeps it with the run."""
        if said:
            self.warnings.append(said)
            self.notify(RunProgress(self.taken, self.settings.steps, 0, 0, {}, 0.0, warning=said))

    @property
    def unmeasured(self) -> bool:
        """Whether the run has other data since this step, on which nothing was measured yet."""
        return self.stands_on.get(DATA_SINCE) == self.taken and not any(one["metrics"] for one in self.results.values())

    def forget(self) -> None:
        """Takes back, on the disk too, what was measured on other data than the run has from this step on."""
        for result in self.results.values():
            before, why = result.get("missing", {}), not_of_now(self.taken)
            result["missing"] = {key: before[key] if key == SAMPLES else why for key in (*result["metrics"], *before)}
            result["metrics"] = {}
        self.write_down("stopped")
        self.store.mark_assessments({DATA_UNTIL: self.taken})

    def conclude(self, status: str) -> None:
        """Writes what became of each member, and the facts of the run."""
        for member, group, i in in_order(self.groups):
            result, train_state = self.results[member.index], group.program.train_state(i)
            moving = int(train_state.diverged_player) == NOT_DIVERGED
            known = str(result["outcome"]).startswith("diverged")  # of before a resume, with its cause
            ended = "stopped" if status == "halted" else status  # it halted for another's sake
            result["outcome"] = ended if moving else result["outcome"] if known else group.program.outcome(i)
            often = rollbacks(train_state.memory)
            if often:
                self.warnings.append(
                    f"member {member.index} left the finite numbers {often} times and went back, each time to half its "
                    "learning rates (on_divergence=rollback)"
                )
        if self.tracking is not None:
            self.tracking.close({member: str(result["outcome"]) for member, result in self.results.items()})
        self.write_down(status)

    def write_down(self, status: str) -> None:
        """Writes the members as they are, those that still move with this status, and the facts of the run."""
        for member, group, i in in_order(self.groups):
            self.results[member.index]["steps"] = int(group.program.train_state(i).steps)
        entries = [one if one["outcome"] != "running" else {**one, "outcome": status} for one in self.summary()]
        self.store.write_json("members.json", entries)
        times = {"wall_seconds": self.seconds(), "evaluate_seconds": self.overhead.evaluating}
        times |= {"steps_per_second": self.steps_per_second()}
        about = {"format": 1, "name": self.store.folder.name, "status": status, "started": self.started}
        own = own_warnings(*(group.program.trials[0] for group in self.groups))
        about |= {"warnings": [*self.changes, *own, *self.warnings]}
        told = {
            key: self.stands_on[key] for key in ("data", "settings", "start", DATA_SINCE) if self.stands_on.get(key)
        }
        about |= {"steps": self.taken, **{key: round(value, 3) for key, value in times.items()}}
        told |= {"methods": without_folders(self.methods)} if self.methods else {}
        self.store.write_json("run.json", about | told | self._programs())

    def summary(self) -> list[dict[str, Any]]:
        """One entry a member: seed, what differs, outcome, steps, costs, metrics, and why some are missing."""
        found = []
        for member, group, i in in_order(self.groups):
            result = {key: self.results[member.index][key] for key in ("outcome", "steps", "costs", "metrics")}
            missing = self._missing_of(member)
            result |= {"missing": missing} if missing else {}
            result |= {} if self.pictures else {"known_point": known_point(group.program.trials[i])}
            found.append(
                {"member": member.index, "seed": member.seed, "settings": named_infinities(member.swept), **result}
            )
        return found

    def sample_shape(self) -> list[int] | None:
        """The shape of a sample; None where there are none."""
        trial: Any = self.groups[0].program.trials[0]
        return list(trial.game.data.shape) if self.pictures else None

    def _programs(self) -> dict[str, Any]:
        """Machine, device, the shape of a sample (where there are pictures), protocols of metrics, and programs."""
        reference_sets = {id(group.reference_set): group.reference_set for group in self.groups if group.reference_set}
        return {
            **machine(),
            **hardware(self.groups[0].program.device),
            "device": str(self.groups[0].program.device),
            "shape": self.sample_shape(),
            "metrics": [entry for one in reference_sets.values() for entry in protocols(one.dry_run_results)],
            "programs": [
                {
                    "members": [m.index for m in group.members],
                    "mode": group.program.mode if len(group.members) > 1 else "solo",
                    "compiled": group.program.compiled,
                    "reason": group.reason,
                }
                for group in self.groups
            ],
        }

    def _latest(
        self, member: Member, group: MemberGroup, results: dict[str, Any], train_state: TrainState
    ) -> list[dict[str, Any]]:
        """Keeps an evaluation as the member's latest; the row of it, or none where there was nothing to evaluate."""
        self.results[member.index]["metrics"] |= results
        where = {"step": self.taken, "member": member.index, **spent(group.program, int(train_state.steps))}
        return [{**where, **results}] if results else []

    def _missing_of(self, member: Member) -> dict[str, str]:
        """Why numbers of a member's latest evaluation are missing, by number."""
        return self.results[member.index].get("missing", {})

    def _say_missing(self, member: Member, missing: dict[str, str], keep: Collection[str]) -> None:
        """Notes why numbers are ``missing`` now; of before, only what is said of those in ``keep``."""
        before = {key: why for key, why in self._missing_of(member).items() if key in keep}
        self.results[member.index]["missing"] = before | missing

    def _write(self, rows: list[dict[str, Any]]) -> None:
        self.store.append(rows)
        if self.tracking is not None:
            self.tracking.rows(rows)
