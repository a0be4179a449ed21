"""Random numbers as a pure function of seed, stream and step; batches of a run made of them."""

import functools
import random

import numpy as np
import pytest
import torch
from scipy import stats
from torch import nn
from torch.func import vmap

import nashpath as nash
from nashpath.core import Key, seeded, tree_map
from nashpath.core.hyperparameters import Hyperparameters
from nashpath.core.key import CONSTANTS, MASK, Plan, philox, words_of
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.data import SOURCES
from nashpath.run.engine.program import Program
from nashpath.run.engine.sampler import Sampler, probe
from nashpath.run.engine.step import Trial
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from run_folders import nash as run
from test_run_settings import OUTSIDE, ROWS, suited

KNOWN = [
    ((0, 0, 0, 0), (0, 0), "6627e8d5 e169c58d bc57ac4c 9b00dbd8"),
    ((MASK,) * 4, (MASK,) * 2, "408f276d 41c83b0e a20bc7c6 6d5451fd"),
    (
        (0x243F6A88, 0x85A308D3, 0x13198A2E, 0x03707344),
        (0xA4093822, 0x299F31D0),
        "d16cfe09 94fdcceb 5001e420 24126ea1",
    ),
]
"""Counter, key and output of the authors' kat_vectors (Random123)."""


@pytest.mark.parametrize(("counter", "key", "expected"), KNOWN)
def test_known_answers(counter, key, expected):
    words = philox(torch.tensor([*key, *CONSTANTS]), *(torch.tensor([c]) for c in counter))
    assert " ".join(f"{int(word):08x}" for word in words) == expected


def test_numbers_have_their_distribution():
    """Kolmogorov and Smirnov's, and chi-squared tests at 1 in 10,000, with a fixed seed: the same on every machine."""
    key = Key(3)
    assert stats.kstest(key.normal(100_000).numpy(), "norm").pvalue > 1e-4
    uniform = key.uniform(100_000)
    assert 0 <= uniform.min() < 1e-4
    assert 1 - 1e-4 < uniform.max() < 1
    assert stats.kstest(uniform.numpy(), "uniform").pvalue > 1e-4
    assert stats.chisquare(np.bincount(key.integers(7, 70_000), minlength=7)).pvalue > 1e-4
    pairs = key.normal(50_000, 2)
    assert abs(float(torch.corrcoef(pairs.T)[0, 1])) < 4 / 50_000**0.5
    order = key.permutation(1000)
    assert sorted(order.tolist()) == list(range(1000))
    assert abs(float(stats.kendalltau(order.numpy(), np.arange(1000)).statistic)) < 0.09  # 4 deviations


def test_keys_made_alike_give_the_same_and_others_do_not():
    def numbers(key):
        return key.normal(5)

    base = numbers(Key(1, "a", step=3))
    assert torch.equal(base, numbers(Key(1, "a").at(3)))
    others = [Key(2, "a", step=3), Key(1, "b", step=3), Key(1, "a", step=4), Key(1, "a", step=3).stream("x")]
    assert not any(torch.equal(base, numbers(other)) for other in others)
    key = Key(1)
    assert not torch.equal(key.normal(5), key.normal(5))
    assert not torch.equal(key.stream("x").normal(5), key.stream("x").normal(5))
    assert torch.equal(Key(1).stream("x").normal(5), (Key(1).normal(3), Key(1).stream("x"))[1].normal(5))


@pytest.mark.parametrize("size", [(), (0,), (1,), (3,), (2, 5), (4, 0, 3)])
def test_any_shape(size):
    for made in (Key(0).normal(*size), Key(0).normal(size), Key(0).uniform(*size), Key(0).integers(3, *size)):
        assert made.shape == size


@pytest.mark.parametrize("high", [0, -1, 2**31 + 1])
def test_integers_refuse_what_they_cannot_draw(high):
    with pytest.raises(ValueError, match=f"high is {high}"):
        Key(0).integers(high, 3)


