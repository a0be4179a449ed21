"""One run is one run, by whatever path it is given, and a file is said to be what is known of it."""

import shutil
import warnings
from pathlib import Path

import pytest

import report_folders as folders
from nashpath.report import compare_reports, write_report
from nashpath.report.compare import equal_cost_text
from nashpath.run import FolderWarning
from run_folders import trained

WAYS = ("itself", "another path", "a link", "a copy")


def again(way: str, first: Path, beside: Path) -> Path:
    """The run once more."""
    if way == "a copy":
        return Path(shutil.copytree(first, beside))
    if way == "a link":
        beside.symlink_to(first)
        return beside
    return first if way == "itself" else first.parent / "x" / ".." / first.name


@pytest.mark.long(first=True)
@pytest.mark.parametrize("way", WAYS)
def test_a_run_given_twice_counts_once(tmp_path: Path, way: str):
    raw = {"data": "ring", "steps": 2, "seeds": [0, 1, 2], "compile": "off"}
    trained(raw, tmp_path / "a")
    trained(raw | {"penalty": "r1"}, tmp_path / "b")
    (tmp_path / "x").mkdir()
    runs = [tmp_path / "a", tmp_path / "b", again(way, tmp_path / "a", tmp_path / "c")]
    with pytest.warns(FolderWarning, match="is the same run as .* and counts once"):
        page = compare_reports(runs, tmp_path / "c.html").read_text()
    assert "Comparison of 2 runs" in page
    assert equal_cost_text(runs) == equal_cost_text(runs[:2])


def test_runs_of_the_same_settings_are_two(tmp_path: Path):
    """Trained twice, they are alike in everything but when: that is a comparison."""
    for name in "ab":
        trained({"data": "ring", "steps": 2, "seeds": [0, 1], "compile": "off"}, tmp_path / name)
    with warnings.catch_warnings():
        warnings.simplefilter("error", FolderWarning)
        page = compare_reports([tmp_path / "a", tmp_path / "b"], tmp_path / "c.html").read_text()
    assert "Comparison of 2 runs" in page


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda run: (run / "digests.jsonl").write_text(""), "has no digest in digests.jsonl"),
        (lambda run: (run / "config.toml").write_text("steps = 2\n"), "is damaged or was changed"),
    ],
    ids=["journal", "settings"],
)
def test_settings_in_doubt_are_shown_with_what_is_known_of_them_and_not_left_out(tmp_path: Path, change, said: str):
    trained({"data": "ring", "steps": 2, "compile": "off"}, tmp_path / "run")
    change(tmp_path / "run")
    with pytest.warns(FolderWarning) as found:
        page = write_report(tmp_path / "run").read_text()
    (about,) = [str(one.message) for one in found if "config.toml" in str(one.message)]
    assert about.startswith(f"{tmp_path / 'run' / 'config.toml'}: {said}")
    assert about.endswith("the settings shown are those that it holds now")
    assert f"<strong>Warning:</strong> {tmp_path / 'run' / 'config.toml'}: {said}" in page


def test_folders_without_rows_are_told_apart_by_their_place(tmp_path: Path):
    members = [{"member": 0, "seed": 0, "outcome": "finished", "steps": 9, "metrics": {"fid": 1.0}}]
    runs = [folders.folder(tmp_path / name, members, []) for name in "ab"]
    with warnings.catch_warnings():
        warnings.simplefilter("error", FolderWarning)
        assert "Comparison of 2 runs" in compare_reports(runs, tmp_path / "c.html").read_text()
