"""A folder of images: every kind of picture, damage, the cache, and streaming."""

import json
import os
import warnings

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.core import Key
from nashpath.core.source import empty_classes
from nashpath.data import Folder, image_cache
from nashpath.data.base import DataWarning
from nashpath.data.image_cache import FITS, read_picture


@pytest.fixture(autouse=True)
def cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache"


@pytest.fixture
def images(tmp_path):
    """Twelve 8x8 pictures, losslessly saved, some in a subfolder."""
    pixels = np.random.default_rng(0).integers(0, 256, (12, 8, 8, 3), dtype=np.uint8)
    for number, picture in enumerate(pixels):
        file = tmp_path / "images" / ("a" if number < 5 else "b") / f"{number:02}.png"
        file.parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(file)
    return tmp_path / "images", pixels


def test_what_was_saved_comes_back(images):
    root, pixels = images
    source = Folder(str(root), size=8)
    assert source.shape == (3, 8, 8)
    assert np.allclose(source.examples(), pixels.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
    assert source.classes == 0


def test_subfolders_are_classes_if_wanted(images):
    root, _ = images
    source = Folder(str(root), size=8, labels=True)
    assert (source.classes, source.class_names) == (2, ["a", "b"])
    assert source.labelled_examples()[1].tolist() == [0] * 5 + [1] * 7
    Image.new("RGB", (8, 8)).save(root / "stray.png")
    with pytest.raises(ValueError, match=r"1 images lie outside any, such as stray\.png"):
        Folder(str(root), size=8, labels=True)


@pytest.mark.parametrize("shape", [(31, 57), (9, 300), (8, 8), (3, 4), (1, 1)])
@pytest.mark.parametrize("channels", [1, 3])
def test_any_size_becomes_a_square(tmp_path, shape, channels):
    file = tmp_path / "x.png"
    Image.new("RGB", shape, (10, 200, 90)).save(file)
    pixels = read_picture(file, (channels, 8, 8))
    grey = round(0.299 * 10 + 0.587 * 200 + 0.114 * 90)
    assert pixels.shape == (channels, 8, 8)
    assert np.abs(pixels[:, 4, 4].astype(int) - ([10, 200, 90] if channels == 3 else [grey])).max() <= 1
    assert (pixels == pixels[:, :1, :1]).all()


def test_the_shorter_side_is_scaled_and_the_centre_cut_out(tmp_path):
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 60), dtype=np.uint8))
    wide.save(tmp_path / "x.png")
    cut = wide.resize((30, 10), Image.Resampling.BICUBIC).crop((10, 0, 20, 10))
    assert np.abs(read_picture(tmp_path / "x.png", (1, 10, 10))[0].astype(int) - np.asarray(cut)).max() <= 1