@pytest.mark.long
def test_stacked_is_solo_compiled_is_eager_and_a_plan_changes_nothing():
    def draw(key):
        return {"x": key.stream("x").normal(3, 5), "i": key.integers(9, 7), "u": key.uniform(2)}

    log = []
    draw(Key.of(words_of(0), log=log))
    plan, words = Plan(log, torch.device("cpu")), torch.stack([words_of(seed, "draws") for seed in range(4)])
    solo = [draw(Key(seed, "draws", step=6)) for seed in range(4)]
    ways = {
        "stacked": vmap(lambda own: draw(Key.of(own, 6)))(words),
        "planned": vmap(lambda own: draw(plan.key(own, torch.tensor(6))))(words),
        "compiled": as_one_graph(vmap(lambda own: draw(plan.key(own, torch.tensor(6)))))(words),
    }
    for name, found in ways.items():
        for seed, own in enumerate(solo):
            assert torch.equal(found["i"][seed], own["i"]), name
            assert torch.equal(found["u"][seed], own["u"]), name
            torch.testing.assert_close(found["x"][seed], own["x"], rtol=1e-6, atol=1e-6)


def gan(seed=0, data=None, **options):
    with seeded(seed):
        nets = nn.Sequential(nn.Linear(2, 4), nn.ReLU(), nn.Linear(4, 2)), nn.Linear(2, 1)
    return nash.GAN(*nets, penalty=nash.Dragan(), data=data or nash.Ring(), latent=2, batch_size=4, **options)


class OnDisk:
    """Data whose rows come through NumPy, as those of a file do that is too large for memory."""

    shape = (2,)

    def __init__(self, offset=0.0):
        self.rows = np.arange(64, dtype=np.float32).reshape(32, 2) + offset

    def draw(self, key, count):
        return {"real": torch.from_numpy(self.rows[key.integers(32, count).numpy()])}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("data", [nash.Ring(), OnDisk()], ids=["traced", "not traced"])
@pytest.mark.parametrize("stacked", [False, True])
def test_a_block_is_its_steps(data, stacked):
    sampler = Sampler([gan(s, data) for s in range(3)], 2, [4, 5, 6], torch.device("cpu"))
    assert sampler.traced == sampler.alike == isinstance(data, nash.Ring)
    block = sampler.block(10, 3, stacked)
    for k in range(3):
        for member in range(3):
            found = tree_map(lambda v, m=member: v[m], block[k]) if stacked else block[k][member]
            alone = gan(member, data).draw(Key(4 + member, "draws", step=10 + k), (2,))
            for a, b in zip(leaves(found), leaves(alone), strict=True):
                torch.testing.assert_close(a, b)


@pytest.mark.parametrize(
    ("others", "alike"),
    [
        ([OnDisk(), OnDisk()], False),
        ([OnDisk(), OnDisk(0.5)], False),
        ([nash.Ring(), nash.Ring(radius=3.0)], False),
        ([nash.Ring(), nash.Ring()], True),
    ],
)
def test_members_with_data_of_their_own_get_them(others, alike):
    sampler = Sampler([gan(0, data) for data in others], 1, [0, 1], torch.device("cpu"))
    assert sampler.alike == alike
    (both,) = sampler.block(0, 1, stacked=True)
    for member, data in enumerate(others):
        alone = gan(0, data).draw(Key(member, "draws"), (1,))
        torch.testing.assert_close(both["real"][member], alone["real"])


class Part(nn.Module):
    """What a game of one's own may draw by, in a module without a draw of its own."""

    def __init__(self, **attributes):
        super().__init__()
        vars(self).update(attributes)


