"""Arrays: which axis is colour, which range, what is refused and how."""

import json
import re

import numpy as np
import pytest
import torch

from nashpath.core import Key
from nashpath.data import CSV, Array, Samples
from nashpath.data.base import DataWarning

PIXELS = np.random.default_rng(0).integers(0, 256, (6, 5, 7, 3), dtype=np.uint8)
CENTRED = PIXELS.transpose(0, 3, 1, 2) / 127.5 - 1


@pytest.mark.parametrize(
    "given",
    [
        PIXELS,
        PIXELS.transpose(0, 3, 1, 2),
        PIXELS.astype(np.float32) / 255,
        PIXELS / 255,
        (PIXELS / 127.5 - 1).astype(np.float16),
        (PIXELS / 127.5 - 1).astype(">f4"),
        torch.from_numpy(PIXELS),
    ],
    ids=["nhwc", "nchw", "unit", "unit64", "centred16", "big-endian", "tensor"],
)
def test_every_form_of_the_same_images_is_the_same_data(given):
    source = Samples(given)
    assert source.shape == (3, 5, 7)
    assert np.allclose(source.examples(), CENTRED, atol=2e-3 if given.dtype == np.float16 else 1e-6)


def test_the_ends_of_the_range_are_exact():
    assert Samples(np.array([[[0, 255]]], dtype=np.uint8)).examples().flatten().tolist() == [-1, 1]
    assert Samples(np.array([[[0.0, 1.0]]])).examples().flatten().tolist() == [-1, 1]


@pytest.mark.filterwarnings("ignore:.*columns are taken as they are")
def test_grey_images_gain_their_channel_and_vectors_stay():
    assert Samples(PIXELS[..., 0]).shape == (1, 5, 7)
    vectors = np.array([[1e4, -3.0], [2.0, 255.0]])
    assert np.array_equal(Samples(vectors).examples(), vectors)


@pytest.mark.parametrize("shape", [(4, 3, 5, 3), (4, 5, 6, 7)])
def test_an_undecided_layout_is_asked_for(shape):
    images = np.zeros(shape, dtype=np.uint8)
    with pytest.raises(ValueError, match=r"axis 1.*say layout='channels_first' or 'channels_last'"):
        Samples(images)
    assert Samples(images, layout="channels_first").shape == shape[1:]
    assert Samples(images, layout="channels_last").shape == (shape[3], *shape[1:3])


@pytest.mark.parametrize(
    ("given", "message"),
    [
        (PIXELS.astype(np.float32), r"float images from 0 to 255; expected \[-1, 1\] or \[0, 1\]"),
        (PIXELS / 100 - 1, r"from -1 to 1\.55; expected"),
        (PIXELS.astype(np.int64), r"images of int64 .* give x as uint8 \(0 to 255\)"),
        (np.array([[0.0, 1.0], [np.nan, 0.0]]), r"sample 1 holds NaN"),
        (np.array([[0.0, 1.0], [1.0, 0.0], [-np.inf, 0.0]]), r"sample 2 holds NaN, infinity"),
        (np.array([[1e300]]), r"sample 0 .* more than float32"),
        (np.zeros(4), r"shape \(4,\); expected vectors"),
        (np.zeros((0, 4)), r"shape \(0, 4\)"),
        (np.array([["a"]]), r"holds <U1, not numbers"),
        (np.zeros((3, 2), dtype=complex), r"holds complex128"),
    ],
)
def test_what_is_not_data_is_refused_with_the_reason(given, message):
    with pytest.raises(ValueError, match=r"^samples: .*" + message):
        Samples(given)


