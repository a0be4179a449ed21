"""Training samples that are held more than once: which of them count, where copies are looked for."""

from math import gcd
from typing import NamedTuple

import torch
from torch import Tensor

from nashpath.core.math.distances import middle, nearest_neighbours
from nashpath.metrics.base import Sample
from nashpath.metrics.errors import validate_samples
from nashpath.metrics.scale import check_spread, in_units

SAME = 1 + 1e-6
"""Distances whose ratio is less are the same."""


class Distinct(NamedTuple):
    """Which samples count (their indices, in their order), and what is said of the rest.

    ``times`` each sample is held at least, and a multiple of it; ``equal`` samples have another that is equal to them
    (of one such holding), and ``by_chance`` where these are no sign of a repetition but of few values.
    """

    kept: Tensor
    times: int
    equal: int
    by_chance: bool

    def said(self, bias: str) -> str:
        """A metric's ``bias``, and what equal samples add to it; nothing where there are none."""
        words = [bias]
        if self.times > 1:
            words.append(f"the training samples are held {self.times} times each, and count once")
        if self.equal and self.by_chance:
            words.append(
                f"{self.equal} training samples equal another, as in tables of categories: fresh ones "
                "and copies cannot be told apart there"
            )
        elif self.equal:
            words.append(f"{self.equal} training samples equal another, and those that are equal count as one")
        return "; ".join(words)


def distinct(samples: Tensor) -> Distinct:
    """The samples ``[n, ...]`` among which copies are told, as a copy has no near second one where all are held twice.

    Samples all held m, 2 m, 3 m ... times are taken as held 1, 2, 3 ... times. What is equal still counts once, unless
    equal ones come by chance, as in tables of categories, where fresh samples equal training samples too: there all
    count. Chance makes neighbours as it makes equals: the values lie on a lattice, so that its least step parts many
    distinct samples from the nearest other one. It is chance where it parts at least two (the nearest pair of any
    samples) and a quarter of the number of values that come again, or all there are. Samples nearly equal are distinct.

    Raises `TooFewSamplesError`, `NotFiniteError`.
    """
    x = validate_samples(samples, "training samples")
    _, group, counts = torch.unique(x, dim=0, return_inverse=True, return_counts=True)
    if len(counts) in (1, len(x)):
        return Distinct(torch.arange(len(x), device=x.device), 1, 0 if len(counts) > 1 else len(x), len(counts) == 1)
    times = gcd(*counts.tolist())
    counts = counts // times
    again = counts > 1
    order = group.sort(stable=True).indices
    starts = times * (counts.cumsum(0) - counts)
    place = torch.empty_like(order)
    place[order] = torch.arange(len(x), device=x.device) - starts[group[order]]
    equal = int(counts[again].sum())
    by_chance = equal > 0 and _on_a_lattice(x[place == 0], int(again.sum()))
    most = counts if by_chance else torch.ones_like(counts)
    return Distinct((place < most[group]).nonzero()[:, 0], times, equal, by_chance)


def _on_a_lattice(x: Tensor, again: int) -> bool:
    """Whether the least distance of all is that to the nearest other one of many of ``x [n, d]``, no two equal."""
    (x,), _ = in_units(x)
    check_spread([x], middle(x))
    nearest = nearest_neighbours(x, x, count=2)[0][:, 1]
    nearest = nearest[nearest > 0]
    steps = int((nearest <= nearest.min() * SAME).sum()) if len(nearest) else 0
    return steps >= min(2 + again / 4, len(x))


def distinct_of(sample: Sample) -> Distinct:
    """`distinct` of a sample's values, computed once."""

    def make() -> dict[str, Tensor]:
        kept, *numbers = distinct(sample.values)
        return {"kept": kept, "numbers": torch.tensor(numbers, dtype=torch.long)}

    made = sample.once("distinct", make)
    times, equal, by_chance = made["numbers"].tolist()
    return Distinct(made["kept"], times, equal, bool(by_chance))
