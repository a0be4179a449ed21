"""A search over settings: candidates in batches, each batch one run of many members, most of them short.

A batch of candidates is asked of Optuna and trained side by side in rounds: all of them for few steps and seeds, the
better third (by default) for three times as many steps and as many seeds, and so on (successive halving). Optuna is
told what became of each. At last the best are trained again, with seeds that no round has seen, beside the settings as
they were given: the best of many is better than it will be again, and only this comparison says whether it is better.

Every round is an ordinary run folder. What is in them is the state of a search: it goes on by reading them, and asks
for the same candidates again. How to run (stacked, compiled, threads) is chosen in the first round, for all of them.

Reference: Karnin, Koren and Somekh 2013, Algorithm 1 (sequential halving); Bergstra, Bardenet, Bengio and Kégl 2011
(the tree of Parzen estimators by which Optuna asks).
"""

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np

from nashpath.core.math.bootstrap import interval
from nashpath.run.assess.search_question import Chosen, Question, check_question, fitting, round_settings
from nashpath.run.engine.interrupt import Interrupted
from nashpath.run.engine.program import never
from nashpath.run.errors import FolderError, SettingError
from nashpath.run.folder.lock import FolderLock
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.run_folder import METRICS as METRICS_FILE
from nashpath.run.folder.run_folder import QUESTION, RunFolder, made_by, plain_json, write_atomic
from nashpath.run.settings.method_files import Entry, MethodFile, begin_with, recall, renewed
from nashpath.run.settings.model import dotted
from nashpath.run.settings.overrides import TOGETHER, Raw
from nashpath.run.training.group import RunProgress
from nashpath.run.training.parts import SETTLED, differing
from nashpath.run.training.start import open_session, resume_session

FOUND = "found.json"
"""What a search has found, in its folder."""


@dataclass
class Candidate:
    """A candidate: what it sets, how far it came, its ``values`` by rung (one a seed; None where there is none)."""

    number: int
    point: Chosen
    values: list[list[float | None]] = field(default_factory=list)
    gradients: list[float] = field(default_factory=list)
    """Gradient evaluations of a member, by rung."""

    def mean(self, rung: int = -1) -> float:
        """The mean over seeds in a rung; NaN where a member has no value."""
        found = self.values[rung]
        return math.nan if any(value is None for value in found) else float(np.mean([float(v or 0) for v in found]))


@dataclass
class Found:
    """What a search has found so far: all candidates, and the values of the finalists (the last point is ``{}``)."""

    question: Question
    candidates: list[Candidate]
    finalists: list[Candidate]
    finished: bool
    methods: list[Entry] = field(default_factory=list)
    """Where methods of one's own come from."""


@made_by("the same nashpath search again")
def search(
    folder: Path,
    question: Question,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    say: Callable[[str], None] = lambda text: None,
) -> Found:
    """Searches, or goes on where the search in ``folder`` was stopped; what it has found, finished or not.

    ``question.settings["with"]`` names files that register methods; the folder remembers them. Raises `SettingError`
    for a question that cannot be asked or is not the folder's, and for methods that are not there; `FolderError` where
    another process searches there or the folder holds something else, `ImportError` without Optuna.
    """
    study, files = _study(question), methods_of(folder, question.settings)
    question = replace(question, settings={key: one for key, one in question.settings.items() if key != "with"})
    rows = check_question(question)
    _check_place(folder)
    lock = FolderLock(folder)
    try:
        methods = renewed(_remembered(folder), rows, files)
        _remember(folder, question, methods)
        going = _Search(folder, Found(question, [], [], False, methods), notify, stop, say)
        going.found.finished = going.rounds(study) and going.confirm()
        write_atomic(folder / FOUND, plain_json(_told(going.found), indent=1).encode())
        return going.found
    finally:
        lock.release()


def methods_of(folder: Path, settings: Raw) -> list[MethodFile]:
    """Executes the files of methods that a search's settings name, and finds those again that its folder remembers.

    Raises `SettingError` where one is not there or was changed, with what to do.
    """
    files = begin_with(settings.get("with", []))
    recall(_remembered(folder), folder)
    return files


def _remembered(folder: Path) -> list[Entry]:
    """The methods of one's own that a search was begun with; none where there is no search, or a damaged one."""
    try:
        found = json.loads((folder / QUESTION).read_text()).get("with", [])
        return [one for one in found if one["registers"]]
    except (OSError, ValueError, AttributeError, TypeError, KeyError):
        return []


def _study(question: Question) -> Any:
    try:
        import optuna
    except ImportError as error:
        raise ImportError('nashpath search asks Optuna: pip install "nashpath[search]"') from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    sampler = optuna.samplers.TPESampler(
        seed=question.sampler_seed, n_startup_trials=question.batch, constant_liar=True
    )
    return optuna.create_study(direction="maximize" if question.better > 0 else "minimize", sampler=sampler)


