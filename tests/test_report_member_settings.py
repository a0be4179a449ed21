"""The settings of swept members in comparisons: those that a run with these settings alone resolves to."""

from itertools import permutations
from pathlib import Path
from typing import Any

import pytest

import report_folders as folders
from nashpath.report.compare import _context
from nashpath.report.member_settings import played_settings
from nashpath.report.read import load_run
from nashpath.run.settings.members import plan, record
from nashpath.run.settings.model import TABLES, dotted
from nashpath.run.settings.overrides import METHODS
from nashpath.run.settings.resolve import dump, resolve

PAIRS = {
    "game": ["gan", "mixture"],
    "data": ["ring", "grid"],
    "objective": ["hinge", "non_saturating"],
    "penalty": ["none", "r1"],
    "technique": ["none", "top_k"],
    "generator": ["mlp", "minibatch_mlp"],
    "discriminator": ["mlp", "minibatch_mlp"],
    "constraint": ["none", "clip"],
    "average": ["none", "ema"],
    "solver": ["alternating", "extragradient"],
}
"""Two methods for each setting that chooses one; those of rules and schedules are found below."""


def pair(path: str) -> list[str]:
    wanted = [name for name in PAIRS.get(path, []) if name in TABLES.get(path, {}) or path == "game"]
    return wanted if len(wanted) == 2 else sorted(TABLES[path])[:2]


@pytest.mark.parametrize("written", ["key", "key.kind"])
@pytest.mark.parametrize("path", sorted(METHODS))
def test_a_swept_member_has_the_settings_of_its_own_method(path: str, written: str) -> None:
    """Of each of two methods, whichever the base has: exactly what it was planned with, defaults included."""
    judged = 0
    for base, other in permutations(pair(path)):
        try:
            members = plan({"data": "ring", path: base} if "." not in path else {}, {path: [base, other]})
        except ValueError:
            continue  # these two do not go with the other defaults
        config = {**record({path: base} if "." not in path else {}, members), "sweep": {path: [base, other]}}
        for member in members:
            point = {path if written == "key" else f"{path}.kind": member.swept[path]}
            told, real = played_settings(config, point, defaults=True), dotted(dump(member.settings))
            assert {k: v for k, v in told.items() if k.startswith(f"{path}.")} == {
                k: v for k, v in real.items() if k.startswith(f"{path}.")
            }
            assert told == real
            judged += 1
    assert judged


@pytest.mark.parametrize("written", ["penalty", "penalty.kind"])
def test_the_columns_of_a_comparison_state_the_penalty_that_each_member_plays(tmp_path: Path, written: str) -> None:
    def run(name: str, points: list[dict[str, Any]], **config: Any) -> Path:
        members = [{"member": k, "seed": 0, "settings": one, "outcome": "finished"} for k, one in enumerate(points)]
        return folders.folder(tmp_path / name, members, [], {"name": name}, **config)

    r1 = {"kind": "r1", "weight": 0.2}
    members = plan({"penalty": r1}, {"penalty": ["none", "r1"]})
    sweep = {**record({"penalty": r1}, members), "sweep": {written: ["none", "r1"]}}
    swept = run("swept", [{written: "none"}, {written: "r1"}], **sweep)
    alone = run("alone", [{}], **dump(resolve({"penalty": r1})))
    found = _context([load_run(swept), load_run(alone)], tmp_path / "c.html")
    headers, rows = [str(getattr(h, "text", h)) for h in found["headers"]], found["rows"]
    at = headers.index("penalty.kind")
    assert "penalty" not in headers
    assert [row[at].text for row in rows] == ["none", "r1", "r1"]
    weight = headers.index("penalty.weight")
    assert [row[weight].text for row in rows] == ["–", "0.2", "0.2"]


def test_the_ground_of_swept_data_has_nothing_of_the_other_data(tmp_path: Path) -> None:
    members = [{"member": k, "seed": 0, "settings": {"data": kind}} for k, kind in enumerate(("ring", "grid"))]
    base = {"kind": "ring", "modes": 12}
    run = load_run(folders.folder(tmp_path / "run", members, [], data=base, sweep={"data": ["ring", "grid"]}))
    assert run.ground({"data": "ring"}) == {"data.kind": "ring", "data.modes": 12}
    assert run.ground({"data": "grid"}) == {"data.kind": "grid"}
