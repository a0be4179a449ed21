"""Settings: every row of every table resolves and builds; faults name the key, what was expected, the nearest name."""

import itertools
import json
import math
import tomllib
from typing import get_args

import numpy as np
import pytest
import tomli_w
from PIL import Image

from nashpath.core.arguments import INFINITE
from nashpath.run import SettingError
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import NOT_DIVERGED
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.changed import rates_that_follow
from nashpath.run.settings.members import by_structure, plan, record
from nashpath.run.settings.model import TABLES, General, setting_names, settings_model
from nashpath.run.settings.names import ALIASES
from nashpath.run.settings.overrides import (
    METHODS,
    asked,
    assign,
    flatten_sweeps,
    override,
    parse_overrides,
    parse_seeds,
    parse_sweeps,
)
from nashpath.run.settings.points import partly_used
from nashpath.run.settings.resolve import dump, resolve
from nashpath.run.settings.schema import arguments, values_of
from nashpath.run.settings.values import check_values
from run_folders import assert_same_run, members, nash, rows, small, trained

DIGITS = {"data": "digits"}
ON_DIGITS = (
    {
        (who, kind)
        for who in ("generator", "discriminator")
        for kind in ("dcgan", "resnet", "r3gan", "virtual_dcgan", "salimans_conv")
    }
    | {("technique", kind) for kind in ("diff_augment", "ada")}
    | {("solver", "svre")}
)
ROWS = [(path, kind) for path, table in TABLES.items() for kind in table]
OUTSIDE = ("folder", "array", "csv", "hub")
"""Data sets that need a user's own files."""
CHECKED_ELSEWHERE = ("objective", "penalty", "solver.discriminator", "solver.discriminator.schedule")
TWICE = pytest.mark.unchecked("every call is one of test_objectives, of test_penalties, or of the generator's own rows")


def suited(path, kind):
    """Small settings with one method chosen, on data and in a game that it is made for."""
    if path == "game" and kind not in ("gan", "conditional", "mixture", "semi_supervised"):
        return {"game": kind, "steps": 2}
    labelled = path == "game" and kind in ("conditional", "semi_supervised")
    base = small(**(DIGITS if labelled or (path, kind) in ON_DIGITS else {}))
    return assign(base, [(path, kind)])


@pytest.mark.parametrize(
    ("path", "kind"),
    [
        pytest.param(path, kind, marks=TWICE if path in CHECKED_ELSEWHERE and kind != "joint_batch" else ())
        for path, kind in ROWS
        if kind not in OUTSIDE
    ],
)
def test_every_row_of_every_table_resolves_builds_and_takes_a_step(path, kind, monkeypatch):
    monkeypatch.setattr("nashpath.run.engine.sampler.BLOCK_STEPS", 1)
    settings = resolve(suited(path, kind))
    assert dump(resolve(dump(settings))) == dump(settings)
    program = Program([build_trial(settings, 0)], [0])
    program.run(1)
    assert int(program.train_state(0).diverged_player) == NOT_DIVERGED
    assert all(np.isfinite(value) for value in program.info()[0].values())


@pytest.fixture
def files(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    rng = np.random.default_rng(0)
    (tmp_path / "pictures").mkdir()
    for k in range(3):
        Image.fromarray(rng.integers(0, 255, (8, 8), dtype=np.uint8)).save(tmp_path / "pictures" / f"{k}.png")
    np.save(tmp_path / "points.npy", rng.normal(size=(20, 3)).astype(np.float32))
    return tmp_path


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("kind", "name", "shape"), [("array", "points.npy", (3,)), ("folder", "pictures", (3, 8, 8))])
def test_data_of_the_user_s_own_builds(files, kind, name, shape):
    raw = small(data={"kind": kind, "path": str(files / name), **({"size": 8} if kind == "folder" else {})})
    trial = build_trial(resolve(raw), 0)
    assert trial.game.data.shape == shape
    Program([trial], [0]).run(1)


