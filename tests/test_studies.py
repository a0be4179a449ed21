"""Studies: verdicts follow from intervals and criteria fixed beforehand, and nothing that was measured is lost."""

import json
import math
import os
import shutil
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats

import nashpath
from nashpath.core.math.bootstrap import interval, percentile_bootstrap
from nashpath.core.tree import leaves
from nashpath.report.reproduction import write_reproduction
from nashpath.run import FolderWarning, RunFolder, SettingError, open_session
from nashpath.studies import (
    NAMES,
    Claim,
    Experiment,
    Population,
    Result,
    Rows,
    Size,
    Study,
    Undecided,
    find_study,
    judge,
    judge_again,
    judge_all,
    paired,
    reproduce,
    runner,
    source_hash,
    split_steps,
)
from nashpath.studies.claim import RESAMPLES, seeds_needed
from nashpath.studies.convergence_problems import finite_games
from nashpath.studies.source import Code, Import, module_of

OWN = Path(__file__).parent.parent / "examples" / "own_study.py"


def claim(values=(), **given):
    made = {"name": "c", "says": "s", "source": "p", "experiment": "e", "quantity": "q", "values": lambda rows: values}
    return Claim(**{**made, **({"low": 0.0} if not {"low", "high"} & set(given) else {}), **given})


@pytest.mark.long
def test_few_seeds_miss_as_rarely_as_is_said():
    """The bootstrap alone cannot reach beyond six seeds, and misses far more often than one claim of twenty may."""
    rng, missed, plain, error = np.random.default_rng(0), 0, 0, 0.0025
    for values in rng.normal(size=(1500, 6)):
        _, low, high = interval(list(values), resamples=RESAMPLES, error=error)
        missed += not low <= 0 <= high
        _, low, high = percentile_bootstrap(list(values), 1 - error, 2000)
        plain += not low <= 0 <= high
    assert plain / 1500 > 0.02
    assert missed / 1500 < 0.0075


def test_the_interval_is_the_wider_of_two():
    """Against SciPy's Student interval for few values, and the bootstrap where skewness carries it further."""
    few = [1.0, 2.0, 4.0, 3.0]
    student = stats.t.interval(0.99, 3, np.mean(few), stats.sem(few))
    assert interval(few, resamples=RESAMPLES, error=0.01) == pytest.approx((2.5, *student))
    skewed = [*[0.0] * 30, 30.0]
    mean, low, high = interval(skewed, resamples=RESAMPLES, error=0.01)
    assert low == pytest.approx(stats.t.interval(0.99, 30, mean, stats.sem(skewed))[0])
    assert high == percentile_bootstrap(skewed, 0.99, 20_000)[2]


@pytest.mark.parametrize(
    ("values", "bounds", "word"),
    [
        ([1.0, 1.1, 0.9, 1.2], {"low": 0.5}, "supported"),
        ([1.0, 1.1, 0.9, 1.2], {"high": 0.5}, "refuted"),
        ([1.0, 1.1, 0.9, 1.2], {"low": 1.05}, "inconclusive"),
        ([1.0, 1.1, 0.9, 1.2], {"low": 0.8, "high": 1.3}, "supported"),
        ([1.0, 1.1, 0.9, 1.2], {"low": 1.4, "high": 1.6}, "refuted"),
        ([1.0, 1.0, 1.0], {"low": 0.5}, "inconclusive"),
        ([0.0, 0.0, 0.0, 0.0, 1.0], {"low": 0.0}, "inconclusive"),
        ([5.0, 5.0, 5.0, 5.0, 5.0], {"low": 5.0}, "inconclusive"),
        ([5.0, 5.0, 5.0, 5.0, 5.0, 5.0], {"low": 5.0}, "supported"),
        ([1.0, math.nan, 1.0, 1.0], {"low": 0.5}, "inconclusive"),
        ([], {"low": 0.5}, "inconclusive"),
        ([1e-9, -1e-9], {"low": -1e-6, "high": 1e-6, "exact": True}, "supported"),
        ([1e-9, 1e-3], {"low": -1e-6, "high": 1e-6, "exact": True}, "refuted"),
    ],
)
def test_verdicts(values, bounds, word):
    assert judge(claim(values, **bounds), Rows([])).word == word


