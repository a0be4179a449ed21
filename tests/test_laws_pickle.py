"""Every game, with every technique, pickles and copies: workers and notebooks send games about."""

import copy
import itertools
import pickle

import pytest
import torch

from nashpath.core import Key
from nashpath.core.tree import leaves
from nashpath.games import GAMES, PENALTIES
from nashpath.games.techniques import TECHNIQUES
from nashpath.run import SettingError
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.resolve import resolve

SMALL = {
    "batch_size": 4,
    "latent": 2,
    "generator": {"kind": "mlp", "width": 4},
    "discriminator": {"kind": "mlp", "width": 4},
}
DATA = {"semi_supervised": "digits", "conditional": "digits"}
WAYS = {"pickle": lambda game: pickle.loads(pickle.dumps(game)), "deepcopy": copy.deepcopy}


def built(game: str, technique: str, **more: str) -> Trial:
    # With moments: the descent that toys are played by has no memory to send away.
    rules = {who: {"kind": "adam"} for who in ("generator", "discriminator")}
    raw = {"game": game, "technique": technique, "solver": {"kind": "alternating", **rules}}
    networked = game in ("gan", "conditional", "mixture", "semi_supervised")
    raw |= {**SMALL, **({"data": DATA[game]} if game in DATA else {})} if networked else {}
    return build_trial(resolve(raw, more), 0)


def refused(game: str, technique: str) -> str:
    """The reason, where the game does not fit the technique."""
    try:
        built(game, technique)
    except SettingError as error:
        return str(error)
    return ""


def end(trial: Trial, steps: int = 2) -> list[torch.Tensor]:
    """Everything that a member is after a few steps."""
    program = Program([trial], [0])
    program.run(steps)
    return leaves(program.train_state(0))


OTHER_WAYS = pytest.mark.thorough("techniques are sent by pickle, and games alone in every way")


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("game", "technique", "way"),
    [
        pytest.param(game, technique, way, marks=() if way == "pickle" or technique == "none" else OTHER_WAYS)
        for game, technique, way in itertools.product(GAMES, TECHNIQUES, WAYS)
    ],
)
def test_a_game_that_was_sent_away_trains_as_it_would_have_here(game, technique, way):
    refusal = refused(game, technique)
    if refusal:  # techniques of samples, images, layers: the reason names them
        assert technique in refusal
        assert technique not in ("none", "historical_averaging")
        return
    trial = built(game, technique)
    sent = WAYS[way](trial.game)
    assert type(sent) is type(trial.game)
    assert all(a is not b for a, b in zip(sent.parameters(), trial.game.parameters()))
    before = {name: value.clone() for name, value in trial.game.state_dict().items()}
    away = end(Trial(sent, trial.solver))
    assert all(torch.equal(value, before[name]) for name, value in trial.game.state_dict().items())
    here = end(trial)
    assert len(here) == len(away) > 4
    assert all(torch.equal(a, b) for a, b in zip(here, away))
    assert any(not torch.equal(a, b) for a, b in zip(here, end(built(game, technique), 0)))


PARTS = [(key, row) for key in ("objective", "penalty", "data", "solver", "average") for row in TABLES[key]]
NEEDS_FILES = {"folder", "array", "csv", "hub"}


@pytest.mark.parametrize(("part", "row"), [(p, r) for p, r in PARTS if r not in NEEDS_FILES])
def test_every_part_of_an_experiment_pickles(part, row):
    finite = {"data": "digits"} if row == "svre" else {}  # it takes the whole of them
    trial = built("gan", "historical_averaging", **{part: row}, **finite)
    again = pickle.loads(pickle.dumps(trial))
    assert again.state_dict().keys() == trial.state_dict().keys()
    first, second = (t.game.draw(Key(0)) for t in (trial, again))
    assert all(torch.equal(a, b) for a, b in zip(leaves(first), leaves(second), strict=True))


def test_the_penalties_are_all_here():
    assert {row for part, row in PARTS if part == "penalty"} == set(PENALTIES)
