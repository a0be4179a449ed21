"""Training samples that are held more than once: copies are found all the same, and fresh samples are not accused."""

import numpy as np
import pytest
import torch
from torch.nn.functional import one_hot

from nashpath.core.rng import generator
from nashpath.data import Digits
from nashpath.metrics import METRICS, Authenticity, ClosestRecord, Memorisation, TooFewSamplesError, evaluate_samples
from nashpath.metrics.distinct import distinct

OF_TRAINING = [name for name, metric in METRICS.items() if metric.of_training]
COPIED = {"too_close": 1.0, "copies": 1.0, "authenticity": 0.0}


def normal(count: int, seed: int) -> torch.Tensor:
    return torch.randn(count, 6, generator=generator(seed), dtype=torch.double)


def mixed(count: int, seed: int) -> torch.Tensor:
    """A category, a whole number, and two numbers of four decimals."""
    rng = np.random.default_rng(seed)
    kind, whole = np.eye(3)[rng.choice(3, count)], rng.poisson(3, (count, 1))
    return torch.from_numpy(np.hstack([kind, whole, rng.normal(size=(count, 2)).round(4)]))


def pictures(count: int, seed: int) -> torch.Tensor:
    """Images of 17 values, of which no two are equal."""
    return Digits("train" if seed == 0 else "test").examples()[:count].double()


def categories(count: int, seed: int) -> torch.Tensor:
    """Four columns of three categories: 81 rows there are."""
    return one_hot(torch.randint(0, 3, (count, 4), generator=generator(seed)), 3).flatten(1).double()


DRAWN = {"normal": normal, "mixed": mixed, "pictures": pictures}


def measured(real: torch.Tensor, fake: torch.Tensor) -> dict[str, float]:
    return {m.name: m.value for m in evaluate_samples(real, fake, OF_TRAINING, "pixels")}


def repeated(x: torch.Tensor, share: float, times: int) -> torch.Tensor:
    """The samples, and a share of them ``times`` - 1 times more."""
    return torch.cat([x, *([x[: round(share * len(x))]] * (times - 1))])


@pytest.mark.parametrize("kind", DRAWN)
@pytest.mark.parametrize("times", [2, 5])
@pytest.mark.parametrize("share", [0.0, 0.01, 0.03, 0.2, 0.7, 1.0])
def test_copies_are_all_found_whatever_share_of_the_training_samples_is_repeated(kind, times, share):
    x = DRAWN[kind](300, 0)
    real, noise = repeated(x, share, times), 1e-5 * torch.randn(x.shape, generator=generator(3))
    for fake in (x, x + noise, x[-80:]):
        found = measured(real, fake)
        assert {name: found[name] for name in COPIED} == COPIED


@pytest.mark.parametrize("kind", DRAWN)
def test_copies_are_found_among_samples_that_are_repeated_unequally(kind):
    """As a set that is drawn with replacement from another one."""
    x = DRAWN[kind](300, 0)
    real = x[torch.randint(0, 300, (600,), generator=generator(4))]
    found = measured(real, real.unique(dim=0))
    assert {name: found[name] for name in COPIED} == COPIED


@pytest.mark.parametrize("kind", [*DRAWN, "categories"])
@pytest.mark.parametrize("times", [2, 3])
def test_holding_the_training_set_several_times_changes_no_number(kind, times):
    draw = {**DRAWN, "categories": categories}[kind]
    real, fake = draw(200, 0), draw(150, 1)
    fake[:50] = real[:50]
    assert measured(torch.cat([real] * times), fake) == measured(real, fake)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("share", [0.0, 0.05, 0.5, 1.0])
def test_fresh_rows_are_not_called_copies_where_training_rows_are_repeated(share):
    """Too close are 5 % of fresh rows at most on average; a third as far as the next, 3^-6 in six dimensions.

    (Of the d-th power of a ratio of neighbours' distances all values are about alike.) Authentic is about a half. Over
    40 draws, within four standard errors.
    """
    drawn = [measured(repeated(normal(160, k), share, 2), normal(100, 1000 + k)) for k in range(40)]
    found = {name: np.array([each[name] for each in drawn]) for name in COPIED}
    margin = {name: 4 * values.std(ddof=1) / 40**0.5 for name, values in found.items()}
    assert found["too_close"].mean() < 0.05 + margin["too_close"]
    assert found["copies"].mean() < 3.0**-6 + margin["copies"]
    assert abs(found["authenticity"].mean() - 0.5) < 0.1


@pytest.mark.parametrize("count", [60, 300, 3000])
def test_rows_of_categories_that_come_again_by_chance_are_not_too_close(count):
    """All there are have been seen: a fresh row equals a real one, and could be a copy of none or of any."""
    shares = [ClosestRecord()(categories(count, k), categories(200, 500 + k))["too_close"] for k in range(10)]
    assert np.mean(shares) <= 0.05 + 4 * np.std(shares, ddof=1) / 10**0.5
    assert distinct(categories(count, 0)).by_chance


def said(metric: str, real: torch.Tensor) -> str:
    return str(evaluate_samples(real, real[:20], [metric])[0].protocol)


@pytest.mark.parametrize("metric", OF_TRAINING)
def test_a_word_about_equal_samples_stands_where_there_are_some(metric):
    x = normal(100, 0)
    assert "equal" not in said(metric, x)
    assert "held 3 times each" in said(metric, torch.cat([x] * 3))
    assert "equal another" not in said(metric, torch.cat([x] * 3))
    assert "14 training samples equal another, and those that are equal count as one" in said(
        metric, repeated(x, 0.07, 2)
    )
    assert "cannot be told apart" in said(metric, categories(300, 0))


@pytest.mark.parametrize("metric", [Memorisation(), ClosestRecord(), Authenticity()])
def test_samples_that_are_all_equal_are_measured_or_refused_in_words(metric):
    real = torch.ones(6, 2)
    assert set(metric(real, real).values()) <= {0.0}
    with pytest.raises(TooFewSamplesError):
        metric(real[:1], real)


def test_what_counts_keeps_its_order():
    rows = torch.tensor([[3.0], [1.0], [3.0], [2.7], [1.0], [9.1]])
    found = distinct(rows)
    assert (found.kept.tolist(), found.times, found.equal, found.by_chance) == ([0, 1, 3, 5], 1, 4, False)
    twice = distinct(torch.cat([rows, rows]))
    assert (twice.kept.tolist(), twice.times, twice.equal) == ([0, 1, 3, 5], 2, 4)
    whole = torch.tensor([[0.0], [1.0], [2.0], [2.0], [3.0], [4.0]])
    assert distinct(torch.cat([whole, whole])).kept.tolist() == [0, 1, 2, 3, 4, 5]
