"""Runs of class-conditional GANs by the command: labels, samples, files and numbers by class."""

import json
import math
import shutil
import subprocess
import sys

import numpy as np
import pytest
import torch
from PIL import Image

import nashpath
from nashpath.core.source import class_balance
from nashpath.data import Array, Folder
from nashpath.metrics import MetricError, PerClass, Sample, class_of, evaluate_samples
from nashpath.report.animation import images_film
from nashpath.report.curves import charts, strands
from nashpath.report.phrasing import title
from nashpath.report.read import load_run, read_frames
from nashpath.report.tables import is_of_class, member_table
from nashpath.run import SettingError
from nashpath.run.assess import diagnose_point
from nashpath.run.settings.build import build_game
from nashpath.run.settings.resolve import resolve
from run_folders import flags, members, nash, rows, tensors

PYTHON = sys.executable
"""One that has imported nothing."""
MLPS = ("game=conditional", "generator=mlp", "discriminator=mlp")


def pictures(place):
    """Eight bright cats and four dark dogs of 8x8 pixels."""
    numbers = np.random.default_rng(0)
    for name, count, low in (("cat", 8, 128), ("dog", 4, 0)):
        (place / name).mkdir(parents=True)
        for k in range(count):
            picture = numbers.integers(low, low + 127, (8, 8, 3), dtype=np.uint8)
            Image.fromarray(picture).save(place / name / f"{k}.png")


@pytest.fixture(scope="module")
def pets(tmp_path_factory):
    """``(run, data)``: two members with averages, trained on a folder of classes."""
    place = tmp_path_factory.mktemp("pets")
    pictures(place / "photos")
    own = ("data=folder", f"data.path={place / 'photos'}", "data.size=8", "data.labels=true", "average=ema")
    sweep = ("--sweep", "game.head=projection,adcgan", "-s", "diagnose_every=20")
    nash("train", *flags(*MLPS, *own, "samples=12", "generator.norm=batch"), *sweep, "--out", place / "run")
    return place / "run", place / "photos"


def arrays(file):
    with np.load(file) as stored:
        return dict(stored)


@pytest.mark.long
def test_a_folder_of_classes_gives_labels_names_and_balance(pets):
    source = Folder(str(pets[1]), size=8, labels=True)
    assert class_balance(source).tolist() == pytest.approx([2 / 3, 1 / 3])
    member = nashpath.load(pets[0])
    assert member.class_names == ["cat", "dog"]
    assert np.bincount(member.labels(3000), minlength=2) / 3000 == pytest.approx([2 / 3, 1 / 3], abs=0.035)
    found = rows(pets[0])
    assert {row["member"] for row in found if "class_accuracy" in row} == {0, 1}


def test_samples_of_a_class_by_name_and_number(pets, tmp_path):
    run, _ = pets
    nash("sample", run, "--class", "dog", "-n", 5, "--out", tmp_path / "name.npz")
    nash("sample", run, "--class", 1, "-n", 5, "--out", tmp_path / "number.npz")
    nash("sample", run, "-n", 40, "--out", tmp_path / "all.npz")
    nash("sample", run, "--class", "cat", "--truncation", 0.5, "-n", 5, "--out", tmp_path / "cut.png")
    by_name, by_number, whole = (arrays(tmp_path / f"{name}.npz") for name in ("name", "number", "all"))
    np.testing.assert_array_equal(by_name["samples"], by_number["samples"])
    assert by_name["labels"].tolist() == [1] * 5
    np.testing.assert_array_equal(whole["labels"], nashpath.load(run).labels(40))
    for label in (0, 1):
        own = whole["labels"] == label
        of_class = nashpath.load(run).sample(40, label=label).numpy()
        np.testing.assert_allclose(whole["samples"][own], of_class[own], rtol=1e-5, atol=1e-6)
    again = Array(str(tmp_path / "all.npz"), key="samples", label_key="labels")
    assert again.classes == 2
    said = nash("sample", run, "--class", "cow", "--out", tmp_path / "x.png", expect=2).stderr
    assert "no class is called 'cow'" in said
    assert "cat, dog" in said


