"""What ``nashpath train DATA`` begins with: settings read off the data, a recipe that fits them, the race behind it."""

import json
import tomllib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from nashpath.run import SettingError, open_session
from nashpath.run.settings import recipe as module
from nashpath.run.settings.begin import FEW, begin_with_data, data_at
from nashpath.run.settings.build import build_source
from nashpath.run.settings.overrides import override
from nashpath.run.settings.recipe import of_kind, reached, recipe_named, recipes
from nashpath.run.settings.resolve import resolve
from run_folders import assert_same_run, nash

DOCS = Path(__file__).parent.parent / "docs"
QUICK = ["steps=2", "batch_size=4", "samples=4", "evaluation_samples=16", "compile=off", "stack=off", "threads=1"]
NUMBERS = np.random.default_rng(0)


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


@pytest.fixture
def unraced(monkeypatch):
    monkeypatch.setattr(module, "recipe_race", dict)
    monkeypatch.setattr("nashpath.run.settings.begin.recipe_race", dict)


def pictures(folder: Path, size: tuple[int, int] = (8, 8), mode: str = "L", count: int = 6) -> Path:
    """Pictures of noise, half of them in each of two classes."""
    for number in range(count):
        file = folder / ("a" if number % 2 else "b") / f"{number}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        shape = (size[1], size[0]) if mode == "L" else (size[1], size[0], 3)
        Image.fromarray(NUMBERS.integers(0, 256, shape, dtype=np.uint8)).save(file)
    return folder


def example(kind: str, folder: Path) -> Path:
    """Tiny data of a kind of recipes."""
    if kind == "pictures":
        return pictures(folder / "pictures")
    if kind == "tables":
        (folder / "people.csv").write_text("age,city\n31,Bern\n52,Köln\n18,Bern\n")
        return folder / "people.csv"
    np.save(folder / "points.npy", NUMBERS.normal(size=(20, 2)))
    return folder / "points.npy"


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", list(recipes()))
def test_every_recipe_trains_on_the_kind_of_data_that_it_is_for(name, tmp_path):
    begun = begin_with_data(data_at(example(recipe_named(name).kind, tmp_path)), name)
    session = open_session(override(begun.settings, QUICK), {}, tmp_path / "run")
    session.train()
    assert [member["outcome"] for member in session.summary()] == ["finished"]


def test_every_recipe_says_what_it_is_and_is_listed_and_on_the_page():
    said, page = nash("list", "recipe").stdout, (DOCS / "choose.md").read_text(encoding="utf-8")
    for one in recipes().values():
        assert one.about.endswith(".")
        assert f"{one.kind}: {one.about}" in said
        assert f"`{one.name}`" in page
        assert tomllib.loads(nash("list", f"recipe.{one.name}").stdout) == one.settings
    assert {one.kind for one in recipes().values()} == {"pictures", "points", "tables"}
    assert "Did you mean 'r3gan'?" in nash("list", "recipe.r3gn", expect=2).output


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("size", "mode", "largest", "found"),
    [
        ((40, 36), "L", 32, {"size": 32, "channels": 1}),
        ((40, 36), "RGB", 64, {"size": 32, "channels": 3}),
        ((70, 100), "RGB", 64, {"size": 64, "channels": 3}),
        ((28, 28), "L", 32, {"size": 28, "channels": 1}),
        ((9, 8), "L", 32, {"size": 8, "channels": 1}),
    ],
)
def test_pictures_of_a_folder_get_the_nearest_size_that_the_networks_make(
    size, mode, largest, found, tmp_path, unraced
):
    folder = pictures(tmp_path / "some", size, mode)
    begun = begin_with_data(data_at(folder), largest=largest)
    assert begun.settings["data"] == {"kind": "folder", "path": str(folder), **found}
    assert not resolve(begun.settings).data.labels  # unconditional unless asked
    other = begin_with_data(data_at(folder), "r3gan", largest=largest).settings["data"]["size"]
    assert other in (8, 32, 64)
    assert abs(other - found["size"]) <= 4


def test_grey_pictures_in_three_channels_are_grey(tmp_path):
    grey = NUMBERS.integers(0, 256, (8, 8, 1), dtype=np.uint8).repeat(3, 2)
    Image.fromarray(grey).save(tmp_path / "grey.png")
    assert data_at(tmp_path)["channels"] == 1
    Image.fromarray(np.stack([grey[..., 0], 255 - grey[..., 0], grey[..., 0]], 2)).save(tmp_path / "other.png")
    assert data_at(tmp_path)["channels"] == 3


