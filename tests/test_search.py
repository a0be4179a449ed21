"""`nashpath search`: what it finds where the best is known, that it goes on, and that only fresh seeds decide."""

import json
import math

import pytest

from nashpath.cli.search import direction_of
from nashpath.report import write_search
from nashpath.run import FolderError, RunFolder, SettingError, open_session
from nashpath.run.assess import search as search_room
from nashpath.run.assess.search import search
from nashpath.run.assess.search_question import Question, parse_space
from nashpath.run.engine import autotune
from nashpath.run.engine.interrupt import Interrupted
from nashpath.run.settings.members import plan
from nashpath.run.settings.overrides import flatten_sweeps, parse_sweeps
from run_folders import interrupt_after, members, nash

optuna = pytest.importorskip("optuna")

TOY = {
    "game": "quadratic",
    "stack": "on",
    "compile": "off",
    "threads": 1,
    "solver": {"kind": "simultaneous", "generator": "sgd", "discriminator": "sgd"},
}
"""Simultaneous descent on a quadratic game, whose distance from the equilibrium shrinks fastest at one rate."""


def question(**given):
    asked = {
        "settings": TOY,
        "space": {f"solver.{who}.learning_rate": {"low": 1e-4, "high": 1.0, "log": True} for who in PLAYERS},
        "objective": "distance",
        "better": -1,
        "candidates": 12,
        "batch": 6,
        "rungs": 2,
        "seeds": [0, 1, 2],
        "steps": 30,
        "confirm": 3,
        "finalists": 2,
    }
    return Question(**(asked | given))


PLAYERS = ("generator", "discriminator")


@pytest.mark.long
def test_it_finds_rates_that_beat_those_that_were_given(tmp_path):
    found = search(tmp_path / "s", question())
    assert found.finished
    assert [len(one.values) for one in found.candidates].count(2) == 4  # two of six go on, in either batch
    *best, given = found.finalists
    assert given.point == {}
    assert len(best) == 2
    assert max(best[0].values[-1]) < min(given.values[-1])
    assert [m["seed"] for m in members(tmp_path / "s" / "confirm")] == [3, 4, 5] * 3, "seeds that no round has seen"
    told = json.loads((tmp_path / "s" / "found.json").read_text())
    assert told["finished"]
    assert len(told["candidates"]) == 12


@pytest.mark.long
def test_a_search_that_was_stopped_goes_on_to_the_same_end(tmp_path):
    whole = search(tmp_path / "whole", question())
    for asked in (1, 2, 40):  # so many looks at the signal, then it is stopped
        looks = iter(range(asked))
        found = search(tmp_path / "parts", question(), stop=lambda looks=looks: next(looks, None) is None)
    assert not found.finished
    found = search(tmp_path / "parts", question())
    assert [one.point for one in found.candidates] == [one.point for one in whole.candidates]
    assert [one.values for one in found.candidates] == [one.values for one in whole.candidates]
    assert [one.values for one in found.finalists] == [one.values for one in whole.finalists]


@pytest.mark.long
def test_members_that_diverge_count_as_the_worst(tmp_path):
    rate = {"low": 1.0, "high": 1e6, "log": True}
    found = search(tmp_path / "s", question(space={"solver.generator.learning_rate": rate}, steps=200, rungs=1))
    lost = [one for one in found.candidates if math.isnan(one.mean())]
    assert lost
    assert not {one.number for one in found.finalists} & {one.number for one in lost}
    page, _ = write_search(tmp_path / "s", found)
    assert "without a value" in page.read_text()


@pytest.mark.long
def test_settings_of_methods_are_left_out_where_the_method_has_none(tmp_path):
    space = {"penalty": ["none", "r1"], "penalty.weight": {"low": 0.1, "high": 10.0, "log": True}}
    small = {"data": "ring", "compile": "off", "threads": 1, "evaluation_samples": 32, "samples": 8, "batch_size": 8}
    asked = question(settings=small, space=space, objective="sliced_wasserstein", candidates=6, rungs=1, steps=2)
    found = search(tmp_path / "s", asked)
    assert {one.point["penalty"] for one in found.candidates} == {"none", "r1"}
    assert all(("penalty.weight" in one.point) == (one.point["penalty"] == "r1") for one in found.candidates)


@pytest.mark.parametrize(
    ("texts", "match"),
    [
        (["penalty.weight=3:1"], "two numbers"),
        (["penalty.weight=log:0:1"], "begins above 0"),
        (["penalty.weight=nan:1"], "two numbers"),
        (["penalty=r1,r1"], "different values"),
        (["penalty="], "different values"),
        (["penalty"], "key=value"),
        (["a=1:2", "a=1:3"], "twice"),
    ],
)
def test_spaces_that_are_none_are_refused(texts, match):
    with pytest.raises(SettingError, match=match):
        parse_space(texts)