@pytest.mark.parametrize(("fit", "size"), [("crop", (30, 10)), ("pad", (10, 3)), ("stretch", (10, 10))])
def test_a_wide_picture_is_cut_padded_or_stretched(tmp_path, fit, size):
    """By hand: scaled so that it covers the square, so that it fits inside, or each side by itself."""
    wide = Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 60), dtype=np.uint8))
    wide.save(tmp_path / "x.png")
    scaled, expected = wide.resize(size, Image.Resampling.BICUBIC), Image.new("L", (10, 10), "white")
    expected.paste(scaled, ((10 - size[0]) // 2, round((10 - size[1]) / 2)))
    found = read_picture(tmp_path / "x.png", (1, 10, 10), fit=fit)[0].astype(int)
    assert np.abs(found - np.asarray(expected)).max() <= 1


def test_a_picture_of_the_shape_asked_for_is_as_it_is(tmp_path):
    pixels = np.random.default_rng(0).integers(0, 256, (40, 60, 3), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "x.png")
    for fit in ("crop", "pad", "stretch"):
        source = Folder(str(tmp_path), size=40, width=60, fit=fit)
        assert source.shape == (3, 40, 60)
        assert np.allclose(source.examples()[0], pixels.transpose(2, 0, 1) / 127.5 - 1, atol=1e-6)


@pytest.mark.parametrize("device_bytes", [1 << 30, 0])
def test_transparency_is_a_channel_where_four_are_asked_for(tmp_path, cache, device_bytes):
    """Also of JPEG, which has none, and of pictures that are kept encoded."""
    pixels = np.random.default_rng(0).integers(1, 256, (8, 8, 4), dtype=np.uint8)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    Image.fromarray(pixels[:, :, :3]).save(tmp_path / "b.jpg", quality=100, subsampling=0)
    source = Folder(str(tmp_path), size=8, channels=4, device_bytes=device_bytes)
    real = (source.draw(Key(0), 40)["real"] + 1) * 127.5
    first = {batch.numpy().round().astype(np.uint8).tobytes(): batch for batch in real}
    assert len(first) == 2
    assert pixels.transpose(2, 0, 1).tobytes() in first
    (other,) = [batch for key, batch in first.items() if key != pixels.transpose(2, 0, 1).tobytes()]
    assert (other[3] == 255).all()
    plain = Folder(str(tmp_path), size=8).examples()[0].numpy()
    share = pixels[:, :, 3:] / 255
    over_white = (share * pixels[:, :, :3] + (1 - share) * 255).transpose(2, 0, 1)
    assert np.abs((plain + 1) * 127.5 - over_white).max() <= 1.5


def test_padding_of_four_channels_is_transparent(tmp_path):
    Image.new("RGBA", (60, 20), (9, 9, 9, 255)).save(tmp_path / "x.png")
    found = read_picture(tmp_path / "x.png", (4, 12, 12), fit="pad")
    assert found[3, 0].tolist() == [0] * 12
    assert found[3, 6].tolist() == [255] * 12


@pytest.mark.parametrize("longer", [17, 100, 5000])
@pytest.mark.parametrize("upright", [True, False])
@pytest.mark.parametrize("size", [(8, 8), (8, 20), (20, 8)])
def test_padding_leaves_something_of_every_picture(longer, upright, size):
    """A black line of one pixel: what is inside the white covers the side it fits, and one pixel of the other."""
    drawn = FITS["pad"](Image.new("L", (1, longer) if upright else (longer, 1), 0), size)
    assert drawn.size == size
    black = np.asarray(drawn) < 128
    side = size[1] if upright else size[0]
    assert black.sum() == side * max(1, round(side / longer))
    assert black.any(1 if upright else 0).sum() == side


def test_each_way_to_fit_has_its_own_cache(tmp_path, cache):
    Image.fromarray(np.random.default_rng(0).integers(0, 256, (20, 60, 3), dtype=np.uint8)).save(tmp_path / "x.png")
    found = [Folder(str(tmp_path), size=8, fit=fit).examples() for fit in ("crop", "pad", "stretch")]
    assert not torch.equal(found[0], found[1])
    assert not torch.equal(found[1], found[2])
    assert torch.equal(found[0], Folder(str(tmp_path), size=8).examples())


def test_every_mode_of_picture_keeps_its_brightness(tmp_path):
    ramp = np.tile(np.arange(0, 256, 17, dtype=np.uint8), (16, 1))
    grey = Image.fromarray(ramp)
    clear = Image.fromarray(np.stack([ramp, ramp, ramp, np.zeros_like(ramp)], -1))
    palette = grey.convert("P")
    pictures = {
        "l.png": (grey, ramp),
        "rgb.bmp": (grey.convert("RGB"), ramp),
        "p.png": (palette, ramp),
        "p.gif": (palette, ramp),
        "cmyk.tif": (grey.convert("RGB").convert("CMYK"), ramp),
        "i16.png": (Image.fromarray(ramp.astype(np.uint16) * 257), ramp),
        "i16.tif": (Image.fromarray(ramp.astype(np.uint16) * 257), ramp),
        "i32.tif": (Image.fromarray(ramp.astype(np.int32) * 257), ramp),
        "rgba.png": (clear, np.full_like(ramp, 255)),
        "la.png": (clear.convert("LA"), np.full_like(ramp, 255)),
        "one.png": (grey.convert("1", dither=Image.Dither.NONE), np.where(ramp > 127, 255, 0)),
    }
    for name, (picture, expected) in pictures.items():
        picture.save(tmp_path / name)
        read = read_picture(tmp_path / name, (1, 16, 16))[0].astype(int)
        assert np.abs(read - expected).max() <= 1, name
    palette.save(tmp_path / "hole.png", transparency=0)
    assert read_picture(tmp_path / "hole.png", (3, 16, 16))[:, :, 0].min() == 255


def test_a_rotated_photograph_stands_upright(tmp_path):
    half = np.zeros((16, 16), dtype=np.uint8)
    half[:8] = 255
    turned = Image.fromarray(half)
    facts = turned.getexif()
    facts[0x0112] = 6  # to be shown turned by 90 degrees clockwise: the top goes to the right
    turned.save(tmp_path / "x.png", exif=facts)
    read = read_picture(tmp_path / "x.png", (1, 16, 16))[0]
    assert read[:, 9:].min() > 200
    assert read[:, :7].max() < 50


@pytest.mark.parametrize("ending", ["png", "tif"])
@pytest.mark.parametrize("way", range(1, 9))
def test_grey_of_sixteen_bits_is_turned_and_transparent_as_that_of_eight(tmp_path, way, ending):
    eight = np.random.default_rng(way).integers(0, 200, (16, 16), dtype=np.uint8)
    eight[:4, :9] = 201
    sixteen = eight.astype(np.uint16) * 257
    facts = Image.Exif()
    facts[0x0112] = way
    kept = {"exif": facts} if ending == "png" else {"tiffinfo": {0x0112: way}}
    for name, values, clear in (("eight", eight, 201), ("sixteen", sixteen, 201 * 257)):
        Image.fromarray(values).save(tmp_path / f"{name}.{ending}", **kept)
        if ending == "png":
            Image.fromarray(values).save(tmp_path / f"{name}_clear.png", transparency=clear, **kept)
    read = {file.stem: read_picture(file, (4, 16, 16)) for file in tmp_path.iterdir()}
    assert np.array_equal(read["eight"], read["sixteen"])
    assert (way == 1) == np.array_equal(read["sixteen"][0], eight)
    if ending == "png":
        assert np.array_equal(read["eight_clear"], read["sixteen_clear"])
        assert int((read["sixteen_clear"][3] == 0).sum()) == 36
        white = read_picture(tmp_path / "sixteen_clear.png", (1, 16, 16))
        assert int((white == 255).sum()) == 36


def test_a_large_jpeg_is_read_faithfully(tmp_path):
    ramp = np.tile(np.linspace(0, 255, 512).astype(np.uint8), (512, 1))
    Image.fromarray(ramp).save(tmp_path / "x.jpg", quality=95)
    expected = ramp.reshape(16, 32, 16, 32).mean((1, 3))
    assert np.abs(read_picture(tmp_path / "x.jpg", (1, 16, 16))[0] - expected).max() < 4


def test_damaged_files_are_left_out_and_named(images, cache):
    root, pixels = images
    whole = (root / "a" / "01.png").read_bytes()
    (root / "a" / "01.png").write_bytes(whole[: len(whole) // 2])
    (root / "b" / "07.png").write_bytes(b"not a picture")
    Image.fromarray(np.zeros((4, 4), dtype=np.float32)).save(root / "b" / "float.tif")
    left = np.delete(pixels, [1, 7], 0)
    for _ in range(2):  # decoded, then from the cache
        source = Folder(str(root), size=8, labels=True)
        with pytest.warns(
            UserWarning, match=r"(?s)3 of 13 images .*a/01\.png \(OSError.*b/07\.png.*float\.tif \(Value"
        ):
            real, label = source.labelled_examples()
        assert np.allclose(real, left.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
        assert label.tolist() == [0] * 4 + [1] * 6
    assert len(np.load(next(cache.glob("*.npy")))) == 10


def test_a_picture_that_is_too_large_says_so(images, monkeypatch):
    """Pillow refuses to open twice as many pixels as it warns of."""
    Image.new("L", (300, 100)).save(images[0] / "large.png")
    monkeypatch.setattr(Image, "MAX_IMAGE_PIXELS", 10_000)
    with pytest.warns(DataWarning, match=r"large\.png \(more than 20,000 pixels; save it scaled down\)"):
        Folder(str(images[0]), size=8).prepare()


def refused_once(source, shape, bits, fit):
    """`read_picture` at a moment when the system refuses one file."""
    if source.name == "03.png":
        raise PermissionError(13, "Permission denied")
    return read_picture(source, shape)


def test_what_the_system_refused_is_tried_again(images, monkeypatch):
    root, _ = images

    with monkeypatch.context() as patch:
        patch.setattr(image_cache, "read_picture", refused_once)
        with pytest.warns(UserWarning, match=r"1 of 12 images .*\n  a/03\.png \(PermissionError"):
            assert len(Folder(str(root), size=8)) == 11
    assert len(Folder(str(root), size=8)) == 12


def test_a_folder_with_nothing_readable_is_an_error_that_names_the_files(tmp_path):
    (tmp_path / "x.png").write_text("no")
    with pytest.raises(ValueError, match=r"none of the 1 images in .* could be read:\n  x\.png \(Unidentified"):
        Folder(str(tmp_path)).prepare()


@pytest.mark.unchecked("asks for channels that the annotation excludes")
def test_missing_and_empty_folders_are_clear_errors(tmp_path):
    with pytest.raises(ValueError, match="path is missing"):
        Folder()
    with pytest.raises(FileNotFoundError, match=r"there is no folder .*gone"):
        Folder(str(tmp_path / "gone"))
    with pytest.raises(FileNotFoundError, match=r"no images in .* found no files at all"):
        Folder(str(tmp_path))
    (tmp_path / "x.heic").touch()
    with pytest.raises(FileNotFoundError, match=r"looked for .*\.png.* found only 1 \.heic"):
        Folder(str(tmp_path))
    with pytest.raises(NotADirectoryError, match=r"x\.heic is a file"):
        Folder(str(tmp_path / "x.heic"))
    Image.new("L", (4, 4)).save(tmp_path / "x.png")
    with pytest.raises(ValueError, match="channels is 2; it must be one of 1, 3, 4"):
        Folder(str(tmp_path), channels=2)


def test_hidden_files_are_not_data(images):
    root, _ = images
    (root / "a" / "._00.png").write_text("a resource fork")
    (root / ".thumbnails").mkdir()
    (root / ".thumbnails" / "t.png").write_text("a thumbnail")
    assert len(Folder(str(root), size=8)) == 12


def test_progress_ends_at_the_total(images):
    seen = []
    Folder(str(images[0]), size=8).prepare(lambda done, total: seen.append((done, total)))
    assert seen[-1] == (12, 12)


def test_decoded_once_and_again_when_something_changes(images, cache):
    root, pixels = images

    def runs(size=8, channels=3):
        seen = []
        Folder(str(root), size=size, channels=channels).prepare(lambda *done: seen.append(done))
        return len(seen)

    assert (runs(), runs()) == (1, 0)
    assert (runs(size=4), runs(channels=1), runs()) == (1, 1, 0)
    os.utime(root / "a" / "00.png", ns=(1, 1))
    assert (runs(), runs()) == (1, 0)
    (root / "a" / "00.png").rename(root / "a" / "000.png")
    assert (runs(), runs()) == (1, 0)
    Image.fromarray(pixels[0]).save(root / "new.png")
    assert (runs(), runs()) == (1, 0)
    assert not list(cache.glob(".*.tmp"))


def test_an_unfinished_cache_is_not_used(images, cache):
    root, _ = images
    expected = Folder(str(root), size=8).examples()
    array, note = next(cache.glob("*.npy")), next(cache.glob("*.json"))
    assert json.loads(note.read_text())["lost"] == []
    note.unlink()
    array.write_bytes(b"half of it")
    assert torch.equal(Folder(str(root), size=8).examples(), expected)
    note.write_text("[]")  # as earlier versions wrote it, without a hash
    assert torch.equal(Folder(str(root), size=8).examples(), expected)


def flipped(file, at):
    content = bytearray(file.read_bytes())
    content[at % len(content)] ^= 4
    file.write_bytes(content)


DAMAGE = {
    "a pixel": lambda array, note: flipped(array, 300),
    "the last pixel": lambda array, note: flipped(array, -1),
    "the shape": lambda array, note: flipped(array, array.read_bytes().index(b"(") + 2),
    "the kind": lambda array, note: flipped(array, array.read_bytes().index(b"u1") + 1),
    "cut": lambda array, note: array.write_bytes(array.read_bytes()[:-50]),
    "longer": lambda array, note: array.write_bytes(array.read_bytes().replace(b"(12,", b"(11,")),
    "emptied": lambda array, note: array.write_bytes(b""),
    "no array": lambda array, note: array.write_text("hello"),
    "fewer pictures": lambda array, note: np.save(array, np.load(array)[1:]),
    "other pictures": lambda array, note: np.save(array, np.load(array)[::-1]),
    "note cut": lambda array, note: note.write_text(note.read_text()[:20]),
    "note emptied": lambda array, note: note.write_text(""),
    "note of text": lambda array, note: note.write_text('"a"'),
    "note without pixels": lambda array, note: note.write_text('{"lost": []}'),
    "note of another form": lambda array, note: note.write_text('{"lost": [3], "pixels": ""}'),
    "note of other pixels": lambda array, note: flipped(note, -5),
}


@pytest.mark.parametrize("what", DAMAGE)
def test_damaged_pictures_of_the_cache_are_decoded_anew(images, cache, what):
    root, _ = images
    expected = Folder(str(root), size=8).examples()
    DAMAGE[what](next(cache.glob("*.npy")), next(cache.glob("*.json")))
    with pytest.warns(DataWarning, match=r"\.npy is damaged, or not of one reading with .*\.json: .* decoded anew"):
        assert torch.equal(Folder(str(root), size=8).examples(), expected)
    assert torch.equal(Folder(str(root), size=8).examples(), expected)


def test_pictures_keep_their_classes_where_one_could_not_be_read_for_a_moment(images, cache, monkeypatch):
    """The note of an earlier reading, in which all could be read, is not that of these pictures."""
    root, _ = images
    expected = Folder(str(root), size=8, labels=True).labelled_examples()
    next(cache.glob("*.npy")).unlink()

    with monkeypatch.context() as patch:
        patch.setattr(image_cache, "read_picture", refused_once)
        with pytest.warns(UserWarning, match="1 of 12 images"):
            assert len(Folder(str(root), size=8, labels=True)) == 11
    for found, known in zip(Folder(str(root), size=8, labels=True).labelled_examples(), expected, strict=True):
        assert torch.equal(found, known)


def test_an_interrupted_decoding_leaves_nothing_behind(images, cache):
    def interrupt(done, total):
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        Folder(str(images[0]), size=8).prepare(interrupt)
    assert list(cache.iterdir()) == []


def test_a_cache_that_cannot_be_written_says_where_and_what_to_do(images, tmp_path, monkeypatch):
    (tmp_path / "file").touch()
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "file" / "cache"))
    with pytest.raises(OSError, match=r"cannot make the image cache in .*file.cache .* or set NASHPATH_CACHE"):
        Folder(str(images[0]), size=8).prepare()


def test_streaming_equals_resident(images):
    root, _ = images
    resident, streamed = (Folder(str(root), size=8, labels=True, device_bytes=budget) for budget in (1 << 30, 100))
    first, second = (source.draw(Key(2), 200) for source in (resident, streamed))
    assert streamed._filled().streams
    assert all(torch.equal(first[key], second[key]) for key in ("real", "label"))


def test_many_files_keep_their_order_over_blocks(tmp_path):
    root = tmp_path / "many"
    root.mkdir()
    for number in range(600):
        Image.new("L", (4, 4), number % 256).save(root / f"{number:04}.bmp")
    values = 127.5 * (Folder(str(root), size=4, channels=1).examples()[:, 0, 0, 0] + 1)
    assert values.round().tolist() == [number % 256 for number in range(600)]


@pytest.mark.parametrize("device_bytes", [1 << 30, 0])
@pytest.mark.parametrize("damaged", ["a", "b", "c", "ac"])
def test_a_class_of_damaged_files_stays_a_class_and_is_named(tmp_path, device_bytes, damaged):
    for name in "abc":
        (tmp_path / "in" / name).mkdir(parents=True)
        for k in range(3):
            file = tmp_path / "in" / name / f"{k}.png"
            Image.new("L", (8, 8), 60 * k).save(file)
            if name in damaged or (name == "b" and k == 0):
                file.write_bytes(file.read_bytes()[:20])
    folder = Folder(str(tmp_path / "in"), size=8, labels=True, device_bytes=device_bytes)
    with pytest.warns(DataWarning) as caught:
        counts = folder.class_counts().tolist()
    assert folder.class_names == ["a", "b", "c"]
    assert [count == 0 for count in counts] == [name in damaged for name in "abc"]
    said = f"no sample of class{'es' * (len(damaged) > 1)} {', '.join(damaged)} could be read"
    assert sum(said in str(warning.message) for warning in caught) == 1
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DataWarning)  # others of a class are found when they are drawn
        drawn = folder.draw(Key(0), 200)["label"]
    assert set(drawn.tolist()) == {k for k, name in enumerate("abc") if name not in damaged}
    assert empty_classes(folder) == list(damaged)
