"""Numbers finer than float32: measured as they are, and told of (or refused) where training would round them away."""

import warnings

import numpy as np
import pytest
import torch
from torch.utils.data import DataLoader, TensorDataset

from nashpath import evaluate
from nashpath.data import CSV, Array, as_source
from nashpath.data.base import DataWarning
from nashpath.data.rounding import losses
from nashpath.metrics import evaluate_samples
from nashpath.run.assess.image_folders import load_pair

ROWS = 400
DRAWN = np.random.default_rng(0).normal(size=(ROWS, 2))


def _npy(folder, x):
    np.save(folder / "x.npy", x)
    return Array(str(folder / "x.npy"))


def _streamed(folder, x):
    np.save(folder / "x.npy", x)
    return Array(str(folder / "x.npy"), device_bytes=0)


def _npz(folder, x):
    np.savez(folder / "x.npz", x)
    return Array(str(folder / "x.npz"))


WAYS = {
    "array": lambda folder, x: as_source(x),
    "tensor": lambda folder, x: as_source(torch.from_numpy(x.copy())),
    "npy": _npy,
    "streamed": _streamed,
    "npz": _npz,
    "data set": lambda folder, x: as_source(TensorDataset(torch.from_numpy(x.copy()))),
    "loader": lambda folder, x: as_source(DataLoader(TensorDataset(torch.from_numpy(x.copy())), batch_size=8)),
}

EVEN = np.arange(ROWS, dtype=np.float64)[:, None]
LOST = {
    "far": (DRAWN + 1e9, "column 0 keeps 1 of 400 different values in float32; nothing is left"),
    "deep": (1e-50 * DRAWN, "column 0 keeps 1 of 400 different values in float32; nothing is left"),
    "below full precision": (1e-39 * DRAWN, "column 0 lies below 1.2e-38, the least that float32 holds in full"),
    # float32 is even beyond 2^24: of 400 quarters there 0, 2, …, 100 are left
    "quarters": (2.0**24 + EVEN / 4, "column 0 keeps 51 of 400 different values in float32"),
    "one of two": (
        np.concatenate([DRAWN, 2.0**24 + EVEN / 4], 1),
        "column 2 keeps 51 of 400 different values in float32",
    ),
    "an outlier": (
        np.concatenate([EVEN / 4 + 2.0**24, [[1e12]]]),
        "column 0 keeps 52 of 401 different values in float32",
    ),
    "whole numbers": (2**24 + np.arange(ROWS)[:, None], "column 0 keeps 201 of 400 different values in float32"),
    # quarters at 2^21: every other value is off by 1/8, which is 0.088 in the root mean square of a deviation of 14.4
    "a share": (
        2.0**21 + np.tile(np.arange(80) / 1.6, 5)[:, None] // 0.125 * 0.125,
        "column 0 is moved by 0.61 % of its deviation by rounding to float32",
    ),
}


@pytest.mark.parametrize("what", LOST)
@pytest.mark.parametrize("way", WAYS)
def test_what_float32_rounds_away_is_told_or_refused_however_it_is_given(tmp_path, way, what):
    values, said = LOST[what]
    if "nothing is left" in said:
        with pytest.raises(ValueError, match=f"{said}.*scale='standard'"):
            WAYS[way](tmp_path, values)
        return
    with pytest.warns(DataWarning, match=f"{said}.*scale='standard'"):
        WAYS[way](tmp_path, values)


NOISY = np.array([0.3, 0.1 + 0.2, 0.7, 0.8 - 0.1])
HELD = {
    "drawn": DRAWN,
    "a little off": DRAWN + 100,
    "single": (DRAWN + 1e9).astype(np.float32),
    "whole": np.arange(2**24 - ROWS, 2**24)[:, None],
    "levels that differ by how they were computed": np.resize(NOISY, (ROWS, 1)),
    "constant": np.full((ROWS, 2), 0.1),
    "a constant beside others": np.concatenate([DRAWN, np.full((ROWS, 1), 1e9 + 0.1)], 1),
    "spread over orders of magnitude": np.exp(10 * DRAWN),
    "bytes": np.random.default_rng(0).integers(0, 256, (ROWS, 3), dtype=np.uint8),
    "images": np.random.default_rng(0).integers(0, 256, (ROWS, 4, 4)) / 255,
    "dark images": np.zeros((ROWS, 4, 4)),
}


@pytest.mark.filterwarnings("error:.*float32:nashpath.data.base.DataWarning")
@pytest.mark.filterwarnings("ignore:.*columns are taken as they are")
@pytest.mark.parametrize("what", HELD)
@pytest.mark.parametrize("way", WAYS)
def test_nothing_is_said_where_float32_holds_the_samples(tmp_path, way, what):
    WAYS[way](tmp_path, HELD[what])


