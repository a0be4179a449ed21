"""Columns of tables by their ranks, as categories, and back, against SciPy, scikit-learn and pandas."""

import json

import numpy as np
import pandas
import pytest
import torch
from scipy import stats
from sklearn.preprocessing import QuantileTransformer

import nashpath as nash
from nashpath.core import Key
from nashpath.core.columns import MOST_KNOTS, TableUnits, scored
from nashpath.data import CSV, Array, Samples
from nashpath.data.base import DataWarning
from nashpath.data.cells import read_cells
from nashpath.metrics import marginal_gaps
from nashpath.networks import OneHotOutput, straight_through
from nashpath.run.assess.image_folders import load_pair
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


@pytest.mark.long(first=True)
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


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
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


def people(place, rows=60, **changes):
    """A CSV file of four columns, and the data frame that it is of."""
    rng = np.random.default_rng(1)
    frame = pandas.DataFrame(
        {
            "age": rng.integers(18, 90, rows),
            "city": rng.choice(["Bern", "Köln, links", ""], rows),
            "income": np.exp(rng.normal(10, 1.5, rows)),
            "code": rng.choice([7, 8], rows),
        }
    )
    for name, value in changes.items():
        frame[name] = value
    frame.to_csv(place / "people.csv", index=False)
    return frame


def test_a_csv_is_what_pandas_makes_of_it(tmp_path):
    frame = people(tmp_path)
    source = CSV(str(tmp_path / "people.csv"), categorical="code")
    one_hot = {name: pandas.get_dummies(frame[name]).to_numpy(float) for name in ("city", "code")}
    numbers = {name: stats.zscore(frame[name].to_numpy())[:, None] for name in ("age", "income")}
    parts = [numbers["age"], one_hot["city"], numbers["income"], one_hot["code"]]
    assert np.allclose(source.examples(), np.concatenate(parts, 1), atol=1e-6)
    assert source.shape == (7,)
    assert source.blocks == [(1, 3), (5, 2)]
    rows = source.units.texts(source.units.original(source.examples()))
    back = pandas.DataFrame(rows, columns=source.units.names)
    assert list(back["age"].astype(int)) == list(frame["age"])
    assert list(back["city"]) == list(frame["city"])
    assert list(back["code"].astype(int)) == list(frame["code"])
    assert np.allclose(back["income"].astype(float), frame["income"], rtol=1e-3)


def test_columns_are_left_out_and_separated_as_asked(tmp_path):
    frame = people(tmp_path)
    frame.to_csv(tmp_path / "other.csv", index=False, sep=";")
    source = CSV(str(tmp_path / "other.csv"), leave_out="city, code", scale="uniform", delimiter="semicolon")
    assert source.units.names == ["age", "income"]
    assert source.blocks == []
    assert np.allclose(source.examples()[:, 0], 2 * (stats.rankdata(frame["age"]) - 0.5) / 60 - 1, atol=1e-6)


def test_one_hot_outputs_have_the_derivative_of_a_softmax():
    torch.manual_seed(0)
    logits = torch.randn(5, 4, requires_grad=True)
    found = straight_through(logits, 0.7)
    want = torch.nn.functional.one_hot(logits.argmax(-1), 4).float()
    assert torch.equal(found, want)
    weight = torch.randn(5, 4)
    (slope,) = torch.autograd.grad((found * weight).sum(), logits)
    (soft,) = torch.autograd.grad((torch.softmax(logits / 0.7, -1) * weight).sum(), logits)
    assert torch.equal(slope, soft)
    hard = torch.nn.functional.gumbel_softmax  # PyTorch's own, without its noise, is straight through in this way
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(torch.Tensor, "exponential_", lambda self, *a, **k: self.fill_(1.0))
        assert torch.equal(hard(logits, tau=0.7, hard=True).round(), want)


def test_blocks_stand_among_numbers_that_stay():
    layer = torch.nn.Linear(3, 6)
    x = torch.randn(8, 3)
    found = OneHotOutput(layer, [(1, 2), (4, 2)])(x)
    assert torch.equal(found[:, [0, 3]], layer(x)[:, [0, 3]])
    assert (found[:, 1:3].sum(1) == 1).all()
    assert (found[:, 4:].sum(1) == 1).all()
    for blocks in ([(0, 2), (1, 2)], [(0, 0)]):
        with pytest.raises(ValueError, match="blocks must be in order"):
            OneHotOutput(layer, blocks)


