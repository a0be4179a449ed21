"""Images in two units: refused by Python where that is sure, and never a number that the files' would not give."""

import itertools
import warnings

import numpy as np
import pytest
import torch

import nashpath as nash
from nashpath.metrics import METRICS, MetricError, evaluate_samples
from nashpath.metrics.base import Sample
from nashpath.metrics.features import FEATURES, Extractor
from nashpath.metrics.units import unit_of
from nashpath.run import EvaluationOptions, evaluate_images

SPACES = {name: (1, 28, 28) if name != "cifar10" else (3, 32, 32) for name in FEATURES if name != "inception"}
"""Feature spaces that need no download, with the shape of their images."""
UNITS = {
    "-1 to 1": lambda x: x,
    "0 to 1": lambda x: (x + 1) / 2,
    "0 to 255": lambda x: (x + 1) * 127.5,
}
PAIRS = list(itertools.permutations(UNITS, 2))
OF_IMAGES = ["fid", "kid", "precision_recall", "sliced_wasserstein", "ms_ssim", "memorisation"]


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    monkeypatch.chdir(tmp_path)


def images(shape: tuple[int, ...], seed: int, count: int = 12) -> torch.Tensor:
    """From −1 to 1, with ends that are reached: as pictures with black and white in them."""
    drawn = torch.rand(count, *shape, generator=torch.Generator().manual_seed(seed)) * 2 - 1
    drawn[0].flatten()[:2] = torch.tensor([-1.0, 1.0])
    return drawn


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_units_are_refused_in_every_space_from_both_sides(pair, space):
    real, fake = (UNITS[unit](images(SPACES[space], seed)) for seed, unit in enumerate(pair))
    for measure in (nash.evaluate, evaluate_samples):
        with pytest.raises(MetricError, match=r"give (both from -1 to 1|x / 127.5 - 1)"):
            measure(real, fake, ["fid"], space)


@pytest.mark.parametrize("name", OF_IMAGES)
@pytest.mark.parametrize("pair", PAIRS, ids=" and ".join)
def test_two_units_are_refused_by_every_metric_of_images(pair, name):
    real, fake = (UNITS[unit](images((1, 16, 16), seed)) for seed, unit in enumerate(pair))
    assert name in METRICS
    with pytest.raises(MetricError, match=r"images in two units, .* give both from -1 to 1, .* as "):
        nash.evaluate(real, fake, [name])


def test_a_refusal_says_how_each_side_is_converted():
    real, fake = images((1, 8, 8), 0), images((1, 8, 8), 1)
    for given, cure in (
        ((UNITS["0 to 1"](real), fake), "give both from -1 to 1, real samples as 2 x - 1$"),
        ((real, UNITS["0 to 255"](fake)), "give both from -1 to 1, generated ones as x / 127.5 - 1$"),
        ((UNITS["0 to 255"](real), UNITS["0 to 1"](fake)), r"real samples as x / 127.5 - 1 and generated ones as 2 x"),
    ):
        with pytest.raises(MetricError, match=cure):
            nash.evaluate(*given)


@pytest.mark.parametrize("space", SPACES)
@pytest.mark.parametrize("pair", list(itertools.product(UNITS, UNITS)), ids=" and ".join)
def test_python_measures_what_the_files_are_or_says_that_it_does_not(pair, space):
    """Every pair of units: a number without a word is that of the same arrays in files, whose units are found out."""
    given = [UNITS[unit](images(SPACES[space], seed)).numpy() for seed, unit in enumerate(pair)]
    given = [x.round().astype(np.uint8) if x.max() > 2 else x for x in given]
    for name, x in zip(("real", "fake"), given):
        np.save(f"{name}.npy", x)
    found = evaluate_images("real.npy", "fake.npy", EvaluationOptions(("fid",), space))["groups"][0]["numbers"][0]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error", UserWarning)
            (ours,) = nash.evaluate(*given, metrics=["fid"], features=space)
    except (MetricError, UserWarning):
        assert set(pair) != {"-1 to 1"}
    else:
        assert ours.value == pytest.approx(found["values"][0], rel=1e-4, abs=1e-6)


COLLAPSED = {
    "one bright value": lambda x: torch.full_like(x, 0.7),
    "white": torch.ones_like,
    "mid-grey": torch.zeros_like,
    "bright": lambda x: 0.55 + 0.4 * x,
    "near mid-grey": lambda x: 0.05 * x,
    "beyond the range": lambda x: 1.2 * x,
}


@pytest.mark.parametrize("what", COLLAPSED)
def test_generators_that_collapsed_or_left_the_range_are_measured(what):
    """Each is a set of images from −1 to 1, and nothing says surely that it is not; a warning may say it might."""
    real, fake = images((1, 28, 28), 0), COLLAPSED[what](images((1, 28, 28), 1))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)
        for space in ("pixels", "mnist"):
            assert nash.evaluate(real, fake, ["fid"], space)[0].value > 0


@pytest.mark.parametrize("unit", UNITS)
def test_the_unit_of_pictures_is_told_through_noise_and_greys(unit):
    x = images((1, 16, 16), 0)
    for near in (x, 0.95 * x, 1.04 * x, x.clamp(-0.93, 0.93)):
        assert unit_of(Sample(UNITS[unit](near))) == unit
    assert unit_of(Sample(torch.full_like(x, 1e4))) == unit_of(Sample(1e4 * x)) == ""


def test_pixels_from_0_to_1_are_measured_in_that_unit_and_it_is_said():
    """A Fréchet distance is squared, so that of halves is a fourth; in features of one's own nothing is known."""
    real, fake = images((1, 8, 8), 0, 200), images((1, 8, 8), 1, 200)
    halves = UNITS["0 to 1"](real), UNITS["0 to 1"](fake)
    with pytest.warns(UserWarning, match=r"published ones, and those of files, are of images from -1 to 1 \(2 x - 1\)"):
        (half,) = nash.evaluate(*halves)
    (whole,) = nash.evaluate(real, fake)
    assert whole.value == pytest.approx(4 * half.value, rel=1e-3)
    own = lambda x: x.flatten(1)[:, :5]  # noqa: E731
    assert nash.evaluate(*halves, features=own)[0].value >= 0  # warnings are errors


def test_only_the_samples_themselves_have_their_unit():
    assert {name for name in FEATURES if FEATURES[name].in_units_of_samples} == {"pixels"}
    assert not Extractor.in_units_of_samples
