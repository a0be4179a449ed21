"""The one training loop: programs in lockstep, records at intervals, checkpoints, a clean stop."""

import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import torch

from nashpath.core import Game, Source
from nashpath.run.engine.device import with_threads
from nashpath.run.engine.interrupt import Interrupted, ending_by_ctrl_c
from nashpath.run.engine.program import never
from nashpath.run.engine.step import TrainState
from nashpath.run.errors import RanksError
from nashpath.run.folder.about_data import about_data
from nashpath.run.folder.checkpoint import CheckpointError, changed_draws, load_checkpoint, save_checkpoint
from nashpath.run.observe.snapshot import units_of
from nashpath.run.settings.members import structure
from nashpath.run.training.group import RunProgress, in_order
from nashpath.run.training.recorder import Recorder, Stopwatch

if TYPE_CHECKING:
    from nashpath.run.engine.data_parallel import Ranks

CHECKPOINT_SECONDS = 60.0
AT_ONCE = 0.5
"""Seconds of steps that several processes take between two looks at whether to stop."""

EVALUATING = 0.05
"""The share of the training time that evaluation may take where nobody says how often it is wanted."""
GRACE = 0.1
"""Seconds of evaluation that no run need save, since nobody waits for them."""
LEAST_LOOKS = 3
"""Where fewer evaluations of all members fit in between, those of a few members are made there."""
AT_START = 64
"""Of more members, those alone whose samples are saved are evaluated before the first step."""


def _data_of(game: Game) -> Source | None:
    """The samples that a game draws; idealised games have a density as their ``data``, and toys nothing."""
    data = getattr(game, "data", None)
    return data if isinstance(data, Source) else None


def allowed_seconds(step: float, steps: int) -> float:
    """Seconds for all evaluations of a run of ``steps``, each of which takes ``step`` seconds."""
    return max(GRACE, EVALUATING * step * steps)


def affordable(left: float, once: float) -> int:
    """How many evaluations of ``once`` seconds fit into those that are left."""
    return max(0, int(left / max(once, 1e-9)))


def multiple(between: int, fitting: int) -> int:
    """The multiple of their period at which at most ``fitting`` of the evaluations ``between`` the ends are made."""
    return between // (fitting + 1) + 1


def share_told(evaluating: float, training: float) -> str:
    """What part of the seconds of training those of evaluating are, where they are as few as they may be; in words."""
    if evaluating <= EVALUATING * training:
        return f"so that it takes at most {EVALUATING:.0%} of the training time"
    share = evaluating / training
    return f"which takes about {share:.0%} of the training time: fewer evaluation_samples or metrics take less"