def test_what_was_not_measured_is_not_judged():
    missing = replace(claim(), values=lambda rows: rows.where(method="ns").values("d"))
    assert judge(missing, None).word == "not measured"
    found = judge(missing, Rows([{"seed": 0, "method": "gp", "d": 1.0}]))
    assert (found.word, "method = 'ns'" in found.note) == ("not measured", True)


def test_claims_share_one_error():
    values = list(np.random.default_rng(0).normal(size=40))
    alone = judge(claim(values), Rows([]))
    many = [claim(values, name=str(k)) for k in range(10)]
    exact = claim([0.0], exact=True, name="identity")
    shared = judge_all([*many, exact], {"e": Rows([])})
    assert shared[0].low < alone.low
    assert shared[0].high > alone.high
    expected = interval(values, resamples=RESAMPLES, error=0.05 / 10)
    assert (shared[0].mean, shared[0].low, shared[0].high) == expected


@pytest.mark.parametrize("seed", range(4))
def test_the_error_is_shared_by_holms_steps(seed):
    """Against Holm's procedure on Student's two-sided p-values, which decide where the bootstrap is the narrower."""
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(12, 7)) + rng.normal(scale=2.0, size=(12, 1))
    p = np.array([stats.ttest_1samp(sample, 0.0).pvalue for sample in samples])
    order, decided = np.argsort(p), np.zeros(12, bool)
    for k, index in enumerate(order):
        if p[index] > 0.05 / (12 - k):
            break
        decided[index] = True
    found = judge_all([claim(list(sample), name=str(k)) for k, sample in enumerate(samples)], {"e": Rows([])})
    assert [v.word != "inconclusive" for v in found] == decided.tolist()
    assert 0 < decided.sum() < 12
    assert (p < 0.05 / 12).sum() <= decided.sum()


def test_the_seeds_that_would_decide_do_and_one_less_does_not():
    values, error = [0.5, -0.3, 0.9, 0.2, -0.1, 0.4], 0.01
    needed = seeds_needed(values, 0.0, math.inf, error)
    mean, deviation = np.mean(values), np.std(values, ddof=1)
    clear = [stats.t.interval(1 - error, n - 1, mean, deviation / n**0.5)[0] > 0 for n in (needed - 1, needed)]
    assert clear == [False, True]
    assert f"about {needed} seeds would decide" in judge(claim(values), Rows([]), error).note
    assert seeds_needed([1.0, -1.0, 1.0, -1.0], 0.0, math.inf, error) is None


@pytest.mark.parametrize(("seeds", "others"), [(4, "53%"), (6, "39%"), (12, "22%")])
def test_what_is_the_same_in_every_seed_says_of_how_many_others_it_may_not_be_so(seeds: int, others: str):
    """(1 − p)ⁿ = .05: that often n of n seeds would be alike if a share p of all seeds were not."""
    p = stats.binomtest(seeds, seeds).proportion_ci(0.90).low  # one-sided at 95 %
    assert f"{1 - p:.0%}" == others
    for value in (0.4, 1.0):
        assert f"up to {others} of others may differ" in judge(claim([value] * seeds), Rows([])).note


@pytest.mark.parametrize("error", [0.05, 0.01, 0.0031, 0.002])
def test_values_that_are_all_alike_decide_by_a_sign_test(error: float):
    """Of seeds of which half differ, n are alike with probability 2 · 2⁻ⁿ, which is at most the error of the claim."""
    needed = next(n for n in range(1, 99) if stats.binomtest(n, n, 0.5).pvalue <= error)
    for value, word in ((2.0, "supported"), (-2.0, "refuted"), (0.0, "supported")):
        assert judge(claim([value] * needed), Rows([]), error).word == word
        few = judge(claim([value] * (needed - 1)), Rows([]), error)
        assert few.word == "inconclusive"
        assert few.note.endswith(f"; {needed} alike would decide")


