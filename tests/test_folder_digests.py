"""A run folder holds what the run wrote, or somebody is told; one process writes it; a resume stands on the same."""

import json
import os
import re
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import nashpath
from nashpath.data import Folder
from nashpath.report.outcome import member_outcome
from nashpath.report.read import load_run
from nashpath.run import CheckpointError, FolderError, FolderWarning, load, resume_session
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.folder.digests import JOURNAL, Digests
from nashpath.run.folder.identity import changed_data
from nashpath.run.folder.lock import LOCK, FolderLock
from nashpath.run.folder.run_folder import RunFolder, sweep_run
from run_folders import assert_same_run, flags, nash, rows, small, trained

CHECKPOINTS = ("checkpoint.safetensors", "checkpoint.previous.safetensors")


def flip(file, at, bit=0):
    content = bytearray(file.read_bytes())
    content[at] ^= 1 << bit
    file.write_bytes(content)


@pytest.mark.long
def test_every_file_that_is_read_back_is_as_its_digest_says(original):
    digests = Digests(original)
    files = [str(file.relative_to(original)) for file in original.rglob("*") if file.is_file()]
    assert {*CHECKPOINTS, "metrics.jsonl", "config.toml", "run.json", "members.json", "reference.npz"} <= set(files)
    assert [name for name in files if name not in (JOURNAL, "report.html") and digests.fault(name)] == []
    assert digests.missing() == []


@pytest.mark.long(first=True)
@pytest.mark.parametrize("share", [0.01, 0.5, 0.999])
def test_a_damaged_checkpoint_is_not_used_but_the_one_before_it(run, original, tmp_path, share):
    file = run / CHECKPOINTS[0]
    flip(file, int(share * file.stat().st_size))
    said = nash("sample", run, "-n", 4, "--out", tmp_path / "s.npz").stderr
    assert f"{file}: is damaged or was changed" in said
    assert "checkpoint.previous.safetensors of step 16" in said
    whole = nash("train", "--resume", "--out", run).stderr
    assert "checkpoint.previous.safetensors of step 16" in whole
    assert_same_run(run, original)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        load(run)


def test_a_good_checkpoint_is_never_replaced_by_a_damaged_one(run):
    previous = (run / CHECKPOINTS[1]).read_bytes()
    flip(run / CHECKPOINTS[0], -1)
    RunFolder(run).write_checkpoint(b"new")
    assert (run / CHECKPOINTS[1]).read_bytes() == previous


@pytest.mark.parametrize("verb", [("train", "--resume", "--out"), ("sample",), ("evaluate",), ("diagnose", "--quick")])
def test_where_both_are_damaged_every_verb_refuses_and_names_them(run, monkeypatch, verb):
    monkeypatch.chdir(run.parent)
    for name in CHECKPOINTS:
        flip(run / name, -5)
    said = nash(*verb, run, expect=2).stderr
    assert all(str(run / name) in said for name in CHECKPOINTS)
    assert "Traceback" not in said


def test_a_checkpoint_of_another_run_is_not_taken_for_this_one_s(run, tmp_path):
    trained(small(seeds=[7]), tmp_path / "other")
    for name in CHECKPOINTS:
        shutil.copy(tmp_path / "other" / CHECKPOINTS[0], run / name)
    with pytest.raises(CheckpointError, match="does not match its digest"):
        load(run)


def test_folders_without_digests_are_read_and_it_is_said_once(run, tmp_path):
    (run / JOURNAL).unlink()
    said = nash("sample", run, "-n", 4, "--out", tmp_path / "s.npz").stderr
    assert said.count("carries no digests") == 1
    assert "carries no digests" in nash("train", "--resume", "--out", run, "-s", "steps=24").stderr
    assert "digests" not in nash("sample", run, "-n", 4, "--out", tmp_path / "s.npz").stderr


def test_rows_that_were_deleted_are_said_to_be_lost(run):
    (run / "metrics.jsonl").unlink()
    said = nash("train", "--resume", "--out", run, "-s", "steps=24").stderr
    assert re.search(r"metrics.jsonl: is missing; the rows up to step \d+ are lost", said)


