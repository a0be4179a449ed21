"""Modes, classes, copies: against histograms made by construction, closed forms, and SciPy's distances."""

import math

import pytest
import torch
from scipy.spatial.distance import cdist

from nashpath.core import Key, generator
from nashpath.core.math.distances import nearest_neighbours, squared_blocks
from nashpath.data import Digits, Grid, Ring, Samples, StackedDigits
from nashpath.metrics import (
    Classes,
    MetricError,
    classes,
    evaluate_samples,
    memorisation,
    modes,
    nearest_labels,
    stacked_modes,
)
from nashpath.metrics.features import as_extractor
from nashpath.metrics.modes import coverage
from nashpath.run.assess.diagnose_play import _clusters


def placed(ring: Ring, counts: list[int], radius: float = 0.0) -> torch.Tensor:
    """So many samples at each centre, ``radius`` deviations away from it."""
    offset = torch.tensor([radius * ring.deviation, 0.0])
    return ring.centres.repeat_interleave(torch.tensor(counts), 0) + offset


def test_the_data_cover_their_own_modes():
    for data in (Ring(), Grid()):
        found = modes(data.draw(Key(0), 5000)["real"], data.centres, data.deviation)
        assert found["modes"] == len(data.centres)
        assert found["high_quality"] == pytest.approx(1 - math.exp(-8), abs=0.002)  # P(|z| < 4) in two dimensions
        assert found["mode_kl"] < 0.01


def test_histograms_made_by_hand():
    ring = Ring()
    found = modes(placed(ring, [500, 250, 250, 0, 0, 0, 0, 0]), ring.centres, ring.deviation)
    assert found == {"modes": 3.0, "high_quality": 1.0, "mode_kl": pytest.approx(math.log(8) - 1.5 * math.log(2))}
    threshold = modes(placed(ring, [979, 10, 11, 0, 0, 0, 0, 0]), ring.centres, ring.deviation)
    assert threshold["modes"] == 2  # 1.1 % counts, 1.0 % does not


@pytest.mark.parametrize(("radius", "share"), [(3.9, 1.0), (4.1, 0.0)])
def test_four_deviations_are_the_border(radius: float, share: float):
    ring = Ring()
    found = modes(placed(ring, [10] * 8, radius), ring.centres, ring.deviation)
    assert found["high_quality"] == share
    assert found["mode_kl"] == pytest.approx(0.0 if share else math.log(8), abs=1e-12)


def test_many_modes_need_a_quarter_of_a_fair_share():
    centres = 10.0 * torch.arange(1000.0)[:, None]
    sampled = centres.repeat_interleave(torch.tensor([1, 3] * 500), 0)  # a fair share is 2
    assert modes(sampled, centres, 1.0)["modes"] == 1000
    sparse = centres[:-1].repeat_interleave(5, 0)
    assert modes(torch.cat([sparse, centres[-1:]]), centres, 1.0)["modes"] == 999


def test_classes_of_real_digits_are_their_labels():
    images, labels = Digits("test").labelled_examples()
    known = Digits("train").labelled_examples()
    kept = labels < 7
    found = classes(images[kept], images[kept], labels[kept], 10)
    assert found == {"classes": 7.0, "class_kl": 0.0}
    some = classes(images[kept], images, labels, 10)  # of 10 classes, the first seven in their own shares
    assert some == {"classes": 7.0, "class_kl": pytest.approx(-math.log(float((labels < 7).double().mean())))}
    right = nearest_labels(images, *known) == labels
    theirs = known[1][torch.from_numpy(cdist(images.flatten(1), known[0].flatten(1)).argmin(1))]
    assert torch.equal(nearest_labels(images, *known), theirs)
    assert right.float().mean() > 0.97


def at(counts: list[int]) -> torch.Tensor:
    """So many points near k of each class k."""
    number = torch.arange(len(counts)).repeat_interleave(torch.tensor(counts))
    return (number + torch.linspace(-0.1, 0.1, len(number)))[:, None]


def divergence(p: list[int], q: list[int]) -> float:
    """Σ p log(p / q) of two histograms."""
    return sum(a / sum(p) * math.log(a / sum(p) * sum(q) / b) for a, b in zip(p, q) if a)