FAULTS = [
    (["step=3"], ["step:", "'steps'"]),
    (["penalty=dragn"], ["penalty:", "'dragn'", "'dragan'"]),
    (["penalty=dragan", "penalty.wieght=1"], ["penalty.wieght", "'weight'"]),
    (["penalty=dragan", "penalty.weight=much"], ["penalty.weight", "number", "'much'"]),
    (["penalty=dragan", "penalty.weight=nan"], ["penalty.weight", "finite"]),
    (["penalty=dragan", "penalty.weight=true"], ["penalty.weight", "a number", "True"]),
    (["penalty=[1]"], ["penalty", "name of a penalty", "dragan"]),
    (["generator=5"], ["generator", "name of a generator", "mlp"]),
    (["steps=-1"], ["steps", "greater than or equal to 0", "-1"]),
    (["steps=3.5"], ["steps", "integer", "3.5"]),
    (["steps=true"], ["steps", "whole number", "True"]),
    (["steps.x=1"], ["steps", "integer"]),
    (["precision=fp16"], ["precision", "'fp32', 'bf16' or 'tf32'", "Did you mean"]),
    (["generator.activation=leakyrelu"], ["generator.activation", "'leaky_relu'", "Did you mean 'leaky_relu'"]),
    (["discriminator.outputs=3"], ["discriminator.outputs", "no such setting"]),
    (["data.modes=0"], ["data.modes", "greater than or equal to 1"]),
    (["solver.generator=momentum", "solver.generator.momentum=x"], ["solver.generator.momentum", "number"]),
    (["solver.generator.schedule=power", "solver.generator.schedule.exponnt=1"], ["schedule.exponnt", "'exponent'"]),
    (["average=ema", "average.decay=1.5"], ["average.decay", "less than 1"]),
    (["game=bilinear", "penalty=dragan"], ["penalty", "'bilinear'", "no use"]),
    (["seeds=3:1"], ["seeds", "0:16"]),
    (["seeds=1:2:3"], ["seeds", "0:16"]),
    (["seeds=0,1,1"], ["seeds", "twice"]),
    (["steps"], ["'steps'", "key=value"]),
]


@pytest.mark.parametrize(("texts", "words"), FAULTS, ids=lambda value: " ".join(value)[:40])
def test_faults_name_the_key_what_was_expected_and_the_nearest_name(texts, words):
    with pytest.raises(SettingError) as caught:
        resolve(override({}, texts))
    for word in words:
        assert word in str(caught.value)


def test_all_faults_are_told_at_once():
    with pytest.raises(SettingError, match=r"(?s)penalty\.wieght: .*\naverage\.deca: .*'decay'"):
        resolve({"batch_size": 0, "penalty": {"kind": "r1", "wieght": 2}, "average": {"kind": "ema", "deca": 2}})
    with pytest.raises(SettingError, match=r"(?s)batch_size: .*\n.*average\.decay: "):
        resolve({"batch_size": 0, "average": {"kind": "ema", "decay": 2}})


@pytest.mark.parametrize(
    ("raw", "words"),
    [
        ({"penalty": "r1", "discriminator": {"norm": "batch"}}, ["penalty", "normalises over the batch"]),
        ({"generator": "dcgan"}, ["dcgan", "(2,)", "mlp"]),
        ({"game": "semi_supervised"}, ["no labels", "digits"]),
        ({"average": {"kind": "ema", "player": "me"}}, ["'me'", "generator"]),
    ],
    ids=["batch norm under a penalty", "images for points", "labels", "no such player"],
)
def test_impossible_combinations_are_refused_with_what_to_do(raw, words):
    with pytest.raises(ValueError) as caught:  # noqa: PT011 (the words are checked below)
        Program([build_trial(resolve(small(**raw)), 0)], [0])
    for word in words:
        assert word in str(caught.value)


INFINITIES = [
    (path, kind, name)
    for path, kind in ROWS
    for name, (annotation, _) in arguments(TABLES[path][kind]).items()
    if INFINITE in get_args(annotation)
]


def held(raw, path, name):
    """What the settings of a place say of a name."""
    found = resolve(raw)
    for key in (*path.split("."), name):
        found = getattr(found, key)
    return found


