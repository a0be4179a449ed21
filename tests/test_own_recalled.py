"""Methods of one's own found again: by every verb and every function that reads what was made with them.

Where their file is gone, each says which it was and how to name it.
"""

import hashlib
import json
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest

import nashpath as nash
from conftest import forget_own_methods
from nashpath.cli import app
from nashpath.metrics import METRICS
from nashpath.report import compare_reports, load_run, write_report, write_search
from nashpath.report.outcome import wanted
from nashpath.report.read import RunFolderError
from nashpath.run import FolderWarning, SettingError, load_methods, resume_session
from nashpath.run.assess.search import read_search, search
from nashpath.run.assess.search_question import Question
from nashpath.run.settings.flow import resolve_flow
from run_folders import flags
from run_folders import nash as command

pytestmark = pytest.mark.usefixtures("own_methods")

MINE = '''"""A penalty, a metric of which less is better, and a flow."""

import nashpath
from nashpath.core import NonNegative
from nashpath.flows import Field, Flow
from nashpath.metrics import Metric


@nashpath.register("penalty", "quiet")
class Quiet(nashpath.Penalty):
    """Costs the squared logit of real samples."""

    def __init__(self, weight: NonNegative = 1.0):
        super().__init__(weight=weight)

    def forward(self, critic, real, fake, noise):
        return self.weight * critic(real).square().mean()


@nashpath.register("metric", "mean_distance")
class MeanDistance(Metric):
    """How far apart the means of real and generated features are."""

    better = {"mean_distance": -1}
    numbers = {"mean_distance": "distance of the means"}

    def compute(self, real, fake, rng):
        return {"mean_distance": (real.features.mean(0) - fake.features.mean(0)).norm().item()}


@nashpath.register("flow", "homeward")
class Homeward(Flow):
    """Particles move to the origin."""

    def field(self, points, particles, memory):
        return Field(-points)
'''
SWEEP = ("--sweep", "penalty=none,quiet", "--seeds", "0:2", *flags("metrics=mean_distance"))
FLOW = [part for one in ("particles=20", "steps=3", "samples=5", "evaluation_samples=10") for part in ("-s", one)]
SEARCH = ["--space", "penalty=none,quiet,r1", "--objective", "mean_distance", "--candidates", "2", "--rungs", "1"]
SEARCH += ["--seeds", "0:2", "--confirm", "2", "--finalists", "1", *flags("steps=4")]
PART = Path("parted") / "parts" / "1-of-2"
QUICK = ("--metrics", "mean_distance", "--samples", 20)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    """A run, one in parts, a flow, a search and an evaluation in parts, each made with one file."""
    pytest.importorskip("optuna")
    place = tmp_path_factory.mktemp("made")
    own = ("--with", place / "mine.py")
    (place / "mine.py").write_text(MINE)
    command("train", *own, *SWEEP, "--out", place / "run")
    for part in ("1/2", "2/2"):
        command("train", *own, *SWEEP, "--part", part, "--out", place / "parted")
    command("flow", *own, "-s", "flow=homeward", *FLOW, "--out", place / "flow")
    command("search", *own, *SEARCH, "--out", place / "search")
    shutil.copytree(place / "run", place / "measured")
    for part in ("1/2", "2/2"):
        command("evaluate", place / "measured", *QUICK, "--part", part)
    forget_own_methods()
    return place


@pytest.fixture
def there(made, tmp_path):
    """A copy of all that was made, in a fresh process; the file lies where it was when this is over."""
    shutil.copytree(made, tmp_path / "there")
    (tmp_path / "there" / "mine.py").unlink()
    yield tmp_path / "there"
    if (made / "moved.py").exists():
        (made / "moved.py").rename(made / "mine.py")
    (made / "mine.py").write_text(MINE)


def gone(made: Path) -> Path:
    """Moves the file; where it is now."""
    return (made / "mine.py").rename(made / "moved.py")


