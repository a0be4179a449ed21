"""Classes of which there are no or too few samples change no number by class, and are named."""

import pytest
import torch
from torch import nn

from nashpath.core.rng import generator
from nashpath.core.source import Source
from nashpath.metrics import Measurement, TooFewSamplesError, class_accuracy, evaluate_samples

CLASSES = 4
CENTRES = torch.tensor([[0.0, 0], [4, 0], [0, 4], [4, 4]], dtype=torch.double)


def drawn(count: int, seed: int) -> tuple[torch.Tensor, torch.Tensor]:
    """Points around four centres, a fifth of them around another one than their label's, and the labels."""
    rng = generator(seed)
    labels = torch.randint(0, CLASSES, (count,), generator=rng)
    wrong = torch.rand(count, generator=rng) < 0.2
    around = CENTRES[torch.where(wrong, (labels + 1) % CLASSES, labels)]
    return around + 0.5 * torch.randn(count, 2, generator=rng, dtype=torch.double), labels


def measured(real: torch.Tensor, labels: torch.Tensor, fake: torch.Tensor, asked: torch.Tensor, features: object = ""):
    known = {"labels": labels, "classes": CLASSES, "asked": asked}
    found: list[Measurement] = evaluate_samples(real, fake, ["per_class"], features or "pixels", known=known)
    return {m.name: m.value for m in found}, found[0].protocol.bias


def fewer(labels: torch.Tensor, few: dict[int, int]) -> torch.Tensor:
    """Which samples stay where there are only so many of some classes."""
    stay = torch.ones(len(labels), dtype=torch.bool)
    for k, count in few.items():
        stay[(labels == k).nonzero()[count:, 0]] = False
    return stay


@pytest.mark.parametrize("missing", [[0], [3], [1, 2], [0, 1, 3]])
def test_samples_of_classes_without_real_ones_count_for_nothing(missing):
    """What is measured is what is found without those samples, and is said."""
    (real, labels), (fake, asked) = drawn(600, 0), drawn(500, 1)
    known, possible = fewer(labels, dict.fromkeys(missing, 0)), fewer(asked, dict.fromkeys(missing, 0))
    found, bias = measured(real[known], labels[known], fake, asked)
    without, quiet = measured(real[known], labels[known], fake[possible], asked[possible])
    assert found == without
    names = f"class{'es' if len(missing) > 1 else ''} {', '.join(map(str, missing))}"
    assert f"class_accuracy without samples asked for of {names}:" in bias
    assert f"intra_fid without {names}:" in bias
    assert "class_accuracy without" not in quiet
    assert not {f"{name}.{k}" for name in ("class_accuracy", "intra_fid") for k in missing} & found.keys()


@pytest.mark.parametrize("side", ["real", "asked"])
@pytest.mark.parametrize("count", [0, 1, 2, 9, 10, 40])
def test_a_class_of_few_samples_is_no_part_of_the_mean_distance(side, count):
    (real, labels), (fake, asked) = drawn(600, 0), drawn(500, 1)
    whole, _ = measured(real, labels, fake, asked)
    if side == "real":
        stay = fewer(labels, {2: count})
        real, labels = real[stay], labels[stay]
    else:
        stay = fewer(asked, {2: count})
        fake, asked = fake[stay], asked[stay]
    found, bias = measured(real, labels, fake, asked)
    assert ("intra_fid.2" in found) == (count >= 10)
    assert ("intra_fid without class 2: fewer than 10 real or generated samples" in bias) == (count < 10)
    parts = [found[f"intra_fid.{k}"] for k in range(CLASSES) if k != 2 or count >= 10]
    assert found["intra_fid"] == pytest.approx(sum(parts) / len(parts))
    assert all(found[f"intra_fid.{k}"] == whole[f"intra_fid.{k}"] for k in (0, 1, 3))


def test_where_no_class_has_ten_samples_those_with_two_count_and_it_is_said():
    (real, labels), (fake, asked) = drawn(600, 0), drawn(500, 1)
    stay = fewer(asked, {0: 5, 1: 5, 2: 1, 3: 5})
    found, bias = measured(real, labels, fake[stay], asked[stay])
    assert {f"intra_fid.{k}" for k in (0, 1, 3)} == {name for name in found if name.startswith("intra_fid.")}
    assert "intra_fid without class 2: fewer than 2" in bias
    assert "no class has 10 real and 10 generated samples" in bias
    stay = fewer(asked, dict.fromkeys(range(CLASSES), 1))
    with pytest.raises(TooFewSamplesError, match="no class has two"):
        measured(real, labels, fake[stay], asked[stay])


class Nearest(nn.Module):
    """A classifier that knows all four classes, as features."""

    def forward(self, x: torch.Tensor):
        return x, -torch.cdist(x.double(), CENTRES)


def test_a_classifier_of_the_features_knows_classes_without_real_samples():
    (real, labels), (fake, asked) = drawn(600, 0), drawn(500, 1)
    known = fewer(labels, {3: 0})
    found, bias = measured(real[known], labels[known], fake, asked, Nearest())
    right = torch.cdist(fake, CENTRES).argmin(1) == asked
    assert found["classifier_accuracy"] == pytest.approx(float(right.double().mean()))
    assert found["classifier_accuracy.3"] == pytest.approx(float(right[asked == 3].double().mean()))
    assert "accuracy without" not in bias


class Held(Source):
    """Labelled points, of which those of some classes are missing among the examples."""

    shape, classes = (2,), CLASSES

    def __init__(self, missing: list[int]):
        points, labels = drawn(400, 2)
        stay = fewer(labels, dict.fromkeys(missing, 0))
        self.points, self.labels = points[stay], labels[stay]

    def draw(self, key, n):
        raise NotImplementedError

    def examples(self, most: int = 0):
        return self.points

    def labelled_examples(self, most: int = 0):
        return self.points, self.labels


@pytest.mark.parametrize("missing", [[], [3], [0, 1], [0, 1, 2, 3]])
def test_the_accuracy_through_training_leaves_the_same_samples_out(missing):
    source, (fake, asked) = Held(missing), drawn(500, 1)
    if len(missing) == CLASSES:
        source.points, source.labels = drawn(400, 2)[0], torch.zeros(400, dtype=torch.long)
        assert class_accuracy(fake[asked > 0], asked[asked > 0], source) == {}
        return
    found, _ = measured(source.points, source.labels, fake, asked)
    assert class_accuracy(fake, asked, source)["class_accuracy"] == pytest.approx(found["class_accuracy"])
