"""The study of Salimans et al. 2016: its full configuration in miniature, and what it measures by."""

import math
from dataclasses import replace
from typing import Any

import pytest
import torch

from nashpath.core import Key, derive, generator
from nashpath.data import Digits
from nashpath.games.semi_supervised import choose_labelled
from nashpath.networks import DCGANDiscriminator, MLPDiscriminator
from nashpath.networks.noisy_mlp import NoisyMLPDiscriminator
from nashpath.run.engine.program import Program
from nashpath.studies import reproduce
from nashpath.studies.improved_techniques import (
    claims,
    ensembles,
    few_labels,
    historical_averaging,
    technique_ablation,
)
from nashpath.studies.improved_techniques.claims import PUBLISHED
from nashpath.studies.improved_techniques.claims_quality import worst_removal
from nashpath.studies.improved_techniques.few_labels import FEW_LABELS_MNIST
from nashpath.studies.improved_techniques.minibatch_collapse import late
from nashpath.studies.improved_techniques.minibatch_critic import MinibatchCritic
from nashpath.studies.improved_techniques.score_ordering import agreement, known_samples
from nashpath.studies.improved_techniques.technique_ablation import CONDITIONS, TECHNIQUE_ABLATION
from nashpath.studies.result import read_json
from nashpath.studies.rows import Rows

SMALL = {"kind": "digits", "split": "train"}, {"kind": "digits", "split": "test"}


@pytest.mark.long
def test_full_configurations_run_in_miniature(tmp_path):
    data, kept = SMALL
    tiny = {"steps": 1, "seeds": 1, "compiled": False, "device": "cpu", "data": data, "test": kept, "real": kept}
    tiny |= {
        "labels": [10, 20],
        "plain_labels": [10],
        "minibatch_labels": [10],
        "labelled": 20,
        "width": 8,
        "latent": 4,
        "batch": 4,
        "samples": 40,
    }
    tiny |= {"features": "digits", "kernels": (2, 2)}
    verdicts = reproduce("improved-techniques", "full", tmp_path, options=tiny)
    record = read_json(tmp_path / "study.json")
    assert record["failed"] == {}
    assert {e["name"] for e in record["experiments"]} >= {"few-labels-mnist", "technique-ablation"}
    words = {v.claim.name: v.word for v in verdicts}
    assert words["MNIST-20-labels"] != "not measured"
    assert words["all-beats-none"] == "inconclusive"


@pytest.mark.parametrize("size", [FEW_LABELS_MNIST.sizes["full"], TECHNIQUE_ABLATION.sizes["full"]])
def test_full_data_are_pinned(size):
    other = "test" if "test" in size.options else "real"
    source, kept = (few_labels.source_of(size.options[name]) for name in ("data", other))
    assert len(source.where[1]) == 40
    assert source.shape[-1] in (28, 32)
    assert (source.split, kept.split) == ("train", "test")


@pytest.mark.parametrize("order", historical_averaging.ORDERS)
def test_a_toy_without_a_coefficient_is_plain_descent(order):
    toy = historical_averaging.TOY_GAMES["bilinear"]
    trial = historical_averaging.trial(toy.game(1.0, 1.0), 0.0, order)
    program = Program([trial], [0])
    program.run(50)
    x, y = 1.0, 1.0
    for _ in range(50):
        new = y + 0.01 * x
        x, y = x - 0.01 * (new if order == "alternating" else y), new
    found = [program.train_state(0).point.players[who]["value"].item() for who in ("generator", "discriminator")]
    assert found == pytest.approx([x, y], rel=1e-5)
    if order == "simultaneous":
        assert math.hypot(x, y) / math.sqrt(2) == pytest.approx(historical_averaging.growth(50))


