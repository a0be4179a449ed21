"""``nashpath list``, ``sample`` and ``report``."""

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.core import Key
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.observe.snapshot import samples as samples_of
from nashpath.run.settings.model import TABLES, General
from run_folders import files_of_at_most, flags, nash, tensors


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    average = flags("average=ema", "average.decay=0.9", "solver.generator.learning_rate=0.01")
    nash("train", *average, "--seeds", "0:2", "--out", folder / "ring")
    nash("train", *flags("data=digits", "steps=2", "evaluation_samples=64"), "--out", folder / "digits")
    nash("train", "-s", "game=bilinear", "-s", "steps=4", "-s", "compile=off", "--out", folder / "toy")
    return folder


def test_list_names_every_method_with_its_summary_and_every_setting():
    said = nash("list").stdout
    for path, table in TABLES.items():
        for name in table:
            assert f"  {name} " in said, (path, name)
            assert table.summary(name) in said
    assert all(f"  {name} " in said for name in General.model_fields)


def test_list_gives_each_method_the_year_of_its_source():
    said = nash("list").stdout.splitlines()
    years = {"objective": "cumulant 2022", "penalty": "r1 2018", "technique": "ada 2020", "average": "post_hoc 2024"}
    for kind, row in years.items():
        name, year = row.split()
        assert f"  [{year}]".strip() in next(line for line in said if line.startswith(f"  {name} ")), kind
    assert all("[" not in line for line in said if line.startswith("  none "))


def test_list_of_one_method_shows_its_equation_and_settings():
    said = nash("list", "penalty.dragan").stdout
    assert "Reference:" in said
    assert "-s penalty.weight=" in said
    assert "-s solver.generator.b1=0.5" in nash("list", "rule.adam").stdout
    assert "-s solver.generator.schedule.exponent=" in nash("list", "schedule.power").stdout
    assert "dragan" in nash("list", "penalty").stdout
    assert "least_squares" not in nash("list", "penalty").stdout


def test_list_finds_a_method_by_its_name_alone():
    said = nash("list", "dragan").stdout
    assert said == f"penalty.dragan\n{nash('list', 'penalty.dragan').stdout}"
    several = nash("list", "none").stdout
    for kind in ("penalty", "technique", "constraint", "average"):
        assert f"{kind}\n  none  {TABLES[kind].summary('none')}\n" in several
    assert several.endswith("One of them: nashpath list penalty.none\n")


UNKNOWN = [
    ("penalties", "'penalty'"),
    ("penalty.dragn", "'penalty.dragan'"),
    ("dragn", "'penalty.dragan'"),
    ("extragrad", "'solver.extragradient'"),
]


@pytest.mark.parametrize(("what", "word"), UNKNOWN)
def test_list_of_an_unknown_name_suggests_one(what, word):
    assert f"Did you mean {word}" in nash("list", what, expect=2).stderr


def test_list_suggests_nothing_where_nothing_is_near():
    assert "Did you mean" not in nash("list", "xyzzy", expect=2).stderr


@pytest.mark.long
def test_sample_writes_numbers(runs, tmp_path):
    out = tmp_path / "new" / "samples.npz"
    assert nash("sample", runs / "ring", "-n", 70, "--out", out).stdout == f"{out}\n"
    samples = np.load(out)["samples"]
    assert samples.shape == (70, 2)
    assert np.isfinite(samples).all()
    nash("sample", runs / "ring", "-n", 70, "--out", tmp_path / "again.npz")
    nash("sample", runs / "ring", "-n", 70, "--seed", 1, "--out", tmp_path / "other.npz")
    nash("sample", runs / "ring", "-n", 70, "--member", 1, "--out", tmp_path / "member.npz")
    again, other, member = (np.load(tmp_path / f"{name}.npz")["samples"] for name in ("again", "other", "member"))
    assert (again == samples).all()
    assert (other != samples).any()
    assert (member != samples).any()


def test_sample_uses_the_averaged_generator(runs, tmp_path):
    nash("sample", runs / "ring", "-n", 8, "--out", tmp_path / "samples.npz")
    trial, _ = restore_member(runs / "ring")
    stored = tensors(runs / "ring", 0)
    z = Key(0, "sampled").normal(8, 2)
    made = {}
    for name, prefix in {"average": "memory.average", "present": "point.players.generator"}.items():
        weights = {k: torch.from_numpy(stored[f"{prefix}.{k}"]) for k in dict(trial.game.generator.named_parameters())}
        made[name] = torch.func.functional_call(trial.game.generator, weights, (z,)).detach().numpy()
    samples = np.load(tmp_path / "samples.npz")["samples"]
    np.testing.assert_allclose(samples, made["average"], atol=1e-6)
    assert abs(samples - made["present"]).max() > 1e-3


