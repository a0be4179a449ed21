"""The study of many paths: its measurements against closed forms, and its full configuration in a miniature."""

import math
import os

import pytest
import torch
from scipy.spatial.distance import jensenshannon
from torch import nn

from nashpath.core import Key, Point, generator
from nashpath.data import ParallelLines
from nashpath.games import GAN, OBJECTIVES
from nashpath.metrics.ms_ssim import similarity
from nashpath.studies import Population, Rows, Size, find_study, judge, reproduce
from nashpath.studies.claim import Undecided
from nashpath.studies.many_paths.claims import misses
from nashpath.studies.many_paths.claims_grids import at_best, best_inside, fid_ratio, mean_over, more_turns, trained
from nashpath.studies.many_paths.embedded_gaussian import GENERATOR_KINDS, along_and_away
from nashpath.studies.many_paths.gan_variants import VARIANTS, dense_networks, variant
from nashpath.studies.many_paths.robustness import COLOURED, ROBUSTNESS
from nashpath.studies.many_paths.sample_quality import similarity_in_batches
from nashpath.studies.result import read_json
from nashpath.studies.shared.paper_data import PAPER_DATA, data_settings, source_of
from nashpath.studies.shared.parallel_lines import (
    PARALLEL_LINES,
    AffineGenerator,
    checkpoints,
    gradient_norms,
    lines_game,
    pretrain,
    seen_js,
)