@pytest.mark.parametrize(("path", "kind", "name"), INFINITIES)
def test_where_infinity_means_something_it_may_be_set(path, kind, name):
    """By flags and in files, early and late, whole as it is written down; NaN and -inf may not, nor inf elsewhere."""
    key, takes = f"{path}.{name}", values_of(settings_model(), setting_names())
    chosen = assign(small(), [(path, kind)])
    by_flag = override(chosen, [f"{key}=inf"])
    by_file = tomllib.loads(tomli_w.dumps(by_flag))
    for raw in (by_flag, by_file):
        check_values(raw, setting_names(), takes)
        assert held(raw, path, name) == math.inf
    assert held(tomllib.loads(tomli_w.dumps(dump(resolve(by_flag)))), path, name) == math.inf
    for bad in ("nan", "-inf"):
        raw = override(chosen, [f"{key}={bad}"])
        for refuses in (resolve, lambda raw: check_values(raw, setting_names(), takes)):
            with pytest.raises(SettingError, match=f"{key}: expected .*, got {bad}"):
                refuses(raw)


def test_infinity_is_refused_where_it_means_nothing():
    """Of each number of each row that is not so marked."""
    takes, count = values_of(settings_model(), setting_names()), 0
    for path, kind in ROWS:
        for name, (annotation, _) in arguments(TABLES[path][kind]).items():
            if (get_args(annotation) or (annotation,))[0] is float and INFINITE not in get_args(annotation):
                raw = assign({}, [(path, kind), (f"{path}.{name}", math.inf)])
                with pytest.raises(SettingError):
                    check_values(raw, setting_names(), takes)
                count += 1
    assert count > 100


@pytest.mark.long
def test_a_run_of_infinite_numbers_says_so_and_resumes(tmp_path):
    """A file of JSON has no infinity: null would be no value of the setting."""
    path, kind, name = next(one for one in INFINITIES if one[0].startswith("solver.generator"))
    raw = assign(small(log_every=2, sample_every=2, steps=2), [("solver", "simultaneous"), (path, kind)])
    key = f"{path}.{name}"
    trained(raw, tmp_path / "swept", **{key: [0.5, math.inf]})
    assert [one["settings"] for one in members(tmp_path / "swept")] == [{key: 0.5}, {key: "inf"}]
    alone = assign(raw, [(key, math.inf)])
    for folder, steps in (("short", 2), ("long", 4)):
        trained({**alone, "steps": steps}, tmp_path / folder)
        assert json.loads((tmp_path / folder / "run.json").read_text())["settings"][key] == "inf"
    nash("train", "--resume", tmp_path / "short", "-s", "steps=4", "--quiet")
    nash("evaluate", tmp_path / "swept", "--samples", "16", "--quiet")
    told = json.loads((tmp_path / "swept" / "evaluation.json").read_text())
    assert [group["settings"] for group in told["groups"]] == [{key: 0.5}, {key: "inf"}]
    assert_same_run(tmp_path / "short", tmp_path / "long")


@pytest.mark.unchecked("slow: many calls")
def test_the_order_of_flags_does_not_matter():
    texts = ["solver.generator.momentum=0.1", "solver.generator=momentum", "solver=simultaneous", "penalty.weight=3"]
    texts += ["penalty=r1"]
    found = [dump(resolve(override({}, order))) for order in itertools.permutations(texts)]
    assert all(one == found[0] for one in found)
    assert found[0]["solver"]["generator"]["momentum"] == 0.1
    assert found[0]["penalty"] == {"kind": "r1", "weight": 3.0}


def test_naming_the_method_a_file_names_keeps_its_settings_and_naming_another_drops_them():
    raw = {"penalty": {"kind": "dragan", "weight": 7.0}}
    assert override(raw, ["penalty=dragan"])["penalty"]["weight"] == 7.0
    assert override({"penalty": {"weight": 7.0}}, ["penalty=r1"])["penalty"] == {"weight": 7.0, "kind": "r1"}
    assert override(raw, ["penalty=r1"])["penalty"] == {"kind": "r1"}


def test_another_solver_keeps_the_players_rules():
    raw = {"solver": {"kind": "alternating", "discriminator_steps": 3, "generator": {"kind": "sgd"}}}
    assert override(raw, ["solver=simultaneous"])["solver"] == {
        "kind": "simultaneous",
        "generator": {"kind": "sgd"},
    }