@pytest.mark.long
def test_a_class_without_samples_is_refused_by_its_name(pets, tmp_path):
    """Before a run begins, and where samples of it are asked for of one that knows it not."""
    pictures(tmp_path / "photos")
    for file in (tmp_path / "photos" / "dog").iterdir():
        file.write_bytes(b"")
    own = ("data=folder", f"data.path={tmp_path / 'photos'}", "data.size=8", "data.labels=true", "steps=1")
    said = nash("train", *flags(*MLPS, *own), "--out", tmp_path / "run", expect=2).stderr
    assert "no sample of class dog could be read" in said
    assert "game=conditional makes samples of each class, and the data have none of 'dog'" in said
    nash("train", *flags(*own, "game=gan"), "--out", tmp_path / "other")
    member = nashpath.load(pets[0])
    with torch.no_grad():
        member.game.generator.balance.copy_(torch.tensor([1.0, 0.0]))
    for label in ("dog", 1):
        with pytest.raises(SettingError, match="class 'dog' had no sample in the data"):
            member.sample(3, label=label)
    assert len(member.sample(3, label="cat")) == 3


@pytest.mark.usefixtures("quick_python")
def test_it_samples_and_exports_without_the_data(pets, tmp_path):
    """Another copy of the run, whose data are gone: names and balance are the run's own."""
    run = tmp_path / "run"
    shutil.copytree(pets[0], run)
    text = (run / "config.toml").read_text()
    before = nashpath.load(run).sample(6, seed=3, label="dog")
    pets[1].rename(pets[1].with_name("elsewhere"))
    try:
        member = nashpath.load(run)
        assert member.class_names == ["cat", "dog"]
        assert torch.equal(member.sample(6, seed=3, label="dog"), before)
        nash("export", run, "--to", tmp_path / "g.safetensors")
    finally:
        pets[1].with_name("elsewhere").rename(pets[1])
    found = nashpath.load(tmp_path / "g.safetensors")
    assert torch.equal(found.sample(6, seed=3, label="dog"), before)
    assert torch.equal(found.sample(6, seed=3), nashpath.load(run).sample(6, seed=3))
    assert (run / "config.toml").read_text() == text


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("ending", ["pt2", "onnx"])
def test_an_exported_program_takes_classes(pets, tmp_path, ending):
    """The card's own lines in a fresh process; batches of all sizes; 16 latents in two classes are two pictures."""
    nash("export", pets[0], "--to", tmp_path / f"g.{ending}")
    card = (tmp_path / f"g.{ending}.md").read_text()
    assert "classes [n], of 0 (cat), 1 (dog)" in card
    lines = card.split("```")[1].removeprefix("python\n")
    assert lines.count("\n") <= 5
    tail = "\nassert samples.shape == (16, 3, 8, 8)\nimport sys\nassert 'nashpath' not in sys.modules"
    tail += f"\ndef ask(classes): {ASKED[ending]}" + REFUSES
    subprocess.run([PYTHON, "-W", "ignore", "-c", lines + tail], cwd=tmp_path, check=True)


ASKED = {
    "pt2": "generator(latents, torch.tensor(classes))",
    "onnx": "generator.run(None, {'latents': latents, 'classes': numpy.array(classes)})",
}
REFUSES = """
for bad in (2, 3, 99, -1, -2, -3):
    try:
        ask([0, 1] * 7 + [bad, 0])
    except Exception as error:
        assert "out of bounds" in str(error) or "invalid index" in str(error), error
    else:
        raise AssertionError(f"answered for class {bad} of 2")
"""
"""Classes that there are not are an error, in place of samples of none."""


def test_a_loaded_generator_is_called_as_the_exported_program_is(pets):
    """Apart, joined, and by the latents that the game draws: the samples of `sample`, seed by seed."""
    member = nashpath.load(pets[0])
    key = nashpath.Key(3, "sampled")
    latents, classes = member.game.inputs(member.game.latents_of_samples(key, 6))
    for label in (0, 1):
        asked = member.generator(latents, torch.full((6,), label))
        np.testing.assert_allclose(asked.detach(), member.sample(6, seed=3, label=label), rtol=1e-5, atol=1e-6)
    np.testing.assert_allclose(
        member.generator(latents, classes).detach(), member.sample(6, seed=3), rtol=1e-5, atol=1e-6
    )
    with pytest.raises(ValueError, match=r"a generator of 2 classes takes latents .* got latents \[4, "):
        member.generator(torch.randn(4, member.game.latent))