def test_a_run_on_a_csv_gives_rows_of_the_same_kind_back_also_without_it(tmp_path):
    frame = people(tmp_path)
    settings = ("data=csv", f"data.path={tmp_path / 'people.csv'}", "data.scale=normal", "data.categorical=code")
    command("train", *flags(*settings, "steps=4", "penalty=dragan", "average=ema"), "--out", tmp_path / "run")
    command("sample", tmp_path / "run", "-n", 300, "--seed", 3, "--out", tmp_path / "before.csv")
    (tmp_path / "people.csv").unlink()
    command("sample", tmp_path / "run", "-n", 300, "--seed", 3, "--out", tmp_path / "after.csv")
    assert (tmp_path / "before.csv").read_text() == (tmp_path / "after.csv").read_text()
    found = pandas.read_csv(tmp_path / "after.csv", keep_default_na=False)
    assert list(found) == list(frame)
    assert set(found["city"]) <= set(frame["city"])
    assert set(found["code"]) <= {7, 8}
    assert found["age"].dtype.kind == "i"
    assert found["age"].between(frame["age"].min(), frame["age"].max()).all()
    assert found["income"].between(frame["income"].min(), frame["income"].max()).all()
    member = nash.load(tmp_path / "run")
    assert set(member.game.sample(Key(0), 50)[:, 1:4].unique().tolist()) <= {0.0, 1.0}
    names, rows = member.table(member.sample(300, seed=3))
    assert pandas.read_csv(tmp_path / "after.csv", dtype=str, keep_default_na=False).values.tolist() == rows
    assert names == list(frame)


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("traced")
@pytest.mark.parametrize("way", [{"stack": "on"}, {"compile": "on"}, {"solver": "consensus"}, {"game": "mixture"}])
def test_categories_train_stacked_compiled_and_under_second_derivatives(tmp_path, way):
    people(tmp_path)
    told = [f"{key}={value}" for key, value in way.items()]
    settings = flags("data=csv", f"data.path={tmp_path / 'people.csv'}", "steps=3", "penalty=dragan", *told)
    command("train", *settings, "--seeds", "0:2", "--out", tmp_path / "run")
    assert nash.load(tmp_path / "run", 1).outcome == "finished"


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("ending", [".pt2", ".onnx", ".safetensors"])
def test_exported_generators_answer_with_categories(tmp_path, ending):
    people(tmp_path)
    settings = ("data=csv", f"data.path={tmp_path / 'people.csv'}", "steps=3")
    command("train", *flags(*settings), "--out", tmp_path / "run")
    command("export", tmp_path / "run", "--to", tmp_path / f"generator{ending}")
    if ending == ".safetensors":
        loaded, member = nash.load(tmp_path / f"generator{ending}"), nash.load(tmp_path / "run")
        assert loaded.table(loaded.sample(5)) == member.table(member.sample(5))


def test_other_vectors_are_written_as_a_table_too(tmp_path):
    command("train", *flags("steps=2"), "--out", tmp_path / "run")
    command("sample", tmp_path / "run", "-n", 5, "--out", tmp_path / "points.csv")
    want = nash.load(tmp_path / "run").sample(5).numpy()
    assert np.array_equal(np.loadtxt(tmp_path / "points.csv", delimiter=",", skiprows=1), want)
    assert (tmp_path / "points.csv").read_text().startswith("0,1\n")


def gappy(place, rows=200):
    """A table of which some numbers are missing, more of them where ``b`` is large, and whose classes are known."""
    rng = np.random.default_rng(2)
    b = rng.normal(size=rows)
    a = np.where(rng.random(rows) < 0.2 + 0.4 * (b > 0), np.nan, np.exp(rng.normal(size=rows)))
    frame = pandas.DataFrame({"a": a, "kind": rng.choice(["10", "9", "old"], rows), "b": b})
    frame["whole"] = pandas.array(np.where(rng.random(rows) < 0.5, rng.integers(0, 9, rows), -1)).astype(object)
    frame.loc[frame["whole"] == -1, "whole"] = "NA"
    frame.to_csv(place / "gappy.csv", index=False)
    return frame


