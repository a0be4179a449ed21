"""Writes docs/results_changed.md: the verdicts of two dates claim by claim, and why they differ.

    python scripts/results_changed.py

Reasons are those of results/changes.toml, one for each claim with another verdict, new, or gone.
"""

import json
import tomllib
from pathlib import Path
from typing import Any

from nashpath.studies import NAMES

ROOT = Path(__file__).parent.parent
BEFORE = "2026-11-22"
AFTER = {path.parent.name: path.parent.parent.name for path in sorted(ROOT.glob("results/2*/*/study.json"))}
"""The newest date of each study."""
JUDGED = [name for name in NAMES if (ROOT / "results" / BEFORE / name).exists()]
"""The studies that were judged at both dates."""
PAGE = ROOT / "docs" / "results_changed.md"
HEAD = f"""# Verdicts that changed

All claims were judged on {BEFORE}, and again from 2026-11-27 on, after experiments that had decided their own
outcome were changed: unequal treatment, grids whose best cell lay on an edge, rivals that never trained, collapses that
were not there. Below are the claims whose verdict is another one, that are new, or that are gone, each with its reason.
Rows of both dates are in `results/`; [what is said now](results.md).
"""


def claims(date: str, study: str) -> dict[str, dict[str, Any]]:
    """The claims of a study as they were judged that day, by name."""
    found = json.loads((ROOT / "results" / date / study / "study.json").read_text(encoding="utf-8"))
    return {claim["name"]: claim for claim in found["claims"]}


def told(claim: dict[str, Any] | None) -> str:
    """A verdict with the mean and interval that it rests on."""
    if claim is None:
        return "–"
    if claim["mean"] is None or None in claim["interval"]:
        return claim["verdict"]
    low, high = claim["interval"]
    return f"{claim['verdict']}: {claim['mean']:.3g} [{low:.3g}, {high:.3g}]"


def changed(study: str) -> dict[str, tuple[dict[str, Any] | None, dict[str, Any] | None]]:
    """Both judgements of each claim of a study that has not the verdict that it had."""
    before, after = claims(BEFORE, study), claims(AFTER[study], study)
    both = {name: (before.get(name), after.get(name)) for name in [*after, *before]}
    return {name: (o, n) for name, (o, n) in both.items() if not (o and n and o["verdict"] == n["verdict"])}


def page() -> str:
    reasons, parts = tomllib.loads((ROOT / "results" / "changes.toml").read_text(encoding="utf-8")), [HEAD]
    for study in JUDGED:
        rows = changed(study)
        kept = sum(name not in rows for name in claims(AFTER[study], study))
        lines = [f"## {study}\n", f"{kept} other claims have the verdict that they had.\n"]
        lines += [f"| claim | {BEFORE} | {AFTER[study]} | why |", "|---|---|---|---|"]
        for name, (old, new) in rows.items():
            says = (new or old or {})["says"].replace("|", "\\|")
            lines.append(f"| `{name}`: {says} | {told(old)} | {told(new)} | {reasons[study][name]} |")
        parts.append("\n".join(lines) + "\n")
    return "\n".join(parts)


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