def test_fewer_labels_are_the_ones_that_few_would_have_been():
    options, data = {**few_labels.DIGITS, "labels": [10, 40]}, Digits("train")
    game: Any = few_labels.build_member(few_labels.ARMS["plain generator"], 10, 3, options, data).game
    x, y = choose_labelled(data, 10, derive(3, "labels"))
    kept, count = torch.unique(game.labelled.flatten(1), dim=0, return_counts=True)
    torch.testing.assert_close(kept, torch.unique(x.flatten(1), dim=0))
    assert count.tolist() == [4] * 10
    for image, label in zip(game.labelled, game.label):
        assert y[(x == image).flatten(1).all(1)].unique() == label
    with pytest.raises(ValueError, match="30 labels of 10 classes do not divide 40"):
        few_labels.keep_labels(game, 30)


@pytest.mark.parametrize("kind", [MLPDiscriminator, NoisyMLPDiscriminator, DCGANDiscriminator])
def test_closeness_can_be_put_into_any_critic(kind):
    critic = MinibatchCritic(kind((1, 8, 8), width=8, outputs=3), kernels=4, dimensions=2)
    x = torch.randn(6, 1, 8, 8, generator=generator(0))
    with torch.no_grad():
        critic.head.weight[:, critic.head.in_features - 4 :] = 0
        alone = critic.head(torch.cat([critic.noise(critic.features(x)), torch.zeros(6, 4)], 1))
        torch.testing.assert_close(critic(x), alone)
        critic.head.weight.fill_(1.0)
        assert not torch.allclose(critic(x)[:1], critic(torch.cat([x[:1], 3 * x[1:]]))[:1])


def test_each_condition_differs_from_all_in_what_its_name_says():
    """And 'all' is what the caption of Table 3 says: everything but feature matching and historical averaging."""
    on = {name: {field for field, there in vars(t).items() if there} for name, t in CONDITIONS.items()}
    words = {"minibatch discrimination": "minibatch", "virtual batch norm": "virtual"}
    words |= {"labels": "labels", "label smoothing": "smoothing"}
    assert on["all"] == set(words.values())
    assert on["none"] == set()
    assert on["only labels"] == {"labels"}
    for name, field in words.items():
        assert on["all"] - on[f"all but {name}"] == {field}
        assert on[f"all but {name}"] < on["all"]
    for name in ("labels", "minibatch discrimination"):
        assert on[f"all but {name}, and historical averaging"] - on[f"all but {name}"] == {"history"}
    game: Any = technique_ablation.build(CONDITIONS["none"], 0, technique_ablation.DIGITS, Digits("train")).game
    assert game.objective.positive.item() == 1.0
    assert game.terms["historical_averaging"].coefficient.item() == 0.0


def test_labels_make_the_discriminator_a_classifier_of_the_same_samples():
    data = Digits("train")
    plain, told = (
        technique_ablation.build(CONDITIONS[name], 3, technique_ablation.DIGITS, data).game
        for name in ("none", "only labels")
    )
    batches = [game.draw(Key(0)) for game in (plain, told)]
    torch.testing.assert_close(batches[0]["latent"], batches[1]["latent"])
    assert told.discriminator(batches[1]["real"]).shape == (32, 10)
    assert torch.bincount(told.label).tolist() == [100] * 10


def test_a_held_generator_stays_what_it_was_drawn_as():
    options, data = {**few_labels.DIGITS, "labels": [10], "width": 16}, Digits("train")
    arms = ("held generator", "feature matching")
    trials = [few_labels.build_member(few_labels.ARMS[name], 10, 0, options, data) for name in arms]
    start: Any = {name: value.clone() for name, value in trials[0].game.generator.named_parameters()}
    program = Program(trials, [0, 0])
    program.run(3)
    held, learning = (program.train_state(k).point.players["generator"] for k in range(2))
    assert all(torch.equal(held[name], start[name]) for name in start)
    assert not torch.equal(learning["head.weight"], start["head.weight"])