@pytest.mark.parametrize("scale", ["standard", "uniform", "normal"])
def test_missing_numbers_are_told_apart_and_scored_as_those_that_are_given(tmp_path, scale):
    frame = gappy(tmp_path)
    source = CSV(str(tmp_path / "gappy.csv"), label="kind", scale=scale)
    assert source.units.names == ["a", "b", "whole"]
    assert source.blocks == [(1, 2), (5, 2)]
    x, gaps = source.examples(), torch.tensor(frame["a"].isna().to_list())
    assert torch.equal(x[:, 2] > 0, gaps)
    assert torch.equal(x[:, 1], 1 - x[:, 2])
    given = Samples(frame[["a"]].dropna().to_numpy(), scale=scale).examples()[:, 0]
    assert torch.allclose(x[~gaps, 0], given, atol=1e-5)
    assert stats.ks_2samp(x[gaps, 0], given).statistic < 0.03  # a score alone does not tell
    assert abs(np.corrcoef(x[gaps, 0], frame["b"][gaps.numpy()])[0, 1]) < 0.3
    rows = source.units.texts(source.units.original(x))
    assert [row[0] == "" for row in rows] == gaps.tolist()
    assert [row[2] for row in rows] == ["" if v == "NA" else str(v) for v in frame["whole"]]
    assert TableUnits.from_plain(json.loads(json.dumps(source.units.plain()))) == source.units
    gap = marginal_gaps(x, x[~gaps], source.units)[0]
    assert gap == pytest.approx(float(gaps.double().mean()))


def test_the_texts_of_a_column_are_the_classes(tmp_path):
    frame = gappy(tmp_path)
    source = CSV(str(tmp_path / "gappy.csv"), label="kind")
    assert source.class_names == ["9", "10", "old"]
    assert [source.class_names[k] for k in source.labelled_examples()[1]] == list(frame["kind"])


@pytest.mark.long
def test_a_conditional_run_on_a_table_with_gaps_writes_rows_like_the_file_and_is_held_against_others(tmp_path):
    frame = gappy(tmp_path)
    run, held_out = tmp_path / "run", tmp_path / "held_out.csv"
    frame.iloc[:60][["whole", "b", "kind", "a"]].to_csv(held_out, index=False)
    settings = ("data=csv", f"data.path={tmp_path / 'gappy.csv'}", "data.label=kind", "game=conditional", "steps=4")
    command("train", *flags(*settings), "--out", run)
    command("evaluate", run, "--samples", 200, "--quiet", "--out", tmp_path / "own.json")
    (tmp_path / "gappy.csv").unlink()
    command("sample", run, "-n", 100, "--class", "old", "--out", tmp_path / "old.csv")
    command("sample", run, "-n", 100, "--out", tmp_path / "all.csv")
    found = pandas.read_csv(tmp_path / "all.csv", dtype={"kind": str})
    assert list(found) == ["a", "b", "whole", "kind"]
    assert set(found["kind"]) == {"9", "10", "old"}
    assert set(pandas.read_csv(tmp_path / "old.csv")["kind"]) == {"old"}
    assert bool(np.isnan(found["a"].to_numpy(float)).any())
    command("export", run, "--to", tmp_path / "generator.onnx")
    command("evaluate", run, "--real", held_out, "--samples", 200, "--quiet", "--out", tmp_path / "other.json")
    own, other = (json.loads((tmp_path / name).read_text())["groups"][0] for name in ("own.json", "other.json"))
    measured = [{entry["name"]: entry["values"][0] for entry in group["numbers"]} for group in (own, other)]
    assert {"too_close", "marginal_gap", "correlation_gap"} <= measured[0].keys()
    assert "marginal_gap" in measured[1]
    assert "too_close" not in measured[1]
    source = CSV(str(held_out), label="kind").in_units(nash.load(run).units, ["9", "10", "old"])
    member = nash.load(run)
    fake = member.game.sample(Key(0, "sampled"), 200)
    assert measured[1]["marginal_gap"] == pytest.approx(
        float(marginal_gaps(source.examples(), fake, member.units).mean())
    )
    said = command("evaluate", run, "--real", held_out, "--metrics", "closest_record", expect=2).stderr
    assert "compares with the samples trained on" in said


