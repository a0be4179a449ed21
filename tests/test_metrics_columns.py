"""Metrics of tables against SciPy and pandas, and what they say of copies."""

import json

import numpy as np
import pandas
import pytest
import torch
from scipy import stats
from scipy.spatial.distance import cdist

import nashpath as nash
from nashpath.core.columns import Category, Standard, TableUnits, scored
from nashpath.core.rng import generator
from nashpath.metrics import (
    ClosestRecord,
    Correlations,
    Marginals,
    TooFewSamplesError,
    correlations,
    evaluate_samples,
    marginal_gaps,
)
from nashpath.metrics.closest_record import fresh_share
from nashpath.report.columns import column_tables
from nashpath.report.phrasing import number
from nashpath.report.read import load_run
from run_folders import flags
from run_folders import nash as command


def rows(count, seed, shift=0.0):
    """Two numbers, a category of three, a number with ties."""
    rng = np.random.default_rng(seed)
    first = rng.normal(shift, 1, count)
    tied = rng.integers(0, 4, count).astype(float)
    return np.column_stack([first, first**2, np.eye(3)[rng.choice(3, count, p=[0.5, 0.3, 0.2])], tied])


COLUMNS = TableUnits(
    (
        Standard("first", 0.0, 1.0),
        Standard("second", 0.0, 1.0),
        Category("text", ("a", "b", "c")),
        Standard("tied", 0.0, 1.0),
    )
)


def test_marginals_are_kolmogorov_and_smirnov_s_and_total_variation():
    real, fake = rows(300, 0), rows(200, 1, 0.5)
    found = marginal_gaps(torch.from_numpy(real), torch.from_numpy(fake), COLUMNS).numpy()
    want = [stats.ks_2samp(real[:, k], fake[:, k]).statistic for k in (0, 1, 5)]
    shares = np.abs(real[:, 2:5].mean(0) - fake[:, 2:5].mean(0)).sum() / 2
    assert found == pytest.approx([*want[:2], shares, want[2]])
    both = Marginals(COLUMNS)(torch.from_numpy(real), torch.from_numpy(fake))
    assert both == pytest.approx({"marginal_gap": found.mean(), "marginal_worst": found.max()})
    assert Marginals(COLUMNS)(torch.from_numpy(real), torch.from_numpy(real)) == {
        "marginal_gap": 0.0,
        "marginal_worst": 0.0,
    }


def test_ties_are_compared_as_the_file_has_them():
    """Scores beside that of a value with many ties stand for that value: there is no distance between the two."""
    hours = np.random.default_rng(0).choice([0.0, 40.0], 200)
    units = TableUnits((scored("hours", hours, "normal", whole=True),))
    real = units.encoded([hours])
    near = real + np.random.default_rng(1).normal(0, 0.05, real.shape)
    assert marginal_gaps(torch.from_numpy(real), torch.from_numpy(near), units).tolist() == [0.0]
    assert marginal_gaps(torch.from_numpy(real), torch.from_numpy(near))[0] > 0.2


def test_correlations_are_those_of_pandas():
    real, fake = rows(300, 0), rows(200, 1, 0.5)
    fake[:, 5] = 2.0  # a constant: pandas says NaN
    ours = correlations(torch.from_numpy(fake)).numpy()
    theirs = pandas.DataFrame(fake).corr().fillna(0).to_numpy()
    assert ours[:5, :5] == pytest.approx(theirs[:5, :5])
    assert (ours[5] == 0).all()
    gap = np.abs(pandas.DataFrame(real).corr().to_numpy() - theirs)[np.triu_indices(6, 1)]
    found = Correlations()(torch.from_numpy(real), torch.from_numpy(fake))
    assert found == pytest.approx({"correlation_gap": gap.mean(), "correlation_worst": gap.max()})


def test_the_closest_record_is_that_of_all_pairs():
    real, fake = rows(101, 0), rows(60, 1)
    found = ClosestRecord()(torch.from_numpy(real), torch.from_numpy(fake))
    order = torch.randperm(101, generator=generator(0)).numpy()
    a, b = real[order[:50]], real[order[50:]]
    near = np.zeros(60, bool)
    for known, other in ((a, b), (b, a)):
        near |= cdist(fake, known).min(1) < cdist(other, known).min(1).min()  # of 50 and 51 rows, 1 / 51 and 1 / 52
    assert found["too_close"] == near.mean()
    assert found["closest"] == pytest.approx((cdist(fake, a).min(1).mean() + cdist(fake, b).min(1).mean()) / 2)
    assert found["closest_real"] == pytest.approx((cdist(b, a).min(1).mean() + cdist(a, b).min(1).mean()) / 2)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("count", [4, 5, 8, 20, 40, 77, 78, 79, 100, 200])
