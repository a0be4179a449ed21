"""What can be reproduced: the studies with a line each, and the claims and experiments of one, with what they cost."""

import re
from typing import TYPE_CHECKING

from nashpath.cli.places import shipped

if TYPE_CHECKING:
    from nashpath.studies import Study

STUDY = "study"
"""The kind of what is listed beside methods."""


def study_rows() -> list[list[str]]:
    """``[name, line]`` of each study of the package."""
    from nashpath.studies import NAMES, find_study

    return [[name, _line(find_study(name))] for name in NAMES]


def _line(study: "Study") -> str:
    claims = sum(claim.kind != "identity" for claim in study.claims_at("default"))
    return f"{study.title} ({claims} claims)"


def told_studies(rows: list[list[str]]) -> str:
    """The studies of the package, a line each, with how long each took at its default scale."""
    width = max(len(name) for name, _ in rows)
    lines = [f"  {name:<{width}}  {line}{_in_brackets(measured_cost(name))}" for name, line in rows]
    return "\n".join(
        [*lines, "", "Their claims: nashpath list study.NAME. What one will cost here: nashpath plan NAME"]
    )


def told_study(study: "Study", scale: str = "default") -> str:
    """A study: its paper, what its experiments do and take, and its claims, a line each."""
    cost = measured_cost(study.name) if scale == "default" else ""
    head = [study.title, study.paper, *([f"{cost} (docs/results.md)"] if cost else [])]
    return "\n".join(
        [*head, "", "experiments", *experiment_lines(study, scale), "", "claims", *claim_lines(study, scale)]
    )


def experiment_lines(study: "Study", scale: str) -> list[str]:
    """The experiments at a scale, with their cells, seeds and steps."""
    found = study.experiments_at(scale)
    width = max((len(experiment.name) for experiment in found), default=0)
    lines = []
    for experiment in found:
        size, cells = experiment.sizes[scale], len(experiment.cells)
        steps = f", {size.steps:,} steps" if size.steps else ""
        many = f"{cells} cell{'s' * (cells > 1)}, {size.seeds} seed{'s' * (size.seeds > 1)}{steps}"
        lines.append(f"  {experiment.name:<{width}}  {many}")
    return lines


def claim_lines(study: "Study", scale: str) -> list[str]:
    """The claims at a scale, with the experiment that each rests on."""
    found = study.claims_at(scale)
    width = max((len(claim.name) for claim in found), default=0)
    return [f"  {claim.name:<{width}}  {claim.says} [{claim.experiment}]" for claim in found]


def measured_cost(name: str) -> str:
    """How long the study took where ``docs/results.md`` was measured; empty where that page does not say it."""
    page = shipped("docs") / "results.md"
    text = page.read_text(encoding="utf-8") if page.is_file() else ""
    (section,) = re.findall(rf"^## {re.escape(name)}: .*?(?=^## |\Z)", text, re.MULTILINE | re.DOTALL) or [""]
    found = re.search(r"Measured \S+ in ([^;]+ with \d+ workers?);", section)
    return f"default scale: measured in {found[1]}" if found else ""


def _in_brackets(text: str) -> str:
    return f" [{text}]" if text else ""
