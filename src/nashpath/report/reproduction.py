"""The page of one reproduction: verdicts, what each rests on, and the set-up and figures of every experiment."""

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from nashpath.core.cache import check_replaceable
from nashpath.report.draw import draw_claim, draw_figure, inline
from nashpath.report.page import PAGE, write_page
from nashpath.report.phrasing import count, listed, number
from nashpath.report.verdict import run_facts
from nashpath.run.folder.run_folder import RunFolder
from nashpath.studies import (
    Experiment,
    Figure,
    Row,
    Rows,
    cell_identity,
    cell_path,
    read_cell,
    read_study,
    recorded_study,
    told_other,
    told_stray,
)

if TYPE_CHECKING:
    from matplotlib.figure import Figure as Canvas

WORDS = ("supported", "refuted", "inconclusive", "not measured", "not judged")
KINDS = {
    "found": ("What the paper found by experiment", "found by experiment"),
    "theorem": ("Theorems, checked numerically", "theorems"),
    "ours": ("Ours", "ours"),
}
"""The kinds of claims with the titles of their tables: in full, and as the head of a column."""


def is_reproduction(folder: str | Path) -> bool:
    """Whether a folder holds a reproduction (rather than a run)."""
    folder = Path(folder)
    return (folder / "study.json").exists()


def write_reproduction(folder: str | Path) -> Path:
    """Writes ``report.html`` into the folder of a reproduction, from what it holds, and returns its path."""
    folder = Path(folder)
    check_replaceable(folder / PAGE)
    found = read_study(folder)
    claims = [{**claim, "picture": _picture(claim), "found": found_text(claim)} for claim in found["claims"]]
    of_kind = by_kind(claims)
    context = {
        **{key: found[key] for key in ("title", "paper", "scale", "started", "status", "seconds")},
        "warnings": warnings_of(found),
        "name": f"{found['study']}: {found['title']}",
        "tally": tally(found["claims"]),
        "tables": [(kind, KINDS[kind][0], tally(own), own) for kind, own in of_kind.items() if kind in KINDS and own],
        "identities": of_kind["identity"],
        "judged": found["scale"] != "quick",
        "moved_on": has_moved_on(found),
        "failed": found["failed"],
        "experiments": [_experiment(folder, found, e) for e in experiments_of(found)] or _as_it_was(found),
        "facts": [("source", found["source"]), ("workers", found["workers"]), *run_facts(found), *_hardware(found)],
        "data": {"film": None, "curves": {"charts": []}},
    }
    return write_page(folder / PAGE, "study.html.j2", context)


def experiments_of(found: dict[str, Any]) -> list[Experiment]:
    """The experiments of a reproduction, as its study has them now; none where that `has_moved_on`."""
    return [] if has_moved_on(found) else recorded_study(found).experiments_at(found["scale"])


def has_moved_on(found: dict[str, Any]) -> str:
    """What to say of a reproduction whose study has other claims, or criteria, than were registered; else empty."""
    present = {claim.name: claim.criterion for claim in recorded_study(found).claims_at(found["scale"])}
    known = found.get("registered") or present
    if found["changed_since"]:  # judged by changed claims, which is said: those count
        known = {claim["name"]: claim["criterion"] for claim in found["claims"]}
    changed = sum(known.get(name) != present.get(name) for name in {**known, **present})
    if not changed:
        return ""
    return (
        f"Measured by the claims of {found['started'][:10]}. The study has moved on since: {count(changed, 'claim')} "
        "are new, gone, or have another criterion, and were not measured yet. The set-up is told as it was then, "
        "without figures."
    )


def warnings_of(found: dict[str, Any]) -> list[str]:
    """What to say beside the verdicts of a ``study.json``: changed claims, cells of other code, several machines."""
    how = found.get("changed_how", {})
    plain = "the criterion of {} was changed after the measurement had begun"  # of earlier versions
    told = [how.get(name, plain.format(name)) for name in found["changed_since"]]
    told += [told_other(experiment, other) for experiment, other in found.get("other_code", {}).items()]
    told += [told_stray(name) for name in found.get("left_out", ())]
    groups = found.get("measured_on", [])
    if len(groups) > 1:
        each = [f"{count(group['cells'], 'cell')} {_measured_by(group)}" for group in groups]
        told.append(f"the cells were measured under several versions or machines: {'; '.join(each)}")
    return told


def _measured_by(group: dict[str, Any]) -> str:
    """What measured a group of cells, in words."""
    if "versions" not in group:
        return "by what was not recorded"
    versions = ", ".join(f"{name} {version}" for name, version in group["versions"].items())
    return f"by {versions} on {', '.join(group[part] for part in ('platform', 'processor', 'gpu') if part in group)}"