def test_spaces_are_read():
    found = parse_space(["a=log:1e-4:1e-1", "b=1:8", "c=r1,none", "d=[1, 2]"])
    assert found == {
        "a": {"low": 1e-4, "high": 1e-1, "log": True},
        "b": {"low": 1, "high": 8, "log": False},
        "c": ["r1", "none"],
        "d": [1, 2],
    }


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"space": {}}, "nothing is searched"),
        ({"space": {"steps": [1, 2]}}, "grow by themselves"),
        ({"space": {"penalty.wait": [1, 2]}}, r"penalty\.wait"),
        ({"space": {"batch_size": {"low": 0, "high": 4, "log": False}}}, "batch_size"),
        ({"objective": "no_such_number"}, "no_such_number: no member has that number; these are there: "),
    ],
)
def test_questions_that_cannot_be_asked_are_refused_by_key(tmp_path, given, match):
    with pytest.raises(SettingError, match=match):
        search(tmp_path / "s", question(**given))


def test_a_folder_holds_one_search(tmp_path):
    search(tmp_path / "s", question(candidates=2, batch=2, rungs=1))
    with pytest.raises(SettingError, match=r"holds another search: candidates is 2 there, 3 here; batch is 2"):
        search(tmp_path / "s", question(candidates=3, batch=3, rungs=1))
    (tmp_path / "s" / "rounds" / "001-1" / "members.json").write_text("[]")
    with pytest.raises(SettingError, match=r"members\.json: .* trains that round again"):
        search(tmp_path / "s", question(candidates=2, batch=2, rungs=1))


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({"confirm": 200_000}, r"--confirm 200000, --finalists 2: .* 600000 members; one run has at most 100000"),
        ({"finalists": 40_000, "candidates": 40_000, "confirm": 3}, "--confirm 3, --finalists 40000"),
        ({"seeds": [2**63 - 1]}, r"--seeds: 9223372036854775807, --confirm 3: .* give smaller --seeds"),
        ({"seeds": [-1, 3]}, "seeds"),
        ({"steps": 0}, "steps: 0: a search trains"),
        ({"steps": -5}, "steps"),
    ],
)
def test_what_would_fail_at_the_end_is_refused_at_the_start(tmp_path, given, match):
    with pytest.raises(SettingError, match=match):
        search(tmp_path / "s", question(**given))
    assert not (tmp_path / "s").exists()


def test_how_the_best_are_confirmed_may_change_until_that_has_begun(tmp_path):
    looks = iter(range(2))
    small = {"candidates": 2, "batch": 2, "rungs": 1}
    search(tmp_path / "s", question(**small, confirm=9), stop=lambda: next(looks, None) is None)
    found = search(tmp_path / "s", question(**small, confirm=2, finalists=1))
    assert [len(one.values[0]) for one in found.finalists] == [2, 2]
    with pytest.raises(SettingError, match="confirm is 2 there, 3 here"):
        search(tmp_path / "s", question(**small, confirm=3, finalists=1))


def test_how_to_run_is_chosen_once_for_all_rounds(tmp_path, monkeypatch):
    """Another way to run has other roundings: a search that goes on elsewhere, or on a busy machine, finds the same."""
    asked = question(settings={**TOY, "stack": "auto", "threads": 0}, candidates=6)
    ways = iter(["stacked", *["looped"] * 9])
    monkeypatch.setattr(autotune, "_faster", lambda *given: (next(ways), "as it was measured"))
    search(tmp_path / "s", asked)
    rounds = [*sorted((tmp_path / "s" / "rounds").glob("*")), tmp_path / "s" / "confirm"]
    kept = [RunFolder(place).read_config() for place in rounds]
    assert len(rounds) == 3
    assert {(one["stack"], one["compile"], one["threads"]) for one in kept} == {("on", "off", kept[0]["threads"])}


def test_a_search_and_a_run_keep_out_of_each_others_folders(tmp_path):
    small = question(candidates=2, batch=2, rungs=1)
    search(tmp_path / "s", small)
    with pytest.raises(FolderError, match="holds a search"):
        open_session({"game": "quadratic"}, {}, tmp_path / "s")
    (tmp_path / "r").mkdir()
    (tmp_path / "r" / "config.toml").write_text("")
    with pytest.raises(FolderError, match="holds a run"):
        search(tmp_path / "r", small)
    (tmp_path / "file").write_text("")
    with pytest.raises(FolderError, match="is a file; give a folder"):
        search(tmp_path / "file", small)


@pytest.mark.parametrize("steps", ["abc", "nan", "[1]", "1e400", "2.9", "-5"])
def test_steps_are_refused_as_train_refuses_them(tmp_path, steps):
    common = ["-s", f"steps={steps}", "-s", "game=quadratic", "--out", str(tmp_path / "s")]
    told = nash("train", *common, expect=2).stderr
    asked = ["--objective", "distance", "--better", "lower", "--space", "solver.generator.learning_rate=0.1:1"]
    assert nash("search", *common, *asked, expect=2).stderr == told
    assert "steps" in told