def test_rows_may_say_that_they_decide_nothing():
    def values(rows):
        raise Undecided("the best rate of SGD is the largest that was tried")

    verdict = judge(replace(claim(), values=values), Rows([]))
    assert (verdict.word, verdict.note) == ("inconclusive", "the best rate of SGD is the largest that was tried")


def test_blind_verdicts_have_numbers_and_no_word():
    found = judge_all([claim([1.0, 2.0]), claim([0.0], exact=True, name="i")], {"e": Rows([])}, blind=True)
    assert [(v.word, v.mean) for v in found] == [("not judged", 1.5), ("not judged", 0.0)]


def test_a_criterion_must_be_able_to_decide():
    with pytest.raises(ValueError, match="never decide"):
        claim(low=-math.inf, high=math.inf)
    with pytest.raises(ValueError, match="never decide"):
        claim(low=1.0, high=0.0)


def test_rows_pair_by_seed():
    rows = Rows({"seed": s, "m": m, "v": v + s} for m, v in (("a", 1.0), ("b", 3.0)) for s in (2, 0, 1))
    a, b = (rows.where(m=m).by_seed("v") for m in "ab")
    assert a == {0: 1.0, 1: 2.0, 2: 3.0}
    assert paired(b, a) == [2.0, 2.0, 2.0]
    with pytest.raises(ValueError, match="do not pair"):
        paired(a, {0: 1.0})
    with pytest.raises(KeyError, match="m = 'c'"):
        rows.where(m="c")


def test_marks_add_up():
    assert sum(split_steps(1000, 7)) == 1000
    assert split_steps(2, 5) == [1, 1]


def test_a_study_that_contradicts_itself_is_refused():
    experiment = Experiment("e", "about", lambda cell, size: [], {"quick": Size(1)})
    with pytest.raises(ValueError, match="rests on no experiment 'f'"):
        Study("s", "t", "p", [experiment], [claim(experiment="f")])
    with pytest.raises(ValueError, match="there twice"):
        Study("s", "t", "p", [experiment, experiment], [])


@pytest.mark.long
def test_a_population_equals_the_run_of_the_command(tmp_path):
    settings = {"data": "ring", "penalty": "dragan", "generator": {"width": 8}, "discriminator": {"width": 8}}
    population = Population(settings, Size(seeds=2, steps=20), {"penalty.weight": [0.1, 1.0]})
    population.play(12)
    population.play(8)
    session = open_session(
        {**settings, "seeds": [0, 1], "steps": 20, "stack": "off", "compile": "off"},
        {"penalty.weight": [0.1, 1.0]},
        tmp_path / "run",
    )
    session.train()
    trained = [team.program.train_state(i) for team in session.groups for i in range(len(team.members))]
    for seat, train_state in zip(population, trained):
        assert seat.outcome == "finished"
        for ours, theirs in zip(leaves(seat.train_state.point.players), leaves(train_state.point.players)):
            torch.testing.assert_close(ours, theirs, rtol=1e-3, atol=1e-4)


def small(folder, workers=1, **options):
    return reproduce(str(OWN), "quick", folder, workers, options={"steps": 5, "seeds": 2, **options})


def cells(folder):
    return {path.name: json.loads(path.read_text())["rows"] for path in sorted((folder / "cells").iterdir())}


@pytest.mark.long
def test_workers_do_not_change_the_numbers(tmp_path):
    """And each row carries its cell."""
    small(tmp_path / "one")
    small(tmp_path / "two", workers=2)
    assert cells(tmp_path / "one") == cells(tmp_path / "two")
    assert [row["penalty"] for row in cells(tmp_path / "one")["ring.1.json"]] == ["dragan"] * 2