def _hardware(found: dict[str, Any]) -> list[tuple[str, str]]:
    """The processor, and the GPU if there was one, where one machine measured all."""
    groups = found.get("measured_on", [])
    if len(groups) != 1:
        return []
    known = {"processor": "not recorded", **groups[0]}
    return [(part, known[part]) for part in ("processor", "gpu") if part in known]


def rows_of(folder: Path, found: dict[str, Any], experiment: Experiment) -> Rows:
    """What was measured in an experiment, as far as it was; nothing where that is of different code (`told_other`)."""
    if found.get("other_code", {}).get(experiment.name, {}).get("mixed"):
        return Rows(())
    store, rows = RunFolder(folder), list[Row]()
    for k in range(len(experiment.cells)):
        of = cell_identity(found["study"], experiment, k)
        rows += (read_cell(store, cell_path(folder, experiment, k), of) or {"rows": ()})["rows"]
    return Rows(rows)


def recorded_sizes(found: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    """The seeds and steps of an experiment as they were when it was measured."""
    size = experiment.sizes[found["scale"]]
    known = next((one for one in found["experiments"] if one["name"] == experiment.name), {})
    return {"seeds": size.seeds, "steps": size.steps} | {key: known[key] for key in ("seeds", "steps") if key in known}


def drawn(experiment: Experiment, rows: list[Row]) -> Iterator[tuple[int, Figure, "Canvas"]]:
    """The place of each figure, the figure and its picture; none of those whose cells, or numbers, are missing."""
    for place, figure in enumerate(experiment.figures if rows else ()):
        try:
            picture = draw_figure(figure, rows)
        except (LookupError, ValueError, ZeroDivisionError):
            continue
        yield place, figure, picture


def by_kind(claims: list[dict[str, Any]]) -> dict[str, list[dict[str, Any]]]:
    """The claims of each kind, in order; those of records from before there were kinds are all ``found``."""
    return {kind: [c for c in claims if c.get("kind", "found") == kind] for kind in (*KINDS, "identity")}


def tally(claims: list[dict[str, Any]]) -> str:
    """``"5 claims: 3 supported, 1 refuted and 1 inconclusive"``; identities are no claims, and told apart."""
    own = [claim for claim in claims if claim.get("kind", "found") in KINDS]
    tests = [claim for claim in claims if claim not in own]
    parts = counts(own)
    told = [f"{count(len(own), 'claim')}: {listed(parts)}"] if parts else []
    if tests:
        failed = [claim["name"] for claim in tests if claim["verdict"] == "refuted"]
        holds = sum(claim["verdict"] == "supported" for claim in tests)
        word = "identity holds" if holds == 1 else "identities hold"
        told.append(f"{holds} {word}" + (f", {listed(failed)} not" if failed else ""))
    return "; ".join(told) or "no claim is judged at this scale"


def counts(claims: list[dict[str, Any]]) -> list[str]:
    """``["5 supported", "1 refuted"]``."""
    counted = Counter(claim["verdict"] for claim in claims)
    return [f"{counted[word]} {word}" for word in WORDS if counted[word]]


def found_text(claim: dict[str, Any]) -> str:
    """What was found: ``"0.21 [0.18, 0.25] over 8 seeds"``."""
    if claim["mean"] is None:
        return claim["note"] or "–"
    low, high = claim["interval"]
    values = claim["values"]
    if claim["exact"] or claim["verdict"] == "not judged":
        return number(values[0]) if len(values) == 1 else f"{number(low)} to {number(high)} ({len(values)} values)"
    return f"{number(claim['mean'])} [{number(low)}, {number(high)}] over {count(len(values), 'seed')}"


def _picture(claim: dict[str, Any]) -> str | None:
    canvas = None if claim["verdict"] == "not judged" else draw_claim(claim)
    return None if canvas is None else inline(canvas, 90)


def _as_it_was(found: dict[str, Any]) -> list[dict[str, Any]]:
    """The set-up of every experiment as it was written down."""
    return [{**e, "size": e, "rows": None, "pictures": []} for e in found["experiments"]]


def _experiment(folder: Path, found: dict[str, Any], experiment: Experiment) -> dict[str, Any]:
    rows, size = list(rows_of(folder, found, experiment)), recorded_sizes(found, experiment)
    pictures = [(figure, inline(canvas)) for _, figure, canvas in drawn(experiment, rows)]
    return {"name": experiment.name, "about": experiment.about, "size": size, "rows": len(rows), "pictures": pictures}