def test_arrays_and_tables_are_read_off_their_files(tmp_path):
    np.save(tmp_path / "a.npy", NUMBERS.normal(size=(9, 2)))
    np.savez(tmp_path / "b.npz", samples=NUMBERS.normal(size=(9, 5)), labels=np.arange(9))
    np.save(tmp_path / "c.npy", NUMBERS.integers(0, 256, (9, 28, 28), dtype=np.uint8))
    (tmp_path / "d.tsv").write_text("x\ty\n1\t2\n3\t4\n")
    (tmp_path / "e.csv").write_text("x;y\n1,5;2\n3;4\n")
    np.save(tmp_path / "f.npy", NUMBERS.integers(0, 256, (9, 20, 30), dtype=np.uint8))
    found = {file.name: data_at(file) for file in tmp_path.iterdir()}
    assert {name: {k: v for k, v in one.items() if k != "path"} for name, one in found.items()} == {
        "a.npy": {"kind": "array", "scale": "standard"},
        "b.npz": {"kind": "array", "key": "samples", "scale": "standard"},
        "c.npy": {"kind": "array"},
        "d.tsv": {"kind": "csv", "delimiter": "tab"},
        "e.csv": {"kind": "csv", "delimiter": "semicolon"},
        "f.npy": {"kind": "array"},
    }
    whose = {name: begin_with_data(one).why[0].split(":")[0] for name, one in found.items() if name[0] in "abdf"}
    assert whose == {"a.npy": "recipe ring", "b.npz": "recipe table", "d.tsv": "recipe table", "f.npy": "recipe table"}


@pytest.mark.parametrize(
    ("folders", "stray", "texts", "said"),
    [
        (
            ["a", "b"],
            False,
            [],
            "the pictures lie in 2 subfolders (a, b); if these are classes: -s data.labels=true",
        ),
        ([f"{k:03}" for k in range(7)], False, [], "in 7 subfolders (000, 001, 002, 003, 004 and 2 more)"),
        (["a"], False, [], ""),
        (["a", "b"], True, [], ""),
        (["a", "b"], False, ["game=conditional", "data.labels=true"], ""),
        (["a", "b"], False, ["data.labels=false"], ""),
        ([f"{k:03}" for k in range(301)], False, [], ""),
    ],
)
def test_subfolders_that_can_be_classes_are_said_to_be(folders, stray, texts, said, tmp_path):
    for name in folders:
        (tmp_path / name).mkdir()
        Image.new("L", (8, 8), 9).save(tmp_path / name / "0.png")
    if stray:
        Image.new("L", (8, 8), 9).save(tmp_path / "0.png")
    hints = [one for one in begin_with_data(data_at(tmp_path), texts=texts).why if "subfolders" in one]
    assert len(hints) == bool(said)
    assert all(said in one for one in hints)
    if hints:  # what is said is what works
        begun = begin_with_data(data_at(tmp_path), texts=["data.labels=true", "game=conditional"])
        settings = override(begun.settings, ["data.labels=true", "game=conditional"])
        assert build_source(resolve(settings)).class_names == folders


def test_few_pictures_are_augmented_unless_the_user_says_otherwise(tmp_path):
    few, many = tmp_path / "few.npy", tmp_path / "many.npy"
    np.save(few, np.zeros((20, 8, 8), np.uint8))
    np.save(many, np.zeros((FEW, 8, 8), np.uint8))
    begun = begin_with_data(data_at(few))
    assert begun.settings["technique"] == "diff_augment"
    assert "20 pictures are few" in begun.why[1]
    assert "technique" not in begin_with_data(data_at(many)).settings
    assert "technique" not in begin_with_data(data_at(few), texts=["technique=ada"]).settings


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("texts", "swept", "gone"),
    [
        ([], [], set()),
        (["penalty=none"], [], {"penalty.weight"}),
        (["penalty.weight=1"], [], {"penalty.weight"}),
        ([], ["penalty.weight=1,2"], {"penalty.weight"}),
        ([], ["solver.generator=sgd,adam"], {"solver.generator.learning_rate", "solver.generator.b2"}),
        (["generator=mlp"], [], set()),
    ],
)
def test_a_number_that_the_user_sets_is_not_annealed(texts, swept, gone, tmp_path):
    data = data_at(example("pictures", tmp_path))
    every = set(begin_with_data(data, "r3gan").settings["anneal"])
    assert set(begin_with_data(data, "r3gan", texts, swept).settings["anneal"]) == every - gone


