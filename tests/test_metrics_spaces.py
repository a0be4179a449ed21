"""One name, one quantity: what a run records on the way and what an evaluation finds of the same samples."""

import csv
import re
from pathlib import Path

import numpy as np
import pytest
import torch

from nashpath.core import Key
from nashpath.core.math.mmd import gaussian_mmd
from nashpath.core.source import is_labelled
from nashpath.data import SOURCES
from nashpath.metrics import METRICS, Metric, Sample, class_accuracy
from nashpath.metrics.base import GLANCED_AGAINST
from nashpath.metrics.divergences import MaximumMeanDiscrepancy
from nashpath.metrics.evaluate import built_metric, compare_samples
from nashpath.metrics.features import as_extractor
from nashpath.metrics.label_metrics import facts_of
from nashpath.report.tables import protocol_lines
from nashpath.run.observe.metrics import ReferenceSet, protocols, standard
from nashpath.run.observe.snapshot import quick_metrics

COUNT = 300
"""Fewer than are looked at through training; real ones are as many as there (`GLANCED_AGAINST`)."""
LINES = 2000
"""Random directions of the independent computation."""


def table(place: Path):
    """Two hundred rows of two numbers and a category."""
    numbers = np.random.default_rng(0)
    with open(place / "t.csv", "w", newline="") as file:
        rows = zip(numbers.normal(size=200), numbers.exponential(size=200), numbers.choice(["a", "b"], 200))
        csv.writer(file).writerows([["x", "y", "kind"], *rows])
    return SOURCES["csv"](str(place / "t.csv"))


DATA = {
    "ring": lambda place: SOURCES["ring"](),
    "digits": lambda place: SOURCES["digits"](),
    "stacked_digits": lambda place: SOURCES["stacked_digits"](),
    "coloured_digits": lambda place: SOURCES["coloured_digits"](),
    "csv": table,
}


def squared_costs(real: torch.Tensor, fake: torch.Tensor) -> np.ndarray:
    """Squared W2 of the flattened samples along `LINES` random directions, by sorting."""
    x, y = (part.flatten(1).double().numpy() for part in (real, fake))
    lines = np.random.default_rng(5).normal(size=(x.shape[1], LINES))
    lines /= np.linalg.norm(lines, axis=0)
    return np.square(np.sort(x @ lines, 0) - np.sort(y @ lines, 0)).mean(0)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", DATA)
def test_one_name_is_one_quantity_through_training_and_after_it(name, tmp_path):
    """Exactly; the sliced distance within 5 standard errors of its random directions, 32 on the way and 128 after."""
    source = DATA[name](tmp_path)
    drawn = source.draw(Key(3), COUNT)
    noise = torch.randn(drawn["real"].shape, generator=torch.Generator().manual_seed(1))
    fake = 0.8 * drawn["real"] + 0.1 * noise
    asked = drawn.get("label")
    on_the_way = quick_metrics(fake, source) | ({} if asked is None else class_accuracy(fake, asked, source))
    names = [*standard(source), "sliced_wasserstein", *(["per_class"] if is_labelled(source) else [])]
    reference = ReferenceSet(source, names, most=GLANCED_AGAINST)
    after = {m.name: m.value for m in reference(fake, 0, asked)}
    assert "sliced_wasserstein" in on_the_way.keys() & after.keys()
    for key in on_the_way.keys() & after.keys() - {"sliced_wasserstein"}:
        assert after[key] == pytest.approx(on_the_way[key], rel=1e-6, abs=1e-9), key
    real = source.draw(Key(0, "reference").stream("real"), COUNT)["real"]
    (again,) = compare_samples(real, fake, ["sliced_wasserstein"], reference.real.extractor)
    costs = squared_costs(real, fake)
    for found, lines in ((on_the_way["sliced_wasserstein"], 32), (again.value, 128)):
        margin = 5 * costs.std() * (1 / lines + 1 / LINES) ** 0.5
        assert abs(found**2 - costs.mean()) < margin


class Watched(Sample):
    """A sample that notes whether its features were asked for."""

    looked = False

    @property
    def _outputs(self):
        type(self).looked = True
        return super()._outputs


def is_of_features(name: str) -> bool:
    """Whether a metric by its plain name asks the features of an evaluation, found by measuring."""
    data = {"marginals": "ring", "correlations": "ring", "closest_record": "ring", "modes": "ring"}
    source = SOURCES[data.get(name, "stacked_digits" if name == "stacked_modes" else "digits")]()
    drawn = source.draw(Key(0), 400)
    real, fake = drawn["real"], source.draw(Key(1), 400)["real"]
    known = facts_of(source, 400) | ({"asked": drawn["label"], "labels": drawn["label"]} if "label" in drawn else {})
    extractor = as_extractor("digits" if real.shape[1:] == (1, 8, 8) else "pixels")
    metric = built_metric(name, {}, {"columns": None} | known)
    if metric.space:
        return False
    Watched.looked = False
    metric.compute(Watched(real, extractor), Watched(fake, extractor), torch.Generator().manual_seed(0))
    return Watched.looked


@pytest.mark.parametrize("name", [name for name in METRICS if name != "ms_ssim"])
def test_the_page_says_which_metrics_are_of_features(name):
    page = (Path(__file__).parent.parent / "docs" / "metrics.md").read_text()
    (row,) = re.findall(rf"^\| [^|]*`{name}`.*\|$", page, re.MULTILINE)
    needs = row.rstrip(" |").rsplit("|", 1)[-1]
    told = "features" in needs.partition(";")[0] or "logits" in needs
    assert told == is_of_features(name)
    assert told or "as they are" in needs


def test_the_sliced_distance_of_features_has_a_name_of_its_own():
    source = SOURCES["digits"]()
    fake = 0.8 * source.examples(COUNT)
    found = ReferenceSet(source, ["fid", "sliced_wasserstein", "sliced_wasserstein@digits"])(fake)
    by_name = {m.name: m for m in found}
    assert by_name["sliced_wasserstein"].protocol.features == "pixels"
    assert by_name["sliced_wasserstein@digits"].protocol.features == "digits"
    features = as_extractor("digits")(fake).features, as_extractor("digits")(source.examples()).features
    (expected,) = compare_samples(features[1], features[0], ["sliced_wasserstein"])
    assert by_name["sliced_wasserstein@digits"].value == pytest.approx(expected.value, rel=1e-6)
    lines = protocol_lines({"protocols": protocols(list(reversed(found))), "numbers": []})
    assert "features: digits" in " ".join(lines)
    assert any(line.startswith("sliced_wasserstein (power=2, projections=128; of pixels)") for line in lines)


@pytest.mark.parametrize("width", [0.1, 1.0, 3.0])
def test_a_flow_and_an_evaluation_mean_one_thing_by_mmd(width):
    x, y = torch.randn(2, 200, 2, generator=torch.Generator().manual_seed(0)).double()
    found = MaximumMeanDiscrepancy(bandwidth=width)(y, x + 1)["mmd"]
    assert found == pytest.approx(float(gaussian_mmd(x + 1, y, width)[0]), rel=1e-6)


def test_every_space_of_a_metric_is_one_of_features():
    spaces = {row.space for row in METRICS.values() if issubclass(row, Metric)} - {""}
    assert {as_extractor(space).name for space in spaces} == spaces == {"pixels"}