def test_numbers_by_class(pets):
    nash("evaluate", pets[0], "--samples", 60, "--features", "pixels", "--metrics", "per_class", "--member", "all")
    found = json.loads((pets[0] / "evaluation.json").read_text())
    names = {entry["name"] for group in found["groups"] for entry in group["numbers"]}
    assert {"class_accuracy", "intra_fid", "class_accuracy.0", "intra_fid.1"} <= names
    page = nash("report", pets[0])
    assert page.exit_code == 0
    text = (pets[0] / "report.html").read_text()
    assert "0 (cat): 66.7 %" in text
    assert "intra_fid.1 (class dog)" in text


@pytest.mark.long
def test_numbers_of_a_class_say_its_name_wherever_they_are_shown(tmp_path):
    """Folders of numbers are sorted as text: number 2 is folder "10", and no number is taken for a name."""
    names = sorted(map(str, range(12)))
    for name in names:
        (tmp_path / "photos" / name).mkdir(parents=True)
        for k in range(3):
            Image.new("L", (8, 8), 20 * int(name) + k).save(tmp_path / "photos" / name / f"{k}.png")
    data = ("data=folder", f"data.path={tmp_path / 'photos'}", "data.size=8", "data.channels=1", "data.labels=true")
    run, own = tmp_path / "run", ("metrics=['per_class']", "features=pixels", "evaluation_samples=60", "samples=24")
    nash("train", *flags(*MLPS, *data, *own), "--out", run)
    said = nash("evaluate", run, "--samples", 90, "--features", "pixels", "--metrics", "per_class").stdout
    listed = "0, 1, 2 (10), 3 (11), 4 (2), 5 (3), 6 (4), 7 (5), 8 (6), 9 (7), 10 (8), 11 (9)"
    assert f"classes: {listed}\n" in said
    (group,) = json.loads((run / "evaluation.json").read_text())["groups"]
    assert group["class_names"] == names
    member, classed = nashpath.load(run), [entry for entry in group["numbers"] if "class" in entry]
    assert {entry["name"] for entry in classed} == {e["name"] for e in group["numbers"] if is_of_class(e["name"])}
    for entry in classed:
        assert member.class_number(entry["class"]) == class_of(entry["name"])
    loaded = load_run(run)
    page = (run / "report.html").read_text()
    assert "intra_fid.2 (class 10)<" in page
    headers, _ = member_table(loaded)
    assert "Intra FID of class 10" in [getattr(one, "text", one) for one in headers]
    titles = {chart["key"]: chart["title"] for chart in charts(strands(loaded), loaded.class_names)}
    assert titles["intra_fid.2"] == "Intra FID of class 10"
    assert images_film(read_frames(loaded, loaded.frames[-1:]), [0], loaded.reference)["classes"] == listed
    nash("export", run, "--to", tmp_path / "g.safetensors")
    card = (tmp_path / "g.safetensors.md").read_text()
    assert f"and classes [n], of {listed}," in card
    assert "- intra_fid.2 (class 10): " in card


def test_which_class_a_number_is_of():
    known = {"intra_fid.3": 3, "class_accuracy.12@mnist": 12, "intra_fid.0 (raw weights)": 0}
    none = ["intra_fid", "fid@features.2", "fid.3", "gradient_norm.generator", "intra_fid.x"]
    assert {name: class_of(name) for name in [*known, *none]} == known | dict.fromkeys(none)
    assert title("intra_fid.3@mnist", ["a", "b", "c", "d"]) == "Intra FID of class d (mnist)"
    assert title("intra_fid.3") == "Intra FID of class number 3"


def test_the_report_shows_one_row_a_class(pets):
    run = load_run(pets[0])
    frames = read_frames(run, run.frames[-1:])
    assert int(frames[-1][1]["rows0"]) == 2
    shown = frames[-1][1]["m0"]
    member = nashpath.load(pets[0])
    expected = torch.cat([member.game.sample_class(nashpath.Key(member.seed, "samples"), 6, k) for k in (0, 1)])
    np.testing.assert_allclose(shown, expected.numpy(), rtol=1e-5, atol=1e-6)
    assert images_film(frames, [0], run.reference)["by_class"]