RANGES = {
    "bool": PIXELS > 127,
    "bytes 0 and 1": (PIXELS > 127).astype(np.uint8),
    "int 0 and 1": (PIXELS > 127).astype(np.int64),
    "int -1 to 1": (PIXELS > 127).astype(np.int8) - (PIXELS < 60),
    "int 0 to 5": (PIXELS // 50).astype(np.int16),
    "int 0 to 255": PIXELS.astype(np.int32),
    "int 0 to 4095": PIXELS.astype(np.uint16) * 16 + 15,
    "int -128 to 127": PIXELS.astype(np.int16) - 128,
    "float 0 to 255": PIXELS.astype(np.float32),
    "float 0 to 1.3": PIXELS / 196,
    "float 0 to 5.1": PIXELS / 50,
    "float 0 to 65535": PIXELS * 257.0,
    "float -2.1 to 2.6": PIXELS / 54 - 2.117904,
    "float -1e-3 to 1.001": PIXELS / 254.5 - 1e-3,
    "float -1e30 to 1": np.where(PIXELS > 127, -1e30, 1.0),
}
ADVICE = {
    r"give x as uint8": lambda x, _: x.astype(np.uint8),
    r"give 255 \* x as uint8": lambda x, _: (255 * x).astype(np.uint8),
    r"(?:give|or) x as float32": lambda x, _: x.astype(np.float32),
    r"give x / (\S+) as float32": lambda x, number: (x / float(number)).astype(np.float32),
}


@pytest.mark.parametrize("kind", RANGES)
def test_the_advice_of_a_refused_range_works_as_it_is_written(kind):
    """Whatever it advises, followed by the letter, is images whose contrast is that of the given ones."""
    given = RANGES[kind]
    with pytest.raises(ValueError, match=r"samples: .*give ") as refused:
        Samples(given)
    advised = [(act, found) for text, act in ADVICE.items() if (found := re.search(text, str(refused.value)))]
    assert advised
    for act, found in advised:
        source = Samples(act(given, found[1] if found.re.groups else None))
        seen = source.examples().numpy().transpose(0, 2, 3, 1)
        assert np.ptp(seen) > 0.9
        assert np.corrcoef(seen.ravel(), given.ravel().astype(float))[0, 1] > 1 - 1e-4


@pytest.mark.parametrize("labels", [np.array([0, 1]), np.array([0.0, 1, 2]), np.array([-1, 0, 1])])
def test_labels_that_do_not_fit_are_refused(labels):
    with pytest.raises(ValueError, match="labels must be 3 whole numbers from 0"):
        Samples(np.zeros((3, 2)), labels)


def test_unlabelled_samples_say_so():
    with pytest.raises(ValueError, match="holds no labels"):
        Samples(np.zeros((3, 2))).labelled_examples()


def test_given_arrays_are_copied():
    values = np.zeros((3, 2), dtype=np.float32)
    source = Samples(values)
    values += 1
    assert source.examples().sum() == 0


@pytest.mark.filterwarnings("ignore:.*columns are taken as they are")
@pytest.mark.parametrize("values", [PIXELS, PIXELS / 255, PIXELS[:, :, 0, 0].astype(">i4")], ids=["u1", "f8", "i4"])
def test_a_streamed_file_equals_a_resident_one(tmp_path, values):
    np.save(tmp_path / "x.npy", values)
    resident, streamed = (Array(str(tmp_path / "x.npy"), device_bytes=budget) for budget in (1 << 30, 0))
    assert not resident._bank.streams
    assert streamed._bank.streams
    assert isinstance(streamed._bank._rows, np.memmap)
    first, second = (source.draw(Key(5), 64)["real"] for source in (resident, streamed))
    assert torch.equal(first, second)
    assert torch.equal(resident.examples(), streamed.examples())


def test_an_archive_holds_samples_and_labels(tmp_path):
    file = tmp_path / "x.npz"
    np.savez(file, images=PIXELS, y=np.arange(6, dtype=np.uint8))
    source = Array(str(file), label_key="y")
    real, label = source.labelled_examples()
    assert source.classes == 6
    assert label.tolist() == list(range(6))
    assert torch.equal(real, Array(str(file), key="images").examples())
    with pytest.raises(ValueError, match=r"x\.npz: holds the arrays images, y; say which .* key="):
        Array(str(file))
    with pytest.raises(ValueError, match=r"x\.npz: holds no array 'z'; it holds images, y"):
        Array(str(file), key="z")


def test_files_that_cannot_be_read_are_named(tmp_path):
    with pytest.raises(ValueError, match="path is missing"):
        Array()
    with pytest.raises(FileNotFoundError, match=r"no file .*gone\.npy"):
        Array(str(tmp_path / "gone.npy"))
    np.save(tmp_path / "objects.npy", np.array([{}, []], dtype=object), allow_pickle=True)
    np.savez(tmp_path / "objects.npz", x=np.array([{}, []], dtype=object))
    (tmp_path / "text.npy").write_text("not an array")
    for name in ("objects.npy", "objects.npz", "text.npy"):
        with pytest.raises(ValueError, match=name + r": no \.npy or \.npz file of plain numbers"):
            Array(str(tmp_path / name))
    (tmp_path / "empty.npy").touch()
    np.savez(tmp_path / "cut.npz", x=np.zeros((9, 9)))
    (tmp_path / "cut.npz").write_bytes((tmp_path / "cut.npz").read_bytes()[:60])
    np.save(tmp_path / "cut.npy", np.zeros((90, 9)))
    (tmp_path / "cut.npy").write_bytes((tmp_path / "cut.npy").read_bytes()[:200])
    for name in ("empty.npy", "cut.npz", "cut.npy"):
        with pytest.raises(ValueError, match=name + ": "):
            Array(str(tmp_path / name))
    np.save(tmp_path / "plain.npy", np.zeros((3, 3)))
    with pytest.raises(ValueError, match=r"plain\.npy: .*needs an \.npz file"):
        Array(str(tmp_path / "plain.npy"), key="x")


@pytest.mark.parametrize("left", [12, 60, 127, 128, 200, -1])
def test_files_that_are_cut_off_say_so(tmp_path, left):
    np.save(tmp_path / "x.npy", np.zeros((9, 4)))
    (tmp_path / "x.npy").write_bytes((tmp_path / "x.npy").read_bytes()[:left])
    with pytest.raises(ValueError, match=r"x\.npy: is cut off: .* copy it again"):
        Array(str(tmp_path / "x.npy"))


def test_bytes_and_floats_that_are_nearly_black_are_not_taken_in_silence():
    masks = (PIXELS > 128).astype(np.uint8)
    with pytest.raises(ValueError, match=r"bytes of 0 and 1 alone.*255 \* x"):
        Samples(masks)
    assert set(Samples(255 * masks).examples().unique().tolist()) == {-1.0, 1.0}
    with pytest.warns(DataWarning, match=r"bytes from 0 to 15.*nearly black.*x / 15"):
        Samples(PIXELS // 17)
    with pytest.warns(DataWarning, match=r"from 0 to 0.0039.*divided by 255 twice"):
        Samples(PIXELS.astype(np.float32) / 255**2)
    Samples(np.zeros((4, 8, 8), dtype=np.uint8))


@pytest.mark.parametrize("kind", ["e", "f", "d", "g", ">f4", ">i2", "b", "L", "?"])
@pytest.mark.parametrize("scale", ["standard", "uniform"])
def test_numbers_of_all_kinds_are_scaled_as_doubles_and_kept_as_json(tmp_path, kind, scale):
    values = np.random.default_rng(0).integers(0, 100, (40, 3)).astype(kind)
    np.save(tmp_path / "x.npy", values)
    found, double = Array(str(tmp_path / "x.npy"), scale=scale), Samples(values.astype(np.float64), scale=scale)
    assert torch.equal(found.examples(), double.examples())
    assert json.loads(json.dumps(found.units.plain())) == json.loads(json.dumps(double.units.plain()))


@pytest.mark.parametrize("kind", ["e", "f", "d", "g"])
@pytest.mark.parametrize("bad", [np.inf, -np.inf, np.nan])
@pytest.mark.parametrize("shape", [(9, 2), (9, 8, 8)])
def test_the_sample_that_is_not_finite_is_named_in_every_kind(kind, bad, shape):
    values = np.full(shape, 0.5, kind)
    values[7, 1] = bad
    with pytest.raises(ValueError, match="sample 7 holds NaN, infinity"):
        Samples(values)


BEYOND = [2**53 + np.arange(30), 2**60 + np.arange(30), -(2**60) - np.arange(30), 2**63 + np.arange(30, dtype="u8")]


@pytest.mark.parametrize("values", BEYOND, ids=["2^53", "2^60", "-2^60", "2^63"])
@pytest.mark.parametrize("scale", ["none", "standard", "uniform", "normal"])
def test_whole_numbers_that_doubles_do_not_tell_apart_are_refused(tmp_path, values, scale):
    np.save(tmp_path / "x.npy", np.stack([np.arange(30, dtype=values.dtype), values], 1))
    with pytest.raises(
        ValueError, match=r"x\.npy: column 1 holds the whole numbers .* beyond 2\^53 these are not told"
    ):
        Array(str(tmp_path / "x.npy"), scale=scale)


@pytest.mark.parametrize("step", [1, 2**7, 2**8, 2**9])
@pytest.mark.parametrize("begin", [0, 2**53 - 30, 2**60, -(2**60), -(2**63)])
def test_whole_numbers_are_refused_just_where_doubles_of_python_are_fewer(begin, step):
    whole = [begin + step * k for k in range(30)]
    values = np.array(whole, np.int64)[:, None]
    if len({float(one) for one in whole}) < 30:
        with pytest.raises(ValueError, match="beyond 2"):
            Samples(values, scale="standard")
        return
    source = Samples(values, scale="normal")
    found = source.units.original(source.examples()).flatten().numpy()
    np.testing.assert_allclose(found, [float(one) for one in whole], rtol=0, atol=step / 100)


@pytest.mark.parametrize("power", [-320, -300, -200, -165, -160, -100, 0, 30])
@pytest.mark.parametrize("kind", ["array", "csv"])
def test_columns_are_standardised_whatever_their_size(tmp_path, power, kind):
    """(k − 15.5) / √((30² − 1) / 12) of k = 1 … 30, times any power of ten; the last digits of the smallest are few."""
    values = np.array([[k % 7, float(f"{k}e{power}")] for k in range(1, 31)])
    if kind == "array":
        source = Samples(values, scale="standard")
    else:
        (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{k % 7},{k}e{power}\n" for k in range(1, 31)))
        source = CSV(str(tmp_path / "t.csv"))
    expected = (np.arange(1, 31) - 15.5) / np.sqrt((30**2 - 1) / 12)
    np.testing.assert_allclose(source.examples()[:, 1], expected, rtol=1e-6 if power > -308 else 1e-3)