def test_directions():
    assert direction_of("fid@pixels") == -1
    assert direction_of("coverage") == 1
    assert direction_of("duality_gap", "lower") == -1
    with pytest.raises(SettingError, match=r"--better higher\|lower"):
        direction_of("cost.generator")


@pytest.mark.long
def test_the_command(tmp_path):
    arguments = ["-s", "data=ring", "-s", "steps=4", "-s", "compile=off", "-s", "stack=off", "-s", "batch_size=8"]
    arguments += ["-s", "evaluation_samples=32", "-s", "samples=8", "-s", "threads=1", "--seeds", "0:2"]
    arguments += ["--space", "solver.generator.learning_rate=log:1e-4:1e-2", "--objective", "sliced_wasserstein"]
    arguments += ["--candidates", "3", "--rungs", "1", "--confirm", "2", "--finalists", "1", "--out", tmp_path / "s"]
    told = json.loads(nash("search", *arguments, "--json").stdout.strip().splitlines()[-1])
    assert told["search"] == str(tmp_path / "s")
    assert told["headline"]
    page = (tmp_path / "s" / "search.html").read_text()
    assert "as given" in page
    assert "confirm/report.html" in page
    assert (tmp_path / "s" / "confirm" / "config.toml").exists()


@pytest.mark.long
@pytest.mark.parametrize("at", [1, 2, 3])
def test_a_search_that_is_stopped_while_a_round_is_prepared_keeps_the_rounds_before_it(tmp_path, monkeypatch, at):
    """``at`` the first round, of which nothing is written yet, at a later one, and where the best are confirmed."""
    real, done = search_room.open_session, []

    def stopped(*given):
        done.append(1)
        if len(done) == at:
            raise Interrupted
        return real(*given)

    small = {"candidates": 4, "rungs": 2, "finalists": 1, "confirm": 4}
    with monkeypatch.context() as patch:
        patch.setattr(search_room, "open_session", stopped)
        found = search(tmp_path / "s", question(**small))
    assert not found.finished
    assert sorted(len(one.values) for one in found.candidates) == {1: [0] * 4, 2: [1] * 4, 3: [1, 1, 2, 2]}[at]
    assert json.loads((tmp_path / "s" / "found.json").read_text())["finished"] is False
    assert write_search(tmp_path / "s", found)[0].exists()
    assert search(tmp_path / "s", question(**small)).finished


@pytest.mark.long
def test_the_command_that_is_stopped_has_saved_all_and_says_how_to_go_on(tmp_path, monkeypatch):
    command = ["search", "--objective", "distance", "--better", "lower", "--candidates", "2", "--seeds", "0:2"]
    command += ["--space", "solver.generator.learning_rate=0.1:1", "--rungs", "1", "--out", tmp_path / "s"]
    for key in ("game=quadratic", "compile=off", "stack=off", "threads=1", "steps=20"):
        command += ["-s", key]
    with monkeypatch.context() as patch:
        interrupt_after(patch, 3)
        assert "stopped; the same command goes on" in nash(*command).stderr
    assert not json.loads((tmp_path / "s" / "found.json").read_text())["finished"]
    nash(*command)
    assert json.loads((tmp_path / "s" / "found.json").read_text())["finished"]


# Points that change together: what a round of a search is, and anyone may ask for.


def test_points_change_together():
    sweeps = parse_sweeps(['together=[{penalty = "r1", "penalty.weight" = 2.0}, {penalty.kind = "none"}, {}]'])
    planned = plan({"data": "ring", "seeds": [0, 1]}, {"batch_size": [8, 16], **sweeps})
    assert [(m.settings.batch_size, m.settings.penalty.kind, m.seed) for m in planned][:6] == [
        *((8, "r1", 0), (8, "r1", 1), (8, "none", 0), (8, "none", 1), (8, "none", 0), (8, "none", 1)),
    ]
    assert len(planned) == 12
    assert planned[0].settings.penalty.weight == 2.0
    assert planned[2].swept == {"batch_size": 8, "penalty": "none"}


@pytest.mark.parametrize(
    "table",
    [
        {"together": 3},
        {"together": [1]},
        {"together": []},
        {"together": [{"seeds": 1}]},
        {"together": [{"penalty": "r1"}], "penalty": ["none"]},
        {"together": [{"penalty": "r1"}, {"penalty": "r1"}]},
    ],
)
def test_points_that_are_none_are_refused(table):
    with pytest.raises(SettingError, match="together"):
        flatten_sweeps(table)
    with pytest.raises(SettingError, match="steps is a setting of the whole run"):
        plan({}, flatten_sweeps({"together": [{"steps": 3}]}))