def _distributions(space: dict[str, Any]) -> dict[str, Any]:
    from optuna import distributions as of

    found: dict[str, Any] = {}
    for key, own in space.items():
        if isinstance(own, list):
            found[key] = of.CategoricalDistribution(own)
            continue
        low, high = own["low"], own["high"]
        whole = isinstance(low, int) and isinstance(high, int)
        found[key] = (of.IntDistribution if whole else of.FloatDistribution)(low, high, log=own["log"])
    return found


def _check_place(folder: Path) -> None:
    """Refuses a folder that holds something else than a search. Raises `FolderError`."""
    if any((folder / name).exists() for name in (QUESTION, "rounds", "confirm")):
        return
    if RunFolder(folder).exists():
        raise FolderError(f"--out {folder}: holds a run, and a search is none; choose another folder")
    check_new(folder)


def _remember(folder: Path, question: Question, methods: list[Entry]) -> None:
    """Writes the question down, and where methods come from; refuses a folder of another question.

    How the best are confirmed may be asked otherwise until that has begun.
    """
    path, asked = folder / QUESTION, json.loads(plain_json(asdict(question)))
    try:
        known = {key: value for key, value in json.loads(path.read_text()).items() if key in asked}
        if (folder / "confirm").exists():
            other = differing(dotted(known), dotted(asked))
        else:
            other = differing(*(dotted({k: v for k, v in one.items() if k not in _LATER}) for one in (known, asked)))
    except FileNotFoundError:
        known, other = {}, []
    except (ValueError, AttributeError):
        raise SettingError(f"{path}: is damaged; take it away, and the search goes on from its rounds") from None
    if other:
        raise SettingError(
            f"{folder} holds another search: {'; '.join(other)}; go on with the same command, or choose another --out"
        )
    if known != asked or methods != _remembered(folder):
        write_atomic(path, plain_json({**asked, "with": methods}, indent=1).encode())


_LATER = ("confirm", "finalists")
"""What the rounds do not depend on."""


def _settled(folder: Path) -> Raw:
    """What the first round chose by measuring: the others take it, or numbers would differ with the machine's mood."""
    for place in sorted((folder / "rounds").glob("*")):
        if RunFolder(place).exists():
            kept = RunFolder(place).read_config()
            return {key: kept[key] for key in SETTLED if key in kept}
    return {}


def _badness(mean: float, better: int) -> float:
    return -better * mean if math.isfinite(mean) else math.inf