@pytest.mark.long
def test_a_diagnosis_and_metrics_while_training(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnose_point, "MOST", {math.inf: 8})  # batches: how sure the diagnosis is, nobody asks
    own = ("data=digits", "metrics=['per_class']", "sample_every=20", "evaluate_every=20", "evaluation_samples=60")
    nash("train", *flags(*MLPS, *own), "--out", tmp_path / "run")
    assert any("intra_fid" in row for row in rows(tmp_path / "run"))
    nash("diagnose", tmp_path / "run", "--quick")


@pytest.mark.long
def test_a_member_of_a_sweep_is_the_solo_run_and_one_that_diverges_is_frozen(tmp_path):
    own = (*MLPS, "data=digits", "game.head=acgan", "generator.norm=batch", "steps=9")
    rate = "solver.generator.learning_rate"
    nash("train", *flags(*own), "--sweep", f"{rate}=0.001,1e30", "--out", tmp_path / "both")
    nash("train", *flags(*own, f"{rate}=0.001"), "--out", tmp_path / "solo")
    outcomes = [member["outcome"] for member in members(tmp_path / "both")]
    assert outcomes[0] == "finished"
    assert outcomes[1].startswith("diverged: ")
    one, two = tensors(tmp_path / "both", 0), tensors(tmp_path / "solo", 0)
    assert one.keys() == two.keys()
    assert all(np.array_equal(one[name], two[name]) for name in one)


def test_the_mean_over_all_data_takes_classes_along(tmp_path):
    """SVRE takes data in order: the classes of a batch are those of its samples."""
    x, y = np.random.default_rng(0).normal(size=(20, 2)), np.arange(20) % 2
    np.savez(tmp_path / "t.npz", x=x, y=y)
    path = {"kind": "array", "path": str(tmp_path / "t.npz"), "key": "x", "label_key": "y"}
    game = build_game(resolve({"game": "conditional", "data": path, "batch_size": 4}), 0)
    batch = game.swept(game.draw(nashpath.Key(0)), torch.tensor(18))
    labels = next(v for v in batch["noise"].values() if v.dtype == torch.int64)
    assert labels[:, 0].tolist() == labels[:, 1].tolist() == [0, 1, 0, 1]
    assert game.class_of(batch["latent"]).tolist() == [0, 1, 0, 1]
    np.testing.assert_allclose(batch["real"], x[[18, 19, 0, 1]], rtol=1e-6)


def test_distances_within_classes_by_hand():
    """Of two classes that lie 10 apart: a shift by 1 of one class is a distance of 1."""
    rng = np.random.default_rng(0)
    real = torch.from_numpy(rng.normal(size=(400, 2)))
    labels = torch.arange(400) % 2
    real[labels == 1] += 10
    fake = real.clone()
    fake[labels == 1] += torch.tensor([1.0, 0.0])
    found = PerClass(labels, 2, labels)(Sample(real), Sample(fake))
    assert found["intra_fid.0"] == pytest.approx(0, abs=1e-6)
    assert found["intra_fid.1"] == pytest.approx(1, rel=1e-6)
    assert found["intra_fid"] == pytest.approx(0.5, rel=1e-6)
    assert found["class_accuracy"] == 1
    wrong = PerClass(labels, 2, 1 - labels)(Sample(real), Sample(real))
    assert wrong["class_accuracy"] == 0
    assert wrong["intra_fid"] == pytest.approx(200, rel=0.05)
    with pytest.raises(MetricError, match="asked for by class: those of game=conditional"):
        evaluate_samples(real, fake, ["per_class"], known={"labels": labels, "classes": 2})


def test_other_games_have_no_classes_to_ask_for(tmp_path):
    nash("train", *flags("steps=1"), "--out", tmp_path / "run")
    said = nash("sample", tmp_path / "run", "--class", 1, "--out", tmp_path / "x.npz", expect=2).stderr
    assert "game=conditional" in said
    said = nash("train", *flags(*MLPS, "data=ring"), "--out", tmp_path / "other", expect=2).stderr
    assert "Ring has no labels here" in said
    assert "data.labels=true" in said