def test_one_table_given_to_both_players_is_not_one_rule_of_both():
    rule = {"kind": "sgd", "learning_rate": 0.1}
    both = {"solver": {"kind": "alternating", "generator": rule, "discriminator": rule}}
    (member,) = plan(both, {"solver.generator.learning_rate": [0.3]})
    assert member.settings.solver.generator.learning_rate == 0.3
    assert member.settings.solver.discriminator.learning_rate == 0.1
    assert rule["learning_rate"] == 0.1


@pytest.mark.parametrize(
    ("text", "seeds"),
    [("0:4", [0, 1, 2, 3]), ("3,5,9", [3, 5, 9]), ("7", [7]), ("0:2,9", [0, 1, 9]), ("[4, 2]", [4, 2])],
)
def test_seeds(text, seeds):
    assert parse_seeds(text) == seeds


def test_values_are_toml_or_text():
    texts = ["a=3", "a=1e-3", "a=true", "a=ring", 'a="3"', "a=2024-01-01", "a=x=y"]
    assert [value for _, value in parse_overrides(texts)] == [3, 1e-3, True, "ring", "3", "2024-01-01", "x=y"]


def test_sweep_tables_of_a_file_may_be_quoted_or_nested():
    text = '[sweep]\nobjective = ["minimax", "hinge"]\n[sweep.penalty]\nweight = [0.1, 1]\n'
    assert flatten_sweeps(tomllib.loads(text)["sweep"]) == {
        "objective": ["minimax", "hinge"],
        "penalty.weight": [0.1, 1],
    }
    assert flatten_sweeps({"penalty.weight": [1, 2]}) == {"penalty.weight": [1, 2]}
    assert parse_sweeps(["penalty.weight=0.1,1"]) == {"penalty.weight": [0.1, 1]}


@pytest.mark.parametrize(
    ("sweep", "word"),
    [
        ({"seeds": [0, 1]}, "--seeds"),
        ({"penalty.weight": []}, "expected values"),
        ({"penalty.weight": 3}, "expected values"),
        ({"penalty.weight": [1, 1]}, "twice"),
        ([1], "table"),
    ],
)
def test_sweeps_that_make_no_sense_are_refused(sweep, word):
    with pytest.raises(SettingError, match=word):
        flatten_sweeps(sweep)


SAME = "would be the same experiment"


@pytest.mark.parametrize(
    ("ask", "words"),
    [
        (lambda: parse_sweeps(["penalty.weight=1,1.0"]), ["sweep: penalty.weight", "1 and 1.0", SAME]),
        (lambda: parse_sweeps(["penalty.weight=0.5,5e-1"]), ["penalty.weight", "0.5 and 0.5", SAME]),
        (lambda: flatten_sweeps({"g": {"sizes": [[1, 2], [1.0, 2]]}}), ["g.sizes", "[1, 2] and [1.0, 2]", SAME]),
        (lambda: parse_seeds([0, 0.0]), ["seeds: [0, 0.0] names a seed twice", SAME]),
        (lambda: parse_seeds("0:2,1"), ["seeds: [0, 1, 1] names a seed twice", SAME]),
        (lambda: parse_seeds([True]), ["seeds: [True]", "whole numbers"]),
        (lambda: parse_seeds("1_0"), ["seeds: '1_0' is not a range"]),
        (lambda: parse_seeds("\u0663"), ["seeds: '\u0663' is not a range"]),
        (
            lambda: flatten_sweeps({"together": [{"a": 1, "b": {"c": 2}}, {"b.c": 2.0, "a": 1}]}),
            ["sweep: together", "names a point twice", SAME],
        ),
        (
            lambda: flatten_sweeps({"penalty.weight": [1], "penalty": {"weight": [2]}}),
            ["sweep: penalty.weight is given twice, as [1] and [2]"],
        ),
        (
            lambda: asked({}, ["penalty.weight=5"], ["penalty.weight=1,2"]),
            ["penalty.weight: -s gives it 5, and it is swept over [1, 2]"],
        ),
        (
            lambda: asked({"sweep": {"together": [{"latent": 1}, {"latent": 2}]}}, ["latent=5"], []),
            ["latent: -s gives it 5, and it is swept over [1, 2]"],
        ),
    ],
)
def test_one_experiment_asked_for_twice_is_refused_by_key_and_values(ask, words):
    """Or one that is not asked for."""
    with pytest.raises(SettingError) as found:
        ask()
    assert all(word in str(found.value) for word in words), found.value


