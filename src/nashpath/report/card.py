"""The card of an exported generator: what it is, of what data, how good, and how to load it."""

import json
from pathlib import Path
from typing import Any

from nashpath.core.cache import replacing
from nashpath.core.errors import first_names
from nashpath.report.phrasing import number, numbered
from nashpath.report.tables import (
    MOST_CLASSES,
    directed,
    ends_of,
    lines_of_diverged,
    origin,
    protocol_lines,
    values_that_count,
)
from nashpath.run.folder.outputs import check_output
from nashpath.run.settings.model import dotted

STANDARDISED = """\
in the units of the data's file: the columns were standardised for training, and the program (of a .safetensors file, \
`member.sample`) undoes it"""
MARK = "<!-- card of a generator, by nashpath export -->"


def card_place(to: str | Path) -> Path:
    """Where the card of a file is written: beside it, under its whole name, so that ``g.pt2`` and ``g.onnx`` have two.

    Raises `ValueError` where another text is, `OSError` where none can be.
    """
    to = Path(to)
    place = to.with_name(f"{to.name}.md")
    if place.is_dir() or (place.exists() and not place.read_bytes().startswith(MARK.encode())):
        raise ValueError(f"--to {to}: its card would be {place}, which is something else; choose another name")
    check_output(place)
    return place


def write_card(place: str | Path, name: str, told: dict[str, Any]) -> None:
    """Writes the card of the file ``name`` from what `nashpath.run.export` returned, atomically."""
    place = Path(place)
    with replacing(place) as file:
        file.write(card(name, told).encode())


def card(name: str, told: dict[str, Any]) -> str:
    """The card as Markdown."""
    weights = "averaged weights" if told["averaged"] else "the weights of the last step"
    latents = "N(0, 1)" if told["latent_distribution"] == "normal" else "U[−1, 1]"
    shape = " × ".join(map(str, told["about_data"]["shape"]))
    units = "in the units of the data" if told["units"] is None else STANDARDISED
    settings = [f"- `{key} = {json.dumps(value)}`" for key, value in dotted(told["settings"]).items()]
    versions = ", ".join(f"{key} {value}" for key, value in told["versions"].items())
    parts = [
        MARK,
        f"# {name}",
        f"A generator with {weights} after {number(told['steps'])} steps (member {told['member']}, seed "
        f"{told['seed']}; {told['outcome']}). It maps latents [n, {told['latent']}], each number from "
        f"{latents},{_classes(told)} to samples of shape {shape}, {units}.",
        f"Licence: {told['licence'] or 'none was stated; that of the data may bind samples, too'}.",
        "## Load it",
        "\n".join(["```python", *told["lines"], "```"]),
        told["verified"],
        *_methods(told["methods"]),
        "## Data",
        _data(told),
        "## How good it is",
        _quality(told["evaluation"], told["member"]),
        "## Diagnosis",
        _diagnosis(told["diagnosis"]),
        "## Settings",
        "\n".join(settings),
        *([f"Trained with {versions}."] if versions else []),
    ]
    return "\n\n".join(parts) + "\n"


def _methods(entries: list[dict[str, Any]]) -> list[str]:
    """The methods that are not the package's, and where they come from."""
    if not entries:
        return []
    return ["## Methods of one's own", "\n".join(f"- {origin(entry)}" for entry in entries)]


def _classes(told: dict[str, Any]) -> str:
    names = told.get("classes") or []
    return f" and classes [n], of {first_names(numbered(names), MOST_CLASSES)}," if names else ""


def _data(told: dict[str, Any]) -> str:
    kind, known = told["settings"].get("data", {}).get("kind", "none"), told["data"]
    if not known:
        return f"`{kind}`"
    return (
        f"`{kind}`: {number(known['files'])} files of {number(known['bytes'])} bytes; hash of their names and sizes "
        f"`{known['names']}`, of a sample of their content `{known['sample']}`"
    )


def _quality(group: dict[str, Any] | None, member: int) -> str:
    if group is None:
        return "Not measured at this step (`nashpath evaluate` before the export puts its numbers here)."
    at, lines = group["members"].index(member), []
    for entry in group["numbers"]:
        value = f"- {directed(entry)}: {number(entry['values'][at])}"
        measured, ends = len(values_that_count(entry)), ends_of(entry)
        if measured > 1:
            value += f" (mean of {measured} seeds {number(entry['mean'])}{', 95 % interval ' if ends else ''}{ends})"
        lines.append(value)
    return "\n".join([*lines, "", *(f"- {line}" for line in [*protocol_lines(group), *lines_of_diverged(group)])])


def _diagnosis(found: dict[str, Any] | None) -> str:
    if found is None:
        return "Not diagnosed at this step (`nashpath diagnose` before the export puts its verdict here)."
    return "\n".join([f"**{found['headline']}**", "", *(f"- {sentence}" for sentence in found["sentences"])])