@pytest.mark.long
def test_only_what_is_missing_is_measured_again(tmp_path, monkeypatch):
    small(tmp_path)
    (tmp_path / "cells" / "ring.0.json").unlink()
    asked = []
    real = runner.measure_cell
    monkeypatch.setattr(runner, "measure_cell", lambda *given: asked.append(given[2]) or real(*given))
    spent = json.loads((tmp_path / "study.json").read_text())["seconds"]
    with pytest.warns(FolderWarning, match=r"ring\.0\.json: is missing"):
        small(tmp_path)
    assert asked == [0]
    assert json.loads((tmp_path / "study.json").read_text())["seconds"] > spent
    changed = (tmp_path / "cells" / "ring.1.json").read_text().replace('"source": "', '"source": "other')
    RunFolder(tmp_path).write("cells/ring.1.json", changed.encode())
    small(tmp_path)
    assert asked == [0, 1]


def test_a_stop_keeps_what_was_measured(tmp_path):
    def stop():
        return any(tmp_path.rglob("cells/*.json"))

    reproduce(str(OWN), "quick", tmp_path, stop=stop, options={"steps": 2, "seeds": 1})
    found = json.loads((tmp_path / "study.json").read_text())
    assert (found["status"], found["claims"][0]["verdict"]) == ("stopped", "not measured")
    assert list(cells(tmp_path)) == ["ring.0.json"]


def test_the_record_of_a_result(tmp_path):
    small(tmp_path)
    found = json.loads((tmp_path / "study.json").read_text())
    assert found["status"] == "finished"
    assert found["registered"] == {"more-modes": "mean over seeds ≥ 0.5"}
    assert found["options"] == {"steps": 5, "seeds": 2}
    assert found["experiments"][0]["seeds"] == 2
    assert {"torch", "nashpath", "python"} <= set(found["versions"])
    assert len(found["source"]) == 16


def test_a_criterion_that_was_changed_afterwards_is_named(tmp_path):
    own = tmp_path / "own_study.py"
    shutil.copy(OWN, own)
    reproduce(str(own), "quick", tmp_path / "r", options={"steps": 2, "seeds": 1})
    own.write_text(own.read_text().replace("low=0.5", "low=-0.5"))
    reproduce(str(own), "quick", tmp_path / "r", options={"steps": 2, "seeds": 1})
    assert json.loads((tmp_path / "r" / "study.json").read_text())["changed_since"] == ["more-modes"]


def test_judging_again_measures_nothing(tmp_path, monkeypatch):
    small(tmp_path)
    before = json.loads((tmp_path / "study.json").read_text())
    monkeypatch.setattr(runner, "measure_cell", None)
    RunFolder(tmp_path).write_json("study.json", {**before, "claims": [], "seconds": 5.0, "source": "there"})
    (verdict,) = judge_again(tmp_path)
    assert json.loads((tmp_path / "study.json").read_text()) == {**before, "seconds": 5.0, "source": "there"}
    assert verdict.word == "not judged"


def test_a_cell_that_fails_leaves_the_others(tmp_path):
    own = tmp_path / "broken.py"
    own.write_text(OWN.read_text().replace('"penalty": "dragan"}', '"penalty": "dragoon"}'))
    (verdict,) = reproduce(str(own), "quick", tmp_path / "r", options={"steps": 2, "seeds": 1})
    found = json.loads((tmp_path / "r" / "study.json").read_text())
    assert (verdict.word, found["status"]) == ("not measured", "failed")
    assert "dragoon" in found["failed"]["ring penalty=dragoon"]
    assert list(cells(tmp_path / "r")) == ["ring.0.json"]


def test_a_folder_keeps_its_sizes(tmp_path):
    small(tmp_path)
    with pytest.raises(SettingError, match="choose another --out"):
        small(tmp_path, steps=3)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("damage", ["cut", "a digit"])