def test_samples_of_a_restored_member_are_those_that_training_saved(runs):
    trial, train_state = restore_member(runs / "ring", 1)
    saved = np.load(runs / "ring" / "samples" / "step-00000020.npz")["m1"]
    np.testing.assert_array_equal(samples_of(trial, train_state, 1, 16).numpy()[: len(saved)], saved[:16])


def test_sample_writes_a_picture_of_points(runs, tmp_path):
    nash("sample", runs / "ring", "--out", tmp_path / "sheet.png")
    with Image.open(tmp_path / "sheet.png") as picture:
        assert len(set(picture.convert("L").tobytes())) > 10


def test_sample_writes_a_picture_of_images(runs, tmp_path):
    for name in ("sheet.png", "sheet.npz"):
        nash("sample", runs / "digits", "-n", 9, "--out", tmp_path / name)
    images = np.load(tmp_path / "sheet.npz")["samples"]
    assert images.shape == (9, 1, 8, 8)
    with Image.open(tmp_path / "sheet.png") as picture:
        pixels, side = np.asarray(picture), (picture.size[0] - 3) // 3
    first = pixels[3:side:6, 3:side:6]
    np.testing.assert_array_equal(first, np.rint((images[0, 0] + 1) * 127.5))


@pytest.mark.parametrize(
    ("arguments", "word"),
    [
        (["ring", "--out", "sheet.jpg"], ".png"),
        (["ring", "--member", "7"], "members 0 to 1"),
        (["toy"], "no generator"),
        (["nothing"], "holds no run"),
        (["ring", "-n", "0"], "Invalid value"),
    ],
)
def test_sample_refuses_with_a_reason(runs, monkeypatch, arguments, word):
    monkeypatch.chdir(runs)
    assert word in nash("sample", *arguments, expect=2).stderr


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", ["q.npz", "q.csv", "q.png"])
def test_a_file_that_cannot_be_written_whole_stays_as_it_was(runs, tmp_path, name):
    nash("sample", runs / "ring", "-n", "8", "--out", tmp_path / name)
    before = (tmp_path / name).read_bytes()
    with files_of_at_most(4096):
        told = nash("sample", runs / "ring", "-n", "5000", "--out", tmp_path / name, expect=2).stderr
    assert "no file may become so large here" in told
    assert (tmp_path / name).read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == [name]


def test_an_example_that_cannot_be_copied_whole_is_not_in_the_way(tmp_path):
    with files_of_at_most(64):
        nash("examples", "ring", "--to", tmp_path, expect=2)
    nash("examples", "ring", "--to", tmp_path)


def test_a_place_that_a_report_would_not_use_is_refused(runs, tmp_path):
    said = nash("report", runs / "ring", "--out", tmp_path / "page.html", expect=2).stderr
    assert f"that of one is always {runs / 'ring' / 'report.html'}: leave it out" in said
    said = nash("report", runs / "ring", runs / "digits", "--out", tmp_path / "cmp.txt", expect=2).stderr
    assert f"--out {tmp_path / 'cmp.txt'}: what is written is .html; name it {tmp_path / 'cmp.html'}" in said
    assert list(tmp_path.iterdir()) == []


def test_too_few_samples_are_refused_by_the_option_that_asks_for_them(runs):
    few = ("--samples", "1", "--metrics", "prdc")
    assert "--samples 1: precision_recall: fake has 1 samples" in nash("evaluate", runs / "ring", *few, expect=2).stderr


def test_report_rebuilds_one_run_and_compares_several(runs, tmp_path):
    page = runs / "ring" / "report.html"
    first = page.read_text()
    page.unlink()
    assert nash("report", runs / "ring").stdout == f"{page}\n"
    assert page.read_text() == first
    both = tmp_path / "both.html"
    *table, last = nash("report", runs / "ring", runs / "digits", "--out", both).stdout.splitlines()
    assert last == str(both)
    assert any("gradient evaluations" in line for line in table)
    assert "digits" in both.read_text()
    assert "no run folder" in nash("report", runs / "nothing", expect=2).stderr
