"""Where numbers end, and how many real samples they need: laws over all metrics, and samples at the ends."""

import math

import pytest
import torch

from nashpath.core.rng import generator
from nashpath.data import Digits
from nashpath.metrics import METRICS, Sample, TooFewSamplesError, evaluate_samples, real_sample
from nashpath.metrics.evaluate import built_metric, compare_samples
from nashpath.metrics.features import as_extractor
from nashpath.run.assess.evaluate_groups import group_of
from nashpath.run.observe.metrics import ReferenceSet
from nashpath.run.settings.members import Member
from nashpath.run.settings.model import General

CENTRES = torch.tensor([[0.0, 0.0], [4.0, 0.0], [0.0, 4.0], [4.0, 4.0]])
DIGITS, LABELS = Digits("train").labelled_examples(200)


def known(reals: int, fakes: int) -> dict[str, object]:
    """All that a metric may need to know, of so many samples: labels go round."""
    facts = {"centres": CENTRES, "deviation": 0.1, "columns": None, "digits": DIGITS, "digit_labels": LABELS}
    return {**facts, "labels": torch.arange(reals) % 2, "classes": 2, "asked": torch.arange(fakes) % 2}


def samples(name: str, count: int, seed: int) -> torch.Tensor:
    """Pictures for what needs them, else vectors in the plane."""
    shape = {"stacked_modes": (3, 8, 8), "ms_ssim": (1, 8, 8), "inception_score": (1, 8, 8)}.get(name, (2,))
    return torch.rand(count, *shape, generator=generator(seed)) * 2 - 1


def measured(name: str, real: torch.Tensor, fake: torch.Tensor, **facts: object) -> list:
    features = "digits" if name == "inception_score" else "pixels"
    reference = real_sample(real, features, cached=False)
    return evaluate_samples(reference, fake, [name], known={**known(len(real), len(fake)), **facts})


@pytest.mark.filterwarnings("ignore:real samples reach")
@pytest.mark.parametrize("scale", [0.0, 0.3, 1.0])
@pytest.mark.parametrize("name", METRICS)
def test_no_number_is_beyond_its_limits_or_its_top(name: str, scale: float) -> None:
    real, fake = samples(name, 40, 1), samples(name, 40, 2) * scale + 0.01 * samples(name, 40, 3)
    for m in measured(name, real, fake.clamp(-1, 1)):
        low, high = METRICS[name].limits(m.name)
        assert low <= m.value <= min(high, m.top) * (1 + 1e-12), m.name


ROWS = torch.arange(1000)
STACKED = torch.stack(
    [DIGITS[[int((d == LABELS).nonzero()[0, 0]) for d in (ROWS // 10**k % 10).tolist()], 0] for k in range(3)], 1
)
ENDS = {
    "modes": ("modes", CENTRES, CENTRES.repeat(9, 1), 4),
    "mode_kl": ("modes", CENTRES, CENTRES[:1].repeat(9, 1), math.log(4)),
    "classes": ("classes", CENTRES, CENTRES, 2),
    "class_kl": ("classes", CENTRES, CENTRES[:1].repeat(9, 1), math.log(2)),
    "stacked_modes": ("stacked_modes", STACKED[:9], STACKED, 1000),
    "stacked_kl": ("stacked_modes", STACKED[:9], STACKED[:1].repeat(9, 1, 1, 1), math.log(1000)),
    # six reals on a circle about the fakes, each one's fifth nearest farther than its middle: in all balls
    "density": (
        "density_coverage",
        torch.polar(torch.ones(6), torch.arange(6) * math.pi / 3),
        torch.zeros(9, 2),
        6 / 5,
    ),
}


@pytest.mark.parametrize("number", ENDS)
def test_the_top_is_reached_by_the_samples_that_have_most_of_it(number: str) -> None:
    name, real, fake, top = ENDS[number]
    real = torch.view_as_real(real) if real.is_complex() else real
    found = {m.name: m for m in measured(name, real, fake)}[number]
    assert found.top == pytest.approx(top, rel=1e-12)
    assert found.value == pytest.approx(top, rel=1e-6)


def test_an_interval_over_members_ends_at_the_top() -> None:
    """Nine, nine and one of ten classes: Student's interval goes far beyond ten."""
    reference = ReferenceSet(Digits("train"), ["classes"], "pixels")
    each = [[m for m in reference(DIGITS[k > LABELS]) if m.name == "classes"] for k in (9, 9, 1)]
    members = [Member(k, k, General()) for k in range(3)]
    (entry,) = (one for one in group_of({}, members, reference, each)["numbers"] if one["name"] == "classes")
    assert entry["values"] == [9, 9, 1]
    assert (entry["top"], entry["high"]) == (10, 10)
    assert entry["low"] == 0


@pytest.mark.parametrize("name", METRICS)
def test_a_metric_measures_from_its_least_number_of_real_samples_on(name: str) -> None:
    """With fewer it is refused by its name before anything is measured, or left out where nobody named it."""
    facts = known(40, 40)
    least = built_metric(name, {}, facts).least
    real, fake = samples(name, 40, 1), samples(name, 40, 2)
    enough = max(least, 4) if name == "per_class" else least  # of which a class needs two
    assert measured(name, real[:enough], fake)
    if least > 1:
        with pytest.raises(TooFewSamplesError, match=f"{name} needs at least {least} real samples, and there"):
            measured(name, real[: least - 1], fake)
        left_out = dict[str, str]()
        reference = Sample(real[: least - 1], as_extractor("pixels"))
        assert compare_samples(reference, fake, [name], known=known(least - 1, 40), left_out=left_out) == []
        assert list(left_out) == [name]


def test_a_refusal_names_what_can_be_measured_of_what_was_asked_for() -> None:
    real, fake = samples("", 5, 1), samples("", 40, 2)
    with pytest.raises(TooFewSamplesError) as refused:
        evaluate_samples(real, fake, ["fid", "prdc", "sliced_wasserstein"])
    said = "density_coverage needs at least 6 real samples, and there are 5: give more, or measure "
    assert str(refused.value) == f"{said}fid, precision_recall, sliced_wasserstein alone"


@pytest.mark.parametrize("count", range(1, 8))
def test_defaults_that_cannot_be_had_are_left_out_and_named_ones_refused(count: int) -> None:
    """By the definitions: 2 for distances of moments, 4 and 6 for third and fifth neighbours."""
    least = {"fid": 2, "kid": 2, "precision_recall": 4, "density_coverage": 6, "classes": 1}
    reference = ReferenceSet(Digits("train"), features="pixels", most=count)
    found = {m.protocol.metric for m in reference(DIGITS[:50])}
    assert found & set(least) == {name for name, few in least.items() if few <= count}
    assert set(reference.left_out) == {name for name, few in least.items() if few > count}
    for name, few in least.items():
        if few > count:
            with pytest.raises(TooFewSamplesError, match=f"{name} needs at least {few} .*measure .*classes"):
                ReferenceSet(Digits("train"), [name], "pixels", most=count)
