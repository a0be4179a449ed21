"""``data.scale=standard``: columns are standardised for training, and samples are given back as they were."""

import numpy as np
import pytest
import torch

import nashpath as nash
from nashpath.core import Key
from nashpath.data import Array, Samples
from run_folders import flags
from run_folders import nash as command


def table(rows=400):
    rng = np.random.default_rng(0)
    return np.stack(
        [
            rng.normal(40, 12, rows),
            rng.normal(41_000, 9_000, rows),
            (rng.random(rows) < 0.3).astype(float),
            np.full(rows, 0.1),
            1e9 + rng.normal(0, 1, rows),
        ],
        1,
    )


def test_columns_have_mean_0_and_deviation_1_and_go_back():
    values = table()
    source = Samples(values, scale="standard")
    drawn = source.examples().double().numpy()
    assert np.abs(drawn.mean(0)).max() < 1e-6
    assert drawn.std(0) == pytest.approx([1, 1, 1, 0, 1], abs=1e-5)
    back = source.units.original(source.examples()).numpy()
    assert back.dtype == np.float64
    assert np.abs(back - values).max(0) == pytest.approx(np.zeros(5), abs=1e-2)
    assert np.abs(back - values).max(0)[4] < 1e-5  # float32 itself holds 1e9 to 64
    assert (back[:, 3] == 0.1).all()


@pytest.mark.parametrize("kind", [np.uint8, np.int64, np.float16, ">f4"])
def test_any_kind_of_number(kind):
    values = np.arange(60).reshape(20, 3).astype(kind)
    drawn = Samples(values, scale="standard").examples()
    assert drawn.dtype == torch.float32
    want = (values.astype(float) - values.astype(float).mean(0)) / values.astype(float).std(0)
    assert np.allclose(drawn, want, atol=1e-6)


def test_a_table_that_streams_is_the_one_that_is_held(tmp_path):
    np.save(tmp_path / "table.npy", table())
    held = Array(str(tmp_path / "table.npy"), scale="standard")
    streams = Array(str(tmp_path / "table.npy"), scale="standard", device_bytes=16)
    assert streams.units == held.units
    draws = [source.draw(Key(0), 50)["real"] for source in (held, streams)]
    assert torch.equal(*draws)


def test_extreme_columns_do_not_overflow():
    values = np.array([[3e38, 0.0], [-3e38, 1e-300], [1e38, 2e-300]])
    drawn = Samples(values, scale="standard").examples()
    assert torch.isfinite(drawn).all()
    assert drawn[:, 0].double().std(correction=0) == pytest.approx(1)


def test_images_are_refused():
    with pytest.raises(ValueError, match=r"scale=standard is for vectors .* images are scaled by their range"):
        Samples(np.zeros((4, 8, 8), dtype=np.uint8), scale="standard")
    assert Samples(table()[:, :1] / 100).units is None


def test_the_warning_of_wide_columns_names_the_setting():
    with pytest.warns(UserWarning, match=r"column 4 .*-s data\.scale=standard"):
        Samples(table())


def test_a_run_gives_samples_back_in_the_units_of_its_file(tmp_path):
    """Also where the data are gone, or are others now: the units are the run's own."""
    values = table()
    np.save(tmp_path / "table.npy", values)
    settings = ("data=array", f"data.path={tmp_path / 'table.npy'}", "data.scale=standard", "steps=4")
    command("train", *flags(*settings), "--out", tmp_path / "run")
    member = nash.load(tmp_path / "run")
    assert member.units == member.game.data.units
    inside = member.game.sample(Key(3, "sampled"), 20)
    assert torch.equal(member.sample(20, seed=3), member.units.original(inside))
    command("sample", tmp_path / "run", "-n", 20, "--seed", 3, "--out", tmp_path / "before.npz")
    before = np.load(tmp_path / "before.npz")["samples"]
    assert np.array_equal(before, member.sample(20, seed=3).numpy())
    assert (before[:, 3] == 0.1).all()
    assert abs(before[:, 1].mean() - 41_000) < 40_000
    np.save(tmp_path / "table.npy", values[:30] * 3)
    command("sample", tmp_path / "run", "-n", 20, "--seed", 3, "--out", tmp_path / "other.npz")
    (tmp_path / "table.npy").unlink()
    command("sample", tmp_path / "run", "-n", 20, "--seed", 3, "--out", tmp_path / "gone.npz")
    for name in ("other", "gone"):
        assert np.array_equal(np.load(tmp_path / f"{name}.npz")["samples"], before)


def test_members_on_several_files_each_have_their_own(tmp_path):
    for name, factor in (("a", 1.0), ("b", 10.0)):
        np.save(tmp_path / f"{name}.npy", table(50) * factor)
    settings = ("data=array", "data.scale=standard", "steps=2", f"data.path={tmp_path / 'a.npy'}")
    sweep = f"data.path={tmp_path / 'a.npy'},{tmp_path / 'b.npy'}"
    command("train", *flags(*settings), "--sweep", sweep, "--out", tmp_path / "run")
    one, other = (nash.load(tmp_path / "run", member=k) for k in (0, 1))
    assert np.allclose(np.array(other.units.mean), 10 * np.array(one.units.mean))
