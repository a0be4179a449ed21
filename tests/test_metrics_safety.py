"""What a failing GAN produces must never crash a metric: a number, or an error that says what to do."""

import math

import pytest
import torch

from nashpath.core import generator
from nashpath.data import Digits
from nashpath.metrics import (
    METRICS,
    MetricError,
    NotFiniteError,
    ShapeError,
    TooFewSamplesError,
    balls,
    evaluate_samples,
    grid,
)
from nashpath.metrics.evaluate import built_metric, compare_samples

REAL, LABELS = Digits("test").labelled_examples(200)
KNOWN = {
    "centres": REAL[:5].flatten(1),
    "deviation": 1.0,
    "labels": LABELS,
    "classes": 10,
    "columns": None,
    "digits": REAL,
    "digit_labels": LABELS,
    "asked": torch.arange(100) % 10,
}
FAKE = Digits("train").examples(100)
MEASURABLE = [(name, "digits") for name in METRICS] + [
    (name, "pixels") for name in METRICS if name != "inception_score"
]


def broken(change) -> torch.Tensor:
    fake = FAKE.clone()
    change(fake)
    return fake


def measure(name: str, fake: torch.Tensor, features: str = "digits") -> dict[str, float]:
    known = {**KNOWN, "asked": torch.arange(len(fake)) % 10}
    return {m.name: m.value for m in compare_samples(REAL, fake, [name], features, known=known)}


@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("bad", [math.nan, math.inf, -math.inf])
def test_one_bad_number_is_an_error_that_counts_the_rows(name: str, bad: float):
    fake = broken(lambda x: x.view(-1).__setitem__(70, bad))
    with pytest.raises(NotFiniteError, match=r"1 of 100 rows of \w+"):
        measure(name, fake)


@pytest.mark.parametrize("name", METRICS)
def test_no_samples_is_an_error_that_says_how_many(name: str):
    with pytest.raises(TooFewSamplesError, match="at least"):
        measure(name, FAKE[:0])


@pytest.mark.parametrize("name", METRICS)
def test_a_bare_vector_is_an_error(name: str):
    with pytest.raises(ShapeError, match=r"\(64,\)"):
        measure(name, FAKE[0].flatten(), "pixels")


DEGENERATE = {
    "one sample": FAKE[:1],
    "two samples": FAKE[:2],
    "all the same": FAKE[:1].expand(60, -1, -1, -1),
    "all black": torch.full((60, 1, 8, 8), -1.0),
    "few": FAKE[:20],
    "copies of the data": REAL,
    "huge": 1e6 * FAKE,
}


@pytest.mark.parametrize("case", DEGENERATE)
@pytest.mark.parametrize(("name", "features"), MEASURABLE)
def test_degenerate_samples_give_finite_numbers_or_say_why_not(name: str, case: str, features: str):
    try:
        found = measure(name, DEGENERATE[case], features)
    except TooFewSamplesError:
        assert len(DEGENERATE[case]) <= 20
        return
    except MetricError:
        if (name, case) != ("ms_ssim", "huge"):
            raise
        return
    assert found
    assert all(isinstance(value, float) and math.isfinite(value) for value in found.values()), found


@pytest.mark.parametrize("name", METRICS)
def test_the_input_is_left_alone_and_global_randomness_too(name: str):
    before, state = FAKE.clone(), torch.get_rng_state()
    metric = built_metric(name, {}, KNOWN)
    first = measure(name, FAKE)
    assert torch.equal(before, FAKE)
    assert torch.equal(state, torch.get_rng_state())
    assert measure(name, FAKE) == first
    assert set(metric.settings()) <= set(vars(metric))


def test_what_the_data_must_provide_is_named():
    with pytest.raises(MetricError, match="modes needs the data's centres, deviation"):
        evaluate_samples(REAL, FAKE, ["modes"])
    with pytest.raises(MetricError, match="Did you mean 'fid'"):
        evaluate_samples(REAL, FAKE, ["fdi"])
    with pytest.raises(MetricError, match="without class logits"):
        evaluate_samples(REAL, FAKE, ["inception_score"], "pixels")


def test_widths_that_do_not_fit_are_an_error():
    for name in ("fid", "kid", "precision_recall", "density_coverage", "sliced_wasserstein", "memorisation"):
        with pytest.raises(ShapeError):
            evaluate_samples(REAL, torch.zeros(50, 1, 7, 7), [name], "pixels")


def test_gradients_do_not_leak_into_a_measurement():
    fake = (0.5 * FAKE).requires_grad_()
    found = evaluate_samples(REAL, fake, ["fid", "kid", "precision_recall", "sliced_wasserstein"], "digits")
    assert all(type(m.value) is float for m in found)


def test_neighbourhoods_in_blocks_are_neighbourhoods(monkeypatch: pytest.MonkeyPatch):
    rng = generator(0)
    x, y = torch.randn(90, 4, generator=rng), torch.randn(70, 4, generator=rng)
    names = ["precision_recall", "density_coverage"]
    whole = [m.value for m in evaluate_samples(x, y, names)]
    monkeypatch.setattr(balls, "ENTRIES", 64)
    monkeypatch.setattr(grid, "ENTRIES", 64)
    assert [m.value for m in evaluate_samples(x, y, names)] == whole


ODD = {
    "complex": (lambda x: torch.complex(x, x), r"complex numbers .* torch.view_as_real\("),
    "truth values": (lambda x: x > 0, r"truth values; give numbers: \w+\.float\(\)"),
    "sparse": (lambda x: x.flatten(1).to_sparse(), r"is sparse .* give \w+\.to_dense\(\)"),
    "of NumPy": (lambda x: x.numpy(), r"a ndarray is no tensor; give torch\.as_tensor\(\w+\)"),
}


@pytest.mark.unchecked("annotations refuse an array first")
@pytest.mark.parametrize("name", METRICS)
@pytest.mark.parametrize("kind", ODD)
def test_what_is_no_tensor_of_real_numbers_is_refused_with_the_cure(name: str, kind: str):
    make, told = ODD[kind]
    with pytest.raises(MetricError, match=told):
        measure(name, make(FAKE))
    metric = built_metric(name, {}, KNOWN)
    for real, fake, who in ((REAL, make(FAKE), "fake"), (make(REAL), FAKE, "real")):
        with pytest.raises(MetricError, match=f"^{who}.*{told}"):
            metric(real, fake)
