"""Samples of members, and their features, made by all processes of a run together: each makes some of the rows."""

from collections.abc import Mapping, Sequence
from typing import Any

from torch import Tensor

from nashpath.core import Key
from nashpath.games import GAN
from nashpath.metrics.features import Extractor, Outputs, extract
from nashpath.run.engine.data_parallel import Ranks
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import TrainState, Trial
from nashpath.run.observe.metrics import extractor_of
from nashpath.run.observe.snapshot import place, samples


class SharedSamples:
    """Makes samples of the members of ``programs``, which all processes of a run hold: the leader asks for them, and
    the others `answer`. They are those of one process, up to rounding."""

    def __init__(self, ranks: Ranks, programs: Sequence[Program]):
        self.ranks, self.programs = ranks, programs
        self._extractors = dict[tuple[int, str], Extractor]()

    def samples(self, trial: Trial, train_state: TrainState, seed: int, count: int) -> Tensor:
        """As `nashpath.run.observe.snapshot.samples`; the leader alone calls it."""
        return self.seen(trial, train_state, seed, count)[0]

    def seen(
        self, trial: Trial, train_state: TrainState, seed: int, count: int, spaces: Sequence[str] = ()
    ) -> tuple[Tensor, dict[str, Outputs]]:
        """The samples, and what the extractors named by ``spaces`` make of them; the leader alone calls it.

        Without features where the rows of a game's samples are not made one by one, or are fewer than the processes.
        """
        where = [
            (p, i) for p, program in enumerate(self.programs) for i, own in enumerate(program.trials) if own is trial
        ]
        game = trial.game
        by_rows = isinstance(game, GAN) and type(game).sample is GAN.sample
        if not where or not by_rows or count < self.ranks.size:
            return samples(trial, train_state, seed, count), {}
        asked = {"of": where[0], "seed": seed, "count": count, "spaces": list(spaces)}
        self.ranks.tell(asked)
        return self.answer(asked)

    def answer(self, asked: Mapping[str, Any]) -> tuple[Tensor, dict[str, Outputs]]:
        """Makes this process's rows, and gets those of the others."""
        (program, member), count = asked["of"], asked["count"]
        trial, train_state = self.programs[program].trials[member], self.programs[program].train_state(member)
        place(trial, train_state)
        game: Any = trial.game
        device = train_state.steps.device
        rows = self.ranks.rows(count)
        own = game.generated(game.latents_of_samples(Key(asked["seed"], "samples", device), count)[rows])
        found = {name: extract(self._extractor(program, name), own.cpu()).as_dict() for name in asked["spaces"]}
        seen = {
            name: Outputs(**{kind: self.ranks.gathered(part, count) for kind, part in parts.items()})
            for name, parts in found.items()
        }
        return self.ranks.gathered(own, count), seen

    def _extractor(self, program: int, name: str) -> Extractor:
        one = self.programs[program]
        if (program, name) not in self._extractors:
            source: Any = one.trials[0].game.data
            self._extractors[program, name] = extractor_of(source, name).to(one.device)
        return self._extractors[program, name]