@pytest.mark.long
def test_the_command_trains_on_a_folder_says_why_and_leaves_settings_that_train_the_same(tmp_path):
    folder, run = pictures(tmp_path / "pictures"), tmp_path / "run"
    quick = [part for text in QUICK for part in ("-s", text)]
    said = nash("train", folder, *quick, "--recipe", "sngan", "-s", "latent=3", "--out", run).stderr
    for told in ("recipe sngan: as asked", "6 grey pictures at 8x8", "6 pictures are few"):
        assert told in said
    config = tomllib.loads((run / "config.toml").read_text())
    assert (config["discriminator"]["norm"], config["latent"]) == ("spectral", 3)
    assert config["technique"]["kind"] == "diff_augment"
    nash("train", run / "config.toml", "--out", tmp_path / "again")
    assert_same_run(run, tmp_path / "again")
    assert "is a run" in nash("train", run, expect=2).output
    assert "--recipe is for a new run" in nash("train", "--resume", "--out", run, "--recipe", "ring", expect=2).output


def test_what_is_no_data_is_refused_with_what_to_do(tmp_path):
    text, file, table = tmp_path / "a.docx", tmp_path / "a.toml", example("tables", tmp_path)
    text.write_text("hello")
    file.write_text("steps = 2\n")
    (tmp_path / "nothing").mkdir()
    for arguments, told in {
        (text,): "neither settings (a TOML file) nor data that can be read: a folder of pictures",
        (file, "--recipe", "ring"): "has settings of its own",
        (table, "-s", "data=ring"): "is data, and -s data= names others",
        (table, "--recipe", "rng"): "Did you mean 'ring'?",
        (table, "--recipe", "r3gan"): "recipe r3gan: r3gan: no such network for samples of shape (3,)",
        (tmp_path / "nothing",): "no images in",
        (tmp_path / "gone",): "no such file",
    }.items():
        assert told in " ".join(nash("train", *arguments, expect=2).output.split())


def test_a_recipe_is_for_data_by_their_name_too():
    begun = begin_with_data({"kind": "mnist"}, "r3gan")
    assert begun.settings["data"] == {"kind": "mnist", "size": 32}  # 28 pixels are not made by its networks
    with pytest.raises(SettingError, match="no such network for samples of shape"):
        begin_with_data({"kind": "mnist"}, "r3gan", ["data.size=28"])


def raced(best: str, near: list[str], channels: int) -> dict:
    rows = {name: {"mean": 1.0, "interval": [0.5, 1.5], "values": [1.0]} for name in ("dcgan", "sngan", "r3gan")}
    return {"rows": rows, "best": best, "undecided": near, "shape": [channels, 32, 32], "features": "pixels"}


def test_the_default_is_what_the_race_on_the_most_alike_data_says(monkeypatch, tmp_path, unraced):
    assert of_kind("pictures", 1)[0][0].name == min(of_kind("pictures")[0], key=lambda one: one.size).name
    assert "which were not raced" in begin_with_data(data_at(pictures(tmp_path / "grey"))).why[0]
    race = {"mnist": raced("sngan", ["sngan"], 1), "cifar10": raced("dcgan", ["dcgan", "r3gan"], 3)}
    for place in ("nashpath.run.settings.recipe.recipe_race", "nashpath.run.settings.begin.recipe_race"):
        monkeypatch.setattr(place, lambda: race)
    grey, coloured = (begin_with_data(data_at(pictures(tmp_path / mode, mode=mode))).why[0] for mode in ("L", "RGB"))
    assert grey.startswith("recipe sngan: the best in the race on mnist at equal time")
    assert coloured.startswith("recipe dcgan: the simplest of dcgan, r3gan, between which the race on cifar10 did not")
    assert reached("sngan") == ["mnist 1 [0.5, 1.5]", "cifar10 1 [0.5, 1.5]"]
    assert "begun with on data like mnist" in nash("list", "recipe").stdout


def test_the_race_that_is_shipped_can_be_read():
    known = json.loads(module.RACE.read_text()) if module.RACE.exists() else {}
    for one in known.values():
        assert one["best"] in one["undecided"]
        assert set(one["rows"]) <= {*recipes(), "loop"}  # a plain loop beside them
