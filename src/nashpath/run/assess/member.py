"""A trained member, as ordinary modules."""

import copy
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Any

from torch import Tensor, nn

from nashpath.core import Key, did_you_mean
from nashpath.core.columns import TableUnits
from nashpath.core.source import Units, class_names
from nashpath.run.errors import SettingError
from nashpath.run.training.library import PlayedGame
from nashpath.solvers import Solver


def caution(member: int, outcome: str, steps: int, settings: Mapping[str, Any]) -> str:
    """What to know before samples of a trained member are used; nothing where its training ended as it should."""
    if outcome == "stopped":
        return f"member {member} is at step {steps:,} of {settings['steps']:,}: its run has not ended"
    if outcome == "finished":
        return ""
    return f"member {member} {outcome}; its samples are those of the {steps:,} steps before"


@dataclass(frozen=True, repr=False)
class LoadedMember(PlayedGame):
    """A member of a run folder at its last checkpoint: its game and solver, its settings, and what became of it.

    ``settings`` is the tree of resolved settings (``settings.penalty.weight``); ``outcome`` is ``finished``,
    ``stopped`` (its run had not ended), or which player left the finite numbers, when, and through which module,
    gradient, norm or parameter.
    """

    solver: Solver
    settings: Any
    seed: int
    averaged: bool = False
    """Whether the modules hold averaged weights of the generator."""
    units: Units | TableUnits | None = None
    """The units of the data's columns where the run was trained in others (``data.scale=standard``, tables)."""

    def _told(self) -> list[str]:
        solver = type(self.solver).__name__
        return [f"seed {self.seed}", f"played by {solver}", *(["averaged weights"] if self.averaged else [])]

    @property
    def generator(self) -> nn.Module:
        """The trained generator for use, from ``[n, latent]`` to samples ``[n, *shape]``: a copy in eval mode.

        That of a class-conditional game takes ``(latents [n, latent], classes [n])``. What ``game.latents(key, (n,))``
        draws, it takes in every game.

        ``game.generator`` is the one inside the game, in training mode, to train on or to price.
        """
        return self._copies("generator")

    @property
    def discriminator(self) -> nn.Module:
        """The trained discriminator, from samples to logits: a copy in eval mode, as the `generator`."""
        return self._copies("discriminator")

    @cached_property
    def _copies(self) -> Callable[[str], nn.Module]:
        return cache(lambda who: copy.deepcopy(self.game.get_submodule(who)).eval())

    @property
    def class_names(self) -> list[str]:
        """The classes that samples may be asked for (``game=conditional``); empty where there are none."""
        return class_names(self.game.data) if self.game.of_classes else []

    def sample(self, count: int, seed: int = 0, label: int | str | None = None) -> Tensor:
        """``count`` samples, ``[count, *shape]`` on the CPU: those of ``nashpath sample`` with the same seed.

        They are in the units of the data's file (`units`); the generator's own are those that it was trained in.
        ``label`` asks for one class, by its name or number: with the same seed all classes have the same latents.
        Raises `SettingError` for a game that generates none, and for a class that there is not.
        """
        if not hasattr(self.game, "sample"):
            raise SettingError(f"a {type(self.game).__name__} has no generator to sample from")
        game: Any = self.game
        key = Key(seed, "sampled", next(game.parameters()).device)
        number = None if label is None else self.class_number(label)
        found: Tensor = (game.sample(key, count) if number is None else game.sample_class(key, count, number)).cpu()
        return found if self.units is None else self.units.original(found)

    def table(self, samples: Tensor, labels: Tensor | None = None) -> tuple[list[str], list[list[str]]]:
        """``(columns, rows)`` of samples ``[n, columns]`` (`sample`) as texts: what a CSV file of them holds.

        Categories are those of the data's file, and so are the names of columns; those of other vectors are numbers.
        ``labels [n]``, the classes of the samples, are the last column, by their names.
        Raises `SettingError` for samples that are no vectors.
        """
        if samples.dim() != 2:
            raise SettingError(
                f"samples of shape {tuple(samples.shape[1:])} are no rows of a table; write an .npz file"
            )
        if isinstance(self.units, TableUnits):
            names, rows = self.units.names, self.units.texts(samples)
        else:
            names, rows = (
                [str(k) for k in range(samples.shape[1])],
                [[repr(v) for v in row] for row in samples.tolist()],
            )
        if labels is not None:
            names = [*names, getattr(self.game.data, "label_name", "") or "label"]
            rows = [[*row, self.class_names[label]] for row, label in zip(rows, labels.tolist())]
        return names, rows

    def labels(self, count: int, seed: int = 0) -> Tensor | None:
        """The classes [count] that `sample` without a ``label`` asks for; None where there are none."""
        if not self.game.of_classes:
            return None
        game: Any = self.game
        return game.classes_of_samples(Key(seed, "sampled", next(game.parameters()).device), count).cpu()

    def class_number(self, label: int | str) -> int:
        """The number of a class, by its name, else as a number.

        Raises `SettingError` where there is no such class, and where it had no samples to learn from.
        """
        names = self.class_names
        if not names:
            raise SettingError(
                f"a {type(self.game).__name__} makes no samples of a class; game=conditional on labelled data does"
            )
        text = str(label)
        number = names.index(text) if text in names else int(text) if text.isdecimal() else len(names)
        if number < len(names):
            if number in getattr(self.game, "never_seen", ()):
                raise SettingError(
                    f"class {names[number]!r} had no sample in the data: the generator knows nothing of it"
                )
            return number
        shown = ", ".join(names[:20]) + (f", … ({len(names)} classes)" if len(names) > 20 else "")
        raise SettingError(f"no class is called {text!r}.{did_you_mean(text, names)} Classes, from number 0: {shown}")