class Own(nash.GAN):
    """A GAN whose draw reads its own numbers, its own tensors and plain attributes of its parts."""

    def __init__(self, p=0.0, bank=1.0, prior="normal"):
        inner = gan()
        super().__init__(inner.generator, inner.discriminator, data=nash.Ring(), latent=2, batch_size=8)
        self.own = Hyperparameters(p=p)
        self.register_buffer("bank", torch.full((100, 2), bank))
        self.part = Part(prior=prior)

    def draw(self, key, lead=()):
        batch = super().draw(key, lead)
        noise = key.normal(*lead, 8, 2) if self.part.prior == "normal" else key.uniform(*lead, 8, 2)
        real = self.bank[key.integers(100, *lead, 8)] + (key.uniform(*lead, 8, 1) < self.own.p) * noise
        return {**batch, "real": real}


@pytest.mark.long
@pytest.mark.parametrize(
    ("others", "alike"),
    [
        ([{"p": 0.0}, {"p": 0.01}, {"p": 0.9}], True),
        ([{"bank": 1.0}, {"bank": 2.0}], True),
        ([{"p": 0.5}, {"p": 0.5, "prior": "uniform"}], False),
    ],
)
@pytest.mark.parametrize("stacked", [True, False])
def test_a_game_of_one_s_own_draws_by_what_is_its_member_s(others, alike, stacked, traced_only):
    games = [Own(**options) for options in others]
    sampler = Sampler(games, 1, range(len(games)), torch.device("cpu"))
    assert sampler.alike == alike
    block = sampler.block(3, 2, stacked)
    for member, game in enumerate(games):
        found = block[1]["real"][member] if stacked else block[1][member]["real"]
        alone = game.draw(Key(member, "draws", step=4), (1,))["real"]
        torch.testing.assert_close(found, alone)
    solvers = [nash.Alternating(nash.SGD(0.05), nash.SGD(0.05)) for _ in games]
    trials = [Trial(game, solver) for game, solver in zip(games, solvers)]
    together = Program(trials, range(len(games)), "stacked" if stacked else "looped", True)
    together.run(3)
    for member, options in enumerate(others):
        alone = Program([Trial(Own(**options), solvers[member])], [member])
        alone.run(3)
        for a, b in zip(*(leaves(p.point.players) for p in (together.train_state(member), alone.train_state(0)))):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


class Coin(nash.Ring):
    """Data whose draws are no function of the key."""

    def draw(self, key, count):
        sign = 1 if random.random() < 0.5 else -1
        return {"real": sign * super().draw(key, count)["real"]}


def test_a_draw_that_is_not_pure_is_not_drawn_in_blocks():
    """Four steps agree by chance in one of 16 tries at most; of 20 samplers nearly all see it."""
    random.seed(0)
    seen = [Sampler([gan(data=Coin())], 1, [0], torch.device("cpu")).traced for _ in range(20)]
    assert sum(seen) <= 4


@pytest.mark.parametrize("name", [name for name in SOURCES if name not in ("folder", "array", "csv", "hub", "samples")])
def test_built_in_data_are_drawn_in_blocks(name):
    source = SOURCES[name]()
    game = nash.GAN(
        nn.Sequential(nn.Linear(2, int(np.prod(source.shape))), nn.Unflatten(1, source.shape)),
        nn.Sequential(nn.Flatten(), nn.Linear(int(np.prod(source.shape)), 1)),
        data=source,
        latent=2,
        batch_size=4,
    )
    assert Sampler([game], 1, [0], torch.device("cpu")).traced


@pytest.fixture
def traced_only(monkeypatch):
    """Programs are traced into one graph as ever, which is then run as it is: generating code takes ten seconds."""

    traced = functools.partial(as_one_graph, backend="traced")
    monkeypatch.setattr("nashpath.run.engine.program.as_one_graph", traced)


def trial(seed=0, data=None):
    return Trial(gan(seed, data), nash.Alternating(nash.SGD(0.01), nash.SGD(0.01)))