def test_published_errors_are_the_tables():
    """Wrong predictions of 10,000 for MNIST (Table 1), per cent elsewhere (Table 2, Sec. 6.3)."""
    found = {(data, count): (error, deviation) for _, data, count, error, deviation, _ in PUBLISHED}
    counts = {20: (1677, 452), 50: (221, 136), 100: (93, 6.5), 200: (90, 4.2)}
    for count, (wrong, deviation) in counts.items():
        assert found["MNIST", count] == pytest.approx((wrong / 1e4, deviation / 1e4))
    percent = {
        ("SVHN", 500): (18.44, 4.8),
        ("SVHN", 1000): (8.11, 1.3),
        ("SVHN", 2000): (6.16, 0.58),
        ("CIFAR-10", 1000): (21.83, 2.01),
        ("CIFAR-10", 2000): (19.61, 2.09),
        ("CIFAR-10", 4000): (18.63, 2.32),
        ("CIFAR-10", 8000): (17.72, 1.82),
    }
    for key, (error, deviation) in percent.items():
        assert found[key] == pytest.approx((error / 100, deviation / 100))
    assert len(found) == 11
    for experiment, _, count, *_ in PUBLISHED:
        assert count in experiment.sizes["full"].options["labels"]


def test_scores_and_orders():
    found = known_samples(0, 50)
    assert {len(part) for part in found.values()} == {50}
    assert len(torch.unique(found["one image"].flatten(1), dim=0)) == 1
    assert agreement([1.0, 2.0, 3.0], [9.0, 4.0, 1.0]) == 1.0
    assert agreement([1.0, 2.0, 3.0], [1.0, 4.0, 9.0]) == -1.0
    curve = [{"modes": float(k)} for k in (0, 1, 6, 8)]
    assert late(curve) == {"modes": 7.0}
    names = ("minibatch discrimination", "virtual batch norm", "labels", "label smoothing")
    scores = zip(names, (3.0, 5.0, 4.0, 6.0))
    rows = Rows({"techniques": f"all but {name}", "seed": 0, "inception_score": score} for name, score in scores)
    assert worst_removal(rows) == [-1.0]


def test_ten_are_right_together_where_most_of_their_probability_is():
    """Of two digits one is given to its class by neither, by one surely; votes would be split."""
    y = torch.tensor([0, 1])
    sure, unsure = [[0.9, 0.1], [0.45, 0.55]], [[0.4, 0.6], [0.6, 0.4]]
    assert [ensembles.share_wrong([said], y) for said in (sure, unsure)] == [0.0, 1.0]
    assert ensembles.share_wrong([sure, unsure], y) == 0.5  # means 0.65 of the first, 0.475 of the second


def test_classifiers_of_an_ensemble_share_their_labels_and_differ_in_weights():
    options, data = {**few_labels.DIGITS, "labels": [20], "width": 16}, Digits("train")
    games: Any = [
        few_labels.build_member(few_labels.ARMS["feature matching"], 20, k, options, data, 3).game for k in (30, 31)
    ]
    assert torch.equal(games[0].labelled, games[1].labelled)
    chosen, _ = choose_labelled(data, 20, derive(3, "labels"))
    assert torch.equal(games[0].labelled, chosen)
    first, second = (next(game.discriminator.parameters()) for game in games)
    assert not torch.equal(first, second)


@pytest.mark.long
def test_rows_of_ensembles_are_of_all_ten():
    size = ensembles.ENSEMBLES.sizes["quick"]
    size = replace(size, steps=3, options={**size.options, "labels": [10], "mode": "looped"})
    (row,) = ensembles.measure(ensembles.CELLS[0], size)
    assert len(row["errors"]) == 10
    assert len(set(row["errors"])) > 1
    assert row["test_error"] == pytest.approx(sum(row["errors"]) / 10, abs=1e-5)
    assert claims.ensemble_gain({"ensemble_error": 0.1, "test_error": 0.2}) == pytest.approx(-math.log(2))
