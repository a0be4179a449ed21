"""An older checkpoint in the place of the last one is said to be one, and no other is."""

import json
import shutil
import warnings

import pytest

from nashpath.report import write_report
from nashpath.report.questions import questions
from nashpath.report.read import load_run
from nashpath.run import FolderWarning, gather_run, load, resume_session
from nashpath.run.folder.checkpoint import checkpoint_step
from run_folders import assert_same_run, flags, members, nash

LAST, BEFORE = "checkpoint.safetensors", "checkpoint.previous.safetensors"
SAID = "is an older one, of step 16; run.json says that step 20 was reached. What follows is of step 16; "


def copied(run):
    shutil.copy(run / BEFORE, run / LAST)
    return "put the one of that step back"


def exchanged(run):
    (run / LAST).rename(run / "between")
    (run / BEFORE).rename(run / LAST)
    (run / "between").rename(run / BEFORE)
    return f"{BEFORE} is of that step: give it that name"


def unnoted(run):
    (run / "digests.jsonl").unlink()
    return copied(run)


@pytest.fixture(params=[copied, exchanged, unnoted], ids=lambda act: act.__name__)
def older(request, original, tmp_path):
    """The run with an older checkpoint, and what there is to do."""
    run = shutil.copytree(original, tmp_path / "run")
    return run, request.param(run)


VERBS = {
    "evaluate": ("--samples", 16, "--metrics", "modes"),
    "diagnose": ("--quick",),
    "sample": ("-n", 4, "--out", "s.npz"),
    "export": ("--to", "g.safetensors"),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("verb", VERBS)
def test_a_verb_that_reads_an_older_checkpoint_says_so(older, monkeypatch, verb):
    run, cure = older
    monkeypatch.chdir(run.parent)
    for _ in range(2):
        assert f"{run / LAST}: {SAID}{cure}" in nash(verb, run, *VERBS[verb]).stderr


def test_so_does_the_library(older):
    run, cure = older
    with pytest.warns(FolderWarning) as told:
        load(run)
    assert {str(one.message) for one in told if "older" in str(one.message)} == {f"{run / LAST}: {SAID}{cure}"}


@pytest.mark.long
def test_a_run_goes_on_from_an_older_checkpoint_and_ends_as_it_did(older, original):
    run, _ = older
    assert SAID in nash("train", "--resume", "--out", run).stderr
    assert_same_run(run, original)
    assert SAID not in nash("train", "--resume", "--out", run).stderr


@pytest.mark.long
@pytest.mark.parametrize("verb", ["evaluate", "diagnose"])
def test_a_page_asks_for_no_assessment_that_would_be_of_the_same_step(older, verb):
    run, _ = older
    nash(verb, run, *VERBS[verb])
    told = "Made at step 16; the member has gone on to step 20 since, and the checkpoint has not, so there is nothing"
    assert told in write_report(run).read_text()
    answers = {one.question: one.word for one in questions(load_run(run))}
    assert answers["What next?"] == ("see the diagnosis" if verb == "diagnose" else "diagnose it")


def quiet(run):
    """Nothing is said of older checkpoints."""
    with warnings.catch_warnings(record=True) as told:
        warnings.simplefilter("always")
        load(run)
    return not any("older one" in str(one.message) for one in told)


def test_a_run_that_goes_on_from_an_older_checkpoint_is_read_without_a_word_of_it(run):
    copied(run)
    with pytest.warns(FolderWarning, match="is an older one"):
        session = resume_session(run, [])
    assert json.loads((run / "run.json").read_text())["steps"] == 16
    assert members(run)[0]["steps"] == 16
    assert quiet(run)
    session.store.release()


@pytest.mark.parametrize("steps", [16, None])
def test_a_run_that_was_killed_before_it_wrote_its_facts_has_no_older_checkpoint(run, steps):
    facts = json.loads((run / "run.json").read_text())
    (run / "digests.jsonl").unlink()
    (run / "run.json").unlink()
    if steps is not None:
        (run / "run.json").write_text(json.dumps(facts | {"steps": steps}))
    assert quiet(run)


def test_of_a_damaged_checkpoint_it_is_said_that_the_one_before_is_used_and_no_more(run):
    content = bytearray((run / LAST).read_bytes())
    content[-3] ^= 1
    (run / LAST).write_bytes(content)
    with pytest.warns(FolderWarning, match=f"{BEFORE} of step 16"):
        assert load(run).steps == 16
    assert quiet(run)


@pytest.mark.parametrize("written", [b"", b"{", b"[]", b'{"steps": null, "status": "finished"}', b'{"steps": 99}'])
def test_facts_that_do_not_tell_say_nothing_of_the_checkpoint(run, written):
    (run / "digests.jsonl").unlink()
    (run / "run.json").write_bytes(written)
    assert quiet(run)


@pytest.mark.parametrize("content", [b"", b"no checkpoint", bytes(64)])
def test_the_step_of_a_file_that_is_no_checkpoint_is_unknown(tmp_path, content):
    (tmp_path / LAST).write_bytes(content)
    assert checkpoint_step(tmp_path / LAST) == checkpoint_step(tmp_path / "none") == 0


@pytest.mark.long
def test_parts_that_are_gathered_again_after_a_kill_have_no_older_checkpoint(tmp_path, monkeypatch):
    out = tmp_path / "run"
    for part in ("1/2", "2/2"):
        nash("train", *flags("steps=4"), "--seeds", "0:2", "--part", part, "--out", out)
    gather_run(out)
    for part in ("1-of-2", "2-of-2"):
        nash("train", "--resume", "-s", "steps=8", "--out", out / "parts" / part)
    with monkeypatch.context() as patch:
        patch.setattr("nashpath.run.assess.gather._join_checkpoints", lambda *_: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            gather_run(out)
    assert quiet(out)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        gather_run(out)
    assert load(out).steps == 8
