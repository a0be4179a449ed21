"""What is given to a verb in place of settings: data begin a recipe or are said how to give, the rest is named."""

import csv
import json
import re

import numpy as np
import pytest
from PIL import Image

from nashpath import open_session
from run_folders import nash

VERBS = {
    "train": ["--out", "new"],
    "search": ["--out", "new", "--objective", "sliced_wasserstein", "--space", "penalty.weight=log:1:2"],
    "flow": ["--out", "new"],
}
OTHER = {
    "empty": "no images in empty",
    "texts": "no images in texts .* found only 1 .txt",
    "one.png": "neither settings .* nor data|not a TOML file: it holds no text",
    "bytes": "neither settings .* nor data|not a TOML file: it holds no text",
    "bytes.toml": "bytes.toml: not a TOML file: it holds no text",
    "folder.toml": "no images in folder.toml|folder.toml: not a TOML file but a folder",
    "nowhere.toml": "nowhere.toml: no such file",
    "nowhere": "nowhere: no such file",
    "run": "run is a run: nashpath train --resume --out run continues it",
}


@pytest.fixture(autouse=True, scope="module")
def things(tmp_path_factory):
    """Data, and what is none, under the names of `OTHER`."""
    place = tmp_path_factory.mktemp("things")
    numbers = np.random.default_rng(0)
    for name in ("empty", "texts", "pictures", "folder.toml"):
        (place / name).mkdir()
    (place / "texts" / "a.txt").write_text("a")
    for k in range(4):
        Image.fromarray(numbers.integers(0, 256, (8, 8), dtype=np.uint8)).save(place / "pictures" / f"{k}.png")
    Image.new("L", (8, 8)).save(place / "one.png")
    for name in ("bytes", "bytes.toml"):
        (place / name).write_bytes(bytes(range(128, 256)))
    np.save(place / "x.npy", numbers.normal(size=(30, 2)).astype(np.float32))
    with open(place / "t.csv", "w", newline="") as file:
        csv.writer(file).writerows([["a", "b"], *numbers.normal(size=(30, 2))])
    open_session({"game": "bilinear", "steps": 2, "compile": "off"}, {}, place / "run").train()
    return place


@pytest.fixture(autouse=True)
def there(things, tmp_path, monkeypatch):
    monkeypatch.chdir(things)
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path))


@pytest.mark.parametrize("name", OTHER)
@pytest.mark.parametrize("verb", VERBS)
def test_what_is_no_settings_and_no_data_is_named_without_the_system_s_words(verb, name, things):
    said = nash(verb, name, *VERBS[verb], expect=2).stderr
    assert re.search(OTHER[name], " ".join(said.split())), said
    assert "Errno" not in said
    assert "codec" not in said
    assert not (things / "new").exists()


@pytest.mark.parametrize("verb", ["reproduce", "plan"])
@pytest.mark.parametrize("name", [*OTHER, "pictures"])
def test_what_is_no_study_is_named_with_those_that_there_are(verb, name):
    said = nash(verb, name, expect=2).stderr
    assert f"no study is called '{name}'" in said
    assert "monoflow" in said


DATA = {
    "pictures": "-s data=folder -s data.path=pictures -s data.size=8 -s data.channels=1",
    "x.npy": "-s data=array -s data.path=x.npy -s data.scale=standard",
    "t.csv": "-s data=csv -s data.path=t.csv",
}


@pytest.mark.parametrize("name", DATA)
def test_a_flow_says_how_data_are_given(name):
    said = " ".join(nash("flow", name, *VERBS["flow"], expect=2).stderr.split())
    assert f"{name} is data, where settings are expected (a TOML file): give it as {DATA[name]}" in said


@pytest.mark.long
@pytest.mark.parametrize("name", DATA)
def test_a_search_begins_with_the_recipe_that_training_does(name, tmp_path):
    pytest.importorskip("optuna")
    own = ["-s", "steps=2", "-s", "compile=off", "-s", "generator=mlp", "-s", "discriminator=mlp", "-s", "metrics=[]"]
    small = ["--candidates", 2, "--batch", 2, "--rungs", 1, "--seeds", "0,1", "--confirm", 2, "--finalists", 1]
    rate = "solver.generator.learning_rate"
    options = ["--objective", "sliced_wasserstein", "--better", "lower", "--space", f"{rate}=log:0.0001:0.01"]
    said = nash("search", name, *own, "-s", "features=pixels", *small, *options, "--out", tmp_path / "s")
    told = nash("train", name, *own, "-s", "features=pixels", "--out", tmp_path / "r")
    (why,) = {line for line in told.stderr.splitlines() if line.startswith("recipe ")}
    assert why in said.stderr.splitlines()
    searched = json.loads((tmp_path / "s" / "search.json").read_text())["settings"]
    assert searched["data"]["path"] == name
    assert rate.rpartition(".")[0] not in searched.get("anneal", {})