STUDY = find_study("many-paths")
MINIATURE = {
    "seeds": 1,
    "steps": 1,
    "compiled": False,
    "device": "cpu",
    "data": {"kind": "coloured_digits"},
    "features": "digits",
    "width": 2,
    "batch": 4,
    "samples": 320,
    "critic_steps": 1,
    "rates": [1e-4],
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("cell", PARALLEL_LINES.cells, ids=str)
def test_a_line_that_moves_keeps_the_divergence_at_log_2(cell):
    for row in PARALLEL_LINES.measure(cell, Size(seeds=2, steps=20, options={"pretraining": 20})):
        assert row["js"] == pytest.approx(math.log(2), abs=1e-5)
        assert row["d2"] < row["d2_curve"][0] == 4.0


@pytest.mark.long
def test_the_full_configuration_runs_on_a_stand_in(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    verdicts = reproduce("many-paths", "full", tmp_path, options=MINIATURE)
    about = read_json(tmp_path / "study.json")
    assert about["failed"] == {}
    assert len(list((tmp_path / "cells").iterdir())) == len(PAPER_DATA) * 4 * 2
    measured = {v.claim.name: len(v.values) for v in verdicts if v.word != "not measured"}
    unscored = {name for name in (c.name for c in STUDY.claims_at("full")) if "inception" in name}
    assert set(measured) | unscored == {c.name for c in STUDY.claims_at("full")}  # colours have no class scores
    assert set(measured.values()) == {1}


@pytest.mark.parametrize("missed", [0.0, 0.1, 0.5])
def test_seen_js_is_that_of_the_verdicts(missed):
    judged = torch.full((1000,), 4.0)
    judged[: int(1000 * missed)] = 0.0
    away = torch.cat([torch.full((1000,), 4.0), judged])
    assert seen_js(away) == pytest.approx(jensenshannon([1, 0], [missed, 1 - missed]) ** 2, abs=1e-6)


def test_gradient_norms_are_those_of_the_formulas():
    game = GAN(AffineGenerator(), nn.Linear(2, 1), data=ParallelLines(), latent=1, batch_size=64)
    batch = game.draw(Key(3, "gradient"))
    w, z = game.discriminator.weight[0].detach(), batch["latent"]
    d = game.discriminator(game.generator(z)).detach()
    for name, slope in (("minimax", -d.sigmoid()), ("non_saturating", -(1 - d.sigmoid()))):
        parts = [(slope * z).mean() * w, slope.mean() * w]  # along a and along b
        assert gradient_norms(game, 3)[name] == pytest.approx(float(torch.cat(parts).norm()), rel=1e-4)


@pytest.mark.long
def test_pretraining_moves_the_discriminator_alone_and_makes_the_minimax_gradient_vanish():
    games = [lines_game("minimax", seed) for seed in range(2)]
    weights = [game.discriminator.head.weight.clone() for game in games]
    for found, game, before in zip(pretrain(games, 100), games, weights):
        assert game.generator.a.tolist() == [0.0, 1.0]
        assert game.generator.b.tolist() == [2.0, 0.0]
        assert not torch.equal(game.discriminator.head.weight, before)
        assert found["pretraining_step"] == [10 * k for k in checkpoints(10)]
        assert found["pretraining_minimax"][-1] < found["pretraining_minimax"][1] / 10
        assert found["pretraining_non_saturating"][-1] > found["pretraining_non_saturating"][1]
        assert all(bound <= math.log(2) for bound in found["pretraining_js"])


def test_the_true_generator_is_on_the_line_and_spread_like_the_data():
    settings = {"data": {"kind": "embedded_gaussian", "dimension": 20}, **dense_networks(), **GENERATOR_KINDS["exact"]}
    seat = next(iter(Population(settings, Size(seeds=1))))
    truth = {"head.weight": seat.trial.game.data.direction[:, None], "head.bias": torch.full((20,), 0.0)}
    players = {**seat.train_state.point.players, "generator": truth}
    seat = seat._replace(train_state=seat.train_state._replace(point=Point(players, seat.train_state.point.state)))
    found = along_and_away(seat)
    assert found["d2"] < 1e-12
    assert found["off"] < 1e-12
    assert found["deviation"] == pytest.approx(1, abs=0.05)
    assert found["w1"] < 0.1
    shifted = {**truth, "head.bias": 0.5 * torch.linalg.svd(truth["head.weight"].T).Vh[1]}
    players = {**players, "generator": shifted}
    moved = along_and_away(
        seat._replace(train_state=seat.train_state._replace(point=Point(players, seat.train_state.point.state)))
    )
    assert moved["d2"] == pytest.approx(0.25, rel=1e-4)
    assert moved["off"] == pytest.approx(0.25 / 19, rel=1e-4)


def test_similarity_in_batches_counts_every_pair_once():
    rng = generator(0)
    a, b = (2 * torch.rand(1, 1, 8, 8, generator=rng) - 1 for _ in range(2))
    batch = torch.cat([a.expand(32, -1, -1, -1), b.expand(32, -1, -1, -1)])
    apart = float(similarity(a, b))
    expected = (2 * math.comb(32, 2) + 32 * 32 * apart) / math.comb(64, 2)
    assert similarity_in_batches(batch, batches=1) == pytest.approx(expected)
    with pytest.raises(ValueError, match="need 128 samples"):
        similarity_in_batches(batch, batches=2)


def test_variants_differ_as_the_paper_says():
    assert {name: variant(name, 3.0)["penalty"] for name in VARIANTS} == {
        "ns": {"kind": "none"},
        "gan_gp": {"kind": "gan_gp", "weight": 3.0},
        "dragan_ns": {"kind": "dragan", "weight": 3.0},
        "wgan_gp": {"kind": "wgan_gp", "weight": 3.0},
        "m_gan": {"kind": "none"},
    }
    assert all(chosen["objective"] in OBJECTIVES for chosen in VARIANTS.values())


ROWS = Rows(
    {"seed": seed, "method": method, "turns": turns, "fid": fid * (seed + 1), "fid_third": 3.0 * fid, "other": fid}
    for seed in range(2)
    for method, turns, fid in (("ns", 1, 2.0), ("ns", 5, 8.0), ("gan_gp", 1, 4.0), ("gan_gp", 5, 1.0))
)


def test_comparisons_pair_seeds():
    assert fid_ratio("ns", "gan_gp", min)(ROWS) == pytest.approx([math.log(2)] * 2)
    assert fid_ratio("ns", "gan_gp", max)(ROWS) == pytest.approx([math.log(2)] * 2)
    assert more_turns("ns")(ROWS) == pytest.approx([math.log(1 / 4)] * 2)
    assert more_turns("gan_gp")(ROWS) == pytest.approx([math.log(4)] * 2)
    # With five steps its distance after a third of them is 3 and that at the end 1 and 2: log(4 / 3) and log(8 / 3).
    assert more_turns("gan_gp", "fid_third")(ROWS) == pytest.approx([math.log(4 / 3), math.log(8 / 3)])
    both = mean_over(more_turns, ("ns", "gan_gp"))(ROWS)
    assert both == pytest.approx([0.0, 0.0])
    assert at_best(ROWS.where(method="ns"), lambda row: row["other"]) == {0: 2.0, 1: 2.0}


def test_paper_data_is_pinned_and_a_stand_in_replaces_it():
    own = {"data": {}, "celeba": f"{os.environ['NASHPATH_DATA']}/celeba"}
    for name in PAPER_DATA:
        train, test = (source_of(data_settings(name, split, own)) for split in ("train", "test"))
        assert train.shape == test.shape == ((3, 64, 64) if name == "celeba" else (3, 32, 32))
        assert not torch.equal(train.examples(5), test.examples(5))
    assert data_settings("cifar10", "test", {**own, "data": {"kind": "digits"}}) == {"kind": "digits"}


def grid(**best):
    """Rows of two methods over three rates and six seeds; each method's distance is least at the rate that is given."""
    rates = (0.1, 0.3, 1.0)
    return Rows(
        {"seed": seed, "method": method, "turns": 1, "rate": rate, "fid": 1 + abs(rate - own) + seed, "fid_noise": 9.0}
        for method, own in best.items()
        for rate in rates
        for seed in range(6)
    )


@pytest.mark.parametrize(("own", "word"), [(0.3, "supported"), (0.1, "inconclusive"), (1.0, "inconclusive")])
def test_a_best_setting_on_the_edge_of_its_grid_decides_nothing(own, word):
    claim = next(claim for claim in STUDY.claims if claim.name == "gan-gp-best")
    rows = Rows({**row, "fid": row["fid"] * (9 if row["method"] == "ns" else 1)} for row in grid(ns=0.3, gan_gp=own))
    verdict = judge(claim, rows)
    assert verdict.word == word
    if word == "inconclusive":
        assert f"GAN-GP is best at rate = {own:g}, the edge of its grid" in verdict.note


def test_one_value_is_no_grid():
    rows = Rows(row for row in grid(ns=0.3) if row["rate"] == 0.3)
    assert best_inside(("ns",), lambda rows: [1.0])(rows) == [1.0]


def test_a_setting_at_which_nobody_trains_is_left_out_for_all():
    """One at which one method trains is not: the other fails there."""
    fids = {("ns", 0.1): 12.0, ("gan_gp", 0.1): 10.0, ("ns", 0.3): 12.0, ("gan_gp", 0.3): 2.0}
    rows = [
        {"seed": 0, "method": method, "turns": 1, "rate": rate, "fid": fid, "fid_noise": 9.0}
        for (method, rate), fid in fids.items()
    ]
    assert [(row["method"], row["rate"]) for row in trained(Rows(rows))] == [("ns", 0.3), ("gan_gp", 0.3)]
    with pytest.raises(Undecided, match="no method trains"):
        trained(Rows(rows[:2]))


def test_a_collapse_to_one_point_of_the_line_does_not_find_it():
    rows = [
        {"seed": 0, "method": "ns", "generator": "exact", "dimension": dimension, "off": off, "w1": w1}
        for dimension, off, w1 in ((20, 1e-5, 0.1), (100, 1e-4, 0.8))
    ]
    assert misses("ns", "exact")(Rows(rows)) == pytest.approx([math.log10(2)])
    assert misses("ns", "exact")(Rows(rows[:1])) == pytest.approx([math.log10(0.25)])
    assert misses("ns", "exact")(Rows([{**rows[0], "off": 1e-2}])) == pytest.approx([1.0])


@pytest.mark.parametrize("experiment", [ROBUSTNESS, COLOURED], ids=lambda e: e.name)
def test_every_method_has_the_same_discriminator_steps_and_rates(experiment):
    turns = {}
    for cell in experiment.cells:
        turns.setdefault(cell["method"], set()).add(cell["turns"])
    assert set(turns) == {"ns", "gan_gp", "dragan_ns", "wgan_gp"}
    assert set(map(frozenset, turns.values())) == {frozenset({1, 5})}
    assert len(experiment.sizes["default"].options["rates"]) >= 3
