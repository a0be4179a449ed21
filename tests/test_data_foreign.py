"""Files that are linked, deep, of other formats, oddly numbered or oddly scaled: read or named, and never left out."""

import os
import struct
import warnings
import zlib

import numpy as np
import pytest
import torch
from PIL import Image, features
from torch import nn

import nashpath as nash
from nashpath.data import Array, Folder, Samples
from nashpath.data.base import DataWarning
from nashpath.data.image_cache import read_picture
from nashpath.run.folder.identity import identity_of
from nashpath.solvers.optim import ExtraAdam, ExtraSGD
from run_folders import nash as command


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


def picture(path, value=100, size=8, **options):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", (size, size), (value, value, value)).save(path, **options)


def test_linked_classes_are_classes(tmp_path):
    for name in ("cats", "dogs"):
        for k in range(3):
            picture(tmp_path / "elsewhere" / name / f"{k}.png")
    photos = tmp_path / "photos"
    for k in range(3):
        picture(photos / "birds" / f"{k}.png")
    for name in ("cats", "dogs"):
        (photos / name).symlink_to(tmp_path / "elsewhere" / name)
    folder = Folder(str(photos), size=8, labels=True)
    assert folder.class_names == ["birds", "cats", "dogs"]
    assert len(folder) == 9


def test_a_loop_of_links_ends_and_a_dangling_link_is_named(tmp_path):
    picture(tmp_path / "a" / "0.png")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    assert len(Folder(str(tmp_path), size=8).files) == 1
    (tmp_path / "a" / "gone.png").symlink_to(tmp_path / "nothing")
    with pytest.warns(DataWarning, match="1 links in .* lead nowhere and are left out: a/gone.png"):
        Folder(str(tmp_path), size=8)


NOWHERE = {
    "to nothing": {"a.png": "nothing"},
    "to itself": {"a.png": "a.png"},
    "to each other": {"a.png": "b.png", "b.png": "a.png"},
    "to itself, as a folder would be called": {"a": "a"},
    "into a file": {"a.png": "0.png/x.png"},
    "to no possible name": {"a.png": "x" * 300},
}


@pytest.mark.parametrize("case", NOWHERE)
@pytest.mark.parametrize("inside", ["", "class"])
def test_links_that_lead_nowhere_are_left_out_and_named(tmp_path, case, inside):
    root = tmp_path / "in"
    picture(root / inside / "0.png")
    for name, target in NOWHERE[case].items():
        (root / inside / name).symlink_to(target)
    with pytest.warns(DataWarning, match="lead nowhere and are left out") as caught:
        folder = Folder(str(root), size=8)
    (warning,) = caught
    names = ", ".join(f"{inside}/{name}" if inside else name for name in NOWHERE[case])
    assert str(warning.message).endswith(f"left out: {names}")
    assert len(folder) == 1
    told = identity_of({"data": {"kind": "folder", "path": str(root)}}, {}, [], "cpu")
    assert told["data"]["files"] == 1


def test_a_folder_in_a_linked_folder_counts_as_changed(tmp_path):
    picture(tmp_path / "elsewhere" / "0.png")
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a").symlink_to(tmp_path / "elsewhere")
    folder = Folder(str(tmp_path / "photos"), size=8)
    assert not folder.changed()
    picture(tmp_path / "elsewhere" / "1.png")
    assert folder.changed()


FORMATS = {
    ".tga": True,
    ".ico": True,
    ".jp2": features.check("jpg_2000"),
    ".avif": features.check("avif"),
    ".jfif": True,
}


@pytest.mark.parametrize("ending", FORMATS)
def test_what_pillow_reads_the_folder_reads(tmp_path, ending):
    if not FORMATS[ending]:
        pytest.skip(f"Pillow here writes no {ending}")
    options = {"format": "JPEG"} if ending == ".jfif" else {}
    picture(tmp_path / f"a{ending}", size=16, **options)
    (images,) = Folder(str(tmp_path), size=8).examples()
    assert (images - (100 / 127.5 - 1)).abs().max() < 0.05


def deep(folder, most: int):
    folder.mkdir()
    for k in range(3):
        values = np.linspace(0, most, 64).astype(np.uint16).reshape(8, 8)
        Image.fromarray(values).save(folder / f"{k}.png")
    return str(folder)