def test_two_tables_made_elsewhere_are_compared(tmp_path):
    frame = gappy(tmp_path)
    frame[["b", "whole", "kind", "a"]].iloc[:100].to_csv(tmp_path / "made.csv", index=False)
    command(
        *("evaluate", "--real", tmp_path / "gappy.csv", "--fake", tmp_path / "made.csv", "--metrics", "marginals"),
        *("--quiet", "--out", tmp_path / "found.json"),
    )
    (entry, _) = json.loads((tmp_path / "found.json").read_text())["groups"][0]["numbers"]
    assert entry["values"][0] < 0.1
    frame.assign(kind="other").to_csv(tmp_path / "made.csv", index=False)
    said = command(
        "evaluate",
        "--real",
        tmp_path / "gappy.csv",
        "--fake",
        tmp_path / "made.csv",
        "--metrics",
        "marginals",
        expect=2,
    ).stderr
    assert "made.csv: column 'kind' holds 'other'" in said


FORMS = {"a.csv": ",", "b.csv": ";", "c.csv": "\t", "d.tsv": "\t", "ZIP.CSV": ";", "e.Tsv": ","}


def test_tables_are_compared_whatever_stands_between_their_cells(tmp_path):
    frame = people(tmp_path).assign(city="x;y\t,")
    for name, mark in FORMS.items():
        frame.rename(columns={"city": "city, land"}).to_csv(tmp_path / name, index=False, sep=mark)
        real, fake = load_pair(tmp_path / name, tmp_path / name)
        assert torch.equal(real.examples(), fake.examples())
        assert real.shape == (4,)
        assert torch.equal(load_pair(tmp_path / "a.csv", tmp_path / name)[1].examples(), real.examples())
    command(
        "evaluate", "--real", tmp_path / "ZIP.CSV", "--fake", tmp_path / "d.tsv", "--metrics", "marginals", "--json"
    )


@pytest.mark.long
@pytest.mark.parametrize("mark", [",", ";", "\t"])
def test_samples_are_written_and_held_against_tables_as_the_run_s_own_is(tmp_path, mark):
    frame = people(tmp_path)
    frame.to_csv(tmp_path / "People.CSV", index=False, sep=mark)
    command("train", tmp_path / "People.CSV", *flags("steps=2"), "--out", tmp_path / "run")
    found = {}
    for name, own in (("s.csv", mark), ("s.CSV", mark), ("s.tsv", "\t")):
        command("sample", tmp_path / "run", "-n", 30, "--out", tmp_path / name)
        found[name] = pandas.read_csv(tmp_path / name, sep=own, dtype=str, keep_default_na=False)
        assert list(found[name]) == list(frame)
    assert all(one.equals(found["s.csv"]) for one in found.values())
    for name in ("s.NPZ", "s.PNG"):
        command("sample", tmp_path / "run", "-n", 30, "--out", tmp_path / name)
        assert (tmp_path / name).is_file()
    for other in FORMS:
        frame.to_csv(tmp_path / other, index=False, sep=FORMS[other])
        options = ("--samples", 50, "--metrics", "marginals", "--quiet", "--out", tmp_path / "e.json")
        command("evaluate", tmp_path / "run", "--real", tmp_path / other, *options)


