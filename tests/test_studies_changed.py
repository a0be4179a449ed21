"""What a folder holds of other code, claims, machines or cells is never used unsaid by a study."""

import json
import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.report.reproduction import warnings_of, write_reproduction
from nashpath.run import FolderWarning, RunFolder, SettingError
from nashpath.studies import NAMES, Portion, find_study, gather_cells, judge_again, read_study, reproduce
from nashpath.studies import cells as cell_files
from nashpath.studies.meaning import digest_of_meaning
from nashpath.studies.registered import changes, parts_of

OWN = """
from nashpath.studies import Claim, Experiment, Size, Study

def measure(cell, size):
    for s in range(size.seeds):
        yield {"seed": s, "a": 1.0 + 0.01 * s, "b": -1.0 - 0.01 * s}

FACTOR = 1.0

def values(rows):
    return [FACTOR * value for value in rows.by_seed("b").values()]

E = Experiment(name="e", about="x", measure=measure, cells=[{"c": 0}, {"c": 1}],
    sizes={"default": Size(seeds=8, steps=1)})
STUDY = Study(name="own", title="T", paper="P", experiments=[E], claims=[
    Claim(name="pos", says="b is positive", source="us", experiment="e", quantity="b", values=values, low=0.0,
          kind="ours")
])
"""


@pytest.fixture
def own(tmp_path):
    """A study's own file and its folder, measured."""
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    reproduce(str(file), "default", tmp_path / "s")
    return file, tmp_path / "s"


def edit(file: Path, old: str, new: str) -> None:
    assert old in file.read_text()
    file.write_text(file.read_text().replace(old, new))


def again(folder: Path) -> tuple[str, float, str]:
    (verdict,) = judge_again(folder)
    page = write_reproduction(folder).read_text()
    assert all(said.replace("'", "&#39;") in page for said in warnings_of(read_study(folder)))
    return verdict.word, verdict.mean, verdict.note


