"""Pictures that do not fit into memory: what is drawn does not depend on what was kept, nor on damage to it."""

import pickle
import warnings
from io import BytesIO

import numpy as np
import pytest
import torch
from PIL import Image
from torch import nn

import nashpath as nash
from nashpath.core import Key
from nashpath.core.tree import leaves
from nashpath.data import Folder, picture_store
from nashpath.data.base import DataWarning
from nashpath.data.picture_store import PictureStore
from nashpath.run.engine.sampler import Sampler


@pytest.fixture(autouse=True)
def small_shards(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr(picture_store, "SHARD", 4)
    monkeypatch.setattr(PictureStore, "keep", lambda self: None)  # by hand here


@pytest.fixture(params=[".png", ".jpg", ".bmp", ".webp"])
def root(tmp_path, request):
    """Ten pictures, of two classes; the last shard is not full."""
    rng = np.random.default_rng(0)
    for number in range(10):
        file = tmp_path / "pictures" / "ab"[number % 2] / f"{number:02}{request.param}"
        file.parent.mkdir(parents=True, exist_ok=True)
        smooth = rng.integers(0, 256, (3, 4, 3), dtype=np.uint8)
        Image.fromarray(smooth).resize((20, 26), Image.Resampling.BICUBIC).save(file)
    return tmp_path / "pictures"


def source(root, device_bytes=0, **options):
    return Folder(str(root), size=16, labels=True, device_bytes=device_bytes, **options)


def kept(root):
    """A source all of whose pictures are kept."""
    found = source(root)
    found.prepare()
    for shard in range(3):
        found._store.keep_shard(shard)
    return found


def drawn(found, count=40):
    batch = found.draw(Key(1), count)
    return batch["real"], batch["label"]


def test_what_is_drawn_does_not_depend_on_what_is_kept(root):
    before, after, again = drawn(source(root)), drawn(kept(root)), drawn(source(root))
    for other in (after, again):
        assert all(torch.equal(a, b) for a, b in zip(before, other))


def test_it_is_the_picture_exactly_but_for_what_jpeg_loses(root):
    whole = source(root, 1 << 30).labelled_examples()
    found = kept(root).labelled_examples()
    assert torch.equal(whole[1], found[1])
    pixels, got = ((127.5 * (x + 1)).round().byte().permute(0, 2, 3, 1).numpy() for x in (whole[0], found[0]))
    if any(root.rglob("*.jpg")):
        pixels = [as_jpeg(picture) for picture in pixels]
    assert np.array_equal(pixels, got)


def as_jpeg(picture):
    held = BytesIO()
    Image.fromarray(picture).save(held, "JPEG", quality=95, subsampling=0)
    return np.asarray(Image.open(held))


def shards(root):
    return sorted((root.parent / "cache" / "pictures").rglob("*.pictures"))


@pytest.mark.parametrize("damage", ["flip", "cut", "empty", "words"])
def test_damage_to_what_is_kept_changes_nothing(root, damage):
    want = drawn(kept(root))
    assert len(shards(root)) == 3
    for file in shards(root):
        content = bytearray(file.read_bytes())
        if damage == "flip":
            for at in range(300, len(content), 50):
                content[at] ^= 4
        file.write_bytes({"cut": content[:200], "empty": b"", "words": b"no numbers here"}.get(damage, content))
    for a, b in zip(drawn(source(root)), want):
        assert torch.equal(a, b)


def test_kept_pictures_need_no_files(root):
    found = kept(root)
    want = drawn(found)
    for file in root.rglob("*.*"):
        file.unlink()
    for a, b in zip(drawn(found), want):
        assert torch.equal(a, b)


def test_threads_read_kept_pictures_without_pythons_parser(root, monkeypatch):
    """Where several threads parse at once, Python 3.11 fails now and then with a `SystemError`."""
    found = kept(root)
    want = drawn(found)
    for file in shards(root):
        assert np.load(file).shape[1] == 3

    def parse(*given, **options):
        raise AssertionError("parsed in a thread")

    monkeypatch.setattr("ast.literal_eval", parse)
    monkeypatch.setattr(PictureStore, "_encoded", parse)  # every picture is one that was kept
    again = source(root)
    again.prepare()
    for a, b in zip(drawn(again), want):
        assert torch.equal(a, b)


def test_a_file_that_is_gone_is_named(root):
    found = source(root)
    found.prepare()
    next(root.rglob("03.*")).unlink()
    with pytest.raises(OSError, match=r"b/03\..*was there when training began"):
        drawn(found)


def test_the_next_picture_stands_in_the_place_of_a_damaged_one_with_its_class(root):
    ending = next(root.rglob("*.*")).suffix
    files = source(root).files
    for place in (2, 3, 9):
        files[place].write_bytes(b"no picture")
    with pytest.warns(DataWarning, match=r"3 of 10 images in .* others stand in their place") as told:
        found = source(root).rows(torch.arange(10))
    assert len(told) == 1
    assert all(f"{files[place].name}" in str(told[0].message) for place in (2, 3, 9))
    assert ending in str(told[0].message)
    for place, stands in ((2, 4), (3, 4), (9, 0)):
        assert torch.equal(found["real"][place], found["real"][stands])
        assert found["label"][place] == found["label"][stands]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)
        again = kept(root).rows(torch.arange(10))
    assert all(torch.equal(found[name], again[name]) for name in found)