def test_the_share_of_fresh_rows_that_are_too_close_is_as_stated(count):
    """A fresh row's place among m exchangeable distances is uniform: below the k-th lie k / (m + 1), to each half.

    Of both halves together no more than the sum, and no less than the larger. Over 400 seeds, within four standard
    errors of their mean.
    """
    rng = torch.Generator().manual_seed(count)
    drawn = [(torch.randn(count, 3, generator=rng), torch.randn(25, 3, generator=rng)) for _ in range(400)]
    found = np.array([ClosestRecord()(x, y, generator(k))["too_close"] for k, (x, y) in enumerate(drawn)])
    each = [max(1, int((half + 1) / 40)) / (half + 1) for half in (count // 2, count - count // 2)]
    margin = 4 * found.std(ddof=1) / 20
    assert max(each) - margin < found.mean() < sum(each) + margin
    assert fresh_share(count) == pytest.approx(min(1, sum(each)))
    assert (fresh_share(count) <= 0.05 + 1e-12) == (count >= 78)
    said = str(evaluate_samples(*drawn[0], ["closest_record"])[-1].protocol)
    assert ("of fresh ones are too close" in said) == (count < 78)


@pytest.mark.parametrize("count", [4, 9, 40, 77, 100])
def test_copies_are_too_close_however_few_there_are(count):
    real = torch.from_numpy(np.random.default_rng(0).normal(size=(count, 5)))
    assert ClosestRecord()(real, real)["too_close"] == 1


def test_copies_are_too_close_and_fresh_rows_are_not():
    real = torch.from_numpy(np.random.default_rng(0).normal(size=(2000, 5)))
    fresh = torch.from_numpy(np.random.default_rng(1).normal(size=(2000, 5)))
    noise = 1e-3 * torch.from_numpy(np.random.default_rng(2).normal(size=(2000, 5)))
    metric = ClosestRecord()
    assert metric(real, fresh)["too_close"] == pytest.approx(0.05, abs=0.03)
    assert metric(real, real + noise)["too_close"] == 1
    assert metric(real, real)["closest"] < metric(real, fresh)["closest"] / 1.5
    assert metric(real, real + 100)["too_close"] == 0
    with pytest.raises(TooFewSamplesError):
        metric(real[:3], fresh)


def test_vectors_without_categories_are_measured_by_name():
    (found, _, *_) = evaluate_samples(
        torch.randn(50, 3), torch.randn(50, 3), ["marginals"], known={"columns": None}, seed=0
    )
    assert found.name == "marginal_gap"


def test_a_table_is_measured_through_training_and_by_evaluate(tmp_path):
    rng = np.random.default_rng(1)
    frame = pandas.DataFrame(
        {"age": rng.integers(18, 90, 80), "city": rng.choice(["Bern", "Köln"], 80), "income": rng.normal(size=80)}
    )
    frame.to_csv(tmp_path / "people.csv", index=False)
    command("train", *flags("data=csv", f"data.path={tmp_path / 'people.csv'}"), "--out", tmp_path / "run")
    (entry,) = json.loads((tmp_path / "run" / "members.json").read_text())
    assert {"marginal_gap", "marginal_worst", "correlation_gap", "correlation_worst"} <= entry["metrics"].keys()
    found = nash.evaluate(tmp_path / "run", count=100)
    named = {number["name"]: number for number in found["groups"][0]["numbers"]}
    assert {"marginal_gap", "correlation_gap", "too_close", "closest_real"} <= named.keys()
    member = nash.load(tmp_path / "run")
    real = member.game.data.examples()
    assert named["marginal_gap"]["real"] is not None
    assert 0 <= named["too_close"]["values"][0] <= 1
    assert real.shape == (80, 4)


def test_the_page_of_a_table_shows_each_column_beside_the_real_one(tmp_path):
    rng = np.random.default_rng(1)
    age = rng.integers(18, 90, 80)
    frame = pandas.DataFrame({"age": age, "<city>": rng.choice(["Bern", ""], 80), "older": age + 1, "seven": 7})
    frame.to_csv(tmp_path / "people.csv", index=False)
    given = flags("data=csv", f"data.path={tmp_path / 'people.csv'}", "evaluation_samples=500")
    command("train", *given, "--out", tmp_path / "run")
    marginals, pairs = column_tables(load_run(tmp_path / "run"))
    assert [row[0].text for row in marginals.rows] == ["age", "<city>", "older", "seven"]
    assert "400 rows of member 0 at step 20, 2,000 real ones" in marginals.caption
    with np.load(tmp_path / "run" / "reference.npz") as reference:
        real = reference["real"]
    with np.load(tmp_path / "run" / "samples" / "step-00000020.npz") as saved:
        fake = saved["m0"]
    assert fake.shape == (400, 5)
    drawn = nash.load(tmp_path / "run").units.original(torch.from_numpy(real)).numpy()
    assert marginals.rows[0][1].text.startswith(f"{number(drawn[:, 0].mean())} ± {number(drawn[:, 0].std())} ")
    empty, bern = (f"{100 * real[:, k].mean():.3g}" for k in (1, 2))
    assert set(marginals.rows[1][1].text.split(", ")) == {f"(empty) {empty} %", f"Bern {bern} %"}
    back = nash.load(tmp_path / "run").units.original(torch.from_numpy(fake)).numpy()
    assert marginals.rows[2][3].value == pytest.approx(stats.ks_2samp(drawn[:, 2], back[:, 2]).statistic)
    assert marginals.rows[3][1].text == "7 ± 0"
    worst = pairs.rows[0]
    theirs = np.corrcoef(real[:, 0], real[:, 3])[0, 1]
    (row,) = [row for row in pairs.rows if (row[0].text, row[1].text) == ("age", "older")]
    assert row[2].value == pytest.approx(theirs, abs=1e-5)
    assert abs(worst[4].value) == max(abs(row[4].value) for row in pairs.rows)
    page = (tmp_path / "run" / "report.html").read_text()
    assert "&lt;city&gt; = (empty)" in page
    assert 'id="columns"' in page


def test_pages_of_other_data_have_no_columns(tmp_path):
    command("train", *flags("steps=2"), "--out", tmp_path / "run")
    assert column_tables(load_run(tmp_path / "run")) == []
    assert 'id="columns"' not in (tmp_path / "run" / "report.html").read_text()
