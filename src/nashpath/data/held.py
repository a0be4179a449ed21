"""What every source that holds a finite number of samples shares: drawing with replacement, and handing them out."""

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor

from nashpath.data.bank import Bank

Progress = Callable[[int, int], None]
"""Called as ``progress(done, total)`` while slow work goes on."""


class Held:
    """Base of the sources over a `Bank`. Subclasses set ``shape`` and say how the bank is filled."""

    shape: tuple[int, ...]
    _bank: Bank | None = None

    def _fill(self, progress: Progress | None) -> Bank:
        """Reads, decodes or downloads the samples; called once."""
        raise NotImplementedError

    def prepare(self, progress: Progress | None = None) -> None:
        """Does the slow work (decoding, downloading) now rather than at the first draw."""
        self._filled(progress)

    def _filled(self, progress: Progress | None = None) -> Bank:
        if self._bank is None:
            self._bank = self._fill(progress)
        return self._bank

    @property
    def classes(self) -> int:
        """The number of classes; 0 for data without labels."""
        return self._filled().classes

    def __len__(self) -> int:
        """How many distinct samples are held."""
        return len(self._filled())

    def draw(self, rng: torch.Generator, count: int) -> dict[str, Tensor]:
        """``count`` samples with replacement: ``{"real": [count, *shape]}``, and ``"label"`` where labelled."""
        bank = self._filled()
        return bank.take(torch.randint(len(bank), (count,), generator=rng, device=rng.device))

    def examples(self, limit: int | None = None) -> Tensor:
        """The held samples on the CPU, ``[n, *shape]``; with a ``limit``, so many, evenly spread over the data."""
        return self._spread(limit)["real"]

    def labelled_examples(self, limit: int | None = None) -> tuple[Tensor, Tensor]:
        """As `examples`, with the labels ``[n]``. Raises `ValueError` for data without labels."""
        batch = self._spread(limit)
        if "label" not in batch:
            raise ValueError(f"{type(self).__name__} holds no labels here; give a labelled data set such as digits")
        return batch["real"], batch["label"]

    def _spread(self, limit: int | None) -> dict[str, Tensor]:
        bank = self._filled()
        count = len(bank) if limit is None else min(limit, len(bank))
        return bank.take(torch.arange(count) * len(bank) // max(count, 1))

    def __deepcopy__(self, memo: dict[int, Any]) -> "Held":
        return self  # never changed by drawing, so a copied game may share it