def test_a_folder_of_damaged_pictures_is_refused(root):
    for file in root.rglob("*.*"):
        file.write_bytes(b"")
    with pytest.raises(ValueError, match="none of the 10 images"):
        drawn(source(root))


def test_another_process_gets_the_same(root):
    found = kept(root)
    want = drawn(found)
    for a, b in zip(drawn(pickle.loads(pickle.dumps(found))), want):
        assert torch.equal(a, b)


@pytest.mark.long(first=True)
def test_what_cannot_be_kept_is_said_once_and_drawn_all_the_same(root, tmp_path, monkeypatch):
    want = drawn(source(root))
    (tmp_path / "file").touch()
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "file"))
    found = source(root)
    found.prepare()
    found._store._keep_all()
    with pytest.warns(DataWarning, match=r"no longer kept in .*NASHPATH_CACHE"):
        first = drawn(found)
    for a, b, c in zip(first, drawn(found), want):
        assert torch.equal(a, b)
        assert torch.equal(a, c)


def test_keeping_goes_on_beside_the_training(root, monkeypatch):
    monkeypatch.undo()
    monkeypatch.setenv("NASHPATH_CACHE", str(root.parent / "cache"))
    found = source(root)
    found.prepare()
    found._store._keeping.join(20)
    assert [file.name for file in shards(root)] == ["000000.pictures"]


def test_a_changed_picture_is_encoded_anew(root):
    first = drawn(kept(root))
    Image.new("RGB", (31, 31), "red").save(source(root).files[0])
    assert not torch.equal(drawn(kept(root))[0], first[0])
    assert len(shards(root)) == 6


@pytest.mark.long(first=True)
def test_batches_drawn_ahead_are_those_drawn_in_turn(root):
    """Also where the order is broken (a resume), and beside steps that put other tensors into the game."""
    data = kept(root)
    maker, judge = nn.Sequential(nn.Linear(3, 768), nn.Unflatten(1, (3, 16, 16))), nn.Linear(768, 1)
    game = nash.GAN(maker, nn.Sequential(nn.Flatten(), judge), data=data, latent=3, batch_size=4)
    sampler = Sampler([game, game], 2, [5, 6], torch.device("cpu"))
    assert sampler.ahead is not None
    for first, count in ((0, 2), (2, 2), (4, 2), (3, 1), (4, 3), (0, 2)):
        blocks = sampler.block(first, count, stacked=False)
        for step, block in enumerate(blocks, first):
            for member, batch in enumerate(block):
                for a, b in zip(leaves(batch), leaves(sampler.step(member, step)), strict=True):
                    assert torch.equal(a, b)