READS: dict[str, Any] = {
    "train": lambda at: ("train", "--resume", "--out", at / "run", "-s", "steps=22"),
    "train, a part": lambda at: ("train", "--resume", "--part", "1/2", "--out", at / "parted"),
    "train, its settings": lambda at: ("train", at / "run" / "config.toml", "--out", at / "new"),
    "train, its weights": lambda at: (
        *("train", "--start-from", at / "run", "-s", "start_member=3", *flags("steps=2"), "--out", at / "new"),
    ),
    "flow": lambda at: ("flow", "--resume", "--out", at / "flow", "-s", "steps=4"),
    "flow, its settings": lambda at: ("flow", at / "flow" / "config.toml", "--out", at / "new"),
    "search": lambda at: ("search", *SEARCH, "--out", at / "search"),
    "sample": lambda at: ("sample", at / "run", "--out", at / "sheet.png"),
    "evaluate": lambda at: ("evaluate", at / "run", *QUICK),
    "evaluate, a part": lambda at: ("evaluate", at / "run", *QUICK, "--part", "1/2"),
    "diagnose": lambda at: ("diagnose", "--quick", at / "run"),
    "export": lambda at: ("export", at / "run", "--member", 3, "--to", at / "g.safetensors"),
    "gather": lambda at: ("gather", at / "parted"),
    "gather, an evaluation": lambda at: ("gather", at / "measured" / "evaluation"),
}
"""Command lines that go on with, or look into, what was made with methods of one's own."""
TOLD: dict[str, Any] = {
    "report": (lambda at: ("report", at / "run"), "run/report.html"),
    "report, several": (lambda at: ("report", at / "run", at / PART, "--out", at / "c.html"), "c.html"),
    "report, a flow": (lambda at: ("report", at / "flow"), "flow/report.html"),
    "report, a search": (lambda at: ("report", at / "search"), "search/search.html"),
}
"""Those that tell what numbers there are, whatever can be known of them, and the page that they write."""
NO_RUN = {"list", "explain", "examples", "reproduce", "plan"}
"""Verbs that read no run."""


def test_every_verb_is_in_a_table():
    verbs = {one.name or getattr(one.callback, "__name__", "") for one in app.registered_commands}
    assert verbs == {name.partition(",")[0] for name in (*READS, *TOLD)} | NO_RUN


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("verb", [*READS, *TOLD])
def test_every_verb_finds_the_file_again(verb, there):
    line = TOLD[verb][0] if verb in TOLD else READS[verb]
    said = command(*line(there)).stderr
    assert "mine.py" not in said
    assert "left out" not in said


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("verb", READS)
def test_every_verb_names_a_file_that_is_gone_and_takes_it_elsewhere(verb, made, there):
    moved = gone(made)
    said = command(*READS[verb](there), expect=2).stderr
    assert f"of {made / 'mine.py'}, which is not there any more" in said
    assert "--with PATH" in said
    command(*READS[verb](there), "--with", moved)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("verb", TOLD)
def test_a_page_without_the_file_names_it_and_with_it_is_as_it_was(verb, made, there):
    line, page = TOLD[verb]
    command(*line(there))
    before = (there / page).read_text()
    assert "mine.py, which" not in before
    forget_own_methods()
    moved = gone(made)
    said = command(*line(there)).stderr
    told = f"{made / 'mine.py'}, which is not there any more; name the file where it is now: --with PATH"
    assert told in said
    text = (there / page).read_text()
    assert told in text
    assert "Verdict" in text
    assert "Left out" not in text
    command(*line(there), "--with", moved)
    assert (there / page).read_text() == before


@pytest.mark.long
def test_a_page_judges_by_what_the_file_knows_and_without_it_by_what_is_known(made, there):
    held = "mean distance ↓"
    write_report(there / "run")
    assert held in (there / "run" / "report.html").read_text()
    forget_own_methods()
    (made / "mine.py").write_text(MINE + "# changed\n")
    with pytest.warns(FolderWarning, match=r"mine.py has changed since .*--with .*has no better side"):
        write_report(there / "run")
    text = (there / "run" / "report.html").read_text()
    assert held not in text
    assert "Mean distance" in text
    assert not METRICS.registered
    assert load_run(there / "run").doubts  # told once, by what reads it


