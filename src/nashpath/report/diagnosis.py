"""The diagnosis on a run's page: sentences about each member, with the figures that show them."""

from dataclasses import dataclass, field
from typing import Any

from nashpath.report.diagnosis_figures import FIGURES, DiagnosisData, data_uri
from nashpath.report.present import note_of, of_entry
from nashpath.report.read import Run, RunFolderError

AGAIN = "run nashpath diagnose again, or delete the file"


@dataclass(frozen=True)
class FigureView:
    """A figure in the page."""

    label: str
    title: str
    caption: str
    source: str


@dataclass(frozen=True)
class Statement:
    """A sentence, the figures drawn below it, and the numbers of those further up."""

    sentence: str
    wrong: bool
    figures: list[FigureView] = field(default_factory=list)
    above: list[str] = field(default_factory=list)


@dataclass(frozen=True)
class MemberVerdict:
    """All that is said of one member, and the figures that belong to no sentence."""

    member: int
    kind: str
    note: str
    said: list[Statement]
    more: list[FigureView]


def diagnoses(run: Run) -> list[MemberVerdict]:
    """What ``diagnosis.json`` says, ready for the page; empty if there is none. Raises `RunFolderError`."""
    try:
        return [_verdict(run, entry) for entry in run.diagnosis]
    except (KeyError, TypeError, ValueError, AttributeError, IndexError) as error:
        where = run.folder / "diagnosis.json"
        raise RunFolderError(f"{where} (or diagnosis.npz beside it) is not as expected ({error!r}); {AGAIN}") from error


def _verdict(run: Run, entry: dict[str, Any]) -> MemberVerdict:
    member, drawn = int(entry["member"]), {}
    prefix = f"m{member}."
    arrays = {k.removeprefix(prefix): v for k, v in run.evidence.items() if k.startswith(prefix)}
    seen = DiagnosisData(arrays, entry["numbers"])
    said = []
    for part, wrong in (("findings", True), ("statements", False)):
        for one in entry[part]:
            wanted = [name for name in one["figures"] if _can(name, seen)]
            fresh = [_shown(name, seen, member, drawn) for name in wanted if name not in drawn]
            above = [drawn[name] for name in wanted if drawn[name] not in {f.label for f in fresh}]
            said.append(Statement(str(one["sentence"]), wrong, fresh, above))
    rest = [_shown(name, seen, member, drawn) for name in FIGURES if name not in drawn and _can(name, seen)]
    note = note_of(run, of_entry(run, {**entry, "step": int(entry["step"])}), "diagnosis")
    return MemberVerdict(member, str(entry["headline"]), note, said, rest)


def _can(name: str, seen: DiagnosisData) -> bool:
    """Whether what a figure needs was measured."""
    needs = FIGURES[name].needs
    return needs in seen.arrays or bool(seen.numbers.get(needs)) or (needs == "rotation" and needs in seen.numbers)


def _shown(name: str, seen: DiagnosisData, member: int, drawn: dict[str, str]) -> FigureView:
    picture = FIGURES[name]
    drawn[name] = f"{member}.{len(drawn) + 1}"
    return FigureView(drawn[name], picture.title, picture.caption, data_uri(picture.draw, seen, picture.width))
