"""The bundled digits, and what is composed of them."""

import numpy as np
import pytest
import torch
from scipy.stats import chisquare

from nashpath.core import Key
from nashpath.data import ColouredDigits, Digits, StackedDigits


def test_the_bundle_is_scikit_learns_copy():
    datasets = pytest.importorskip("sklearn.datasets")
    theirs = datasets.load_digits()
    images, labels = Digits("all").labelled_examples()
    assert np.array_equal(8 * (images[:, 0].numpy() + 1), theirs.images)
    assert np.array_equal(labels, theirs.target)


def test_the_label_counts_are_the_published_ones():
    counts = Digits("all").labelled_examples()[1].bincount()
    assert counts.tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]


@pytest.mark.unchecked("asks for a split that the annotation excludes")
def test_the_split_is_a_stratified_partition():
    parts = {split: Digits(split).labelled_examples() for split in ("train", "test", "all")}
    together = torch.cat([parts["train"][0], parts["test"][0]]).flatten(1)
    assert sorted(map(tuple, together.tolist())) == sorted(map(tuple, parts["all"][0].flatten(1).tolist()))
    share = parts["test"][1].bincount() / parts["all"][1].bincount()
    assert (share - 0.3).abs().max() < 0.01
    with pytest.raises(ValueError, match="split is 'valid'; it must be one of 'train', 'test', 'all'"):
        Digits("valid")


def test_draws_come_from_the_split_alone():
    held_out = {tuple(row) for row in Digits("test").examples().flatten(1).tolist()}
    drawn = Digits("test").draw(Key(0), 3_000)["real"].flatten(1).tolist()
    assert {tuple(row) for row in drawn} <= held_out
    assert len({tuple(row) for row in drawn}) > 0.98 * len(held_out)


def test_stacked_digits_spell_their_label():
    stacked = StackedDigits("all").draw(Key(0), 200)
    images, labels = Digits("all").labelled_examples()
    known = {tuple(image): int(label) for image, label in zip(images.flatten(1).tolist(), labels)}
    spelt = [[known[tuple(channel.flatten().tolist())] for channel in sample] for sample in stacked["real"]]
    assert [100 * a + 10 * b + c for a, b, c in spelt] == stacked["label"].tolist()


def test_stacked_digits_have_a_thousand_modes():
    labels = StackedDigits("all").draw(Key(0), 50_000)["label"]
    assert labels.unique().numel() == StackedDigits.classes == 1000
    digits = Digits("all").labelled_examples()[1].bincount().double() / 1797
    assert chisquare((labels // 100).bincount(), 50_000 * digits).pvalue > 1e-3


def test_coloured_digits_are_digits_between_two_colours():
    source = ColouredDigits("all", contrast=0.3)
    real, label = source.labelled_examples(2_000)
    grey, plain_label = Digits("all").draw(Key(0, "examples").stream("grey"), 2_000).values()
    assert torch.equal(label, plain_label)  # the digits have a stream of their own
    ground, ink = real[grey.expand_as(real) == -1], real[grey.expand_as(real) == 1]
    assert ground.numel() > 0
    assert ink.numel() > 0
    empty, full = grey[:, 0].flatten(1) == -1, grey[:, 0].flatten(1) == 1
    both = empty.any(1) & full.any(1)
    pixels = real.flatten(2)[both]
    at = torch.arange(len(pixels))
    low = pixels[at, :, empty[both].int().argmax(1)]
    high = pixels[at, :, full[both].int().argmax(1)]
    assert ((high - low).abs() / 2).min() >= 0.3 - 1e-6
    intensity = (grey[both] + 1) / 2
    expected = low[..., None, None] + intensity * (high - low)[..., None, None]
    assert torch.allclose(real[both], expected, atol=1e-5)
    assert chisquare(torch.histc(low, 10, -1, 1)).pvalue > 1e-3
    assert chisquare(torch.histc(high, 10, -1, 1)).pvalue > 1e-3


def test_examples_can_be_limited_and_stay_spread_over_the_data():
    images, labels = Digits("all").labelled_examples(limit=100)
    assert images.shape == (100, 1, 8, 8)
    assert labels.unique().numel() == 10
    assert Digits("all").examples(limit=10_000).shape[0] == 1797
    assert torch.equal(StackedDigits().examples(5), StackedDigits().examples(5))