FUNCTIONS: dict[str, Any] = {
    "load": lambda at: nash.load(at / "run", 3),
    "evaluate": lambda at: nash.evaluate(at / "run", metrics=["mean_distance"], count=20),
    "diagnose": lambda at: nash.diagnose(at / "run", members=[3], quick=True),
    "resume_session": lambda at: resume_session(at / "run", {"steps": 22}).store.release(),
    "export": lambda at: nash.run.export(at / "run", at / "g.safetensors", member=3),
    "resume_flow": lambda at: nash.run.resume_flow(at / "flow", {"steps": 4}),
    "gather_run": lambda at: nash.run.gather_run(at / "parted"),
    "evaluate_part": lambda at: nash.run.evaluate_part(at / "run", "1/2", nash.run.EvaluationOptions(count=20)),
    "restore_members": lambda at: nash.run.restore_members(at / "run"),
    "search": lambda at: search(at / "search", read_search(at / "search").question),
}
"""Functions that go on with, or look into, what was made with methods of one's own."""


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_finds_the_file_again_or_names_it(function, made, there):
    gone(made)
    with pytest.raises(SettingError, match=r"mine.py, which is not there any more; .* --with PATH"):
        FUNCTIONS[function](there)
    (made / "moved.py").rename(made / "mine.py")
    FUNCTIONS[function](there)


@pytest.mark.long
def test_functions_that_write_pages_say_what_they_lack(made, there):
    gone(made)
    with pytest.warns(FolderWarning, match="mine.py, which is not there any more"):
        compare_reports([there / "run", there / PART], there / "c.html")
    with pytest.warns(FolderWarning, match="mine.py, which is not there any more"):
        write_search(there / "search", read_search(there / "search"))


@pytest.mark.parametrize("at", range(3))
def test_metrics_that_are_not_known_are_wanted_by_nobody(at):
    known = ["fid@pixels", "prdc"]
    names = [*known[:at], "nobody_knows", *known[at:]]
    assert wanted({"metrics": names}) == wanted({"metrics": known})


# Searches


@pytest.mark.long
def test_settings_files_of_searches_and_flows_name_files_as_seen_from_themselves(made, there, tmp_path, monkeypatch):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "mine.py").write_text(MINE)
    (tmp_path / "sets" / "own.toml").write_text('with = ["mine.py"]\n')
    (tmp_path / "sets" / "flow.toml").write_text('with = ["mine.py"]\nflow = "homeward"\n')
    monkeypatch.chdir(tmp_path)
    command("search", "sets/own.toml", *SEARCH, "--out", "s")
    kept = json.loads((tmp_path / "s" / "search.json").read_text())
    entry = {"file": str(tmp_path / "sets" / "mine.py"), "sha256": hashlib.sha256(MINE.encode()).hexdigest()}
    (found,) = kept["with"]
    assert {key: found[key] for key in entry} == entry
    assert "with" not in kept["settings"]
    forget_own_methods()
    command("flow", "sets/flow.toml", *FLOW, "--out", "f")
    forget_own_methods()
    assert resolve_flow({}, {"with": ["sets/mine.py"], "flow": "homeward"}).flow.kind == "homeward"


@pytest.mark.long
def test_parts_of_a_run_take_the_files_that_its_settings_name(there, tmp_path):
    (tmp_path / "mine.py").write_text(MINE)
    (tmp_path / "own.toml").write_text('with = ["mine.py"]\n')
    command("train", tmp_path / "own.toml", *SWEEP, "--part", "2/2", "--out", tmp_path / "parted")
    assert "quiet" in (tmp_path / "parted" / "parts" / "2-of-2" / "members.json").read_text()


@pytest.mark.long
def test_a_search_goes_on_with_a_changed_file_only_when_it_is_named_and_says_so(made, there):
    shutil.rmtree(there / "search" / "confirm")
    changed = made / "mine.py"
    changed.write_text(MINE + "# changed\n")
    line = ("search", *SEARCH, "--out", there / "search")
    assert f"{changed} has changed since" in command(*line, expect=2).stderr
    assert "its hash differs" in command(*line, "--with", changed).stderr
    old, new = (hashlib.sha256(text.encode()).hexdigest() for text in (MINE, MINE + "# changed\n"))
    (found,) = json.loads((there / "search" / "search.json").read_text())["with"]
    assert (found["sha256"], found["before"]) == (new, [old])
    told = f"sha256 {old[:12]}, then {new[:12]}"
    assert told in (there / "search" / "search.html").read_text()
    forget_own_methods()
    command(*line)
    assert told in (there / "search" / "search.html").read_text()


def test_every_choice_is_looked_at_before_anything_is_trained(tmp_path):
    pytest.importorskip("optuna")
    asked = Question({}, {"penalty": ["none", "nobody", "r1"]}, "modes", 1, steps=1)
    with pytest.raises(SettingError, match="nobody"):
        search(tmp_path / "s", asked)
    assert not (tmp_path / "s").exists()


