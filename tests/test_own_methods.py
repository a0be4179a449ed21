"""Methods of one's own: registered, chosen by name, found again by what a run remembers, and refused in words."""

import hashlib
import json
import os
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

import nashpath as nash
from conftest import forget_own_methods
from nashpath.core import Number, Table, rebuilt
from nashpath.metrics import MetricError, evaluate_samples
from nashpath.run import MethodsWarning, SettingError, load_methods, open_session, resume_session
from nashpath.run.folder.checkpoint import restore_member
from nashpath.run.settings import method_files
from nashpath.run.settings.flow import FLOW_TABLES, flow_model, resolve_flow
from nashpath.run.settings.model import TABLES, settings_model
from nashpath.run.settings.register import BY_NAME, KINDS
from nashpath.run.settings.resolve import resolve
from nashpath.run.settings.schema import unsettable
from run_folders import SMALL, flags
from run_folders import nash as command

pytestmark = pytest.mark.usefixtures("own_methods")

MINE = '''"""A penalty that takes no slope, and a metric."""

import torch

import nashpath
from nashpath.core import NonNegative
from nashpath.metrics import Metric


@nashpath.register("penalty", "consistency")
class Consistency(nashpath.Penalty):
    """Pulls the logits of a sample and of its noisy copy together.

    Reference: Zhang et al. 2020.
    """

    def __init__(self, weight: NonNegative = 1.0):
        super().__init__(weight=weight)

    def draw(self, key, lead, shape):
        return {"shift": 0.1 * key.normal((*lead, *shape))}

    def forward(self, critic, real, fake, noise):
        return self.weight * (critic(real) - critic(real + noise["shift"])).square().mean()


@nashpath.register("metric", "mean_distance")
class MeanDistance(Metric):
    """How far apart the means of real and generated features are."""

    def compute(self, real, fake, rng):
        return {"mean_distance": (real.features.mean(0) - fake.features.mean(0)).norm().item()}
'''


