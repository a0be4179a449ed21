"""Columns of tables by their ranks, as categories, and back, against SciPy, scikit-learn and pandas."""

import numpy as np
import pytest
import torch
from scipy import stats
from sklearn.preprocessing import QuantileTransformer

import nashpath as nash
from nashpath.core import Key
from nashpath.core.columns import MOST_KNOTS, TableUnits, scored
from nashpath.data import Array, Samples
from run_folders import flags
from run_folders import nash as command


def skewed(rows=400):
    rng = np.random.default_rng(0)
    income = np.exp(rng.normal(10, 1.5, rows))
    hours = np.where(rng.random(rows) < 0.4, 40.0, rng.integers(1, 80, rows))
    return np.stack([income, hours, np.full(rows, 7.0), rng.normal(size=rows)], 1)


def test_uniform_and_normal_scores_are_those_of_mid_ranks():
    """Of as many knots as rows: SciPy's average ranks at Hazen's plotting positions."""
    values = skewed()
    u = (stats.rankdata(values, axis=0) - 0.5) / len(values)
    drawn = {scale: Samples(values, scale=scale).examples().double().numpy() for scale in ("uniform", "normal")}
    assert np.allclose(drawn["uniform"], 2 * u - 1, atol=1e-6)
    assert np.allclose(drawn["normal"], stats.norm.ppf(u), atol=1e-5)
    assert abs(stats.skew(drawn["normal"][:, 0])) < 0.01 < 2 < stats.skew(values[:, 0])
    assert (drawn["normal"][:, 2] == 0).all()


def test_of_many_rows_scores_are_those_of_scikit_learn():
    values = skewed(20_000)
    theirs = QuantileTransformer(n_quantiles=MOST_KNOTS, subsample=None).fit_transform(values)
    column = np.stack([scored("x", values[:, k], "uniform").encode(values[:, k])[:, 0] for k in (0, 1, 3)], 1)
    want = 2 * ((theirs[:, [0, 1, 3]] * (MOST_KNOTS - 1) + 0.5) / MOST_KNOTS) - 1
    inside = (theirs[:, [0, 1, 3]] > 0) & (theirs[:, [0, 1, 3]] < 1)  # ends that are tied are 0 and 1 there
    assert inside.mean() > 0.98
    assert np.allclose(column[inside], want[inside], atol=1e-9)


@pytest.mark.parametrize("scale", ["uniform", "normal"])
def test_scores_go_back_to_the_values_and_never_beyond_them(scale):
    values = skewed()
    units = Samples(values, scale=scale).units
    assert isinstance(units, TableUnits)
    back = units.original(torch.from_numpy(units.standard(values))).numpy()
    assert np.allclose(back, values, rtol=1e-9 if scale == "uniform" else 1e-4)
    far = units.original(torch.tensor([[-1e9] * 4, [1e9] * 4])).numpy()
    assert np.allclose(far, [values.min(0), values.max(0)])
    assert units == TableUnits.from_plain(units.plain())
    assert hash(units) == hash(TableUnits.from_plain(units.plain()))


def test_a_table_that_streams_has_the_scores_of_one_that_is_held(tmp_path):
    np.save(tmp_path / "table.npy", skewed())
    held, streams = (Array(str(tmp_path / "table.npy"), scale="normal", device_bytes=n) for n in (1 << 30, 16))
    assert torch.equal(*(source.draw(Key(0), 50)["real"] for source in (held, streams)))


def test_scores_of_pictures_are_refused():
    with pytest.raises(ValueError, match=r"scale=normal is for vectors"):
        Samples(np.zeros((4, 8, 8), dtype=np.uint8), scale="normal")


@pytest.mark.parametrize("scale", ["uniform", "normal"])
def test_a_run_gives_samples_back_within_the_columns_of_its_file(tmp_path, scale):
    values = skewed()
    np.save(tmp_path / "table.npy", values)
    settings = ("data=array", f"data.path={tmp_path / 'table.npy'}", f"data.scale={scale}", "steps=4")
    command("train", *flags(*settings), "--out", tmp_path / "run")
    (tmp_path / "table.npy").unlink()
    command("sample", tmp_path / "run", "-n", 200, "--seed", 3, "--out", tmp_path / "s.npz")
    found = np.load(tmp_path / "s.npz")["samples"]
    member = nash.load(tmp_path / "run")
    assert np.array_equal(found, member.units.original(member.game.sample(Key(3, "sampled"), 200)).numpy())
    assert (found >= values.min(0)).all()
    assert (found <= values.max(0)).all()
    assert (found[:, 2] == 7).all()


@pytest.mark.parametrize("ending", [".pt2", ".onnx", ".safetensors"])
def test_exported_generators_go_back_by_ranks_too(tmp_path, ending):
    np.save(tmp_path / "table.npy", skewed())
    settings = ("data=array", f"data.path={tmp_path / 'table.npy'}", "data.scale=normal", "steps=4")
    command("train", *flags(*settings), "--out", tmp_path / "run")
    command("export", tmp_path / "run", "--to", tmp_path / f"generator{ending}")  # compares samples, in a process
    if ending == ".safetensors":
        loaded, member = nash.load(tmp_path / f"generator{ending}"), nash.load(tmp_path / "run")
        assert loaded.units == member.units
        assert torch.equal(loaded.sample(5), member.sample(5))


def test_members_of_parts_have_units_of_their_own(tmp_path):
    for name, factor in (("a", 1.0), ("b", 10.0)):
        np.save(tmp_path / f"{name}.npy", skewed(50) * factor)
    begin = ("train", *flags("data=array", "data.scale=uniform", "steps=2", f"data.path={tmp_path / 'a.npy'}"))
    begin += ("--sweep", f"data.path={tmp_path / 'a.npy'},{tmp_path / 'b.npy'}")
    for part in ("1/2", "2/2"):
        command(*begin, "--part", part, "--out", tmp_path / "run")
    command("gather", tmp_path / "run")
    one, other = (nash.load(tmp_path / "run", member=k) for k in (0, 1))
    assert np.allclose(10 * np.array(one.units.columns[0].knots), other.units.columns[0].knots)