def test_a_damaged_journal_accuses_nobody(run, tmp_path):
    flip(run / JOURNAL, 30)
    said = nash("sample", run, "-n", 4, "--out", tmp_path / "s.npz").stderr
    assert f"{run / JOURNAL} is damaged in line 1; its files are read unchecked" in said


def test_killed_between_a_note_and_what_it_notes_the_file_counts(run):
    digests = Digests(run)
    for _ in range(3):  # killed there again and again
        digests.replaces("run.json", os.urandom(20))
        Digests(run).settle()
    assert Digests(run).fault("run.json") == ""
    digests.replaces("samples/step-00000020.npz", None)
    assert Digests(run).fault("samples/step-00000020.npz") == ""


def test_what_a_resume_keeps_outlasts_the_machine_before_its_checkpoint_does(tmp_path, monkeypatch):
    """No file is made durable twice, and those of later looks wait for the next checkpoint."""
    durable, plain = [], os.fsync
    folder = RunFolder(tmp_path)
    folder.create({"steps": 1})

    def fsync(handle):
        path = Path(os.readlink(f"/proc/self/fd/{handle}"))
        durable.append(re.sub(r"^\.(.*)\.\d+-\d+\.tmp$", r"\1", path.name))
        plain(handle)

    monkeypatch.setattr(os, "fsync", fsync)
    for step in (0, 1):
        folder.append([{"step": step, "member": 0}])
        folder.write_samples(step, {"m0": np.zeros(2)})
        assert durable == []
        folder.write_checkpoint(b"state")
        sample, checkpoint = durable.index(f"step-{step:08d}.npz"), durable.index("checkpoint.safetensors")
        assert max(sample, *(durable.index(name) for name in ("samples", "metrics.jsonl", JOURNAL))) < checkpoint
        assert len([name for name in durable if name.endswith(".npz")]) == 1
        durable.clear()


def test_damage_to_appended_rows_costs_the_rows_of_one_piece(tmp_path, monkeypatch):
    monkeypatch.setattr("nashpath.run.folder.digests.PIECE_BYTES", 100)
    store = RunFolder(tmp_path / "run")
    store.create({})
    for step in range(40):
        store.append([{"step": step, "member": 0, "cost": step / 7}])
    whole, wrong = store.digests.sound("metrics.jsonl", store.metrics.read_bytes())
    assert (b"".join(whole), wrong) == (store.metrics.read_bytes(), "")
    flip(store.metrics, 1000)
    with store.metrics.open("ab") as file:
        file.write(b'{"step": 99, "member": 0}\n')
    pieces, wrong = Digests(store.folder).sound("metrics.jsonl", store.metrics.read_bytes())
    steps = [json.loads(line)["step"] for piece in pieces for line in piece.splitlines()]
    assert 30 < len(steps) < 40
    assert 99 not in steps
    assert re.search(r"bytes \d+ to 1,?\d+ are not as they were written; what follows byte [\d,]+ has no digest", wrong)


HOLD = """
import sys
from pathlib import Path
from nashpath.run.folder.lock import FolderLock
lock = FolderLock(Path(sys.argv[1]))
print("held", flush=True)
sys.stdin.read()
"""