@dataclass
class _Search:
    """A search on its way: where it lies, what it has found, who hears of it, and what stops it."""

    folder: Path
    found: Found
    notify: Callable[[RunProgress], None]
    stop: Callable[[], bool]
    say: Callable[[str], None]

    def rounds(self, study: Any) -> bool:
        """Asks for, trains and tells all batches; False where it was stopped on the way."""
        question, found = self.found.question, self.found
        distributions, seen = _distributions(question.space), [list[float]() for _ in range(question.rungs)]
        for batch in range(-(-question.candidates // question.batch)):
            first = len(found.candidates)
            asked = [study.ask(distributions) for _ in range(min(question.batch, question.candidates - first))]
            own = [Candidate(first + k, fitting(question, dict(trial.params))) for k, trial in enumerate(asked)]
            found.candidates += own
            going = list(zip(own, asked))
            for rung in range(question.rungs):
                if not self._round(batch, rung, [one for one, _ in going]):
                    return False
                going = self._judged(study, rung, going, seen[rung])
        return True

    def _round(self, batch: int, rung: int, going: list[Candidate]) -> bool:
        """Trains what is left of a batch as long as its rung is; False where it was stopped."""
        question = self.found.question
        steps, seeds = question.steps_of(rung), question.seeds_of(rung)
        self.say(
            f"batch {batch + 1}, rung {rung + 1} of {question.rungs}: {len(going)} candidates, {steps} steps, "
            f"{len(seeds)} seeds"
        )
        return self._measure(self.folder / "rounds" / f"{batch + 1:03d}-{rung + 1}", going, steps, seeds)

    def _judged(self, study: Any, rung: int, going: list[Any], seen: list[float]) -> list[Any]:
        """Tells the study what became of candidates, and returns those that go on.

        One that has no value counts as the worst that was ``seen`` in this rung.
        """
        from optuna.trial import TrialState

        question, last = self.found.question, rung == self.found.question.rungs - 1
        seen += [one.mean() for one, _ in going if math.isfinite(one.mean())]
        worst = min(seen, key=lambda mean: mean * question.better, default=0.0)
        order = sorted(going, key=lambda pair: _badness(pair[0].mean(), question.better))
        kept = len(order) if last else max(1, -(-len(order) // question.keep))
        for place, (one, trial) in enumerate(order):
            mean = one.mean() if math.isfinite(one.mean()) else worst
            trial.report(mean, rung)
            if last:
                study.tell(trial, mean)
            elif place >= kept:
                study.tell(trial, state=TrialState.PRUNED)
        return order[:kept]

    def confirm(self) -> bool:
        """Trains the best candidates and the settings as given, with fresh seeds; False where it was stopped."""
        question, found = self.found.question, self.found
        whole = [one for one in found.candidates if len(one.values) == question.rungs and math.isfinite(one.mean())]
        best: list[Candidate] = []
        for one in sorted(whole, key=lambda one: _badness(one.mean(), question.better)):
            if one.point not in [other.point for other in best] and len(best) < question.finalists:
                best.append(one)
        if not best:
            self.say("no candidate reached the last rung with all its seeds: nothing to confirm")
            return True
        found.finalists = [Candidate(one.number, one.point) for one in best] + [Candidate(-1, {})]
        self.say(f"the best {len(best)} beside the settings as given, {len(question.fresh)} fresh seeds")
        return self._measure(self.folder / "confirm", found.finalists, question.steps, question.fresh)

    def _measure(self, place: Path, candidates: Sequence[Candidate], steps: int, seeds: list[int]) -> bool:
        """Trains candidates side by side, unless that is done, and reads what they reached; False where stopped."""
        question, store = self.found.question, RunFolder(place)
        points = list({json.dumps(one.point, sort_keys=True): one.point for one in candidates}.values())
        if not _is_finished(store):
            try:
                if store.exists():
                    session = resume_session(place, [], self.notify, self.stop)
                else:
                    raw = round_settings(question, steps, seeds) | _settled(self.folder)
                    session = open_session(raw, {TOGETHER: points}, place, self.notify, self.stop)
            except Interrupted:  # before this round, of which nothing is written then; others may be
                return False
            if session.train() != "finished":
                return False
        members, rows = json.loads(store.sound("members.json", _CURE)), _last_rows(store)
        for one in candidates:
            first = points.index(one.point) * len(seeds)
            own = members[first : first + len(seeds)]
            one.values.append([_value(question.objective, member, rows.get(member["member"], {})) for member in own])
            one.gradients.append(float(np.mean([rows.get(m["member"], {}).get("gradients", math.nan) for m in own])))
        known = sorted({key for member in members for key in member["metrics"]} | {k for r in rows.values() for k in r})
        if question.objective not in known:
            raise SettingError(
                f"--objective {question.objective}: no member has that number; these are there: {', '.join(known)}"
            )
        return True


_CURE = "take its folder away, and the same command trains that round again"
"""What to do where a file of a round is not as it was written."""


def _is_finished(store: RunFolder) -> bool:
    there = store.exists() and (store.folder / "run.json").exists()
    return there and json.loads(store.sound("run.json", _CURE))["status"] == "finished"


def _last_rows(store: RunFolder) -> dict[int, dict[str, Any]]:
    """The latest value of every number of each member."""
    found: dict[int, dict[str, Any]] = {}
    for line in store.sound(METRICS_FILE, _CURE).splitlines():
        row = json.loads(line)
        found.setdefault(row["member"], {}).update({k: v for k, v in row.items() if v is not None})
    return found


def _value(objective: str, member: dict[str, Any], row: dict[str, Any]) -> float | None:
    """A member's number at its end; None for one that diverged, or that has none."""
    if member["outcome"] != "finished":
        return None
    value = member["metrics"].get(objective, row.get(objective))
    return float(value) if isinstance(value, int | float) and math.isfinite(value) else None


def read_search(folder: Path) -> Found:
    """What the search in a folder had found when its command ended.

    Raises `SettingError` where it was ended before it wrote that, or its files are damaged.
    """
    cure = "the command of the search, given again, goes on with it and writes the page"
    if not (folder / FOUND).exists():
        raise SettingError(f"{folder} holds a search that was ended before it wrote what it found; {cure}")
    try:
        asked, told = (json.loads((folder / name).read_text()) for name in (QUESTION, FOUND))
        methods = asked.pop("with", [])
        candidates, finalists = ([_candidate(one) for one in told[key]] for key in ("candidates", "finalists"))
        return Found(Question(**asked), candidates, finalists, told["finished"], methods)
    except (ValueError, KeyError, TypeError, AttributeError) as error:
        raise SettingError(
            f"{folder}: {QUESTION} or {FOUND} is damaged ({type(error).__name__}: {error}); {cure}"
        ) from None


def _candidate(told: dict[str, Any]) -> Candidate:
    """A candidate as `_told` has it: costs that are not known are null there."""
    gradients = [math.nan if cost is None else cost for cost in told["gradients"]]
    return Candidate(told["number"], told["point"], told["values"], gradients)


def _told(found: Found) -> dict[str, Any]:
    """What `search` writes down of what it found."""
    finalists = []
    for one in found.finalists:
        there = [value for values in one.values[-1:] for value in values if value is not None]
        finalists.append({**asdict(one), **({"interval": interval(there)} if there else {})})
    return {"finished": found.finished, "candidates": [asdict(one) for one in found.candidates], "finalists": finalists}
