"""``nashpath evaluate --real --fake``: images and arrays that other programs made."""

import json

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.data import Digits
from nashpath.metrics import evaluate_samples
from run_folders import nash


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def save(folder, images):
    """Grey pictures from ``[n, 1, h, w]`` bytes."""
    folder.mkdir()
    for index, image in enumerate(images):
        Image.fromarray(image[0]).save(folder / f"{index:04d}.png")


def pictures(seed, count=40, shape=(1, 8, 8)):
    return np.random.default_rng(seed).integers(0, 256, (count, *shape), dtype=np.uint8)


def values(said):
    return {entry["name"]: entry["values"][0] for entry in json.loads(said.stdout)["groups"][0]["numbers"]}


def test_folders_arrays_and_the_metrics_agree(tmp_path):
    real, fake = pictures(0), pictures(1)
    save(tmp_path / "real", real)
    save(tmp_path / "fake", fake)
    np.save("fake.npy", fake)
    np.savez("fake.npz", samples=fake / np.float32(127.5) - 1)
    x, y = (torch.from_numpy(v).float() / 127.5 - 1 for v in (real, fake))
    names = ["fid", "prdc", "ms_ssim"]
    expected = {m.name: pytest.approx(m.value, rel=1e-6) for m in evaluate_samples(x, y, names, "digits")}
    for made in ("fake", "fake.npy", "fake.npz"):
        options = ["--metrics", ",".join(names), "--features", "digits", "--json"]
        assert values(nash("evaluate", "--real", "real", "--fake", made, *options)) == expected


def test_copies_of_the_real_images_are_found_out(tmp_path):
    images = ((Digits().examples(60).numpy() + 1) * 127.5).round().astype(np.uint8)
    save(tmp_path / "real", images)
    save(tmp_path / "fake", images[:30])
    options = ["--metrics", "memorisation,sliced_wasserstein", "--features", "pixels", "--out", "found.json"]
    said = nash("evaluate", "--real", "real", "--fake", "fake", *options)
    assert said.stdout.rstrip().endswith("found.json")
    (group,) = json.loads((tmp_path / "found.json").read_text())["groups"]
    found = {entry["name"]: entry["values"][0] for entry in group["numbers"]}
    assert found["copies"] == 1
    assert found["nearest"] == 0
    assert (group["protocols"][0]["real"], group["protocols"][0]["fake"]) == (60, 30)


def test_vectors_are_measured_as_they_are(tmp_path):
    x, y = (np.random.default_rng(seed).normal(size=(50, 3)).astype(np.float32) for seed in (0, 1))
    np.save("x.npy", x)
    np.save("y.npy", y)
    expected = evaluate_samples(torch.from_numpy(x), torch.from_numpy(y), ["sliced_wasserstein", "prdc"])
    found = values(nash("evaluate", "--real", "x.npy", "--fake", "y.npy", "--json"))
    assert found == {m.name: pytest.approx(m.value, rel=1e-9) for m in expected}


def test_size_brings_images_to_one_size(tmp_path):
    save(tmp_path / "real", pictures(0, 10, (1, 12, 16)))
    save(tmp_path / "fake", pictures(1, 10, (1, 8, 8)))
    options = ["--features", "pixels", "--metrics", "sliced_wasserstein"]
    assert "give --size N" in nash("evaluate", "--real", "real", "--fake", "fake", *options, expect=2).stderr
    found = values(nash("evaluate", "--real", "real", "--fake", "fake", *options, "--size", 8, "--json"))
    assert found["sliced_wasserstein"] > 0


def _prepared(tmp_path):
    save(tmp_path / "grey", pictures(0, 4))
    save(tmp_path / "large", pictures(0, 4, (1, 16, 16)))
    (tmp_path / "empty").mkdir()
    (tmp_path / "mixed").mkdir()
    for side in (8, 9):
        Image.new("L", (side, side)).save(tmp_path / "mixed" / f"{side}.png")
    np.save("nan.npy", np.full((4, 1, 8, 8), np.nan, np.float32))
    np.save("vectors.npy", np.zeros((4, 3), np.float32))


REFUSED = {
    "real alone": (["--real", "grey"], "both --real and --fake"),
    "fake alone": (["--fake", "grey"], "both --real and --fake"),
    "nothing": ([], "give a run folder"),
    "an empty folder": (["--real", "grey", "--fake", "empty"], "no images in"),
    "no folder": (["--real", "grey", "--fake", "nowhere"], "no folder nowhere"),
    "no file": (["--real", "grey", "--fake", "nowhere.npz"], "no file nowhere.npz"),
    "two sizes": (["--real", "grey", "--fake", "large"], "grey holds samples of 1x8x8, large holds samples of 1x16x16"),
    "mixed sizes": (["--real", "grey", "--fake", "mixed"], "images of 8x8, 9x9; give --size N"),
    "not numbers": (["--real", "grey", "--fake", "nan.npy"], "nan.npy: sample 0 holds NaN"),
    "other kinds": (["--real", "grey", "--fake", "vectors.npy"], "vectors.npy holds samples of 3"),
    "no features": (["--real", "grey", "--fake", "grey"], "download_inception()"),
    "no such metric": (["--real", "grey", "--fake", "grey", "--metrics", "kdi"], "Did you mean 'kid'"),
    "too few": (["--real", "grey", "--fake", "grey", "--features", "pixels", "--metrics", "prdc"], "at least"),
    "a member": (["--real", "grey", "--fake", "grey", "--member", "0"], "--member is for runs"),
}


@pytest.mark.parametrize("what", REFUSED)
def test_what_cannot_be_measured_is_refused_in_one_message(tmp_path, what):
    _prepared(tmp_path)
    options, word = REFUSED[what]
    said = nash("evaluate", *options, "--out", "found.json", expect=2).stderr
    assert word in said
    assert not (tmp_path / "found.json").exists()