def test_twelve_bits_in_sixteen_are_said_and_can_be_set(tmp_path):
    where = deep(tmp_path / "scans", 4095)
    with pytest.warns(DataWarning, match=r"hold values up to 4095, which are 12 bits.*-s data.bits=12"):
        dark = Folder(where, size=8, channels=1).examples()
    assert dark.max() < -0.85
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        right = Folder(where, size=8, channels=1, bits=12).examples()
    assert right.max() > 0.9
    assert right.min() < -0.9


def test_sixteen_bits_are_what_they_were(tmp_path):
    where = deep(tmp_path / "scans", 65535)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        Folder(where, size=8, channels=1).examples()
    values = np.arange(0, 65536, 257 // 2, dtype=np.uint16)[:504].reshape(21, 24)
    Image.fromarray(values).save(tmp_path / "x.png")
    found = read_picture(tmp_path / "x.png", (1, 21, 21))
    expected = ((values.astype(np.uint32) + 128) // 257).astype(np.uint8)[:, 1:22]
    assert np.abs(found[0].astype(int) - expected.astype(int)).max() <= 1


def test_the_command_says_warnings_of_data_in_one_line(tmp_path):
    where = deep(tmp_path / "scans", 4095)
    small = (
        "steps=0",
        "compile=off",
        "threads=1",
        "data.size=8",
        "data.channels=1",
        "evaluation_samples=4",
        "samples=3",
    )
    flags = [part for text in ("data=folder", f"data.path={where}", *small) for part in ("-s", text)]
    said = command("train", *flags, "--out", tmp_path / "run").stderr
    assert "warning: pictures of 16 bits" in said
    assert "UserWarning" not in said


def test_labels_from_one_are_refused_and_gaps_are_named():
    values = torch.randn(6, 2)
    with pytest.raises(ValueError, match=r"labels are 1 to 3; classes are counted from 0.*subtract 1"):
        Samples(values, torch.tensor([1, 2, 3, 1, 2, 3]))
    with pytest.warns(DataWarning, match="1 of 3 classes have no sample, class 1 for one"):
        Samples(values, torch.tensor([0, 2, 0, 2, 0, 2]))
    with pytest.warns(DataWarning, match="most classes have no sample"):
        Samples(values, torch.tensor([0, 10**9, 0, 1, 1, 1]))
    assert Samples(values, torch.tensor([0, 1, 2, 0, 1, 2])).classes == 3


def test_columns_of_other_scales_are_said(tmp_path):
    rng = np.random.default_rng(0)
    table = np.stack([rng.normal(40, 12, 500), rng.normal(41_000, 9000, 500), rng.integers(0, 2, 500)], 1)
    np.save(tmp_path / "table.npy", table)
    with pytest.warns(DataWarning, match=r"table.npy: column 1 has mean 4.*e\+04 and deviation .*scale='standard'"):
        Array(str(tmp_path / "table.npy"))
    with pytest.warns(DataWarning, match="column 1 has mean"):
        nash.as_source(rng.normal(0, 1, (50, 2)) * np.array([1, 1e-6]))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nash.as_source((table - table.mean(0)) / table.std(0))
        nash.as_source(np.ones((5, 2)))


@pytest.mark.parametrize("kind", [ExtraSGD, ExtraAdam])
def test_a_skipped_step_leaves_the_parameters_where_they_were(kind):
    layer = nn.Linear(2, 1)
    optimizer = kind(layer.parameters(), lr=0.1)
    start = [p.detach().clone() for p in layer.parameters()]

    def look_ahead():
        optimizer.zero_grad()
        layer(torch.ones(3, 2)).square().sum().backward()
        optimizer.extrapolation()

    for _ in range(3):  # each time the step is left out, as by a gradient scaler
        look_ahead()
        anchors = [optimizer.state[p]["anchor"] for p in layer.parameters()]
        assert all(torch.equal(a, b) for a, b in zip(anchors, start))
    optimizer.step()
    with pytest.raises(RuntimeError, match="needs extrapolation"):
        optimizer.step()


def deep_colours(path, most: int, channels: int = 3):
    """A PNG of 16 bits in colour, which Pillow does not write."""
    values = np.linspace(0, most, 8 * 8 * channels).astype(">u2").reshape(8, -1)

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    rows = b"".join(b"\0" + row.tobytes() for row in values)
    header = struct.pack(">IIBBBBB", 8, 8, 16, {2: 4, 3: 2, 4: 6}[channels], 0, 0, 0)
    parts = chunk(b"IHDR", header), chunk(b"IDAT", zlib.compress(rows)), chunk(b"IEND", b"")
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


@pytest.mark.parametrize("channels", [2, 3, 4])
def test_colours_of_sixteen_bits_are_named_where_fewer_are_used(tmp_path, channels):
    for name, most in (("dark", 4095), ("full", 65535)):
        (tmp_path / name).mkdir()
        deep_colours(tmp_path / name / "0.png", most, channels)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        assert Folder(str(tmp_path / "full"), size=8).examples().max() > 0.9
    with pytest.warns(DataWarning, match=r"colour pictures of 16 bits .* values up to 4095 at most, which are 12 bits"):
        Folder(str(tmp_path / "dark"), size=8).examples()
    with pytest.raises(ValueError, match=r"0.png \(ValueError: colours of 16 bits, .* bits=12 cannot be had"):
        Folder(str(tmp_path / "dark"), size=8, bits=12).examples()


@pytest.mark.parametrize("ending", [".tif", ".gif", ".webp", ".png"])
@pytest.mark.parametrize("device_bytes", [1 << 30, 100])
def test_pages_behind_the_first_are_said_once(tmp_path, ending, device_bytes):
    pages = [Image.new("RGB", (8, 8), (value, 9, 9)) for value in (0, 90, 180)]
    pages[0].save(tmp_path / f"many{ending}", save_all=True, append_images=pages[1:])
    for name in ("one.png", "two.tif", "three.gif", "four.webp", "five.jpg"):
        picture(tmp_path / name)
    for _ in range(2):  # decoded, and from the cache
        with pytest.warns(DataWarning, match="hold several pictures") as caught:
            Folder(str(tmp_path), size=8, device_bytes=device_bytes).examples()
        (warning,) = caught
        assert str(warning.message).startswith("1 images in ")
        assert str(warning.message).endswith(f"\n  many{ending}")


def test_pictures_that_were_replaced_by_others_with_their_time_are_read_anew(tmp_path):
    def write(value):
        for k in range(3):
            picture(tmp_path / "x" / f"{k}.bmp", value)
            os.utime(tmp_path / "x" / f"{k}.bmp", (10**9, 10**9))

    for value in (10, 200):
        write(value)
        assert Folder(str(tmp_path / "x"), size=8).examples().mean() == pytest.approx(value / 127.5 - 1, abs=1e-5)
    array = Array(_saved(tmp_path / "a.npy", 0.0))
    assert not array.changed()
    _saved(tmp_path / "a.npy", 1.0)
    assert array.changed()


def _saved(path, value: float) -> str:
    with open(path, "wb") as file:
        np.save(file, np.full((3, 2), value))
    os.utime(path, (10**9, 10**9))
    return str(path)


@pytest.mark.skipif(os.name == "nt", reason="names of files are no bytes there")
@pytest.mark.parametrize("device_bytes", [1 << 30, 100])
def test_names_that_are_not_utf_8_are_names(tmp_path, device_bytes):
    odd = os.fsdecode(b"caf\xe9")
    for name, value in ((odd, 10), ("dogs", 200)):
        picture(tmp_path / "x" / name / os.fsdecode(b"\xff.png"), value)
    (tmp_path / "x" / odd / os.fsdecode(b"bad\xfe.png")).write_bytes(b"no picture")
    for _ in range(2):
        folder = Folder(str(tmp_path / "x"), size=8, labels=True, device_bytes=device_bytes)
        with pytest.warns(DataWarning, match=r"caf\\udce9/bad\\udcfe.png") as caught:
            folder.examples()
        assert all(str(one.message).encode() for one in caught)
        assert sorted(folder.class_names) == ["caf\\udce9", "dogs"]
    raw = {"data": {"kind": "folder", "path": str(tmp_path / "x"), "size": 8}, "steps": 1, "batch_size": 4}
    raw |= {"evaluation_samples": 4, "samples": 3, "compile": "off", "threads": 1}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        nash.open_session(raw, {}, tmp_path / "run").train()
        assert nash.resume_session(tmp_path / "run", {"steps": 2}).train() == "finished"
    (tmp_path / "y" / odd).mkdir(parents=True)
    picture(tmp_path / "y" / os.fsdecode(b"stray\xff.png"))
    with pytest.raises(ValueError, match=r"such as stray\\udcff.png"):
        Folder(str(tmp_path / "y"), size=8, labels=True)