@pytest.mark.parametrize("scale", ["standard", "uniform", "normal"])
def test_scales_keep_what_rounding_would_take(tmp_path, scale):
    np.save(tmp_path / "x.npy", DRAWN + 1e9)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        found = Array(str(tmp_path / "x.npy"), scale=scale).examples()
    assert len(found[:, 0].unique()) == ROWS


@pytest.mark.parametrize("size", [1e-300, 1e-160, 1.0, 1e30])
def test_columns_of_any_size_are_standardised(tmp_path, size):
    """Squares of numbers near 1e-300 are 0 in double precision, and those near 1e200 infinite."""
    np.save(tmp_path / "x.npy", size * DRAWN)
    expected = pytest.approx((DRAWN - DRAWN.mean(0)) / DRAWN.std(0), abs=1e-6)
    assert Array(str(tmp_path / "x.npy"), scale="standard").examples().numpy() == expected
    assert CSV(str(table(tmp_path / "x.csv", size * DRAWN))).examples().numpy() == expected


def table(path, rows):
    np.savetxt(path, rows, fmt="%.17g", delimiter=",", header="a,b", comments="")
    return path


FAR = np.concatenate([DRAWN, [[1e12, 0.0]]])


def test_standardised_columns_with_a_far_outlier_are_told_of_too(tmp_path):
    np.save(tmp_path / "x.npy", FAR)
    with pytest.warns(DataWarning, match="column 0 keeps .*; scale='uniform'"):
        Array(str(tmp_path / "x.npy"), scale="standard")
    with pytest.warns(DataWarning, match="column 'a' keeps .*; scores of ranks"):
        CSV(str(table(tmp_path / "x.csv", FAR)))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        CSV(str(tmp_path / "x.csv"), scale="uniform")


def test_images_of_which_the_contrast_is_lost_are_refused():
    flat = np.random.default_rng(0).normal(size=(20, 4, 4)) * 1e-50
    with pytest.raises(ValueError, match="nothing is left of what tells the samples apart: give images"):
        as_source(flat)


@pytest.mark.parametrize("offset", [0.0, 1e6, 1e9])
@pytest.mark.parametrize("spread", [1.0, 30.0])
def test_the_counts_are_those_of_numpy_and_the_share_that_of_a_uniform_error(offset, spread):
    """Of a spacing s the root mean square is s / √12 where values are spread over many; 400 tell it to a tenth."""
    x = offset + spread * DRAWN
    found = losses(x)
    assert found.given.tolist() == [ROWS, ROWS]
    assert found.kept.tolist() == [len(np.unique(x[:, k].astype(np.float32))) for k in range(2)]
    step = float(np.spacing(np.float32(offset)))
    if offset and step < spread:
        assert found.share == pytest.approx(step / np.sqrt(12) / x.std(0), rel=0.1)
    if not offset:
        assert found.share.max() < 1e-6


METRICS = ("prdc", "sliced_wasserstein")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("form", ["npy", "npz"])
@pytest.mark.parametrize(("offset", "scale"), [(1e9, 1.0), (1e8, 1.0), (1e7, 0.1), (0.0, 1e-50), (0.0, 1e200)])
def test_files_are_measured_as_the_arrays_that_they_hold(tmp_path, form, offset, scale):
    x, y = offset + scale * DRAWN, offset + 3 * scale * DRAWN[::-1]
    for name, values in (("real", x), ("fake", y)):
        (np.save if form == "npy" else np.savez)(tmp_path / f"{name}.{form}", values)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        (group,) = evaluate(tmp_path / f"real.{form}", tmp_path / f"fake.{form}", METRICS)["groups"]
    assert {n["name"]: n["values"][0] for n in group["numbers"]} == {
        m.name: m.value for m in evaluate_samples(torch.from_numpy(x), torch.from_numpy(y), METRICS)
    }


def test_tables_are_measured_in_double_precision(tmp_path):
    real, fake = (table(tmp_path / f"{k}.csv", x) for k, x in enumerate((FAR, FAR * [3, 1])))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        a, b = load_pair(real, fake)
    mean, deviation = FAR.mean(0), FAR.std(0)
    for found, x in ((a, FAR), (b, FAR * [3, 1])):
        assert found.examples().dtype == torch.float64
        assert found.examples().numpy() == pytest.approx((x - mean) / deviation, rel=1e-12, abs=1e-14)


def test_whole_numbers_that_double_precision_merges_are_told_of_in_files_that_are_measured(tmp_path):
    np.save(tmp_path / "x.npy", 2**60 + np.arange(100)[:, None])
    with pytest.raises(ValueError, match=r"column 0 holds the whole numbers .* not told apart"):
        load_pair(tmp_path / "x.npy", tmp_path / "x.npy")