@pytest.mark.parametrize("digests", [True, False])
@pytest.mark.filterwarnings("ignore:.*carries no digests")
def test_a_damaged_cell_is_named_and_measured_again(tmp_path, damage, digests):
    small(tmp_path)
    cell = tmp_path / "cells" / "ring.0.json"
    before = json.loads(cell.read_text())
    if not digests:
        (tmp_path / "digests.jsonl").unlink()
    text = cell.read_text()
    cell.write_text(
        '{"rows": ' if damage == "cut" or not digests else text.replace('"modes": 0', '"modes": 3', 1) + " "
    )
    with pytest.warns(FolderWarning, match=r"ring\.0\.json.*measured again"):
        small(tmp_path)
    assert json.loads(cell.read_text())["rows"] == before["rows"]


def test_a_damaged_record_is_named(tmp_path):
    small(tmp_path)
    record = tmp_path / "study.json"
    record.write_text(record.read_text().replace("quick", "slick"))
    with pytest.raises(SettingError, match=r"study\.json is damaged or was changed"):
        small(tmp_path)


def test_no_page_is_made_of_a_record_whose_bits_were_changed(tmp_path):
    """Also where it is JSON still: a digit of a number, a letter of a name."""
    small(tmp_path / "study")
    record = tmp_path / "study" / "study.json"
    whole = record.read_bytes()
    assert write_reproduction(tmp_path / "study").exists()
    for at in (whole.index(b'"seconds"') + 1, whole.index(b'"title"') + 10, len(whole) // 2):
        record.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        with pytest.raises(SettingError, match=r"study\.json"):
            write_reproduction(tmp_path / "study")
        with pytest.raises(SettingError, match=r"study\.json"):
            judge_again(tmp_path / "study")
    record.write_bytes(whole)
    assert write_reproduction(tmp_path / "study").exists()


def test_unknown_names_are_refused(tmp_path):
    with pytest.raises(SettingError, match="Did you mean 'monoflow'"):
        find_study("monoflows")
    with pytest.raises(SettingError, match="no such file"):
        find_study(str(tmp_path / "none.py"))
    (tmp_path / "empty.py").write_text("x = 1\n")
    with pytest.raises(SettingError, match="defines no STUDY"):
        find_study(str(tmp_path / "empty.py"))
    with pytest.raises(SettingError, match=r"step: penalty-on-the-ring has no such option\. Did you mean 'steps'"):
        small(tmp_path / "r", step=3)


# What a measured cell rests on


@pytest.fixture(scope="module")
def copied(tmp_path_factory):
    """A copy of the package whose files may be changed."""
    root = tmp_path_factory.mktemp("copy") / "nashpath"
    original = Path(nashpath.__file__).parent
    for path in original.rglob("*.py"):
        (root / path.relative_to(original)).parent.mkdir(parents=True, exist_ok=True)
        (root / path.relative_to(original)).write_bytes(path.read_bytes())
    return root


def experiment_of(study, name):
    return next(e for e in find_study(study).experiments if e.name == name)


def changed(root, place, old, new, experiment, scale="quick"):
    """Whether the experiment's hash changes when a text in a file does."""
    file = root / place
    text = file.read_text() if file.exists() else ""
    assert old in text
    before = source_hash(experiment, scale, Code(root))
    try:
        file.parent.mkdir(exist_ok=True)
        file.write_text(text.replace(old, new, 1) if old else text + new)
        return source_hash(experiment, scale, Code(root)) != before
    finally:
        file.write_text(text) if text else file.unlink()


LEAVES = {
    "a comment": ("games/gan.py", "", "# gen\n"),
    "a docstring": ("games/gan.py", '"""A GAN as a game', '"""A GAN, which is a game'),
    "a docstring inside": ("core/rng.py", '"""', '"""Well: '),
    "layout": ("core/tree.py", "\n\n\n", "\n\n\n\n"),
    "a report": ("report/draw.py", "LIGHT = 0.6", "LIGHT = 0.7"),
    "the command": ("cli/console.py", "QUIET_SECONDS = 10.0", "QUIET_SECONDS = 9.0"),
    "its claims": ("studies/monoflow/claims.py", 'name="monoflow"', 'name="monoflow2"'),
    "another study": ("studies/many_paths/robustness.py", "def measure(", "def measured("),
    "a sixth study": ("studies/sixth/claims.py", "", "STUDY = 1\n"),
    "a module that it does not use": ("solvers/lola.py", "class LOLA", "class Lola"),
}
CHANGES = {
    "its own formula": ("studies/monoflow/dissipation.py", "def measure(", "def measured("),
    "a formula below": ("core/math/monotone.py", "def ", "def un"),
    "a number below": ("flows/base.py", "math.inf", "1.0"),
}


@pytest.mark.parametrize("what", LEAVES)
def test_what_an_experiment_does_not_rest_on_leaves_its_cells(what, copied):
    assert not changed(copied, *LEAVES[what], experiment_of("monoflow", "dissipation"))


@pytest.mark.parametrize("what", CHANGES)
def test_what_an_experiment_rests_on_makes_its_cells_stale(what, copied):
    assert changed(copied, *CHANGES[what], experiment_of("monoflow", "dissipation"))


@pytest.mark.long
def test_an_experiment_that_trains_rests_on_what_training_uses(copied):
    trains = experiment_of("many-paths", "parallel-lines")
    for place, old, new in [
        ("games/penalties/r1.py", "0.5 *", "0.25 *"),
        ("run/engine/step.py", "def begin", "def begun"),
        ("solvers/lola.py", "class LOLA", "class Lola"),
    ]:
        assert changed(copied, place, old, new, trains), place
    for what in ("a comment", "a docstring", "a report", "the command", "another study", "a sixth study"):
        assert not changed(copied, *LEAVES[what], trains), what
    assert not changed(copied, "studies/monoflow/dissipation.py", "def measure(", "def measured(", trains)


@pytest.mark.long
def test_a_sixth_study_is_found_by_itself(copied):
    """A folder with claims.py, in the package: no list of names to edit."""
    folder = copied / "studies" / "a_sixth"
    folder.mkdir()
    try:
        (folder / "__init__.py").write_text('"""A question of our own."""\n\nORDER = 25\n')
        (folder / "claims.py").write_text(OWN.read_text().replace("penalty-on-the-ring", "a-sixth"))
        code = "from nashpath.studies import NAMES, find_study; print(*NAMES, find_study('a-sixth').name)"
        line = [sys.executable, "-c", code]
        environment = {**os.environ, "PYTHONPATH": str(copied.parent)}
        said = subprocess.run(line, capture_output=True, text=True, env=environment, timeout=300, check=True).stdout
        assert said.split() == [*NAMES[:2], "a-sixth", *NAMES[2:], "a-sixth"]
    finally:
        shutil.rmtree(folder)


def test_a_name_leads_to_the_module_that_defines_it(copied):
    code = Code(copied)
    assert list(code.leads_to(Import("nashpath.games", "GAN"))) == ["nashpath.games.gan"]
    assert list(code.leads_to(Import("nashpath.core", "tree"))) == ["nashpath.core.tree"]
    assert list(code.leads_to(Import("nashpath.games", "GAMES"))) == ["nashpath.games"]
    assert list(code.leads_to(Import("nashpath.games.gan", "GAN"))) == ["nashpath.games.gan"]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("study", "name"),
    [
        ("monoflow", "monotone-slopes"),
        ("improved-techniques", "technique-algebra"),
        ("convergence-problems", "averaged-play"),
        ("convergence-problems", "rotation"),
    ],
)
def test_every_module_whose_code_runs_is_hashed(study, name, monkeypatch):
    """The import statements lead to all functions that are called while an experiment measures its first cell."""
    monkeypatch.setattr(finite_games, "HORIZONS", (8, 16))
    chosen = experiment_of(study, name)
    used, called = set(Code().used_by(module_of(chosen.measure))), set()

    def trace(frame, event, argument):
        called.add(frame.f_globals.get("__name__", ""))

    sys.setprofile(trace)
    try:
        list(chosen.measure(chosen.cells[0], replace(chosen.sizes["quick"], steps=2, seeds=1)))
    finally:
        sys.setprofile(None)
    assert {name for name in called if name.startswith("nashpath.")} <= used
    assert {chosen.measure.__module__, "nashpath.core.rng"} & called