@pytest.mark.long
@pytest.mark.parametrize("data", [nash.Ring(), OnDisk()], ids=["traced", "not traced"])
@pytest.mark.usefixtures("traced_only")
def test_a_compiled_stack_that_draws_for_itself_is_the_eager_members(data):
    programs = [
        Program([trial(s, data) for s in range(2)], [8, 9], *how) for how in (("looped", False), ("stacked", True))
    ]
    for program in programs:
        program.run(3)
        program.run(2)
    assert programs[1].drawing == isinstance(data, nash.Ring)
    for member in range(2):
        for a, b in zip(*(leaves(p.train_state(member).point.players) for p in programs), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-5)


class Awkward(nash.Ring):
    """Data that are drawn by tensor operations, in a way that no graph can hold."""

    def draw(self, key, count):
        if torch.compiler.is_compiling():
            raise RuntimeError("no graph holds this")
        return super().draw(key, count)


@pytest.mark.usefixtures("traced_only")
def test_a_draw_that_no_graph_holds_is_made_outside():
    program = Program([trial(0, Awkward())], [0], "looped", True)
    assert program.drawing
    program.run(2)
    assert not program.drawing
    plain = Program([trial(0)], [0])
    plain.run(2)
    for a, b in zip(*(leaves(p.train_state(0).point.players) for p in (program, plain)), strict=True):
        torch.testing.assert_close(a, b)


class Old(nash.Ring):
    def draw(self, key, count):
        return {"real": torch.randn(count, 2, generator=key)}


@pytest.mark.usefixtures("own_methods")
def test_a_game_that_draws_with_a_generator_is_told_the_change(tmp_path):
    (tmp_path / "own.py").write_text(
        "import torch, nashpath\n\n\n@nashpath.register('data', 'old')\nclass Old(nashpath.Ring):\n"
        "    '''A ring that is drawn with a generator.'''\n\n"
        "    def draw(self, rng, count):\n        return {'real': torch.randn(count, 2, generator=rng)}\n"
    )
    told = run("train", "--with", tmp_path / "own.py", "-s", "data=old", "--out", tmp_path / "run", expect=2).stderr
    assert "key.normal(*shape)" in told
    with pytest.raises(TypeError, match=r"key\.normal\(\*shape\)"):
        probe(gan(data=Old()), 1, torch.device("cpu"))
    with pytest.raises(TypeError, match=r"key\.normal\(\*shape\)"):
        nash.train(gan(data=Old()), nash.Simultaneous(nash.SGD(0.1), nash.SGD(0.1)), steps=1)


def test_the_next_step_needs_no_memory_of_the_last():
    """A program that begins at step 1000 draws what one that went there does."""
    there = Program([trial()], [3])
    there.load([there.train_state(0)], 1000, [{}])
    block = there._batches(1)
    expected = gan().draw(Key(3, "draws", step=1000), (there.trials[0].solver.draws,))
    for a, b in zip(leaves(block[0][0]), leaves(expected), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.parametrize(("path", "kind"), [row for row in ROWS if row[1] not in OUTSIDE])
def test_members_of_every_row_draw_together(path, kind):
    """No row falls back to drawing step by step, member by member, which costs a small game much of its speed."""
    settings = resolve(suited(path, kind))
    games = [build_trial(settings, seed).game for seed in (0, 1)]
    sampler = Sampler(games, 1, [0, 1], torch.device("cpu"))
    assert sampler.traced
    assert sampler.alike


@pytest.mark.unchecked("asks for what the annotations exclude")
def test_sizes_and_limits_that_are_none_are_refused():
    for ask in (lambda: Key(0).normal(-1), lambda: Key(0).uniform((2, -3)), lambda: Key(0).normal(2.5)):
        with pytest.raises(ValueError, match="a shape of whole numbers"):
            ask()
    for high in (2.5, True, 0, 2**32):
        with pytest.raises(ValueError, match="expected a whole number of 1 to"):
            Key(0).integers(high, 3)
    assert Key(0).normal(0).shape == (0,)