REFUSED = {
    "no such label": ("a,b\n1,2", {"label": "c"}, "label: there is no column 'c'; there are a, b"),
    "a label alone": ("b\nx", {"label": "b"}, "no column is left"),
    "a label left out": ("a,b\n1,2", {"label": "b", "leave_out": "b"}, "leave_out: 'b' is the label"),
    "another length": ("a,b\n1,2\n3", {}, r"line 3 has 1 cells, and the first row names 2"),
    "no rows": ("a,b\n", {}, "holds no rows"),
    "no names": ("1,2\n3,4", {}, "the first row holds numbers"),
    "a name twice": ("a,a\n3,4", {}, "names a column 'a' twice"),
    "another delimiter": ("a;b\n1;2", {}, r"one column, 'a;b'; is delimiter=semicolon meant\?"),
    "nothing": ("", {}, "holds no rows"),
    "no text": (b"a,b\n\xff\xfe,2", {}, "is not text in UTF-8"),
    "no such column": ("a,b\n3,4", {"categorical": "c"}, "categorical: there is no column 'c'; there are a, b"),
    "all left out": ("a,b\n3,4", {"leave_out": "a,b"}, "no column is left"),
    "a quote left open": ('a,b\n1,"open\n2,x\n3,y\n', {}, "the quote that opens in line 2 is not closed"),
    "one left open at the end": ('a,b\n1,x\n2,"y', {}, "the quote that opens in line 3 is not closed"),
    "one left open after others": ('a,b\n"1\n",x\n2,"y""\n\n', {}, "the quote that opens in line 4 is not closed"),
    "one in the same row": ('a,b,c\n1,"x\ny","z\n2,3,4\n', {}, "the quote that opens in line 3 is not closed"),
    "one that a later one ends": ('a,b\r\n1,"x\r\n2,"y"\r\n3,z', {}, "the quote that opens in line 2 is not closed"),
    "one of the first row": ('a,"b\n1,2\n3,4\n', {}, "the quote that opens in line 1 is not closed"),
    "one of a large file": ('a,b\n1,"x\n' + "2,y\n" * 50_000, {}, "the quote that opens in line 2 is not closed"),
    "NUL": ("a,b\n1,x\n2,\0\n", {}, "line 3 holds a NUL character"),
    "NUL in a name": ("a,b\0\n1,x\n", {}, "line 1 holds a NUL character"),
    "empty lines alone": ("\n\n", {}, "holds no rows"),
    "a number that is none": ("id,b\n9007199254740993,1\n9007199254740995,2\n", {}, "'id' holds the whole number 9007"),
    "a negative one": ("b,id\n1,2\n2,-123456789012345678901\n", {}, "'id' holds the whole number -1234"),
    "one beside gaps": ("b,id\n1,\n2,9007199254740993\n", {"scale": "normal"}, "'id' holds the whole number 9007"),
    "ones with a point": (
        "id,b\n9007199254740993.0,1\n9007199254740992,2\n",
        {},
        "992 and 9007199254740993.0, and bey",
    ),
    "ones with a power": ("b,id\n1,-9.007199254740993e15\n2,-9007199254740992\n", {}, "'id' holds the numbers -9"),
    "too many codes": ("zip\n" + "\n".join(f"{k:05d}" for k in range(1001)), {}, "'zip' holds 1001 different texts"),
    "numbers but one": ("a\n?\n" + "\n".join(f"{k}.5" for k in range(1001)), {}, r"1002 .*'\?' in line 2; leave the"),
    "numbers with commas": (
        "a\n" + "\n".join(f'"{k},5"' for k in range(1001)),
        {},
        r"'0,5' in line 2; write 0\.5",
    ),
    "too many texts": ("a\n" + "\n".join(f"n{k}" for k in range(1001)), {}, "holds 1001 different texts"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_tables_that_cannot_be_read_are_refused(tmp_path, case):
    text, options, said = REFUSED[case]
    (tmp_path / "t.csv").write_bytes(text if isinstance(text, bytes) else text.encode())
    with pytest.raises(ValueError, match=said) as caught:
        CSV(str(tmp_path / "t.csv"), **options)
    assert "t.csv" in str(caught.value)


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_empty_lines_are_no_rows_and_closed_quotes_are_cells(tmp_path, end):
    """Lines are counted as editors count them, also where a cell holds several; what pandas reads is what is read."""
    text = end.join(["", "", "a,b", '1,"x, ""y"""', "", '2,"two', 'lines"', '3,5" pipe', '"4","z"'])
    (tmp_path / "t.csv").write_bytes(text.encode())
    found = read_cells(tmp_path / "t.csv", ",")
    frame = pandas.read_csv(tmp_path / "t.csv", dtype=str)
    assert found.columns == {name: list(frame[name]) for name in "ab"}
    assert found.lines == [4, 6, 8, 9]
    assert CSV(str(tmp_path / "t.csv")).units.names == ["a", "b"]


NUMBERS = ["0", "0.5", "-0.5", "1e3", "+1", "1.", ".5", "2E-3", "-0", "00.5", "9007199254740992"]
TEXTS = ["1_10", "１２", "٣٤", "0x10", "1 000", "1e", "inf", "1e999", "e3", ".", "²", "1.5.2", "--1"]


@pytest.mark.parametrize("cell", NUMBERS)
def test_what_all_programs_call_a_number_is_one(tmp_path, cell):
    (tmp_path / "t.csv").write_text(f"a,b\n{cell},x\n7,y\n")
    source = CSV(str(tmp_path / "t.csv"), scale="uniform")
    assert source.blocks == [(1, 2)]
    assert float(source.units.original(source.examples())[0, 0]) == float(cell)


@pytest.mark.filterwarnings("ignore:.*is read as texts")
@pytest.mark.parametrize("cell", TEXTS)
def test_what_python_alone_calls_a_number_is_a_text(tmp_path, cell):
    (tmp_path / "t.csv").write_text(f"a\n{cell}\n7\n", encoding="utf-8")
    source = CSV(str(tmp_path / "t.csv"))
    assert source.units.texts(source.units.original(source.examples())) == [[cell], ["7"]]


@pytest.mark.parametrize("cells", [["01000", "8004", "3012"], ["00", "1"], ["007", "", "12"], ["-01", "5"]])
def test_whole_numbers_with_leading_zeros_come_back_as_they_were(tmp_path, cells):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    source = CSV(str(tmp_path / "t.csv"))
    rows = source.units.texts(source.units.original(source.examples()))
    assert [row[0] for row in rows] == cells


@pytest.mark.parametrize("cells", [["1e20", "2e20"], ["9007199254740994.0", "9007199254740996.0"], ["1e20", "1e20"]])
def test_large_numbers_that_are_told_apart_are_numbers(tmp_path, cells):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    source = CSV(str(tmp_path / "t.csv"), scale="uniform")
    assert source.units.original(source.examples())[:, 0].tolist() == [float(cell) for cell in cells]


def test_large_numbers_are_categories_where_they_are_declared_so(tmp_path):
    (tmp_path / "t.csv").write_text("id,b\n9007199254740993,1\n9007199254740995,2\n")
    source = CSV(str(tmp_path / "t.csv"), categorical="id")
    rows = source.units.texts(source.units.original(source.examples()))
    assert [row[0] for row in rows] == ["9007199254740993", "9007199254740995"]


ODD = {
    "a mark": (["?", ""], "'?' in line 12; leave the cell empty"),
    "infinity": (["", "inf", "?"], "'inf' in line 13; leave the cell empty"),
    "a unit": (["12 kg"], "'12 kg' in line 12; leave the cell empty"),
    "a code": (["007"], "'007' in line 12; write it without the leading zero"),
    "decimal commas": (["0,79", "-1,5", "?"], "'0,79' in line 12; write 0.79, with a decimal point"),
    "thousands or decimals": (
        ["1,000", "2,500"],
        "'1,000' in line 12; write 1000 if the comma stands between thousands",
    ),
    "decimals, as one tells": (["1,000", "2,5"], "'2,5' in line 13; write 2.5, with a decimal point"),
    "thousands, as one tells": (["1,000", "-2,500.5"], "'-2,500.5' in line 13; write -2500.5, without marks between"),
    "millions": (["1,000,000"], "'1,000,000' in line 12; write 1000000, without marks between thousands"),
    "points": (["1.000.000"], "'1.000.000' in line 12; write 1000000, without marks between thousands"),
    "points and a comma": (["1.234,5"], "'1.234,5' in line 12; write 1234.5, without marks between thousands"),
    "per cent": (["12%"], "'12%' in line 12; write 12, the number alone"),
    "per cent with a decimal comma": (["12,5 %"], "'12,5 %' in line 12; write 12.5, with a decimal point"),
    "a currency before": (["-$ 12.5"], "'-$ 12.5' in line 12; write -12.5, the number alone"),
    "a currency behind": (["12.50 €"], "'12.50 €' in line 12; write 12.50, the number alone"),
    "a currency and thousands": (["$1,234.50"], "'$1,234.50' in line 12; write 1234.50, without marks between"),
    "a typographic minus": (["\u22120.5"], "'\u22120.5' in line 12; write -0.5, the number alone"),
    "an amount in brackets": (["(1.5)"], "'(1.5)' in line 12; write -1.5, the number alone"),
    "spaces between thousands": (["1 000 000"], "'1 000 000' in line 12; write 1000000, the number alone"),
    "thin ones": (["12\u202f000,5"], r"'12\u202f000,5' in line 12; write 12000.5, the number alone"),
    "underscores": (["1_000"], "'1_000' in line 12; write 1000, the number alone"),
    "a number that is too large": (["1e39"], "'1e39' in line 12; numbers go to 3.4e+38 here: give the column in other"),
    "both": (["1,5", "1,000,000"], "'1,5' in line 12; some commas stand between thousands and others for decimals"),
}


@pytest.mark.parametrize("case", ODD)
def test_columns_of_numbers_that_are_texts_for_an_odd_cell_say_so(tmp_path, case):
    """Where nine of ten given cells are numbers; not where the texts are declared, left out, or the classes."""
    odd, said = ODD[case]
    wanted = [str(k) for k in range(10)] + odd + [str(k) for k in range(10)]
    (tmp_path / "t.csv").write_text("a;b\n" + "".join(f"{cell};1\n" for cell in wanted))
    with pytest.warns(DataWarning) as caught:
        CSV(str(tmp_path / "t.csv"), delimiter="semicolon")
    (warning,) = caught
    assert f"t.csv: column 'a' is read as texts, although most of its cells are numbers, for {said}" in str(
        warning.message
    )
    for option in ("categorical", "leave_out", "label"):
        CSV(str(tmp_path / "t.csv"), delimiter="semicolon", **{option: "a"})


@pytest.mark.parametrize("form", ["{}%", "${}", "{} €", "({}.5)", "\u2212{}.5", "{},5", "{} 000", "{}_000", "{}e300"])
def test_columns_that_are_written_so_throughout_say_so(tmp_path, form):
    rows = "".join(f"{form.format(k)};1\n" for k in range(1, 9))
    (tmp_path / "t.csv").write_text("a;b\n" + rows, encoding="utf-8")
    with pytest.warns(DataWarning, match="column 'a' is read as texts, although most of its cells are numbers"):
        CSV(str(tmp_path / "t.csv"), delimiter="semicolon")


DIFFERING = {
    "dates": lambda k: f"2020-{k % 12 + 1:02d}-{k % 28 + 1:02d} {k}",
    "names": lambda k: f"n{k}",
    "codes": lambda k: f"{k:05d}",
    "nearly all": lambda k: f"n{max(k, 2)}",
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", DIFFERING)
@pytest.mark.parametrize("rows", [20, 900])
def test_columns_of_texts_that_all_differ_say_what_to_do(tmp_path, case, rows):
    table = "a,b\n" + "".join(f"{DIFFERING[case](k)},{k % 7}\n" for k in range(rows))
    (tmp_path / "t.csv").write_text(table)
    count = rows - 2 * (case == "nearly all")
    with pytest.warns(DataWarning) as caught:
        CSV(str(tmp_path / "t.csv"))
    (warning,) = caught
    assert f"t.csv: column 'a' holds {count} different texts in {rows} rows, each of which is a cat" in str(warning)
    assert "data.leave_out" in str(warning)
    for option in ("categorical", "leave_out", "label"):
        CSV(str(tmp_path / "t.csv"), **{option: "a"})


@pytest.mark.parametrize("texts", [["x"] * 30, ["x", "y"] * 30, [f"n{k % 15}" for k in range(30)], list("abcdefgh")])
def test_columns_of_few_texts_say_nothing(tmp_path, texts):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{text},1\n" for text in texts))
    CSV(str(tmp_path / "t.csv"))


def test_a_command_warns_of_the_same_once(tmp_path):
    """It reads its data to plan, to identify, to train and to measure; the next command warns again."""
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{k},{'x' if k == 7 else k / 8}\n" for k in range(100)))
    given = ["train", str(tmp_path / "t.csv"), "-s", "steps=1", "-s", "compile=off", "-s", "batch_size=4", "--quiet"]
    for run in ("one", "two"):
        told = command(*given, "--out", tmp_path / run).stderr
        assert told.count("column 'b' is read as texts") == 1


@pytest.mark.parametrize("cells", [["x", "y", "1"], ["1", "2", "?"], ["01", "02", "03"], ["", "", "NA"], ["1", ""]])
def test_other_columns_say_nothing(tmp_path, cells):
    (tmp_path / "t.csv").write_text("a,b\n" + "".join(f"{cell},1\n" for cell in cells))
    CSV(str(tmp_path / "t.csv"))