def test_sizes_cells_and_own_files_are_part_of_the_source(tmp_path):
    (chosen,), code = find_study(str(OWN)).experiments, Code()
    own = tmp_path / "own.py"
    own.write_text(OWN.read_text())
    first = source_hash(chosen, "quick", code, own)
    assert source_hash(chosen, "default", code, own) != first
    own.write_text(OWN.read_text() + "\n# a comment\n")
    assert source_hash(chosen, "quick", Code(), own) == first
    own.write_text(OWN.read_text().replace("2000", "1000"))
    assert source_hash(chosen, "quick", Code(), own) != first
    study = find_study(str(OWN))
    result = Result(study, "quick", tmp_path / "out")
    assert result.source(chosen, 0) != result.source(chosen, 1)


def test_a_study_that_was_edited_is_the_edited_one(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(OWN.read_text())
    assert find_study(str(file)) is find_study(str(file))
    file.write_text(OWN.read_text().replace("penalty-on-the-ring", "another"))
    assert find_study(str(file)).name == "another"


def test_an_edited_study_file_is_seen(tmp_path):
    own = tmp_path / "own_study.py"
    shutil.copy(OWN, own)
    first = find_study(str(own))
    assert find_study(str(own)) is first
    facts = own.stat()
    own.write_text(own.read_text().replace("low=0.5", "low=0.7"))  # as long as before, and in the same second
    os.utime(own, ns=(facts.st_atime_ns, facts.st_mtime_ns))
    assert find_study(str(own)) is not first
    assert "0.7" in find_study(str(own)).claims[0].criterion
    own.unlink()
    with pytest.raises(SettingError, match="no such file"):
        find_study(str(own))


def test_a_study_file_edited_while_it_is_measured_ends_the_run(tmp_path):
    own = tmp_path / "own_study.py"
    shutil.copy(OWN, own)

    def edit(progress):
        if progress.done:
            own.write_text(own.read_text() + "\n")

    with pytest.raises(SettingError, match=r"own_study\.py was edited while it was measured; run again"):
        reproduce(str(own), "quick", tmp_path / "r", notify=edit, options={"steps": 2, "seeds": 1})
    assert list(cells(tmp_path / "r")) == ["ring.0.json"]


# Shares of 3,000 or 6,000 simulated samples whose interval holds the true mean, where 95 % is said.
COVERED = {
    "normal": {2: 0.950, 3: 0.950, 8: 0.949},
    "exponential": {2: 0.908, 3: 0.887, 8: 0.895},
    "log-normal": {3: 0.710, 5: 0.691, 10: 0.708},
    "shares": {3: 0.651, 5: 0.746, 10: 0.855},
    "one in ten": {3: 0.292, 5: 0.409, 10: 0.658},
}
DRAWN: dict[str, tuple[Callable[[np.random.Generator, tuple[int, int]], np.ndarray], float]] = {
    "normal": (lambda rng, size: rng.normal(size=size), 0.0),
    "exponential": (lambda rng, size: rng.exponential(size=size), 1.0),
    "log-normal": (lambda rng, size: rng.lognormal(0, 1.5, size), math.exp(1.5**2 / 2)),
    "shares": (lambda rng, size: rng.beta(0.5, 0.1, size), 0.5 / 0.6),
    "one in ten": (lambda rng, size: (rng.random(size) < 0.1) + 1e-3 * rng.normal(size=size), 0.1),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("law", "count"), [(law, count) for law, each in COVERED.items() for count in each])
def test_intervals_cover_as_often_as_is_said(law: str, count: int):
    draw, truth = DRAWN[law]
    samples, within = draw(np.random.default_rng(count), (600, count)), (0.0, 1.0) if law == "shares" else (-9e9, 9e9)
    ends = [interval(list(values), resamples=1000, within=within)[1:] for values in samples]
    plain = [percentile_bootstrap(list(values), resamples=1000)[1:] for values in samples]
    share, alone = (float(np.mean([low <= truth <= high for low, high in each])) for each in (ends, plain))
    said = COVERED[law][count]
    assert abs(share - said) < 4 * (said * (1 - said) * (1 / 600 + 1 / 3000)) ** 0.5  # standard errors of both
    if law in ("normal", "exponential"):
        assert alone < share - 0.03


def test_one_member_has_no_interval():
    mean, low, high = interval([2.5])
    assert mean == 2.5
    assert np.isnan([low, high]).all()


def of(function: Callable[[Rows], Any]) -> Claim:
    return Claim("c", "it is", "nowhere", "e", "x", function, low=0.5)


SEEDS = Rows({"seed": seed, "way": way, "x": 1.0 + seed / 100} for way in "ab" for seed in (5, 3, 1, 0, 2, 4))
ONE_A_SEED = [1.0, 1.01, 1.02, 1.03, 1.04, 1.05]


@pytest.mark.parametrize(
    "form", [dict, lambda d: [*d.values()], lambda d: (v for v in d.values()), lambda d: np.array([*d.values()])]
)
def test_numbers_by_seeds_are_the_numbers(form: Callable[[dict[int, float]], Any]):
    """A dict was judged by its keys, the seeds."""
    verdict = judge(of(lambda rows: form(rows.by_seed("x"))), SEEDS)
    assert (verdict.values, verdict.word) == (ONE_A_SEED, "supported")


@pytest.mark.parametrize(
    ("function", "word", "told"),
    [
        (lambda rows: "123456", "inconclusive", "one number a seed is a list"),
        (lambda rows: ["1", "2", "3", "4"], "inconclusive", "one number a seed is a list"),
        (lambda rows: {1.0, 2.0, 3.0, 4.0}, "inconclusive", "one number a seed is a list"),
        (lambda rows: 1.0, "inconclusive", "the claim's function fails"),
        (lambda rows: np.ones((4, 2)), "inconclusive", "the claim's function fails"),
        (lambda rows: rows.by_seed("x") - 1, "inconclusive", "test_studies.py:"),
        (lambda rows: [1 / 0], "inconclusive", "ZeroDivisionError"),
        (lambda rows: np.ones(3) + np.ones(2), "not measured", "rows are missing, or the claim's function fails"),
        (lambda rows: rows.values("y"), "not measured", "a row has no 'y', but seed, way, x"),
        (lambda rows: rows.where(way="c").values("x"), "not measured", "no row has way = 'c'"),
        (lambda rows: rows.values("x"), "inconclusive", "12 values of 6 seeds"),
    ],
)
def test_what_a_claims_function_gives_is_read_or_the_function_is_named(
    function: Callable[[Rows], Any], word: str, told: str
):
    verdict = judge(of(function), SEEDS)
    assert verdict.word == word
    assert told in verdict.note


def test_a_number_that_was_not_finite_is_no_fault_of_the_function():
    rows = Rows([*SEEDS, {"seed": 0, "way": "c", "x": None}])
    assert judge(of(lambda rows: rows.by_seed("x")), rows).note.startswith("some values are not finite")


def test_rows_without_seeds_and_exact_claims_may_have_any_number_of_values():
    rows = Rows({"x": 1.0 + i / 100} for i in range(8))
    assert judge(of(lambda rows: rows.values("x")), rows).word == "supported"
    exact = Claim("c", "it is", "nowhere", "e", "x", lambda rows: rows.values("x"), low=0.5, exact=True)
    assert judge(exact, SEEDS).word == "supported"
