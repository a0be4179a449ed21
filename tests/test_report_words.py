"""What a page says of its numbers and settings: each number has a meaning; what is usual is told from what is not."""

import pytest

from nashpath.core import FunctionalGame, Key
from nashpath.core.game import point_of
from nashpath.diagnostics import DIAGNOSTICS, DualityGap
from nashpath.games.toys import Quadratic
from nashpath.metrics import METRICS
from nashpath.report.phrasing import amount, by_how_much, is_share, meaning
from nashpath.report.tables import is_of_class
from nashpath.run.settings.changed import not_default
from nashpath.run.settings.flow import resolve_flow
from nashpath.run.settings.resolve import dump, resolve

SHOWN = {"data.kind", "generator.kind", "discriminator.kind", "steps", "seeds"}
OF_EVERY_RUN = ("cost.generator", "gradient_norm.discriminator", "distance", "test_error", "kl", "w2", "held")


def test_every_number_of_a_page_has_a_meaning():
    measured = {key for row in METRICS.values() for key in {*row.better, *row.numbers}}
    read = {f"{key}.generator" for row in DIAGNOSTICS.values() for key in row.readings}
    assert [key for key in sorted({*measured, *read, *OF_EVERY_RUN}) if len(meaning(key).split()) < 3] == []
    assert meaning("no_such_number") == ""


def test_a_metric_says_what_each_of_its_numbers_with_a_direction_or_in_percent_means():
    for name, row in METRICS.items():
        assert set(row.better) | set(row.shares) <= set(row.numbers), name


def test_the_better_side_is_said_in_words_and_features_change_nothing():
    assert meaning("fid@pixels") == meaning("fid")
    assert meaning("fid").endswith("less is better")
    assert meaning("recall").endswith("more is better")


@pytest.mark.parametrize(
    ("key", "value", "said"),
    [
        ("recall", 0.125, "12.5 %"),
        ("recall", 1.0, "100 %"),
        ("recall", None, "–"),
        ("recall", float("nan"), "–"),
        ("fid", 0.125, "0.125"),
    ],
)
def test_shares_are_in_percent(key, value, said):
    assert amount(key, value) == said
    assert is_share(key) == ("recall" in key)


def test_differences_of_shares_are_in_points():
    assert by_how_much("recall", -0.125) == "-12.5 points"
    assert by_how_much("fid", -0.125) == "-0.125"


@pytest.mark.parametrize(
    ("raw", "more"),
    [
        ({}, set()),
        ({"game": "bilinear"}, {"game.kind"}),
        ({"penalty": {"kind": "r1"}}, {"penalty.kind"}),
        ({"penalty": {"kind": "r1", "weight": 0.125}}, {"penalty.kind", "penalty.weight"}),
        ({"solver": {"generator": {"learning_rate": 0.125}}}, {"solver.generator.learning_rate"}),
        ({"solver": {"generator": "sgd"}}, {"solver.generator.kind", "solver.generator.learning_rate"}),
        ({"data": "digits"}, set()),
        ({"generator": {"width": 7}, "threads": 1, "device": "cpu"}, {"generator.width"}),
    ],
)
def test_settings_that_are_not_the_defaults_are_told_from_the_others(raw, more):
    config = dump(resolve(raw))
    flat = {key for key in SHOWN if key.partition(".")[0] in config}
    assert set(not_default(config)) == flat | more


def test_the_defaults_of_a_flow_are_its_own():
    config = resolve_flow([("particles", 77)]).model_dump(mode="json")
    assert set(not_default(config)) == {"particles", "data.kind", "discriminator.kind", "steps", "seed"}


def test_numbers_of_one_class_are_told_from_features_that_have_a_dot_in_their_name():
    assert is_of_class("intra_fid.3")
    assert is_of_class("class_accuracy.12@mnist")
    assert not is_of_class("fid@features.pt2")
    assert not is_of_class("fid")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("at", [0.1, 1.0, 3.0])
@pytest.mark.parametrize(("a", "b", "c"), [(1.0, 1.0, 1.0), (1.0, 1.0, 0.1), (10.0, 1.0, 10.0)])
def test_the_duality_gap_is_called_the_lower_bound_that_it_is(a, b, c, at):
    """Of ``a/2 x² + b x y − c/2 y²`` at x = y = ``at``, against the closed form ``(a + b²/c)/2 x² + (c + b²/a)/2 y²``.

    It is short by less than 3 % exactly where no best response (−b y / a, b x / c) is further than the search goes.
    """
    game = Quadratic(a=a, b=b, c=c, x=at, y=at)
    search = DualityGap()
    found = float(search(FunctionalGame(game), point_of(game), game.draw(Key(0), (search.draws,)))["duality_gap"])
    closed = ((a + b * b / c) + (c + b * b / a)) / 2 * at * at
    assert found <= closed * (1 + 1e-5)
    far = max(abs(-b * at / a - at), abs(b * at / c - at)) > search.steps * search.rate
    assert (found < 0.97 * closed) == far
    for key in ("duality_gap", "regret.generator", "perturbed_duality_gap", "perturbed_regret.discriminator"):
        assert f"a lower bound by {search.steps} steps" in meaning(key)
    assert "does not say how far" in meaning("duality_gap_error")