def test_what_differs_is_no_repetition():
    assert parse_sweeps(["a=true,1,0.1,false,0"])["a"] == [True, 1, 0.1, False, 0]
    together = [{"latent": 1}, {"latent": 2, "batch_size": 4}]
    assert asked({"sweep": {"together": together}}, ["batch_size=8"], [])[0] == {"batch_size": 8}
    assert asked({}, ["latent=2.0"], ["latent=2,3"])[1] == {"latent": [2, 3]}


@pytest.mark.parametrize("key", ["steps", "precision", "device", "log_every"])
def test_settings_of_the_whole_run_are_not_swept(key):
    with pytest.raises(SettingError, match=f"{key} is a setting of the whole run"):
        plan({}, {key: [1, 2]})


def test_a_sweep_over_numbers_is_one_program_and_over_structure_one_each():
    penalised = {"penalty": "dragan", "seeds": [0, 1]}
    numbers = plan(penalised, {"penalty.weight": [0.1, 1.0], "solver.generator.learning_rate": [1e-4, 1e-3]})
    assert [len(group) for group in by_structure(numbers)] == [8]
    structures = plan(penalised, {"objective": ["minimax", "hinge"], "penalty.weight": [0.1, 1.0]})
    assert [len(group) for group in by_structure(structures)] == [4, 4]
    assert [m.index for m in structures] == list(range(8))


SWEEPS = [
    ({}, {"data": ["ring", "digits"]}),
    ({"penalty": {"kind": "dragan", "weight": 5}}, {"penalty": ["dragan", "r1"]}),
    ({"penalty": {"weight": 5}}, {"penalty": ["dragan", "r1"]}),
    ({"penalty": {"weight": 5}}, {"penalty": ["none", "r1"]}),
    ({"solver": {"generator": {"b1": 0.25}}}, {"solver.generator": ["sgd", "adam"]}),
    ({}, {"solver": ["alternating", "extragradient"], "solver.generator": ["sgd", "momentum"]}),
    ({"game": "bilinear"}, {"game": ["bilinear", "gan"]}),
    ({"penalty": "r1"}, {"penalty.weight": [1, 2]}),
]


def test_what_other_programs_call_settings_leads_to_settings_that_exist():
    names = {*General.model_fields, *TABLES, *(table.kind for table in TABLES.values())}
    for path, table in TABLES.items():
        names |= {f"{path}.{argument}" for method in table.values() for argument in arguments(method)}
    known = names | {name.rpartition(".")[2] for name in names}
    assert {meant.partition("=")[0] for meant in ALIASES.values()} - known == set()


@pytest.mark.parametrize("key", ["rule", "solver.rule", "solver.generator.rule", "optimizer"])
def test_the_word_for_a_kind_of_method_leads_to_where_one_is_chosen(key):
    with pytest.raises(SettingError, match=r"Did you mean solver.generator or solver.discriminator\?"):
        resolve({}, {key: "sgd"})


@pytest.mark.parametrize(
    ("raw", "sweeps", "said"),
    [
        ({}, {}, []),
        ({"solver": "extragradient"}, {}, []),
        ({"solver": {"generator": {"learning_rate": 0.5}}}, {}, []),
        ({"solver": {"generator": "sgd"}}, {"solver.generator.learning_rate": [1, 2]}, []),
        (
            {"solver": {"generator": "sgd"}},
            {},
            ["solver.generator.learning_rate: 0.01 as none is set, the default of sgd on mlp; of adam on mlp"],
        ),
        (
            {"data": "digits"},
            {"generator": ["mlp", "dcgan"]},
            ["solver.generator.learning_rate: 0.001 as none is set, the default of adam on mlp; of adam on dcgan"],
        ),
    ],
)
def test_a_default_learning_rate_that_follows_from_a_rule_or_a_network_is_said(raw, sweeps, said):
    found = rates_that_follow(raw, plan(raw, sweeps))
    assert len(found) == len(said)
    assert all(one.startswith(start) for one, start in zip(found, said))