@pytest.mark.long
def test_a_second_process_is_refused_at_the_start_and_told_who_holds_the_folder(run, tmp_path, monkeypatch):
    holder = subprocess.Popen([sys.executable, "-c", HOLD, run], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        said = nash("train", "--resume", "--out", run, expect=2).stderr
        assert f"{run}: process {holder.pid} on " in said
        holder.kill()
    nash("train", "--resume", "--out", run)
    assert not (run / LOCK).exists()
    lock = FolderLock(tmp_path / "fresh")
    for verb in (("train", *flags()), ("flow", "-s", "steps=2")):
        assert "this process is writing" in nash(*verb, "--out", tmp_path / "fresh", expect=2).stderr
    lock.release()
    assert not (tmp_path / "fresh").exists()


@pytest.mark.long
def test_where_the_file_system_knows_no_locks_the_file_names_the_holder(tmp_path, monkeypatch):
    def refuse(*_):
        raise OSError(38, "Function not implemented")

    monkeypatch.setattr("nashpath.run.folder.lock.fcntl.flock", refuse)
    holder = subprocess.Popen([sys.executable, "-c", HOLD, tmp_path], stdin=subprocess.PIPE, stdout=subprocess.PIPE)
    with holder:
        assert holder.stdout is not None
        holder.stdout.readline()
        with pytest.raises(FolderError, match=f"process {holder.pid}"):
            FolderLock(tmp_path)
        holder.kill()
    FolderLock(tmp_path).release()
    (tmp_path / LOCK).write_text(json.dumps({"pid": 1, "host": "elsewhere"}))
    with pytest.raises(FolderError, match=r"process 1 on elsewhere.*delete .*\.lock"):
        FolderLock(tmp_path)


def test_edited_settings_are_refused_named_and_may_be_accepted(run, monkeypatch):
    config = run / "config.toml"
    config.write_text(config.read_text().replace("batch_size = 4", "batch_size = 5"))
    said = nash("train", "--resume", "--out", run, "-s", "steps=24", expect=2).stderr
    assert "batch_size was 4, is 5" in said
    assert "--accept-changes" in said
    for verb in ("evaluate", "sample"):
        assert "batch_size was 4, is 5" in nash(verb, run, expect=2).stderr
    said = nash("train", "--resume", "--out", run, "-s", "steps=24", "--accept-changes").stderr
    assert "warning: resumed at step 20: changed: " in said
    told = json.loads((run / "run.json").read_text())
    assert told["steps"] == 24
    assert "batch_size was 4, is 5" in told["warnings"][0]
    assert "batch_size was 4, is 5" in (run / "report.html").read_text()
    nash("train", "--resume", "--out", run, "-s", "steps=26")
    assert "batch_size was 4, is 5" in json.loads((run / "run.json").read_text())["warnings"][0]


def test_what_a_resumed_run_may_change_may_be_edited(run):
    config = run / "config.toml"
    config.write_text(config.read_text().replace("\nsteps = 20", "\nsteps = 24"))
    nash("train", "--resume", "--out", run)
    assert rows(run)[-1]["step"] == 24


def test_fewer_steps_than_were_taken_are_refused_and_nothing_is_written(run):
    nash("train", "--resume", "--out", run)  # which leaves one note a file in the journal
    before = {file.name: file.read_bytes() for file in run.iterdir() if file.is_file()}
    said = nash("train", "--resume", "--out", run, "-s", "steps=3", expect=2).stderr
    assert "has taken 20 steps" in said
    after = {file.name: file.read_bytes() for file in run.iterdir() if file.is_file()}
    assert {name for name in before if after[name] != before[name]} <= {JOURNAL}


def test_other_versions_are_named(run, monkeypatch):
    monkeypatch.setattr("nashpath.__version__", "9.9.9")
    said = nash("train", "--resume", "--out", run, "-s", "steps=24").stderr
    assert re.search(r"resumed at step 20: differs: nashpath \S+ then, 9.9.9 now", said)
    assert "9.9.9 now" in json.loads((run / "run.json").read_text())["warnings"][0]


@pytest.fixture
def photos(tmp_path):
    folder = tmp_path / "photos"
    folder.mkdir()
    rng = np.random.default_rng(0)
    for k in range(6):
        Image.fromarray(rng.integers(0, 255, (8, 8, 3), dtype=np.uint8)).save(folder / f"{k}.png")
    return folder


def photo_run(out, *more):
    pictures = ("data=folder", "data.path=photos", "data.size=8", "steps=4", "generator=mlp", "discriminator=mlp")
    nash("train", *flags(*pictures, *more), "--out", out)


def test_other_data_are_refused_and_named(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo_run(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"]["files"] == 6
    resume = ("train", "--resume", "--out", tmp_path / "run", "-s", "steps=6")
    (photos / "0.png").rename(photos / "9.png")
    assert "names or sizes of files differ" in nash(*resume, expect=2).stderr
    (photos / "9.png").rename(photos / "0.png")
    longer, shorter = photos / "1.png", photos / "2.png"
    before = longer.read_bytes(), shorter.read_bytes()
    longer.write_bytes(before[0] + b"\0")
    shorter.write_bytes(before[1][:-1])
    assert "names or sizes of files differ" in nash(*resume, expect=2).stderr
    longer.write_bytes(before[0])
    shorter.write_bytes(before[1])
    shutil.copy(photos / "1.png", photos / "9.png")
    assert "data: " in nash(*resume, expect=2).stderr
    (photos / "9.png").unlink()
    (photos / "0.png").unlink()
    assert "data: 6 files then, 5 files now" in nash(*resume, expect=2).stderr
    nash(*resume, "--accept-changes")
    assert "5 files now" in json.loads((tmp_path / "run" / "run.json").read_text())["warnings"][0]
    nash(*resume)


LINKS = {
    "one folder": lambda photos, away: (photos / "more").symlink_to(away),
    "the data themselves": lambda photos, away: (
        (away / "more").symlink_to(shutil.move(photos, away.parent / "kept")) or photos.symlink_to(away)
    ),
    "a loop": lambda photos, away: (away / "back").symlink_to(photos) or (photos / "more").symlink_to(away),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", LINKS)
def test_pictures_behind_links_are_data_too(photos, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    away = shutil.copytree(photos, tmp_path / "away")
    LINKS[case](photos, away)
    photo_run(tmp_path / "run")
    assert json.loads((tmp_path / "run" / "run.json").read_text())["data"]["files"] == len(Folder("photos")) == 12
    resume = ("train", "--resume", "--out", tmp_path / "run")
    nash(*resume, "-s", "steps=5")
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(away / "3.png")
    assert "data: " in nash(*resume, "-s", "steps=6", expect=2).stderr
    (away / "3.png").unlink()
    assert "12 files then, 11 files now" in nash(*resume, "-s", "steps=6", expect=2).stderr


def test_what_an_earlier_version_kept_of_linked_data_is_no_change():
    now = {"data": {"files": 12, "bytes": 100, "names": "a", "sample": "b", "linked": 6}}
    then = {"data": {"files": 6, "bytes": 50, "names": "c", "sample": "d"}}
    assert changed_data(then, now) == []
    assert changed_data({"data": {**then["data"], "linked": 0}}, now) == [
        "data: 6 files then, 12 files now, 50 bytes then, 100 bytes now"
    ]
    assert changed_data(now, {"data": {**now["data"], "linked": 0}}) == []


def fruit(place):
    """Eight bright apples and eight dark pears, and a table of two columns of numbers and one of names."""
    numbers = np.random.default_rng(0)
    for name, low in (("apple", 128), ("pear", 0)):
        (place / "photos" / name).mkdir(parents=True)
        for k in range(8):
            picture = numbers.integers(low, low + 127, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(picture).save(place / "photos" / name / f"{k}.png")
    lines = [f"{5 + x:.3f},{y:.3f},{'red' if x > 0 else 'blue'}" for x, y in numbers.normal(size=(64, 2))]
    (place / "table.csv").write_text("\n".join(["length,width,kind", *lines, ""]))


CLASSES = ("data=folder", "data.path=photos", "data.size=8", "data.labels=true", "game=conditional")
TABLE = ("data=csv", "data.path=table.csv")


@pytest.fixture(scope="module")
def fruit_runs(tmp_path_factory):
    """A folder with data, and a run on a folder of classes and one on a table."""
    place = tmp_path_factory.mktemp("fruit")
    fruit(place)
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(place)
        for name, settings in (("photos", (*CLASSES, "generator=mlp", "discriminator=mlp")), ("table", TABLE)):
            nash("train", *flags(*settings, "steps=4"), "--out", place / f"run-{name}")
    return place


def renamed_classes(photos):
    (photos / "apple").rename(photos / "zebra")


def exchanged_classes(photos):
    (photos / "apple").rename(photos / "other")
    (photos / "pear").rename(photos / "apple")
    (photos / "other").rename(photos / "pear")


def another_picture(photos):
    Image.fromarray(np.full((8, 8, 3), 7, np.uint8)).save(photos / "pear" / "3.png")


def rewritten(change):
    return lambda table: table.write_text("\n".join(map(change, table.read_text().splitlines())) + "\n")


def rescaled(line):
    length, *others = line.split(",")
    return ",".join([length if length == "length" else f"{float(length) / 1000:.3f}", *others])


OTHER_DATA = {
    "a class renamed": ("photos", renamed_classes),
    "two classes exchanged": ("photos", exchanged_classes),
    "a class added": ("photos", lambda photos: shutil.copytree(photos / "pear", photos / "banana")),
    "a class removed": ("photos", lambda photos: shutil.rmtree(photos / "pear")),
    "a picture changed": ("photos", another_picture),
    "a column rescaled": ("table", rewritten(rescaled)),
    "a value renamed": ("table", rewritten(lambda line: line.replace("blue", "grey"))),
}


def arrays(file):
    with np.load(file) as stored:
        return dict(stored)


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("case", OTHER_DATA)
def test_no_verb_takes_other_data_for_those_of_the_run(fruit_runs, tmp_path, monkeypatch, case):
    place = shutil.copytree(fruit_runs, tmp_path / "place")
    name, change = OTHER_DATA[case]
    run, given = place / f"run-{name}", place / {"photos": "photos", "table": "table.csv"}[name]
    monkeypatch.chdir(place)
    label = ("--class", "pear") if name == "photos" else ()
    columns = load(run).table(load(run).sample(4)) if name == "table" else ()
    nash("sample", run, *label, "-n", 4, "--out", "before.npz")
    nash("evaluate", run, "--samples", 32, "--features", "pixels")
    measured = (run / "evaluation.json").read_bytes()
    change(given)

    said = nash("train", "--resume", "--out", run, "-s", "steps=6", expect=2).stderr
    then_and_now = re.search(r"not what the run was made with: data: [^.;]+", said)[0]
    for verb in (("evaluate", run), ("diagnose", "--quick", run)):
        refused = nash(*verb, expect=2).stderr
        assert then_and_now in refused
        assert "Put the data back" in refused
    for verb in (nashpath.evaluate, nashpath.diagnose, restore_member):
        with pytest.raises(ValueError, match=re.escape(then_and_now)):
            verb(run)
    assert (run / "evaluation.json").read_bytes() == measured

    told = nash("sample", run, *label, "-n", 4, "--out", "after.npz").stderr
    assert told.count(then_and_now) == 1
    np.testing.assert_array_equal(arrays("after.npz")["samples"], arrays("before.npz")["samples"])
    with pytest.warns(FolderWarning, match=re.escape(then_and_now)):
        member = load(run)
    assert member.class_names == (["apple", "pear"] if name == "photos" else [])
    assert not columns or member.table(member.sample(4)) == columns
    assert then_and_now in nash("export", run, "--to", "g.safetensors").stderr


OTHER_NUMBERS = {
    "train": ("train", flags("data=array", "data.path=a.npy", "steps=8"), "steps=16"),
    "flow": ("flow", [f for one in ("data=array", "data.path=a.npy", "steps=8") for f in ("-s", one)], "steps=16"),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", OTHER_NUMBERS)
def test_numbers_of_other_data_are_no_start_to_compare_with(tmp_path, monkeypatch, case):
    verb, settings, more = OTHER_NUMBERS[case]
    monkeypatch.chdir(tmp_path)
    numbers = np.random.default_rng(0).normal(size=(64, 2)).astype(np.float32)
    np.save("a.npy", numbers)
    nash(verb, *settings, "--out", "run")
    before = arrays("run/reference.npz")["real"]
    np.save("a.npy", numbers + 50)
    nash(verb, "--resume", "--out", "run", "-s", more, "--accept-changes")
    assert arrays("run/reference.npz")["real"].mean() - before.mean() > 40
    assert json.loads(Path("run/run.json").read_text())["data_since"] == 8
    nash(verb, "--resume", "--out", "run", "-s", "steps=20")
    found = load_run("run")
    assert found.info["data_since"] == 8
    said = member_outcome(found, found.members[0]).text
    assert "other data at the start" in said
    assert " at the start" not in said.replace("other data at the start", "")


def test_other_data_may_be_measured_against_by_name(fruit_runs, tmp_path, monkeypatch):
    place = shutil.copytree(fruit_runs, tmp_path / "place")
    monkeypatch.chdir(place)
    shutil.copy("table.csv", "held_out.csv")
    rewritten(rescaled)(place / "table.csv")
    found = nash("evaluate", "run-table", "--real", "held_out.csv", "--samples", 32, "--features", "pixels")
    assert "not what the run was made with" in found.stderr


@pytest.mark.long
def test_a_run_and_its_data_are_found_from_anywhere_together_or_apart(photos, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    photo_run("runs/a")
    away = tmp_path / "away"
    away.mkdir()
    monkeypatch.chdir(away)
    nash("train", "--resume", "--out", tmp_path / "runs" / "a", "-s", "steps=6")
    shutil.move(tmp_path / "runs", away / "runs")  # the run alone
    nash("evaluate", away / "runs" / "a", "--samples", 16, "--features", "pixels", "--metrics", "sliced_wasserstein")
    shutil.move(photos, away / "photos")  # both, as they lay
    monkeypatch.chdir("/")
    nash("train", "--resume", "--out", away / "runs" / "a", "-s", "steps=8")
    nash("train", away / "runs" / "a" / "config.toml", "-s", "steps=1", "--out", away / "again")
    shutil.move(away / "photos", tmp_path / "elsewhere")
    for verb in (("train", "--resume", "--out"), ("evaluate",), ("diagnose", "--quick")):
        said = nash(*verb, away / "runs" / "a", expect=2).stderr
        assert "there is no folder" in said
        assert "--data-path" in said
    nash("sample", away / "runs" / "a", "-n", 4, "--out", away / "s.npz")  # needs no data
    nash("diagnose", "--quick", away / "runs" / "a", "--data-path", tmp_path / "elsewhere")
    nash("train", "--resume", "--out", away / "runs" / "a", "-s", "steps=9", "--data-path", tmp_path / "elsewhere")
    nash("train", "--resume", "--out", away / "runs" / "a", "-s", "steps=10")
    assert "no such file" in nash("sample", away / "runs" / "a", "--data-path", away / "none", expect=2).stderr


def test_data_path_is_for_data_that_lie_on_a_disk(run, tmp_path):
    assert "lie on no disk" in nash("evaluate", run, "--data-path", tmp_path, expect=2).stderr


def test_a_run_made_on_another_device_goes_on_here(run, original):
    """Nothing in a checkpoint is a device's; the draws go on as they would have there."""
    from safetensors import safe_open
    from safetensors.torch import save_file

    with safe_open(run / CHECKPOINTS[0], "pt") as stored:
        found = {key: stored.get_tensor(key) for key in stored.keys()}  # noqa: SIM118
        header = stored.metadata()
    meta = json.loads(header["meta"])
    meta["identity"]["device"] = "cuda:0"
    save_file(found, run / CHECKPOINTS[0], {**header, "meta": json.dumps(meta)})
    config = run / "config.toml"
    config.write_text(config.read_text().replace('device = "cpu"', 'device = "cuda:0"'))
    (run / JOURNAL).unlink()
    nash("sample", run, "-n", 4, "--out", run.parent / "s.npz")
    said = nash("train", "--resume", "--out", run, "-s", "steps=24").stderr
    assert "on cuda:0 then, on cpu now" in said
    assert "numbers may differ in their last bits" in said
    assert 'device = "cpu"' in config.read_text()
    assert rows(run)[-1]["step"] == 24


@pytest.mark.parametrize("name", ["metrics.jsonl", "checkpoint.safetensors", "report.html", "samples/a.npz"])
def test_foreign_files_are_not_written_over(tmp_path, name):
    out = tmp_path / "out"
    (out / name).parent.mkdir(parents=True)
    (out / name).write_text("mine")
    (out / "notes.txt").write_text("also mine")
    for verb in (("train", *flags()), ("flow", "-s", "steps=2")):
        assert name.split("/")[0] in nash(*verb, "--out", out, expect=2).stderr
    assert (out / name).read_text() == "mine"
    assert {file.name for file in out.iterdir()} == {name.split("/")[0], "notes.txt"}


def test_places_that_cannot_be_run_folders_are_refused_at_the_start(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "file").write_text("mine")
    (tmp_path / "link").symlink_to(tmp_path / "nothing")
    cases = {"": "empty", "file": "is a file", "file/below": "is a file", "link": "link to nothing", "b\udcff": "UTF-8"}
    for out, word in cases.items():
        for verb in (("train", *flags()), ("flow", "-s", "steps=2"), ("reproduce", "monoflow", "--quick")):
            result = nash(*verb, "--out", out, expect=2)
            assert word in result.stderr, (out, verb, result.stderr)
    assert sorted(os.listdir(tmp_path)) == ["file", "link"]


def test_leftovers_of_killed_processes_are_swept_and_those_of_live_ones_are_not(run):
    dead = subprocess.Popen([sys.executable, "-c", ""])
    dead.wait()
    left = [run / "samples" / f".step-1.npz.{dead.pid}-1.tmp", run / "report.html.part", run / f".x.{dead.pid}-2.tmp"]
    alive = run / f".run.json.{os.getppid()}-1.tmp"
    for file in (*left, alive):
        file.write_bytes(b"half")
    nash("train", "--resume", "--out", run)
    assert [file for file in left if file.exists()] == []
    assert alive.exists()
    left[0].write_bytes(b"half")
    sweep_run(run)
    assert not left[0].exists()


def test_a_full_disk_names_the_folder_and_what_is_kept(run, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    session = resume_session(run, [("steps", 40)])
    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", full)
        with pytest.raises(FolderError, match=r"the disk is full.*the last checkpoint is kept.*--resume --out") as told:
            session.train()
    assert str(run) in str(told.value)
    assert not list(run.rglob("*.tmp"))
    nash("train", "--resume", "--out", run)
    assert rows(run)[-1]["step"] == 40


def test_settings_that_are_changed_on_purpose_hold_from_here_on_and_are_recorded(run):
    change = ("train", "--resume", "--out", run, "-s", "steps=24", "-s", "solver.generator.learning_rate=0.125")
    assert "go on with the change: --accept-changes" in nash(*change, expect=2).stderr
    said = nash(*change, "--accept-changes").stderr
    line = "resumed at step 20: changed: settings: solver.generator.learning_rate was 0.001, is 0.125"
    assert f"warning: {line}" in said
    assert line in json.loads((run / "run.json").read_text())["warnings"]
    assert load(run).settings.solver.generator.learning_rate == 0.125
    assert load(run).game.generator is not None
    kept = (run / "config.toml").read_bytes()
    for wider in (["-s", "generator.width=8"], ["--seeds", "0:2"]):
        nash("train", "--resume", "--out", run, "-s", "steps=28", *wider, "--accept-changes", expect=2)
        assert (run / "config.toml").read_bytes() == kept
    nash("train", "--resume", "--out", run, "-s", "steps=28")  # there is nothing more to accept


def test_a_run_without_its_checkpoints_is_not_begun_again_in_silence(run):
    for name in CHECKPOINTS:
        (run / name).unlink()
    kept = (run / "metrics.jsonl").read_bytes()
    for _ in range(2):  # the first claims the folder, and settles its journal
        said = nash("train", "--resume", "--out", run, expect=2).stderr
        assert all(name in said for name in CHECKPOINTS)
        assert f"start anew: nashpath train {run / 'config.toml'} --out" in said
    assert (run / "metrics.jsonl").read_bytes() == kept
    (run / "run.json").unlink()  # of a run that was killed: the journal knows that there were checkpoints
    assert "are missing, so there is nothing to go on from" in nash("train", "--resume", "--out", run, expect=2).stderr


def test_a_run_that_ended_before_its_first_checkpoint_begins_again_and_says_so(tmp_path, original):
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("nashpath.run.training.session.Session.checkpoint", lambda session: 1 / 0)
        with pytest.raises(ZeroDivisionError):
            trained(small(checkpoint_every=8), tmp_path / "run")
    said = nash("train", "--resume", "--out", tmp_path / "run", *flags("data=ring")).stderr
    assert "was ended before its first checkpoint: it begins again, at step 0" in said
    assert_same_run(tmp_path / "run", original)


def test_settings_that_a_resumed_run_has_may_be_said_again_and_others_are_named(run):
    nash("train", "--resume", "--out", run, *flags("data=ring", "solver.generator=adam", "seeds=0"))
    said = nash("train", "--resume", "--out", run, "-s", "data.modes=7", "--seeds", "0:2", expect=2).stderr
    assert "data.modes, seeds: a resumed run keeps its settings, except" in said
    assert "data.modes was 8, is 7" in said
    assert "seeds was [0], is [0, 1]" in said
    assert "a run of those seeds needs its own --out" in said
    assert "--accept-changes" not in said
    said = nash("train", "--resume", "--out", run, "--seeds", "0:2", "--accept-changes", expect=2).stderr
    assert "has 1 member, not 2 members, and keeps them" in said
    assert "a run of those seeds needs its own --out" in said
