"""Lines are appended whole, after a kill or a full disk, too; a run without its first checkpoint begins again."""

import pytest

from nashpath.core.cache import append_lines
from nashpath.run import FolderError
from nashpath.run.folder.digests import JOURNAL, Digests
from nashpath.run.folder.run_folder import RunFolder
from run_folders import assert_same_run, files_of_at_most, nash, rows, small, trained

CHECKPOINT = "checkpoint.safetensors"


CONTENTS = (b"", b"a\n", b"a\nb", b"b", b"a\n" + b"b" * 200_000, b"\n" * 5, b"a\nb\n" * 40_000)


@pytest.mark.parametrize("content", CONTENTS)
def test_lines_are_appended_after_the_last_whole_one(tmp_path, content):
    file = tmp_path / "lines"
    file.write_bytes(content)
    whole = b"".join(line for line in content.splitlines(keepends=True) if line.endswith(b"\n"))
    assert append_lines(file, b"c\n") == len(whole)
    assert file.read_bytes() == whole + b"c\n"


TORN = (b'{"file"', b'{"file": "evaluation.json", "new": true, "bytes": 3}', b"x" * 200_000)


@pytest.mark.parametrize("torn", TORN)
@pytest.mark.parametrize("held", [True, False])
def test_what_is_noted_after_a_torn_line_is_noted_on_a_line_of_its_own(run, held, torn):
    """As a process leaves the journal that is killed amid a note; the next one to write holds the folder, or not."""
    with open(run / JOURNAL, "ab") as journal:
        journal.write(torn)
    store = RunFolder(run)
    if held:
        store.claim()
    store.write("evaluation.json", b"{}")
    store.release()
    digests = Digests(run)
    assert digests.damage() == ""
    assert digests.fault("evaluation.json") == digests.fault("metrics.jsonl") == ""
    content = (run / "metrics.jsonl").read_bytes()
    (run / "metrics.jsonl").write_bytes(content.replace(b"0", b"1", 1))
    assert "does not match its digest" in Digests(run).fault("metrics.jsonl")


@pytest.mark.parametrize("name", ["metrics.jsonl", JOURNAL])
def test_what_a_full_disk_takes_by_half_harms_nothing_that_is_appended_later(run, name):
    """Rows and notes: of a line that was cut nothing stays, and what follows is read and checked."""
    store, place, before = RunFolder(run), run / name, rows(run)
    filling = [{"step": 21, "member": 0, "filling": "x" * 90}]
    act = (lambda: store.digests.replaces("evaluation.json", b"")) if name == JOURNAL else lambda: store.append(filling)
    store.claim()
    with files_of_at_most(place.stat().st_size + 40), pytest.raises((OSError, FolderError)):
        act()
    assert not place.read_bytes().endswith(b"\n")
    store.append([{"step": 22, "member": 0}])
    store.release()
    assert rows(run)[: len(before)] == before
    assert rows(run)[-1] == {"step": 22, "member": 0}
    assert Digests(run).damage() == Digests(run).fault("metrics.jsonl") == ""


def test_killed_twice_between_a_note_and_what_it_notes_a_file_of_no_session_is_not_in_doubt(run):
    for content in (b"first", b"second"):
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr("nashpath.run.folder.run_folder.write_atomic", lambda *_: 1 / 0)
            with pytest.raises(ZeroDivisionError):
                RunFolder(run).write("members.json", content)
        assert Digests(run).fault("members.json") == ""


def full_at_its_checkpoint(store, content):
    """The disk is full when a checkpoint is to be written, and was noted."""
    with store._room(CHECKPOINT):
        store.digests.replaces(CHECKPOINT, content)
        raise OSError(28, "No space left on device")


@pytest.mark.long
def test_a_run_whose_disk_was_full_at_its_first_checkpoint_begins_again_and_every_verb_says_so(tmp_path, original):
    run = tmp_path / "run"
    again = f"nashpath train --resume --out {run}"
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "write_checkpoint", full_at_its_checkpoint)
        with pytest.raises(FolderError, match="the disk is full") as told:
            trained(small(checkpoint_every=8), run)
    assert str(told.value).endswith(f"it has no checkpoint yet; make room, then: {again}")
    for verb in (("sample",), ("evaluate",), ("diagnose", "--quick")):
        said = nash(*verb, run, expect=2).stderr
        assert f"the run was ended before its first one, and begins again with: {again}" in said
    nash("train", "--resume", "--out", run)
    assert_same_run(run, original)


@pytest.mark.long
def test_a_flow_whose_disk_is_full_goes_on_by_its_own_verb(tmp_path):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(RunFolder, "write_checkpoint", full_at_its_checkpoint)
        few = [part for one in ("particles=9", "steps=2", "flow=mmd", "samples=9") for part in ("-s", one)]
        said = nash("flow", *few, "--out", tmp_path / "run", expect=2).stderr
    again = f"nashpath flow --resume --out {tmp_path / 'run'}"
    assert f"it has no checkpoint yet; make room, then: {again}" in said
    nash(*again.split()[1:])