def test_a_setting_that_only_some_of_the_swept_methods_have_is_given_to_those():
    raw, sweeps = {"penalty": {"weight": 5}}, {"penalty": ["none", "r1"], "solver": ["alternating", "simultaneous"]}
    assert partly_used(raw, sweeps, setting_names()) == {"penalty.weight": ["none"]}
    planned = plan(raw, sweeps)
    assert [m.settings.penalty.model_dump() for m in planned[::2]] == [{"kind": "none"}, {"kind": "r1", "weight": 5}]
    assert raw == {"penalty": {"weight": 5}}
    rules = {"solver": {"generator": {"b1": 0.25, "learning_rate": 0.5}}}
    assert partly_used(rules, {"solver.generator": ["sgd", "adam"]}, setting_names()) == {
        "solver.generator.b1": ["sgd"]
    }
    sgd, adam = (m.settings.solver.generator for m in plan(rules, {"solver.generator": ["sgd", "adam"]}))
    assert (sgd.learning_rate, adam.learning_rate, adam.b1) == (0.5, 0.5, 0.25)


def test_settings_given_beside_a_sweep_are_for_its_methods_and_not_for_the_one_that_it_replaces():
    file = {"penalty": {"kind": "dragan", "weight": 7}, "sweep": {"penalty": ["none", "r1"]}}
    members = plan(*asked(file, ["penalty.weight=1"], []))
    assert [m.settings.penalty.model_dump() for m in members] == [{"kind": "none"}, {"kind": "r1", "weight": 1}]
    assert [m.settings.penalty.weight for m in plan(*asked(file, [], ["penalty=dragan,r1"]))] == [7, 10]
    assert file["penalty"] == {"kind": "dragan", "weight": 7}
    rule = {"solver": {"generator": {"kind": "adam", "b1": 0.3, "schedule": {"kind": "power"}}}}
    (sgd,) = plan(*asked(rule, ["solver.generator.learning_rate=2"], ["solver.generator=sgd"]))
    assert (sgd.settings.solver.generator.learning_rate, sgd.settings.solver.generator.schedule.kind) == (2, "power")


def test_a_switch_may_be_true_or_false():
    settings = resolve({"compile": True, "stack": False})
    assert (settings.compile, settings.stack) == ("on", "off")


def test_names_need_no_table_and_are_those_of_the_tables():
    assert set(TABLES) == METHODS


@pytest.mark.parametrize(
    ("raw", "kinds", "told"),
    [
        ({"weight": 5}, ["none"], "penalty.weight: no such setting. penalty=none has none"),
        ({"wieght": 5}, ["none", "r1"], "penalty.wieght: no such setting"),
        ({"weight": 5}, ["none", "r9"], "no penalty is called 'r9'"),
        ({"weight": 5}, ["none", ["r1"]], r"expected the name of a penalty, got \['r1'\]"),
    ],
)
def test_a_setting_that_none_of_the_swept_methods_has_is_refused(raw, kinds, told):
    with pytest.raises(SettingError, match=told):
        plan({"penalty": raw}, {"penalty": kinds})


@pytest.mark.unchecked("slow: plans every case again")
@pytest.mark.parametrize(("raw", "sweeps"), SWEEPS, ids=lambda value: " ".join(value))
def test_the_recorded_settings_plan_the_same_members(raw, sweeps):
    planned = plan(raw, sweeps)
    again = plan(tomllib.loads(tomli_w.dumps(record(raw, planned))), sweeps)
    assert [dump(m.settings) for m in again] == [dump(m.settings) for m in planned]


@pytest.mark.long(first=True)
@pytest.mark.unchecked("trains")
@pytest.mark.parametrize("sweeps", [{}, {"objective": ["minimax", "hinge"], "penalty__weight": [0.5, 1]}])
def test_running_again_from_the_recorded_settings_gives_the_same_numbers(tmp_path, sweeps):
    trained(small(seeds=[0, 3], penalty="dragan", average="ema"), tmp_path / "a", **sweeps)
    raw = read_toml(tmp_path / "a" / "config.toml")
    swept = {key.replace(".", "__"): value for key, value in flatten_sweeps(raw.pop("sweep", {})).items()}
    trained(raw, tmp_path / "b", **swept)
    assert_same_run(tmp_path / "a", tmp_path / "b")
    assert len(members(tmp_path / "a")) == (8 if sweeps else 2)
    assert {row["step"] for row in rows(tmp_path / "a")} == {0, 4, 8, 10, 12, 16, 20}
