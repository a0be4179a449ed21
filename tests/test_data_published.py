"""MNIST, CIFAR-10 and SVHN by name: where they are looked for, and what is in the real ones where a copy is at hand."""

import os
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch

from conftest import REAL_DATA
from nashpath.core import Key
from nashpath.core.source import FromDisk, HoldsOut, Prepares, Stacked, fitting_features, is_labelled
from nashpath.data import CIFAR10, MNIST, SOURCES, SVHN, CelebA, ColouredMNIST, Folder, StackedMNIST
from nashpath.data.base import DataWarning
from nashpath.data.celeba import PARTITION, PICTURES
from nashpath.data.published import PublishedImages
from nashpath.metrics.features import as_extractor
from nashpath.run import SettingError
from nashpath.run.folder.identity import identity_of
from nashpath.run.settings.resolve import resolve
from run_folders import nash

pytest.importorskip("pyarrow")
NAMED = {"mnist": MNIST, "cifar10": CIFAR10, "svhn": SVHN}
real = {
    name: pytest.mark.skipif(not (REAL_DATA / kind.where[0]).is_dir(), reason=f"no copy of {name} here")
    for name, kind in NAMED.items()
}


@pytest.mark.parametrize("name", NAMED)
def test_a_copy_is_found_by_folder_by_its_root_and_by_the_variable(name, monkeypatch, tmp_path):
    kind, shape = NAMED[name], (1, 28, 28) if name == "mnist" else (3, 32, 32)
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path))
    root = os.environ["NASHPATH_DATA"]
    found = [kind(), kind(folder=root), kind(folder=f"{root}/{kind.where[0]}")]
    monkeypatch.delenv("NASHPATH_DATA")
    found.append(kind(folder=root))
    batches = [one.draw(Key(0), 8) for one in found]
    for one, batch in zip(found, batches):
        assert one.shape == shape
        assert len(one) == 30
        assert one.classes == 10
        assert all(torch.equal(batch[k], batches[0][k]) for k in ("real", "label"))
    assert len(kind("test", root)) == 20


@pytest.mark.parametrize("kind", NAMED.values())
def test_the_test_half_is_kept_from_training(kind):
    source = kind()
    assert isinstance(source, HoldsOut)
    assert len(source.held_out) == 20
    assert source.held_out.held_out is None


@pytest.mark.unchecked("stands in for a module")
def test_without_a_copy_the_pinned_revision_is_asked_for(monkeypatch):
    asked = {}

    def download(repo, revision, pattern):
        asked[repo] = (revision, pattern)
        raise ConnectionError("no network")

    monkeypatch.delenv("NASHPATH_DATA")
    monkeypatch.setattr("nashpath.data.hub._download", download)
    for kind in NAMED.values():
        with pytest.raises(ConnectionError):
            kind().draw(Key(0), 1)
        revision, pattern = asked[kind.where[0]]
        assert (revision, pattern) == (kind.where[1], kind.pattern.format("train"))
        assert re.fullmatch("[0-9a-f]{40}", revision)


@pytest.mark.parametrize("name", ["mnist", "stacked_mnist", "coloured_mnist"])
def test_a_run_stands_on_the_files_of_its_own_data_set(name, tmp_path, monkeypatch):
    """By its root, by the variable, and whatever else lies beside it; another content is another identity."""
    root = tmp_path / "data"
    shutil.copytree(os.environ["NASHPATH_DATA"], root)
    monkeypatch.setenv("NASHPATH_DATA", str(root))
    raw = resolve({"data": {"kind": name}}).model_dump()
    places = [raw | {"data": {"kind": name, "folder": place}} for place in ("", str(root))]
    found = [identity_of(one, {}, [], "cpu")["data"] for one in places]
    (root / "other").mkdir()
    (root / "other" / "set.parquet").write_text("")
    found.append(identity_of(raw, {}, [], "cpu")["data"])
    assert found[0]["files"] == 2
    assert found[0] == found[1] == found[2]
    file = next((root / "ylecun").rglob("train*.parquet"))
    file.write_bytes(file.read_bytes() + b" ")
    assert identity_of(raw, {}, [], "cpu")["data"] != found[0]


@pytest.mark.parametrize(("size", "features"), [(28, "mnist"), (32, "inception")])
def test_digits_in_channels_are_read_by_features_that_can(size, features):
    for kind in (StackedMNIST, ColouredMNIST):
        source = kind(size=size)
        assert fitting_features(source) == features
        assert isinstance(source, Prepares)
        assert isinstance(source, FromDisk)
        if features == "mnist":
            assert as_extractor(features)(source.examples(3)).features.shape == (3, 3 * 64)


def test_a_folder_that_is_not_there_is_named():
    with pytest.raises(FileNotFoundError, match="nowhere"):
        MNIST(folder="nowhere").prepare()
    with pytest.raises(SettingError, match=r"data\.split"):
        resolve({"data": {"kind": "mnist", "split": "validation"}})


def test_stacked_mnist_spells_its_label():
    source = StackedMNIST()
    assert isinstance(source, Stacked)
    batch, single = source.draw(Key(0), 200), source.digits.labelled_examples()
    known = {image.numpy().tobytes(): int(label) for image, label in zip(*single)}
    for image, label in zip(batch["real"], batch["label"]):
        assert [known[channel[None].numpy().tobytes()] for channel in image] == [int(c) for c in f"{int(label):03d}"]