class Timetable:
    """What is due after which steps: activities with their periods (0: never), in the order in which they are done.

    Looks, metrics and diagnostics whose period nobody chose are `rarer` in a run where they would take long, and of a
    `few` members where all are too many. The last evaluation is always one of all.
    """

    def __init__(self, recorder: Recorder):
        settings = recorder.settings
        frames = 20 if recorder.pictures else 200
        self.total, self.checkpoint_every = settings.steps, settings.checkpoint_every
        self.usual = settings.sample_every or max(1, settings.steps // frames)
        self.rarer = 1
        """The multiple of the usual period at which activities are due whose period nobody chose."""
        self.few = False
        """Whether looks on the way are at a few members."""
        self.settled = False
        chosen = (settings.sample_every, settings.evaluate_every, settings.diagnose_every)
        wanted = (True, bool(settings.metrics), bool(settings.diagnostics))
        names, acts = ("look", "measure", "watch"), (recorder.look, recorder.measure, recorder.diagnose)
        free = {name for name, every, asked in zip(names, chosen, wanted) if asked and not every}
        self.free = set[str]() if settings.sample_every else free  # the others are then where samples are saved
        self._activities: list[tuple[int, str, Callable[[], None]]] = [
            (settings.log_every or max(1, settings.steps // 100), "log", recorder.log),
            *(
                (every or self.usual, name, act)
                for every, asked, name, act in zip(chosen, wanted, names, acts)
                if asked
            ),
        ]

    @property
    def activities(self) -> list[tuple[int, str, Callable[[], None]]]:
        """The period, the name and the function of each."""
        return [(every * (self.rarer if name in self.free else 1), name, act) for every, name, act in self._activities]

    def allowed(self, step: float) -> float:
        """Seconds for all evaluations between the first and the last, where a step takes ``step`` seconds."""
        return allowed_seconds(step, self.total)

    def settle(self, once: float, step: float, some: float = 1.0, done: int = 1, spent: float | None = None) -> str:
        """Chooses `rarer` and `few` from the seconds that the free activities take ``once``, and those of a ``step``.

        ``once`` is for all members, of which the few that are shown are a share ``some``. The evaluations ``done`` so
        far, at the start and perhaps at the first time after it, took ``spent`` seconds (default: those of so many);
        they and the one at the end are counted, too. Returns what to tell people, empty where nothing changes.
        """
        self.settled = True
        ends = (done * once if spent is None else spent) + once
        between, left = max(0, (self.total - 1) // self.usual), self.allowed(step) - ends
        fitting = affordable(left, once)
        if between < fitting + done:
            return ""
        self.few = fitting < LEAST_LOOKS and some < 1
        each = some * once if self.few else once
        fitting = affordable(left, each)
        self.rarer = multiple(between, fitting)
        often = f"every {self.rarer * self.usual} steps, not {self.usual}" if fitting else "at the start and the end"
        who = "evaluated"
        if self.few:
            who = "all members are evaluated at the end, and those that are shown"
            often = often if fitting else "at the start"
        takes = share_told(ends + each * ((self.total - 1) // (self.rarer * self.usual)), step * self.total)
        return (
            f"an evaluation takes {once:.3g} s and a step {step:.2g} s: {who} {often}, {takes}; sample_every says how "
            "often instead"
        )

    def settlement(self) -> dict[str, Any]:
        """What was settled, and on what it stands; empty before."""
        return {"rarer": self.rarer, "few": self.few, **self._ground()} if self.settled else {}

    def _ground(self) -> dict[str, Any]:
        return {"steps": self.total, "usual": self.usual, "free": sorted(self.free)}

    def resettle(self, before: dict[str, Any] | None) -> None:
        """Keeps to what a run settled before, unless what it stands on is another now."""
        if before and before == {"rarer": before["rarer"], "few": before.get("few"), **self._ground()}:
            self.rarer, self.few, self.settled = before["rarer"], before["few"], True

    def next(self, taken: int) -> int:
        """The step at which something is due next."""
        periods = [*(every for every, *_ in self.activities), self.checkpoint_every]
        return min([self.total, *((taken // period + 1) * period for period in periods if period)])

    def due(self, taken: int) -> list[tuple[str, Callable[[], None]]]:
        """The activities that are due at a step; at the last one all are."""
        last = taken >= self.total
        return [(name, act) for every, name, act in self.activities if every and (last or taken % every == 0)]

    def checkpoint_due(self, taken: int, seconds: float) -> bool:
        """Whether a checkpoint is due, ``seconds`` after the one before."""
        return taken % self.checkpoint_every == 0 if self.checkpoint_every else seconds > CHECKPOINT_SECONDS


class Session:
    """A training run over a run folder; `train` may be called on a fresh or a restored session.

    It trains with as many of PyTorch's threads as there are when it is made; afterwards there are as many as before.
    Where it leads several ``ranks``, the others are told of every step (`nashpath.run.training.follower`).
    """

    def __init__(self, recorder: Recorder, stop: Callable[[], bool] = never, ranks: "Ranks | None" = None):
        self.ranks = ranks
        self.recorder, self.stop, self.schedule = recorder, stop, Timetable(recorder)
        self.store, self.groups, self.settings = recorder.store, recorder.groups, recorder.settings
        self.saved, self.threads = time.perf_counter(), torch.get_num_threads()
        if ranks is not None:
            from nashpath.run.observe.shared import SharedSamples

            recorder.shared = SharedSamples(ranks, [group.program for group in self.groups])

    def __repr__(self) -> str:
        """Where it writes, of how many members, and how far it is."""
        members = len(self.recorder.results)
        told = f"{members} member{'s' * (members > 1)}, {self.taken:,} of {self.settings.steps:,} steps"
        return f"<Session {self.store.folder}: {told}>"

    @property
    def taken(self) -> int:
        """Steps that every program has taken."""
        return self.recorder.taken

    @property
    def untouched(self) -> bool:
        """Whether no program has taken a step; training then begins with a look at the start."""
        return not any(group.program.taken for group in self.groups)

    def train(self) -> str:
        """Trains to the end or until stopped; returns the status. What was computed is on disk either way.

        It is ``finished``, ``stopped`` (a resume goes on), or ``halted`` by on_divergence=stop (a resume does nothing).

        Where nobody says how it is stopped, Ctrl-C does it, after the present step; it may then be called again.
        Raises `FolderError` where another process writes the folder, or the disk is full.
        """
        self.store.claim()
        given = self.stop
        try:
            with ending_by_ctrl_c() as asked, with_threads(self.threads):
                self.stop = asked if given is never else given
                return self._train()
        except RanksError as error:
            raise RanksError(f"after step {self.taken}: {error}") from error
        finally:
            self.stop = given
            self.store.release()

    def _train(self) -> str:
        recorder, overhead, device = self.recorder, self.recorder.overhead, self.groups[0].program.device.type
        self._begin_together()
        if (self.untouched or recorder.unmeasured) and self._compared():
            recorder.whole = self._whole()
            for _, name, act in self.schedule.activities[1:]:
                overhead.do(name, act, device)
        while self.taken < self.settings.steps and not self.stop() and not self._halted():
            target = self.schedule.next(self.taken)
            self._advance(target)
            if self.taken < target:  # stopped on the way; what was reached is recorded, stopped or not
                break
            self._settle(first=True)
            recorder.whole = target >= self.settings.steps or self._whole()
            for name, act in self.schedule.due(self.taken):
                overhead.do(name, act, device)
            self._settle(first=False)
            recorder.warn()
            if self.schedule.checkpoint_due(self.taken, time.perf_counter() - self.saved):
                self.checkpoint()
        status = "finished" if self.taken >= self.settings.steps else "halted" if self._halted() else "stopped"
        if status == "halted":
            recorder.warnings.append("stopped because a member diverged (on_divergence=stop); train anew, more slowly")
        self.checkpoint()
        if status != "finished" and self.ranks is not None:  # perhaps by the launcher, because a process is gone
            self.ranks.tell({"meet": True})
            self.ranks.meet()
        recorder.conclude(status)
        return status

    def _compared(self) -> bool:
        """Writes what the run is compared with; False where a stop was asked for meanwhile, and nothing is written."""
        try:
            self.recorder.write_reference(self.stop)
        except Interrupted:
            return False
        return True

    def _whole(self) -> bool:
        """Whether an evaluation on the way is one of all members."""
        if self.schedule.settled or not self.schedule.free:
            return not self.schedule.few
        return len(self.recorder.results) <= AT_START

    def _settle(self, first: bool) -> None:
        """How often there will be evaluations, by the seconds of the last one and of a step.

        The ``first`` call is after the one at the start, which also paid for what is done once: it decides only where a
        second one would be too much; else that one is made, and decides.
        """
        schedule, recorder = self.schedule, self.recorder
        step = sum(group.program.busy / group.program.timed for group in self.groups if group.program.timed)
        if schedule.settled or self.taken < schedule.usual or not step:
            return
        some = len(recorder.shown) / len(recorder.results)
        took = {name: recorder.overhead.latest.get(name, 0.0) for name in schedule.free}
        if not recorder.whole:
            took |= {name: took[name] / some for name in took if name != "watch"}
        once = sum(took.values())
        if not first or once > schedule.allowed(step):
            spent = sum(recorder.overhead.seconds.get(name, 0.0) for name in schedule.free)
            said = schedule.settle(once, step, some, 1 if first else 2, spent)
            if recorder.pictures or schedule.free != {"look"}:  # of a toy it only saves fewer points of the path
                recorder.warn_of(said)

    def ways(self) -> list[tuple[int, str]]:
        """How members are run, and why: for how many of one structure, in words."""
        found: list[tuple[int, str]] = []
        kind = ""
        for group in self.groups:
            own = structure(group.members[0].settings)
            before = found.pop()[0] if own == kind else 0
            found.append((before + len(group.members), group.reason))
            kind = own
        return found

    def summary(self) -> list[dict[str, Any]]:
        """One entry a member: seed, what differs, outcome, steps, costs, metrics, and why some are missing."""
        return self.recorder.summary()

    def checkpoint(self) -> None:
        """Writes everything a resumed run needs, atomically."""
        programs = [group.program for group in self.groups]
        games = self._games()
        meta = {
            "sizes": [len(group.members) for group in self.groups],
            "taken": [program.taken for program in programs],
            "reports": [program.info() for program in programs],
            "clocks": [(program.seconds, program.timed) for program in programs],
            "spent": self.recorder.seconds(),
            "aside": vars(self.recorder.overhead),
            "looks": self.schedule.settlement(),
            "results": {str(k): v for k, v in self.recorder.results.items()},
            "causes": {str(m.index): g.program.causes[i] for m, g, i in in_order(self.groups) if i in g.program.causes},
            "identity": self.recorder.stands_on,
            "changes": self.recorder.changes,
            "shape": self.recorder.sample_shape(),
            "about_data": about_data(self.sources()),
            "units": units_of(games),
        }
        save_checkpoint(self.store, self._members(), meta)
        self.saved = time.perf_counter()

    def _games(self) -> list[Game]:
        """The game of every member, in member order."""
        return [group.program.trials[i].game for _, group, i in in_order(self.groups)]

    def sources(self) -> list[Source | None]:
        """The data of every member, in member order; None of games without any."""
        return [_data_of(game) for game in self._games()]

    def restore(self) -> None:
        """Continues where the run folder's checkpoint was taken; later rows and samples are dropped.

        A run that has none yet (`nashpath.run.training.resume.begins_again`) starts at its first step.
        """
        if not self.store.has_checkpoint():
            self.store.truncate(-1)
            return
        stored, meta = load_checkpoint(self.store, self._members())
        self.recorder.changes += changed_draws(self.store, meta)
        if len(meta["taken"]) != len(self.groups):
            raise CheckpointError(f"{self.store.checkpoint}: has {len(meta['taken'])} programs, not {len(self.groups)}")
        order = [group for _, group, _ in in_order(self.groups)]
        for group, taken, report, clock in zip(self.groups, meta["taken"], meta["reports"], meta["clocks"]):
            group.program.load([one for one, its in zip(stored, order) if its is group], taken, report)
            (group.program.seconds, group.program.timed), group.program.busy = clock, clock[0]
        for member, group, i in in_order(self.groups):
            if str(member.index) in meta.get("causes", {}):
                group.program.causes[i] = meta["causes"][str(member.index)]
        self.recorder.overhead = Stopwatch(**meta.get("aside", {}))
        self.schedule.resettle(meta.get("looks"))
        self.recorder.spent, self.recorder.results = meta["spent"], {int(k): v for k, v in meta["results"].items()}
        self.store.truncate(-1 if self.untouched else self.taken)

    def _members(self) -> list[TrainState]:
        """The training state of every member, in member order."""
        return [group.program.train_state(i) for _, group, i in in_order(self.groups)]

    def _halted(self) -> bool:
        """Whether the run is to stop at the first member that diverges, and one has."""
        return self.settings.on_divergence == "stop" and any(group.program.diverged() for group in self.groups)

    def _advance(self, target: int) -> None:
        for place, group in enumerate(self.groups):
            if group.program.alive():
                if group.program.compiles:
                    self.recorder.notify(RunProgress(self.taken, self.settings.steps, 0, 0, {}, 0.0, "compiling"))
                known = group.program.drew
                self._run(place, target)
                self.recorder.warn_of("" if known else group.program.drew)
            else:
                group.program.taken = target

    def _begin_together(self) -> None:
        """Tells the other processes what is trained, and gives them the training states."""
        if self.ranks is None:
            return
        programs = [
            {"members": [m.index for m in group.members]}
            | {name: getattr(group.program, name) for name in ("mode", "compiled", "taken")}
            for group in self.groups
        ]
        about = {"config": self.store.read_config(), "folder": str(self.store.folder.absolute()), "programs": programs}
        self.ranks.tell(about)
        for group in self.groups:
            group.program.share()

    def _run(self, place: int, target: int) -> None:
        """Trains the program of one group up to step ``target``, or until stopped, alone or with the other processes.

        These take as many steps as they are told to at once, so that all stop at the same one: about half a second's.
        """
        program = self.groups[place].program
        if self.ranks is None:
            program.run(target - program.taken, self.stop)
            return
        while program.taken < target and not self.stop():
            each = program.seconds / program.timed if program.timed else AT_ONCE
            count = max(1, min(target - program.taken, int(AT_ONCE / max(each, 1e-6))))
            self.ranks.tell({"program": place, "steps": count})
            program.run(count)
