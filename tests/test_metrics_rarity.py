"""Authenticity, rarity and two feature spaces: SciPy's distances, counts by hand, and what each paper warns of."""

import numpy as np
import pytest
import torch
from scipy.spatial.distance import cdist

from nashpath.core import generator
from nashpath.data import Digits
from nashpath.metrics import (
    FID,
    Authenticity,
    DensityCoverage,
    MetricError,
    PrecisionRecall,
    RarityScore,
    TooFewSamplesError,
    evaluate_samples,
)
from nashpath.report import write_report
from nashpath.run import evaluate
from nashpath.run.assess.evaluate import EvaluationOptions, evaluate_run
from run_folders import rows, small, trained


@pytest.fixture(scope="module")
def digits_run(tmp_path_factory):
    folder, wanted = tmp_path_factory.mktemp("runs") / "digits", "fid,fid@pixels,rarity,authenticity"
    trained(small(data={"kind": "digits"}, steps=2, metrics=wanted, evaluation_samples=200), folder)
    return folder


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


def normal(count: int, seed: int, width: int = 4) -> torch.Tensor:
    return torch.randn(count, width, generator=generator(seed), dtype=torch.double)


def test_authenticity_is_the_formula_with_scipys_distances():
    real, fake = normal(80, 0), torch.cat([normal(60, 1), normal(60, 0)[:20] + 0.05 * normal(20, 2)])
    to_real, among = cdist(fake, real), cdist(real, real)
    np.fill_diagonal(among, np.inf)
    nearest = to_real.argmin(1)
    by_hand = np.mean(to_real.min(1) > among.min(1)[nearest])
    assert Authenticity()(real, fake)["authenticity"] == pytest.approx(by_hand, abs=1e-12)
    assert 0.2 < by_hand < 0.9


def test_noisy_copies_are_perfect_by_every_distance_and_not_authentic():
    """Alaa et al.: a generator that copies its training set fools distances of distributions and manifolds."""
    real = normal(400, 0)
    copies = real + 1e-3 * normal(400, 1)
    assert FID()(real, copies)["fid"] < 1e-4
    assert PrecisionRecall()(real, copies) == {"precision": 1.0, "recall": 1.0}
    assert DensityCoverage()(real, copies)["coverage"] == 1.0
    assert Authenticity()(real, copies)["authenticity"] == 0.0
    fresh = Authenticity()(real, normal(4000, 2))["authenticity"]
    assert 0.4 < fresh < 0.7  # measured 0.55: the nearest of a sample tends to lie where samples are dense


def test_a_copy_of_a_training_sample_that_occurs_twice_is_no_new_one():
    real = torch.tensor([[0.0], [0.0], [5.0]])
    assert Authenticity()(real, torch.tensor([[0.0], [1.0], [9.0], [11.0]]))["authenticity"] == 0.5
    with pytest.raises(TooFewSamplesError):
        Authenticity()(real[:1], real)


def test_rarity_is_the_formula_with_scipys_distances():
    real, fake = normal(70, 0, 3), 1.4 * normal(90, 1, 3)
    among = np.sort(cdist(real, real), 1)[:, 3]
    inside = cdist(fake, real) <= among
    scores = np.where(inside, among, np.inf).min(1)
    found = RarityScore()(real, fake)
    assert found["rarity"] == pytest.approx(scores[np.isfinite(scores)].mean(), rel=1e-12)
    assert found["rarity_share"] == np.isfinite(scores).mean()
    assert 0.3 < found["rarity_share"] < 0.99
    assert found["rarity_share"] == PrecisionRecall()(real, fake)["precision"]


def test_rarity_on_a_lattice_by_hand():
    """Nearest others of 0, 1, 2, 6, 12: at 1, 1, 1, 4, 6. At 1.5 the balls of 1 and 2 hold it, at 17 that of 12."""
    real = torch.tensor([[0.0], [1.0], [2.0], [6.0], [12.0]])
    rarity = RarityScore(neighbours=1)
    assert rarity(real, torch.tensor([[1.5]])) == {"rarity": 1.0, "rarity_share": 1.0}
    assert rarity(real, torch.tensor([[17.0], [1.5], [19.0]])) == {"rarity": 3.5, "rarity_share": 2 / 3}
    assert rarity(real, torch.tensor([[8.0]]))["rarity"] == 4.0  # also in the ball of 12, which is larger
    assert rarity(real, torch.tensor([[99.0]])) == {"rarity": 0.0, "rarity_share": 0.0}
    with pytest.raises(TooFewSamplesError):
        RarityScore(5)(real, real)