def test_coloured_mnist_keeps_form_and_label():
    """Undone by hand: within a channel the image is a line through ground and ink, at the grey one's intensity."""
    source = ColouredMNIST()
    batch, grey = source.draw(Key(3), 5), source.grey.draw(Key(3).stream("grey"), 5)
    assert torch.equal(batch["label"], grey["label"])
    for image, plain in zip(batch["real"], grey["real"]):
        for channel in image:
            fit = np.polynomial.polynomial.polyfit(plain.flatten().numpy(), channel.flatten().numpy(), 1)
            assert np.allclose(np.polynomial.polynomial.polyval(plain.numpy()[0], fit), channel.numpy(), atol=1e-4)
            assert abs(fit[1]) >= 0.25 - 1e-4


def test_all_are_published_images_or_made_of_them():
    made = {name: SOURCES[name]() for name in (*NAMED, "stacked_mnist", "coloured_mnist")}
    assert all(is_labelled(source) for source in made.values())
    assert [name for name, source in made.items() if isinstance(source, PublishedImages)] == list(NAMED)


def test_celeba_is_read_in_its_authors_layout(tmp_path, monkeypatch):
    """At any depth, by `NASHPATH_DATA` or the folder; parts are those of the partition, pictures those of `Folder`."""
    root = Path(os.environ["NASHPATH_DATA"]) / "celeba"
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    halves = {split: CelebA(split, size=16) for split in ("train", "valid", "test")}
    assert {split: len(half) for split, half in halves.items()} == {"train": 20, "valid": 5, "test": 5}
    assert [file.stem for file in halves["valid"].files] == [f"{number:06d}" for number in range(21, 26)]
    whole = Folder(str(root), size=16).examples()
    assert torch.equal(torch.cat([half.examples() for half in halves.values()]), whole)
    assert whole.shape == (30, 3, 16, 16)
    assert isinstance(halves["train"], HoldsOut)
    assert torch.equal(halves["train"].held_out.examples(), halves["test"].examples())
    assert halves["test"].held_out is None
    shutil.copytree(root / PICTURES, tmp_path / "given out" / "Img" / PICTURES)
    (tmp_path / "given out" / "Eval").mkdir()
    shutil.copy(root / PARTITION, tmp_path / "given out" / "Eval")
    monkeypatch.delenv("NASHPATH_DATA")
    assert torch.equal(CelebA(folder=str(tmp_path / "given out"), size=16).examples(), halves["train"].examples())


def test_what_is_missing_of_celeba_is_named(tmp_path, monkeypatch):
    root = tmp_path / "celeba"
    shutil.copytree(Path(os.environ["NASHPATH_DATA"]) / "celeba", root)
    (root / PICTURES / "000003.jpg").unlink()
    with pytest.warns(DataWarning, match="1 of 20 pictures of train are not there"):
        CelebA(folder=str(root))
    (root / PARTITION).write_text("000001.jpg 0\n000002.jpg 3\n")
    with pytest.raises(ValueError, match=r"line 2: expected NAME and 0, 1 or 2, got '000002\.jpg 3'"):
        CelebA(folder=str(root))
    (root / PARTITION).unlink()
    with pytest.raises(FileNotFoundError, match=rf"holds no {PARTITION}"):
        CelebA(folder=str(root))
    with pytest.raises(FileNotFoundError, match="there is no folder nowhere"):
        CelebA(folder="nowhere")
    monkeypatch.delenv("NASHPATH_DATA")
    said = nash("train", "-s", "data=celeba", "--out", tmp_path / "run", expect=2).stderr
    assert "error: celeba: give data.folder" in said
    assert not (tmp_path / "run").exists()


COUNTS = {"mnist": (60_000, 10_000, -0.7386), "cifar10": (50_000, 10_000, -0.0532)}
"""Images to train on, to test, and their mean in [-1, 1]: .1307 and .4734 of white are the published means."""


@pytest.mark.thorough("files that do not change; stand-ins of the same formats are read at every change")
@pytest.mark.parametrize("name", [pytest.param(name, marks=real[name]) for name in COUNTS])
def test_the_real_ones_are_what_was_published(name):
    train, test, mean = COUNTS[name]
    source = NAMED[name](folder=str(REAL_DATA))
    assert len(source) == train
    assert len(source.held_out) == test
    images, labels = source.labelled_examples(10_000)
    assert float(images.mean()) == pytest.approx(mean, abs=0.01)
    assert labels.unique().tolist() == list(range(10))


SHARES = {"mnist": 0.992, "cifar10": 0.89}
"""Of 2,000 images; of all 10,000 the classifiers are right on 99.67 and 91.56 %. A share of 2,000 deviates by 0.6."""


@pytest.mark.parametrize(("name", "share"), [pytest.param(*one, marks=real[one[0]]) for one in SHARES.items()])
def test_the_classifiers_of_the_package_know_the_images_that_they_were_not_trained_on(name, share):
    images, labels = NAMED[name]("test", str(REAL_DATA)).labelled_examples(2000)
    extractor = as_extractor(NAMED[name].features)
    outputs = [extractor(some) for some in images.split(500)]
    found = torch.cat([one.logits.argmax(1) for one in outputs])
    assert float((found == labels).double().mean()) >= share
    features = torch.cat([one.features for one in outputs]).double()
    assert torch.linalg.matrix_rank(features.T.cov(), hermitian=True) == features.shape[1]


@real["mnist"]
def test_stacked_mnist_has_a_thousand_modes():
    """26,000 real samples show all of them, and their classes are even: a KL divergence of about 999 / 52,000."""
    source = StackedMNIST(folder=str(REAL_DATA))
    label = source.draw(Key(0), 26_000)["label"]
    assert len(label.unique()) == 1000
    share = label.bincount(minlength=1000).double() / 26_000
    assert 0.01 < float((share * (share * 1000).log()).sum()) < 0.04