@pytest.mark.long
def test_the_page_of_a_search_is_written_again_from_its_folder(tmp_path):
    """Also of one whose candidates, and whose settings as given, diverge: what is read back is what was found."""
    pytest.importorskip("optuna")
    toy = {"game": "quadratic", "stack": "on", "compile": "off", "threads": 1}
    toy |= {"solver": {"kind": "simultaneous", "generator": {"kind": "sgd", "learning_rate": 1e6}}}
    space = {"solver.generator.learning_rate": {"low": 1e-4, "high": 1e6, "log": True}}
    few = {"candidates": 4, "batch": 4, "rungs": 2, "seeds": [0, 1], "steps": 100, "confirm": 2, "finalists": 1}
    found = search(tmp_path / "s", Question(toy, space, "distance", -1, **few))
    page, _ = write_search(tmp_path / "s", found)
    before = page.read_text()
    assert "without a value" in before
    assert (tmp_path / "s" / "confirm" / "report.html").exists()
    assert command("report", tmp_path / "s").stdout.split() == [str(page)]
    assert page.read_text() == before
    (tmp_path / "s" / "found.json").unlink()
    assert "ended before it wrote what it found" in command("report", tmp_path / "s", expect=2).stderr


@pytest.mark.long
def test_a_search_is_no_run_and_every_verb_says_what_it_is(there):
    place = there / "search"
    for line in (
        *(("sample", place, "--out", there / "x.npz"), ("evaluate", place), ("diagnose", place)),
        *(("export", place, "--to", there / "x.pt2"), ("train", "--resume", "--out", place)),
        *(("flow", "--resume", "--out", place), ("report", place, there / "run", "--out", there / "c.html")),
    ):
        said = command(*line, expect=2).stderr
        assert "holds a search" in said
        assert str(place / "confirm") in said
        assert "digests" not in said
        assert "leave out --resume" not in said
    with pytest.raises(RunFolderError, match=r"its page is .*search\.html"):
        load_run(place)


# Exported generators


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_an_exported_generator_names_the_file_and_its_card_loads_it(made, there, monkeypatch):
    said = nash.run.export(there / "run", there / "g.safetensors", member=3)
    command("export", there / "run", "--member", 3, "--to", there / "g.safetensors")
    card = (there / "g.safetensors.md").read_text()
    sha256 = hashlib.sha256(MINE.encode()).hexdigest()
    assert [(one["file"], one["sha256"]) for one in said["methods"]] == [("mine.py", sha256)]
    assert f"file mine.py (sha256 {sha256[:12]})" in card
    assert str(made) not in card + (there / "g.safetensors").read_bytes().decode("latin1")
    own = nash.load(there / "run", 3).sample(4, seed=1)
    forget_own_methods()
    with pytest.raises(SettingError) as caught:
        nash.load(there / "g.safetensors")
    for told in ("penalty.quiet", "the file mine.py", sha256[:12], "nashpath.run.load_methods('mine.py')"):
        assert told in str(caught.value)
    (there / "mine.py").write_text(MINE)
    monkeypatch.chdir(there)
    names: dict[str, Any] = {}
    exec(card.split("```")[1].removeprefix("python\n"), names)
    assert names["member"].sample(4, seed=1).equal(own)


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_an_imported_module_that_is_the_file_is_as_good_and_another_is_told(made, there, monkeypatch):
    command("export", there / "run", "--member", 3, "--to", there / "g.safetensors")
    forget_own_methods()
    monkeypatch.syspath_prepend(there)
    (there / "mine_as_module.py").write_text(MINE)
    __import__("mine_as_module")
    with warnings.catch_warnings(action="error"):
        nash.load(there / "g.safetensors")
        nash.load(there / "run", 3)
    (there / "mine_as_module.py").write_text(MINE + "# changed\n")
    with pytest.warns(nash.run.MethodsWarning, match="is not known"):
        nash.load(there / "g.safetensors")


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_no_more_is_remembered_than_what_a_member_uses(made, there):
    load_methods(made / "mine.py")
    command("train", *flags("steps=1"), "--out", there / "plain")
    command("export", there / "plain", "--to", there / "p.safetensors")
    assert "of one's own" not in (there / "p.safetensors.md").read_text()
    forget_own_methods()
    assert nash.load(there / "p.safetensors").steps == 1