SHARED = {
    "fresh, uneven": ([900, 100], [900, 100], 2),
    "even, of uneven data": ([900, 100], [500, 500], 2),
    "fresh, one rare": ([992, 8], [992, 8], 2),
    "a quarter of a rare share": ([992, 8], [998, 2], 1),
    "more than a quarter of it": ([992, 8], [997, 3], 2),
    "1 % of even data": ([500, 500], [990, 10], 1),
    "more than 1 % of even data": ([500, 500], [989, 11], 2),
    "a quarter of many": ([20] * 50, [5] + [20] * 48 + [35], 49),
    "more than a quarter of many": ([20] * 50, [6] + [20] * 48 + [34], 50),
    "one lost": ([600, 300, 100], [600, 400, 0], 2),
}


@pytest.mark.parametrize("what", SHARED)
def test_classes_are_held_against_the_shares_of_the_real_ones(what: str):
    real, fake, covered = SHARED[what]
    labels = torch.arange(len(real)).repeat_interleave(torch.tensor(real))
    expected = {"classes": covered, "class_kl": pytest.approx(divergence(fake, real), abs=1e-12)}
    assert classes(at(fake), at(real), labels, len(real)) == expected
    known = {"labels": labels, "classes": len(real)}
    assert {m.name: m.value for m in evaluate_samples(at(real), at(fake), ["classes"], known=known)} == expected
    assert Classes.glance(at(fake), Samples(at(real), labels), Key(0)) == expected


def test_diagnosis_holds_clusters_against_their_own_shares():
    """Data of which one cluster is rare: fresh ones cover all, whatever the shares."""
    real = at([960, 40])
    index, due = _clusters(real.double(), real.double(), 2)
    assert sorted(due.tolist()) == pytest.approx([0.04, 0.96])
    assert coverage(index, 2, len(real), due) == (2.0, pytest.approx(0, abs=1e-12))


def test_stacked_modes_are_the_labels_of_stacked_digits():
    digits = Digits("train").labelled_examples()
    batch = StackedDigits("train").draw(Key(0), 1500)
    found = stacked_modes(batch["real"], *digits)
    assert found["stacked_modes"] == len(batch["label"].unique())
    collapsed = stacked_modes(batch["real"][:1].repeat(50, 1, 1, 1), *digits)
    assert collapsed == {"stacked_modes": 1.0, "stacked_kl": pytest.approx(math.log(1000))}


def test_stacked_modes_as_the_classifier_reads_them():
    """The published protocol, by the classifier's own answers for single digits."""
    digits, labels = Digits("test").labelled_examples()
    stacks = torch.stack([digits[k : k + 3, 0] for k in range(0, 510, 3)])
    told = as_extractor("digits")(digits[:510]).logits.argmax(1).view(-1, 3)
    numbers = told @ torch.tensor([100, 10, 1])
    share = numbers.bincount(minlength=1000).double() / len(numbers)
    known = {"digits": digits, "digit_labels": labels}
    asked = {"settings": {"stacked_modes": {"judge": "classifier"}}, "known": known}
    found = evaluate_samples(stacks, stacks, ["stacked_modes"], "digits", **asked)
    assert {m.name: m.value for m in found} == {
        "stacked_modes": len(numbers.unique()),
        "stacked_kl": pytest.approx(float(torch.xlogy(share, 1000 * share).sum())),
    }
    assert "judge=classifier" in str(found[0].protocol)
    assert (told.flatten() == labels[:510]).float().mean() > 0.98
    with pytest.raises(MetricError, match="without class logits"):
        evaluate_samples(stacks, stacks, ["stacked_modes"], "pixels", **asked)
    with pytest.raises(MetricError, match="stacked digits are"):
        evaluate_samples(digits[:9, 0], digits[:9, 0], ["stacked_modes"], "pixels", **asked)


def test_copies_are_found_and_fresh_samples_are_not_copies():
    train, test = Digits("train").examples(), Digits("test").examples()
    copied = memorisation(train[:100], train)
    assert (copied["nearest"], copied["copies"]) == (0.0, 1.0)
    fresh = memorisation(test, train)
    among = cdist(train.flatten(1), train.flatten(1))
    among[range(len(train)), range(len(train))] = math.inf
    assert fresh["nearest"] == pytest.approx(cdist(test.flatten(1), train.flatten(1)).min(1).mean(), rel=1e-9)
    assert fresh["nearest_real"] == pytest.approx(among.min(1).mean(), rel=1e-9)
    assert fresh["copies"] == 0