@pytest.mark.parametrize("unit", [1e-150, 1.0, 1e150])
def test_rarity_has_the_unit_of_the_features(unit):
    real, fake = normal(50, 0, 2), normal(50, 1, 2)
    assert RarityScore()(unit * real, unit * fake)["rarity"] == pytest.approx(
        unit * RarityScore()(real, fake)["rarity"], rel=1e-9
    )


def test_a_truncated_generator_is_less_rare_though_its_precision_is_higher():
    """Han et al.: fidelity alone rewards samples near the middle; junk far out has no rarity and changes nothing."""
    real, fake = normal(2000, 0, 2), normal(2000, 1, 2)
    truncated = fake[fake.norm(dim=1) < 1]
    assert PrecisionRecall()(real, truncated)["precision"] > PrecisionRecall()(real, fake)["precision"]
    whole, part = RarityScore()(real, fake), RarityScore()(real, truncated)
    assert part["rarity"] < 0.8 * whole["rarity"]
    junk = RarityScore()(real, torch.cat([fake, 1000 + normal(500, 2, 2)]))
    assert junk["rarity"] == pytest.approx(whole["rarity"], rel=1e-9)
    assert junk["rarity_share"] < whole["rarity_share"]


def blurred_brightness(images: torch.Tensor) -> torch.Tensor:
    """Features that forget the sign of the contrast: an image and its negative are one."""
    return images.flatten(1).abs()


def test_two_feature_spaces_stand_side_by_side_and_one_sees_what_the_other_is_blind_to():
    real = Digits("train").examples()[:300]
    found = {m.name: m for m in evaluate_samples(real, -real, ["fid", "fid@pixels", "prdc@pixels"], blurred_brightness)}
    assert list(found) == [
        "fid",
        "fid@pixels",
        "precision@pixels",
        "recall@pixels",
        "density@pixels",
        "coverage@pixels",
    ]
    assert found["fid"].value < 1e-6
    assert found["fid@pixels"].value > 1
    flat = real.flatten(1)
    assert found["fid@pixels"].value == pytest.approx(FID()(flat, -flat)["fid"], rel=1e-9)
    protocols = [found[name].protocol for name in ("fid", "fid@pixels")]
    assert [p.metric for p in protocols] == ["fid", "fid"]
    assert [p.features for p in protocols] == ["blurred_brightness", "pixels"]
    with pytest.raises(MetricError, match="measured differently"):
        _ = found["fid"] - found["fid@pixels"]
    with pytest.raises(MetricError, match="no features are called 'pixel'"):
        evaluate_samples(real, real, ["fid@pixel"])


def test_random_metrics_draw_the_same_in_every_space():
    x, y = normal(300, 0), normal(300, 1) + 0.1
    found = {m.name: m.value for m in evaluate_samples(x, y, ["kid", "kid@pixels"], "pixels", seed=3)}
    assert found["kid"] == found["kid@pixels"]


def test_two_spaces_of_a_run(digits_run):
    found = evaluate(digits_run, metrics=["fid", "fid@pixels", "authenticity"], features="digits", count=300)
    numbers = {entry["name"]: entry for entry in found["groups"][0]["numbers"]}
    assert {"fid", "fid@pixels", "authenticity"} <= numbers.keys()
    assert numbers["fid@pixels"]["better"] == -1
    assert numbers["fid@pixels"]["real"] > 0
    assert {p["features"] for p in found["groups"][0]["protocols"]} == {"digits", "pixels"}
    recorded = [row for row in rows(digits_run) if "fid@pixels" in row]
    assert recorded
    assert all(row["fid@pixels"] > 0 and row["rarity_share"] >= 0 for row in recorded)
    assert "FID (pixels)" in write_report(digits_run).read_text()


def test_authenticity_of_another_split_is_refused(digits_run):
    with pytest.raises(ValueError, match="authenticity compares with the samples trained on"):
        evaluate_run(digits_run, EvaluationOptions(("authenticity",)), split="test")