CHANGES = {
    "computation": ('by_seed("b")', 'by_seed("a")'),
    "computation, a global": ("FACTOR = 1.0", "FACTOR = 2.0"),
    "wording": ("b is positive", "b is not positive"),
    "quantity": ('quantity="b"', 'quantity="a"'),
    "criterion": ("low=0.0", "low=1e-9"),
    "kind": ('kind="ours"', 'kind="found"'),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("what", CHANGES)
def test_a_claim_that_was_changed_in_anything_is_named(own, what):
    file, folder = own
    edit(file, *CHANGES[what])
    again(folder)
    found = read_study(folder)
    assert found["changed_since"] == ["pos"]
    part = what.partition(",")[0]
    assert f"claim pos was changed ({part}) after the measurement had begun" in warnings_of(found)
    reproduce(str(file), "default", folder)
    assert read_study(folder)["changed_since"] == ["pos"]


def test_a_comment_changes_neither_a_claim_nor_a_cell(own):
    file, folder = own
    edit(file, "def values(rows):", 'def values(rows):\n    """Well."""  # and so on')
    again(folder)
    assert not warnings_of(read_study(folder))


def test_a_record_without_parts_is_not_registered_rather_than_changed(own):
    file, folder = own
    found = read_study(folder)
    RunFolder(folder).write_json("study.json", {k: v for k, v in found.items() if k != "registered_parts"})
    edit(file, *CHANGES["wording"])
    again(folder)
    assert read_study(folder)["changed_since"] == []
    edit(file, *CHANGES["criterion"])
    again(folder)
    assert read_study(folder)["changed_since"] == ["pos"]  # criteria were registered then, too
    reproduce(str(file), "default", folder)
    assert "registered_parts" not in read_study(folder)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", NAMES)
def test_the_claims_of_every_study_are_registered_part_by_part(name):
    """Read twice they are the same; each part of each claim that is exchanged is named, and no other."""
    claims = find_study(name).claims
    parts, criteria = parts_of(claims), {claim.name: claim.criterion for claim in claims}
    assert changes(criteria, parts, claims) == {}
    other = [replace(claim, values=lambda rows: [0.0]) for claim in claims]
    said = changes(criteria, parts, other)
    assert set(said) == set(criteria)
    assert all("(computation)" in sentence for sentence in said.values())
    said = changes(criteria, parts, [replace(claims[0], says="Else."), *claims[1:]])
    assert list(said) == [claims[0].name]
    assert "(wording)" in said[claims[0].name]


def test_a_meaning_has_what_is_closed_over_and_no_place():
    def made(key):
        return lambda rows: rows[key], lambda rows: rows[key] + 1  # two on one line

    (a, b), (c, _) = made("x"), made("x")
    assert digest_of_meaning(a) == digest_of_meaning(c) != digest_of_meaning(b)
    assert digest_of_meaning(a) != digest_of_meaning(made("y")[0])


def test_cells_of_other_code_are_judged_again_with_a_word(own):
    file, folder = own
    edit(file, '"b": -1.0', '"b": 5.0')
    word, mean, note = again(folder)
    assert (word, mean) == ("refuted", pytest.approx(-1.035))
    assert note.startswith("2 of 2 cells of e were measured by other code")
    said = CliRunner().invoke(app, ["report", str(folder), "--judge-again"])
    assert "warning: own: 2 of 2 cells of e were measured by other code" in said.stderr


def test_cells_of_different_code_are_never_judged_together(own):
    file, folder = own
    edit(file, '"b": -1.0', '"b": 5.0')
    reproduce(str(file), "default", folder, portion=Portion(part=(1, 2)))
    word, _, note = again(folder)
    assert word == "not measured"
    assert note.startswith("1 of 2 cells of e")
    edit(file, '"b": 5.0', '"b": 6.0')  # both are of other code now, and each of its own
    assert again(folder)[0] == "not measured"
    (verdict,) = reproduce(str(file), "default", folder)
    assert verdict.word == "supported"
    assert "other_code" not in read_study(folder)


def test_a_module_beside_a_study_is_part_of_its_cells(tmp_path):
    file = tmp_path / "mine.py"
    (tmp_path / "helper_of_mine.py").write_text("V = 1.0\n")
    file.write_text("import helper_of_mine\n" + OWN.replace("-1.0 -", "-helper_of_mine.V -"))
    assert reproduce(str(file), "default", tmp_path / "s")[0].word == "refuted"
    (tmp_path / "helper_of_mine.py").write_text("V = -9.0\n")
    assert reproduce(str(file), "default", tmp_path / "s")[0].word == "supported"


def test_a_page_tells_the_sizes_of_then(own):
    file, folder = own
    edit(file, "seeds=8", "seeds=5")
    assert "Seeds: 8" in write_reproduction(folder).read_text()
    assert "at other sizes" in again(folder)[2]


def unchecked(folder: Path) -> None:
    (folder / "digests.jsonl").unlink()


def test_a_cell_in_anothers_place_is_left_out(own):
    """Also where no digests are kept: a copy of another cell, of another study, and of other sizes."""
    file, folder = own
    whole = (folder / "cells" / "e.0.json").read_text()
    unchecked(folder)
    for text in (whole.replace('{"c": 0}}', '{"c": 1}}', 1), whole.replace('"study": "own"', '"study": "two"')):
        (folder / "cells" / "e.0.json").write_text(text)
        with pytest.warns(FolderWarning, match=r"e\.0\.json: holds another cell"):
            (verdict,) = judge_again(folder)
        assert verdict.word == "not measured"
    reproduce(str(file), "default", folder.parent / "five", options={"seeds": 5})
    shutil.copy(folder.parent / "five" / "cells" / "e.0.json", folder / "cells" / "e.0.json")
    assert "1 of 2 cells of e" in again(folder)[2]


def test_a_cell_that_the_study_does_not_have_any_more_is_named(own):
    file, folder = own
    edit(file, ', {"c": 1}]', "]")
    again(folder)
    assert "cells/e.1.json is of no cell that the study has now, and is left out" in warnings_of(read_study(folder))


def test_a_file_that_holds_another_study_now_is_refused(own):
    file, folder = own
    edit(file, 'name="own"', 'name="two"')
    for use in (judge_again, write_reproduction):
        with pytest.raises(SettingError, match="holds the study two now; measured was own"):
            use(folder)


def test_a_folder_without_digests_is_read_with_a_word(own):
    file, folder = own
    unchecked(folder)
    assert "carries no digests" in CliRunner().invoke(app, ["report", str(folder)]).stderr
    with pytest.warns(FolderWarning, match="carries no digests"):
        reproduce(str(file), "default", folder)
    with pytest.warns(FolderWarning, match="carries no digests"):
        gather_cells(folder.parent / "all", [folder])


ELSEWHERE = {"versions": {"torch": "1.0"}, "platform": "Plan9 mips", "processor": "R3000", "gpu": "IMPACT"}


def test_what_measured_a_cell_goes_with_it(tmp_path, monkeypatch):
    """Gathered, continued, or both; cells of earlier versions are not recorded."""
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    monkeypatch.setattr("nashpath.studies.result.here", lambda: ELSEWHERE)
    reproduce(str(file), "default", tmp_path / "a", portion=Portion(part=(1, 2)))
    gather_cells(tmp_path / "one", [tmp_path / "a"])
    found = read_study(tmp_path / "one")
    assert found["measured_on"] == [{"cells": 1, **ELSEWHERE}]
    assert (found["versions"], found["platform"]) == (ELSEWHERE["versions"], ELSEWHERE["platform"])
    monkeypatch.undo()
    reproduce(str(file), "default", tmp_path / "a")
    gather_cells(tmp_path / "all", [tmp_path / "a"])
    for folder in (tmp_path / "a", tmp_path / "all"):
        found = read_study(folder)
        assert {"cells": 1, **ELSEWHERE} in found["measured_on"]
        assert {"cells": 1, **cell_files.here()} in found["measured_on"]
        (said,) = warnings_of(found)
        assert "1 cell by torch 1.0 on Plan9 mips, R3000, IMPACT" in said
        again(folder)
    store, name = RunFolder(tmp_path / "all"), "cells/e.0.json"
    cell = json.loads((tmp_path / "all" / name).read_text())
    store.write(name, json.dumps({key: cell[key] for key in ("source", "seconds", "rows")}).encode())
    again(tmp_path / "all")
    assert "1 cell by what was not recorded" in warnings_of(read_study(tmp_path / "all"))[0]


def test_parts_of_different_claims_are_not_gathered(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(OWN)
    for name in ("a", "b"):
        reproduce(str(file), "default", tmp_path / name, portion=Portion(part=(1, 2)))
        edit(file, 'by_seed("b")', 'by_seed("a")') if name == "a" else None
    with pytest.raises(SettingError, match=r"is no part of what .*: claims\.pos\.computation differ"):
        gather_cells(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    gather_cells(tmp_path / "all", [tmp_path / "a"])
    assert read_study(tmp_path / "all")["changed_since"] == ["pos"]