@pytest.mark.long(first=True)
@pytest.mark.parametrize("entries", [1, 50, 1 << 24])
def test_blocks_are_small_and_do_not_change_distances(entries: int):
    rng = generator(1)
    x, y = torch.randn(37, 5, generator=rng) + 100, torch.randn(23, 5, generator=rng) + 100
    whole = torch.empty(37, 23, dtype=torch.double)
    for at, over, squared in squared_blocks(x, y, entries):
        assert squared.numel() <= entries
        whole[at, over] = squared
    truth = cdist(x.double(), y.double())
    assert whole.sqrt().numpy() == pytest.approx(truth, rel=1e-9)
    distance, index = nearest_neighbours(x, y, 3, entries)
    assert distance.numpy() == pytest.approx(whole.sqrt().sort(1)[0][:, :3].numpy(), rel=1e-12)
    assert torch.equal(index, torch.from_numpy(truth.argsort(1)[:, :3]))


X, LABELS = torch.randn(60, 2, generator=torch.Generator().manual_seed(0)), torch.arange(60) % 3
CENTRES = torch.tensor([[0.0, 0.0], [1.0, 1.0]])
NONSENSE = [
    ("modes", {"centers": CENTRES, "deviation": 0.1}, "known: 'centers' is of no use here. Did you mean 'centres'"),
    ("modes", {"centres": CENTRES, "deviation": -0.1}, "deviation is -0.1; that of each mode is a positive number"),
    ("modes", {"centres": CENTRES, "deviation": 0.0}, "deviation is 0.0; that of each mode is a positive number"),
    ("modes", {"centres": CENTRES.flatten(), "deviation": 0.1}, r"centres has shape \(4,\)"),
    ("modes", [CENTRES, 0.1], "known is a list; it must be a mapping"),
    ("modes", {"centres": CENTRES}, r"the data's deviation.*known=\{'deviation': ...\}"),
    ("fid", {"labels_": LABELS}, "known: 'labels_' is of no use here. Did you mean 'labels'"),
    ("classes", {"labels": LABELS[:5], "classes": 3}, r"60 examples but labels of shape \(5,\)"),
    ("classes", {"labels": LABELS.float(), "classes": 3}, "labels are torch.float32; give whole numbers"),
    ("classes", {"labels": LABELS - 1, "classes": 3}, "labels reach from -1 to 1; 3 classes are counted from 0 to 2"),
    ("classes", {"labels": LABELS, "classes": 2}, "labels reach from 0 to 2; 2 classes are counted from 0 to 1"),
    ("classes", {"labels": LABELS, "classes": 0}, "classes is 0; it must be at least 1"),
    ("per_class", {"labels": LABELS, "classes": 3, "asked": LABELS + 5}, "asked reach from 5 to 7"),
    ("per_class", {"labels": LABELS, "classes": 3, "asked": LABELS.float()}, "asked are torch.float32"),
    ("per_class", {"labels": LABELS + 1, "classes": 3, "asked": LABELS}, "labels reach from 1 to 3"),
]


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize(("name", "known", "said"), NONSENSE)
def test_facts_that_make_no_sense_are_refused_by_name(name, known, said):
    with pytest.raises(ValueError, match=said):
        evaluate_samples(X, X.flip(0), [name], known=known)


def test_facts_may_be_arrays_and_lists_and_settings_name_what_is_measured():
    given = [{"labels": labels, "classes": 3} for labels in (LABELS, LABELS.numpy(), LABELS.tolist())]
    one, *others = [evaluate_samples(X, X.flip(0), ["classes"], known=known) for known in given]
    assert all([m.value for m in other] == [m.value for m in one] for other in others)
    with pytest.raises(MetricError, match=r"settings: 'precision' is of no use here. Did you mean 'precision_recall'"):
        evaluate_samples(X, X, ["precision_recall"], settings={"precision": {"neighbours": 5}})