@pytest.fixture
def mine(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(MINE)
    return file


def facts(folder: Path) -> Any:
    return json.loads((folder / "run.json").read_text())


def config(folder: Path) -> Any:
    return tomllib.loads((folder / "config.toml").read_text())


def resolved(assignments) -> Any:
    return resolve({}, dict(assignments))


# Registering


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_takes_a_method_of_ones_own(kind):
    """The last row of each table once more, under another name: it is listed, chosen and built like the first."""
    table = KINDS[kind]
    method = table[list(table)[-1]]
    before = settings_model(), flow_model()
    assert nash.register(kind, "mine", method, python_only=unsettable(method)) is method
    assert table["mine"] is method
    assert "mine" in table.registered
    assert f"  mine  {' ' * (max(map(len, table)) - 4)}{table.summary('mine')}" in command("list", kind).stdout
    assert command("list", f"{kind}.mine").stdout
    now = settings_model(), flow_model()
    paths = {"rule": "solver.generator", "schedule": "solver.generator.schedule"}
    if kind in TABLES or kind in paths:
        assert now[0] is not before[0]
        assert now[0] is settings_model()
    if kind in FLOW_TABLES:
        assert now[1] is not before[1]
        assert getattr(resolve_flow([(kind, "mine")]), kind).kind == "mine"
    if kind in BY_NAME:
        assert getattr(resolve({BY_NAME[kind]: ["mine"]}), BY_NAME[kind]) == ["mine"]
    table.remove("mine")
    key = {**BY_NAME, **paths}.get(kind, kind)
    name = ["mine"] if kind in BY_NAME else "mine"
    resolving = resolve_flow if kind in ("flow", "ratio", "integrator") else resolved
    with pytest.raises(SettingError, match="mine"):
        resolving([(key, name)])


class Good(nash.Penalty):
    """Costs nothing.

    Reference: none.
    """

    def forward(self, critic, real, fake, noise):
        return 0 * critic(real).mean()


class Silent(Good):
    pass


class Held(Good):
    """Has a default that no text file can hold."""

    def __init__(self, weight: Number = 1.0, table: dict[str, float] | None = None):
        super().__init__(weight=weight)


class Lacking(Good):
    """Wants what nobody gives."""

    def __init__(self, extractor):
        super().__init__()


class Unknown(Good):
    """Has an annotation that means nothing."""

    def __init__(self, weight: "Numbr" = 1.0):  # type: ignore[name-defined]
        super().__init__(weight=weight)


class NoDraw:
    """A data set that cannot be drawn from."""

    shape = (2,)


def no_game(player):
    """A technique that takes no game."""


REFUSED = {
    "unknown kind": ("penalti", "mine", Good, "no kind of method is called 'penalti'. Did you mean 'penalty'?"),
    "taken": ("penalty", "r1", Good, "'r1' exists already (nashpath.games.penalties.r1.R1)"),
    "unwritable": ("penalty", "my penalty", Good, "small letters, digits and _"),
    "wrong base": ("objective", "mine", Good, "Good must derive from nashpath.Objective"),
    "an object": ("penalty", "mine", Good(), "expected a class"),
    "a function": ("penalty", "mine", no_game, "expected a class"),
    "no docstring": ("penalty", "mine", Silent, "Silent has no docstring"),
    "no text": ("penalty", "mine", Held, "the argument 'table' has a default, so it is a setting, but"),
    "not given": ("penalty", "mine", Lacking, "the argument 'extractor' has no default, and nothing gives it"),
    "no meaning": ("penalty", "mine", Unknown, "'Numbr' is not defined"),
    "no draw": ("data", "mine", NoDraw, "has no method draw(), which every data set needs"),
    "no game": ("technique", "mine", no_game, "must take game"),
    "a plain class": ("discriminator", "mine", NoDraw, "must derive from torch.nn.Module"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_a_row_is_refused_in_words(case):
    kind, name, method, words = REFUSED[case]
    with pytest.raises(SettingError) as caught:
        nash.register(kind, name, method)
    assert words in str(caught.value)
    assert all(not table.registered for table in KINDS.values())


def test_the_same_object_and_one_defined_again_at_the_same_place_may_be_registered_again():
    first = nash.register("penalty", "good", Good)
    assert nash.register("penalty", "good", Good) is first
    again = type("Good", (Good,), {"__doc__": Good.__doc__, "__module__": __name__})
    assert nash.register("penalty", "good", again) is again  # as when a notebook's cell runs twice
    assert nash.games.PENALTIES["good"] is again
    other = type("Other", (Good,), {"__doc__": Good.__doc__, "__module__": __name__})
    with pytest.raises(SettingError, match="exists already"):
        nash.register("penalty", "good", other)
    with pytest.raises(ValueError, match="was not registered"):
        nash.games.PENALTIES.remove("r1")


@pytest.mark.parametrize("kind", KINDS)
def test_the_rows_of_the_package_pass_the_same_checks(kind):
    """What is no setting, though it has a default, is known by name."""
    python_only = {"mmd_gaussian": ["bandwidths"], "mmd_rational_quadratic": ["alphas"], "density": ["model"]}
    python_only |= {"feature_matching": ["objective"], "joint_batch": ["objective"]}
    for number, (name, method) in enumerate(list(KINDS[kind].items())):
        nash.register(kind, f"copy_{number}", method, python_only=python_only.get(name, ()))


def test_what_is_built_from_tables_is_built_again_only_when_one_changed():
    table, built = Table("thing", {"a": Good}), []

    @rebuilt(table)
    def names():
        built.append(list(table))
        return built[-1]

    assert names() is names()
    table.register("b", Good)
    assert names() == ["a", "b"]
    table.register("b", Good)
    assert names() is names()
    assert len(built) == 2


def test_names_are_held_against_the_rows_that_there_are_now():
    with pytest.raises(SettingError, match=r"metrics\.0: expected one of .*Did you mean 'fid'"):
        resolve({"metrics": ["fdi"]})
    with pytest.raises(SettingError, match="diagnostics"):
        resolve({"diagnostics": ["path"]})  # needs an earlier point
    with pytest.raises(MetricError, match="mean_distance"):
        evaluate_samples(torch.zeros(3, 2), torch.zeros(3, 2), ["mean_distance"])


def test_registering_from_python_is_enough_for_a_run(tmp_path):
    """And the run remembers which module it needs."""

    @nash.register("penalty", "shy")
    class Shy(nash.Penalty):
        """Costs the squared logit of real samples."""

        def __init__(self, weight: Number = 1.0):
            super().__init__(weight=weight)

        def forward(self, critic, real, fake, noise):
            return self.weight * critic(real).square().mean()

    session = open_session({**SMALL, "penalty": "shy"}, {"penalty.weight": [0.5, 1.0]}, tmp_path / "run")
    assert len(session.groups) == 1
    session.train()
    assert config(tmp_path / "run")["with"] == [{"module": __name__, "registers": ["penalty.shy"]}]
    assert facts(tmp_path / "run")["methods"] == [{"module": __name__, "registers": ["penalty.shy"]}]
    assert type(restore_member(tmp_path / "run")[0].game.penalty) is Shy
    forget_own_methods()
    with pytest.raises(SettingError, match=rf"penalty\.shy, registered by the Python module {__name__}.*--with PATH"):
        restore_member(tmp_path / "run")


def test_networks_of_ones_own_may_be_functions(tmp_path):
    @nash.register("discriminator", "line")
    def line(shape, outputs=1):
        """A linear critic."""
        return nn.Sequential(nn.Flatten(), nn.Linear(torch.Size(shape).numel(), outputs))

    raw = {key: value for key, value in SMALL.items() if key != "discriminator"}
    assert open_session({**raw, "discriminator": "line"}, {}, tmp_path / "run").train() == "finished"


# Files


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of two penalties and two seeds with a file, and a copy of the file's place."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "mine.py").write_text(MINE)
    sweep = ("--sweep", "penalty=none,consistency", "--seeds", "0:2")
    command("train", "--with", folder / "mine.py", *flags(), *sweep, "--out", folder / "run")
    forget_own_methods()
    return folder


@pytest.fixture
def run(trained, tmp_path):
    """The run and its file, at a place of its own (the run remembers the file there)."""
    (tmp_path / "mine.py").write_text(MINE)
    for path in (trained / "run").rglob("*"):
        if path.is_file():
            (tmp_path / "run" / path.relative_to(trained / "run")).parent.mkdir(parents=True, exist_ok=True)
            (tmp_path / "run" / path.relative_to(trained / "run")).write_bytes(path.read_bytes())
    text = (tmp_path / "run" / "config.toml").read_text()
    (tmp_path / "run" / "config.toml").write_text(text.replace(str(trained), str(tmp_path)))
    return tmp_path / "run"


def test_a_run_remembers_the_file_its_hash_and_what_it_registers(trained):
    sha256 = hashlib.sha256(MINE.encode()).hexdigest()
    entry = {"file": "mine.py", "sha256": sha256, "registers": ["metric.mean_distance", "penalty.consistency"]}
    assert facts(trained / "run")["methods"] == [entry]
    assert config(trained / "run")["with"] == [{**entry, "file": str(trained / "mine.py")}]
    assert not list((trained / "run").glob("*.py"))


def test_it_was_swept_against_a_built_in_row(trained):
    found = json.loads((trained / "run" / "members.json").read_text())
    assert [m["settings"]["penalty"] for m in found] == ["none", "none", "consistency", "consistency"]
    assert all(m["outcome"] == "finished" for m in found)
    page = (trained / "run" / "report.html").read_text()
    assert "consistency" in page
    assert "mine.py (sha256" in page


@pytest.mark.long
def test_every_verb_finds_the_file_by_itself(run, tmp_path):
    command("sample", run, "--member", 2, "--out", tmp_path / "sheet.png")
    assert type(restore_member(run, 2)[0].game.penalty).__name__ == "Consistency"
    forget_own_methods()
    said = command("evaluate", run, "--metrics", "mean_distance", "--samples", 20, "--json").stdout
    groups = json.loads(said)["groups"]
    assert [group["settings"]["penalty"] for group in groups] == ["none", "consistency"]
    assert all(group["numbers"][0]["low"] <= group["numbers"][0]["high"] for group in groups)
    forget_own_methods()
    assert json.loads(command("diagnose", "--quick", run, "--member", 3, "--json").stdout)[0]["member"] == 3
    forget_own_methods()
    command("report", run)
    command("train", "--resume", "--out", run, "-s", "steps=24")
    assert {m["steps"] for m in json.loads((run / "members.json").read_text())} == {24}


@pytest.mark.long
def test_a_resumed_run_equals_one_that_was_not_stopped(run, tmp_path):
    command("train", "--resume", "--out", run, "-s", "steps=24")
    forget_own_methods()
    whole = ("--sweep", "penalty=none,consistency", "--seeds", "0:2", "--out", tmp_path / "whole")
    command("train", "--with", tmp_path / "mine.py", *flags("steps=24"), *whole)
    costs = [[m["costs"] for m in json.loads((f / "members.json").read_text())] for f in (run, tmp_path / "whole")]
    assert costs[0] == costs[1]


VERBS = {
    "sample": lambda run: ("sample", run, "--out", run / "sheet.png"),
    "evaluate": lambda run: ("evaluate", run, "--metrics", "modes", "--samples", 20),
    "diagnose": lambda run: ("diagnose", "--quick", run, "--member", 0),
    "resume": lambda run: ("train", "--resume", "--out", run),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("verb", VERBS)
def test_a_missing_file_is_named_with_the_cure(verb, run, tmp_path):
    (tmp_path / "mine.py").rename(tmp_path / "moved.py")
    said = command(*VERBS[verb](run), expect=2).stderr
    assert f"of {tmp_path / 'mine.py'}, which is not there any more" in said
    assert "--with PATH" in said
    command(*VERBS[verb](run), "--with", tmp_path / "moved.py")


@pytest.mark.long(first=True)
@pytest.mark.parametrize("verb", VERBS)
def test_a_changed_file_is_refused_until_it_is_named(verb, run, tmp_path):
    file = tmp_path / "mine.py"
    old = hashlib.sha256(MINE.encode()).hexdigest()
    file.write_text(MINE + "# changed\n")
    said = command(*VERBS[verb](run), expect=2).stderr
    assert f"{file} has changed since {run}" in said
    assert f"then {old[:12]}" in said
    assert f"--with {file}" in said
    said = command(*VERBS[verb](run), "--with", file).stderr
    assert "its hash differs" in said
    if verb == "resume":  # from now on the run is of the changed file, and says what it was before
        (entry,) = config(run)["with"]
        assert entry["before"] == facts(run)["methods"][0]["before"] == [old]
        forget_own_methods()
        command("sample", run, "--out", tmp_path / "sheet.png")


def test_a_file_in_the_run_folder_is_not_executed_unasked(run, tmp_path):
    """A run folder may come from anywhere; looking at it must not run what lies in it."""
    (tmp_path / "mine.py").rename(run / "mine.py")
    text = (run / "config.toml").read_text()
    (run / "config.toml").write_text(text.replace(str(tmp_path / "mine.py"), str(run / "mine.py")))
    assert "not executed unasked" in command("sample", run, expect=2).stderr
    assert not nash.games.PENALTIES.registered


def test_a_file_that_changes_within_one_process_is_executed_again(mine):
    assert load_methods(mine).registers == ("metric.mean_distance", "penalty.consistency")
    first = nash.games.PENALTIES["consistency"]
    load_methods(mine)
    assert nash.games.PENALTIES["consistency"] is first
    mine.write_text(MINE.replace("weight: NonNegative = 1.0", "weight: NonNegative = 3.0"))
    load_methods(mine)
    assert resolve({"penalty": "consistency"}).penalty.weight == 3.0


def test_the_modules_beside_a_file_are_part_of_what_it_is(tmp_path):
    """Found as a script finds them, also those that they import; a change is named, and taken when it is asked for."""
    (tmp_path / "parts").mkdir()
    (tmp_path / "parts" / "__init__.py").write_text("from .sizes import SIZE\n")
    (tmp_path / "parts" / "sizes.py").write_text("SIZE = 2.0\n")
    (tmp_path / "unused.py").write_text("")
    mine = tmp_path / "mine.py"
    mine.write_text(
        "from parts import SIZE\n" + MINE.replace("weight: NonNegative = 1.0", "weight: NonNegative = SIZE")
    )
    file = load_methods(mine)
    assert [name for name, _ in file.imports] == ["parts", "parts.sizes"]
    assert nash.games.PENALTIES["consistency"]().weight == 2.0
    (entry,) = method_files.origins(["penalty.consistency"])
    assert entry["imports"].keys() == {"parts", "parts.sizes"}
    forget_own_methods()
    method_files.recall([entry])
    forget_own_methods()
    (tmp_path / "parts" / "sizes.py").write_text("SIZE = 12.0\n")
    with pytest.raises(SettingError, match=r"mine.py or what it imports \(parts.sizes\) has changed since .*--with"):
        method_files.recall([entry])
    assert load_methods(mine).sha256 != file.sha256
    assert nash.games.PENALTIES["consistency"]().weight == 12.0
    (tmp_path / "unused.py").write_text("1\n")
    method_files.recall(method_files.origins(["penalty.consistency"]))


FAULTS = {
    "missing": (None, "No such file"),
    "empty": ('"""Nothing."""\n', "registers no method; it must call nashpath.register(kind, name, method)"),
    "syntax": ("def\n", "SyntaxError"),
    "broken": (MINE + "\n1 / 0\n", "ZeroDivisionError"),
    "taken": (MINE.replace('"consistency"', '"r1"'), "'r1' exists already"),
    "import": ("import nashpat\n", "No module named 'nashpat'"),
}


@pytest.mark.parametrize("case", FAULTS)
def test_a_faulty_file_is_named_and_leaves_nothing(case, tmp_path):
    text, words = FAULTS[case]
    if text is not None:
        (tmp_path / "mine.py").write_text(text)
    said = command("train", "--with", tmp_path / "mine.py", *flags(), "--out", tmp_path / "run", expect=2).stderr
    assert f"--with {tmp_path / 'mine.py'}" in said
    assert words in said
    assert all(not table.registered for table in KINDS.values())
    assert not (tmp_path / "run").exists()


def test_settings_files_name_files_as_seen_from_themselves(mine, tmp_path, monkeypatch):
    (tmp_path / "sets").mkdir()
    (tmp_path / "sets" / "own.toml").write_text('with = ["../mine.py"]\npenalty = "consistency"\n')
    command("train", tmp_path / "sets" / "own.toml", *flags(), "--out", tmp_path / "run")
    assert config(tmp_path / "run")["with"][0]["file"] == str(mine)
    forget_own_methods()
    command("train", tmp_path / "run" / "config.toml", "--out", tmp_path / "again")
    assert config(tmp_path / "again")["with"] == config(tmp_path / "run")["with"]
    forget_own_methods()
    mine.unlink()
    said = command("train", tmp_path / "run" / "config.toml", "--out", tmp_path / "third", expect=2).stderr
    assert "these settings were made with" in said
    (tmp_path / "bad.toml").write_text('with = "mine.py"\n')
    assert "with: expected a list of files" in command("train", tmp_path / "bad.toml", expect=2).stderr


def test_a_flow_takes_files_too(mine, tmp_path):
    mine.write_text(
        '''import nashpath
from nashpath.flows import Flow, Field


@nashpath.register("flow", "homeward")
class Homeward(Flow):
    """Particles move to the origin."""

    def field(self, points, particles, memory):
        return Field(-points)
'''
    )
    small = ("-s", "particles=20", "-s", "steps=3", "-s", "samples=5", "-s", "evaluation_samples=10")
    command("flow", "--with", mine, "-s", "flow=homeward", *small, "--out", tmp_path / "run")
    assert facts(tmp_path / "run")["methods"][0]["registers"] == ["flow.homeward"]
    assert "flow.homeward" in (tmp_path / "run" / "report.html").read_text()


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_it_works_in_a_process_of_its_own(mine, tmp_path):
    """Nothing but the command; what it left is enough for another process."""
    line = [sys.executable, "-m", "nashpath", "train", "--with", "mine.py", "--out", "run"]
    line += flags("penalty=consistency", "steps=3", "metrics=mean_distance")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, map(str, sys.path)))}
    done = subprocess.run(line, capture_output=True, text=True, env=environment, cwd=tmp_path, timeout=300)
    assert done.returncode == 0, done.stderr
    command("sample", tmp_path / "run", "--out", tmp_path / "sheet.png")
    assert (tmp_path / "sheet.png").exists()


STUDY = '''"""Which penalty?"""
from nashpath.studies import Claim, Experiment, Population, Size, Study


def measure(cell, size):
    population = Population({"latent": 2, "batch_size": 4, "penalty": "consistency"}, size)
    population.play(size.steps)
    for one in population:
        yield {"seed": one.member.seed, "finished": float(one.outcome == "running"), "said": one.outcome}


E = Experiment("ring", "A ring.", measure, {"quick": Size(seeds=1, steps=2)}, cells=[{"k": 0}, {"k": 1}])
CLAIM = Claim(name="a", says="It ends.", source="a guess", experiment="ring", quantity="members",
              values=lambda rows: rows.values("seed"), low=-1.0, scales=("quick",))
STUDY = Study("own", "Own", "Own", [E], [CLAIM])
'''


@pytest.mark.long
def test_workers_see_registered_methods(mine, tmp_path):
    (tmp_path / "study.py").write_text(STUDY)
    line = ("reproduce", tmp_path / "study.py", "--quick", "--workers", 2, "--quiet", "--out", tmp_path / "out")
    command(*line, "--with", mine)
    found = json.loads((tmp_path / "out" / "own" / "study.json").read_text())
    assert found["status"] == "finished"
    assert found["methods"][0]["file"] == "mine.py"
    cell = tmp_path / "out" / "own" / "cells" / "ring.0.json"
    source = json.loads(cell.read_text())["source"]
    mine.write_text(MINE + "# changed\n")
    command(*line[:4], 1, *line[5:], "--with", mine)
    assert json.loads(cell.read_text())["source"] != source  # measured again
    forget_own_methods()
    said = command(*line[:4], 1, *line[5:], expect=2).stderr
    assert "was measured with metric.mean_distance, penalty.consistency of mine.py; name the file: --with PATH" in said
    assert "consistency" in command(*line[:4], 1, *line[5:-1], tmp_path / "other", expect=1).stderr


# Installed packages


def install(folder: Path, name: str, code: str, value: str) -> None:
    """A package with an entry point, as an installer would leave it."""
    (folder / f"{name}.py").write_text(code)
    info = folder / f"{name}-1.2.dist-info"
    info.mkdir()
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.2\n")
    (info / "entry_points.txt").write_text(f"[{method_files.GROUP}]\n{name} = {value}\n")


@pytest.fixture
def installed(tmp_path, monkeypatch):
    site = tmp_path / "site"
    site.mkdir()
    monkeypatch.syspath_prepend(site)
    monkeypatch.setattr(method_files, "_ASKED", [])
    yield site
    for name in ("good_methods", "bad_methods", "called_methods"):
        sys.modules.pop(name, None)


def test_installed_packages_are_asked(installed, tmp_path):
    install(installed, "good_methods", MINE, "good_methods")
    function = MINE.replace("@nashpath.register", "# ") + '\n\ndef all_of_them():\n    nashpath.register("penalty", '
    install(installed, "called_methods", function + '"called", Consistency)\n', "called_methods:all_of_them")
    command("train", *flags("penalty=consistency"), "--out", tmp_path / "run")
    rows = ["metric.mean_distance", "penalty.consistency"]
    assert facts(tmp_path / "run")["methods"] == [{"package": "good_methods", "version": "1.2", "registers": rows}]
    assert resolve({"penalty": "called"})
    command("sample", tmp_path / "run", "--out", tmp_path / "sheet.png")
    forget_own_methods()
    assert "of the package good_methods 1.2" in command("sample", tmp_path / "run", expect=2).stderr


def test_a_package_that_cannot_be_loaded_is_a_warning_that_names_it(installed, tmp_path):
    install(installed, "bad_methods", MINE + "\nraise RuntimeError('too old')\n", "bad_methods")
    result = command("list", "penalty")
    assert "warning: the methods of the package bad_methods" in result.stderr
    assert "RuntimeError: too old" in result.stderr
    assert "consistency" not in result.stdout
    method_files._ASKED.clear()
    with pytest.warns(MethodsWarning, match="bad_methods"):
        resolve({})


def test_a_resume_in_python_finds_the_file(run):
    assert resume_session(run, [("steps", 22)]).train() == "finished"


def test_what_fails_in_a_method_of_one_s_own_is_no_error_of_the_package(tmp_path):
    @nash.register("generator", "stumbles")
    def stumbles(latent: int, shape: tuple[int, ...]) -> nn.Module:
        """Loads weights of another network.

        Reference: none.
        """
        network = nn.Linear(latent, shape[0])
        network.load_state_dict({"other": torch.zeros(1)})
        return network

    with pytest.raises(
        SettingError,
        match=r"generator stumbles, a method of your own, fails at test_own_methods.py:\d+: RuntimeError: .*other",
    ):
        open_session({"generator": "stumbles", "data": "ring", "steps": 1}, {}, tmp_path / "run")
