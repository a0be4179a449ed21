"""Studies in pieces: part of the cells, so much time, courses that go on where they paused, parts gathered."""

import itertools
import json
import math
import re
import shutil
import time
from functools import partial
from pathlib import Path
from types import SimpleNamespace

import pytest
from typer.testing import CliRunner

import nashpath as nash
from nashpath.cli import app
from nashpath.cli.console import CellBar, working
from nashpath.core import seeded
from nashpath.core.tree import leaves
from nashpath.report import phrasing
from nashpath.run import FolderError, FolderWarning, RunFolder, SettingError
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.studies import NAMES, Course, Portion, find_study, gather_cells, read_study, reproduce, runner
from nashpath.studies import course as courses
from nashpath.studies.course import Paused, keeping

OWN = Path(__file__).parent.parent / "examples" / "own_study.py"
SMALL = {"steps": 6, "seeds": 2}

TWO = """
from nashpath.studies import Claim, Experiment, Population, Size, Strip, Study

def bias(member):
    return float(member.train_state.point.players["generator"]["head.bias"][0])

def measure(cell, size):
    population = Population({"batch_size": 8}, size)
    seen = []
    for _ in range(3):
        population.play(size.steps // 3)
        seen.append(population.look(bias))
    for member, values in zip(population, zip(*seen)):
        yield {"seed": member.member.seed, "curve": list(values), "v": values[-1]}

def experiment(name, cells):
    figures = [Strip("t", y="v", by=("k",))]
    return Experiment(name, "a", measure, {"quick": Size(2, 6)}, [{"k": k} for k in range(cells)], figures)

def claim(name, experiment):
    return Claim(name, "says.", "src", experiment, "q", lambda rows: list(rows.by_seed("v").values()), low=0.0)

EXPERIMENTS = [experiment("one", 1), experiment("many", 3)]
STUDY = Study("two", "T", "P", EXPERIMENTS, [claim("first", "one"), claim("x", "many")])
"""


@pytest.fixture
def two(tmp_path):
    file = tmp_path / "two.py"
    file.write_text(TWO)
    return str(file)


def cells(folder):
    return {p.name: json.loads(p.read_text())["rows"] for p in sorted((folder / "cells").glob("*.json"))}


def program(seeds=(0, 1), mode="stacked"):
    def game(seed):
        with seeded(seed):
            networks = nash.MLPGenerator(2, (2,), width=4), nash.MLPDiscriminator((2,), width=4)
        return nash.GAN(*networks, data=nash.Ring(), latent=2, batch_size=8)

    return Program([Trial(game(s), nash.EMA(nash.Alternating(nash.Adam(), nash.Adam()))) for s in seeds], seeds, mode)


def follow(seen, pause=lambda: False):
    """Three stretches of play and three looks of two programs; ``seen`` counts what is read."""
    course = Course([program(), program((2,), "looped")])
    for _ in range(3):
        course.play(5)
        course.look(lambda: seen.append(1) or [float(p.train_state(0).steps) for p in course.programs])
        if pause():
            raise Paused
    return course


def tensors(course):
    return [leaf for p in course.programs for i in range(len(p.trials)) for leaf in leaves(p.train_state(i))]


@pytest.mark.long
@pytest.mark.parametrize("stops", [1, 4, 7, 11, 14])
def test_a_course_goes_on_bit_for_bit(tmp_path, stops):
    """Paused after any number of calls of the clock: the same states and looks, each of them read once."""
    all_seen, seen, found = [], [], None
    whole = follow(all_seen)
    for _ in range(200):
        with keeping(tmp_path, "here", after(stops)):
            try:
                found = follow(seen)
                break
            except Paused:
                continue
    assert found is not None
    assert [p.taken for p in found.programs] == [15, 15]
    assert all(bool((a == b).all()) for a, b in zip(tensors(found), tensors(whole)))
    assert found._looks == whole._looks == [[5.0, 5.0], [10.0, 10.0], [15.0, 15.0]]
    assert len(all_seen) == 3


def after(calls):
    """A clock that says "now" from one call on."""
    asked = itertools.count()
    return lambda: next(asked) >= calls


def paused(tmp_path, source="here"):
    with keeping(tmp_path, source, after(8)), pytest.raises(Paused):
        follow([])


def test_what_other_source_kept_is_left_out(tmp_path):
    paused(tmp_path)
    with keeping(tmp_path, "here", lambda: False):
        assert Course([program(), program((2,), "looped")]).programs[0].taken > 0
    with keeping(tmp_path, "elsewhere", lambda: False):
        assert Course([program(), program((2,), "looped")]).programs[0].taken == 0


def test_a_cell_is_measured_by_one_at_a_time(tmp_path):
    place, refused = tmp_path / "begun", pytest.raises(FolderError, match="begun: this process is writing")
    with keeping(place, "here", bool), refused, keeping(place, "here", bool):
        pass
    assert not place.exists()


def test_a_damaged_course_is_begun_again_with_a_word(tmp_path):
    paused(tmp_path)
    (file,) = tmp_path.rglob("checkpoint.safetensors")
    content = bytearray(file.read_bytes())
    content[-3] ^= 1
    file.write_bytes(content)
    for other in tmp_path.rglob("checkpoint.previous.safetensors"):
        other.unlink()
    with keeping(tmp_path, "here", lambda: False), pytest.warns(FolderWarning, match="from its start"):
        assert follow([]).programs[0].taken == 15


@pytest.mark.long
def test_a_cell_that_ran_out_of_time_goes_on_and_leaves_nothing_behind(tmp_path, two, monkeypatch):
    """The same rows as without a break."""
    reproduce(two, "quick", tmp_path / "whole")
    clock, broken = itertools.count(), []
    ticking = SimpleNamespace(time=lambda: float(next(clock)), perf_counter=time.perf_counter)
    monkeypatch.setattr(runner, "time", ticking)
    for _ in range(60):
        reproduce(two, "quick", tmp_path / "r", portion=Portion(seconds=9.0))
        status = read_study(tmp_path / "r")["status"]
        if status == "finished":
            break
        assert status == "stopped"
        broken.append(1)
    assert len(broken) > 1
    assert cells(tmp_path / "r") == cells(tmp_path / "whole")
    assert not list((tmp_path / "r" / "cells").glob("*.begun"))


@pytest.mark.long
def test_a_study_that_reads_on_the_way_begins_its_cells_anew_and_gives_the_same_rows(tmp_path, two, monkeypatch):
    """Without `look` the states that were passed are gone: nothing is kept of such a cell, and nothing is wrong."""
    Path(two).write_text(TWO.replace("population.look(bias)", "[bias(member) for member in population]"))
    reproduce(two, "quick", tmp_path / "whole")
    for seconds in (9.0, 9.0, math.inf):
        ticking = SimpleNamespace(time=partial(next, itertools.count()), perf_counter=time.perf_counter)
        monkeypatch.setattr(runner, "time", ticking)
        reproduce(two, "quick", tmp_path / "r", portion=Portion(seconds=seconds))
    assert cells(tmp_path / "r") == cells(tmp_path / "whole")


def test_a_portion_is_measured_and_no_more(tmp_path, two):
    reproduce(two, "quick", tmp_path / "one", portion=Portion(("one",)))
    found = read_study(tmp_path / "one")
    assert list(cells(tmp_path / "one")) == ["one.0.json"]
    assert found["status"] == "partial"
    assert [claim["verdict"] for claim in found["claims"]] == ["not judged", "not measured"]
    with pytest.raises(SettingError, match="no experiment none"):
        reproduce(two, "quick", tmp_path / "none", portion=Portion(("none",)))


@pytest.mark.long
def test_gathered_parts_are_the_whole(tmp_path, two):
    reproduce(two, "quick", tmp_path / "whole")
    for k in (1, 2, 3):
        reproduce(two, "quick", tmp_path / f"part{k}", portion=Portion(part=(k, 3)))
    each = [set(cells(tmp_path / f"part{k}")) for k in (1, 2, 3)]
    assert sum(map(len, each)) == 4
    verdicts, said = gather_cells(tmp_path / "all", [tmp_path / f"part{k}" for k in (1, 2)])
    assert not said
    assert read_study(tmp_path / "all")["status"] == "partial"
    verdicts, said = gather_cells(tmp_path / "all", [tmp_path / "part3"])
    assert cells(tmp_path / "all") == cells(tmp_path / "whole")
    assert read_study(tmp_path / "all")["status"] == "finished"
    assert [v.mean for v in verdicts] == [claim["mean"] for claim in read_study(tmp_path / "whole")["claims"]]


def test_what_does_not_fit_together_is_not_gathered(tmp_path, two):
    reproduce(two, "quick", tmp_path / "a", portion=Portion(("one",)))
    reproduce(two, "quick", tmp_path / "b", options={"steps": 3}, portion=Portion(("one",)))
    said = "b is no part of what .*/a holds: options.steps is 3 in .*/b, not set in .*/a"
    with pytest.raises(SettingError, match=said):
        gather_cells(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    with pytest.raises(SettingError, match="no folder of a reproduction"):
        gather_cells(tmp_path / "all", [tmp_path])
    with pytest.raises(SettingError, match="name the folders"):
        gather_cells(tmp_path / "all", [])
    assert not (tmp_path / "all").exists()
    Path(two).write_text(TWO.replace('"batch_size": 8', '"batch_size": 9'))
    _, said = gather_cells(tmp_path / "all", [tmp_path / "a"])
    assert "measured by other source" in said[0]
    assert not cells(tmp_path / "all")


def test_what_a_folder_holds_stays_where_parts_of_other_code_are_gathered_into_it(tmp_path, two):
    other = tmp_path / "elsewhere.py"
    other.write_text(Path(two).read_text().replace('"batch_size": 8', '"batch_size": 9'))
    for file, name in ((two, "mine"), (other, "theirs")):
        reproduce(str(file), "quick", tmp_path / name, portion=Portion(("one",)))
    before = cells(tmp_path / "mine")
    _, said = gather_cells(tmp_path / "mine", [tmp_path / "theirs"])
    assert "theirs: one.0 was measured by other source, and is left out" in said[0]
    assert cells(tmp_path / "mine") == before
    reproduce(two, "quick", tmp_path / "short", options={"steps": 3}, portion=Portion(("one",)))
    said = "mine holds another .*: options.steps is not set in .*/mine, 3 in .*/short"
    with pytest.raises(SettingError, match=said):
        gather_cells(tmp_path / "mine", [tmp_path / "short"])
    refused = command("gather", tmp_path / "all", tmp_path)
    assert f"{tmp_path} holds reproductions; name that of one study" in refused.stderr
    assert refused.exit_code == 2


def test_another_number_for_the_same_cell_is_told(tmp_path, two):
    reproduce(two, "quick", tmp_path / "a", portion=Portion(("one",)))
    shutil.copytree(tmp_path / "a", tmp_path / "b")
    file = tmp_path / "b" / "cells" / "one.0.json"
    found = json.loads(file.read_text())
    found["rows"][0]["v"] = 7.0
    RunFolder(tmp_path / "b").write("cells/one.0.json", json.dumps(found).encode())
    _, said = gather_cells(tmp_path / "all", [tmp_path / "a", tmp_path / "b"])
    assert said == [f"{tmp_path / 'b'}: one.0 has other numbers than {tmp_path / 'all'}, which keeps its own"]
    assert cells(tmp_path / "all") == cells(tmp_path / "a")


def command(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.mark.long
def test_the_commands(tmp_path, two):
    """Parts by name, time and number; a plan that knows what was measured; and all of it gathered."""
    base = ("reproduce", two, "--quick", "--workers", "1", "--quiet")
    for arguments in (("--claim", "first"), ("--part", "1/2"), ("--experiment", "many", "--for", "5m")):
        result = command(*base, *arguments, "--out", tmp_path / arguments[0].strip("-"))
        assert result.exit_code == 0, result.output
        if arguments == ("--claim", "first"):
            assert "two, not shown: 1 not measured" in result.stdout
    assert list(cells(tmp_path / "claim" / "two")) == ["one.0.json"]
    planned = command("plan", two, "--quick", "--out", tmp_path / "claim", "--json", "--workers", "2")
    assert planned.exit_code == 0, planned.output
    costs = json.loads(planned.stdout)["cells"]
    assert [cost["known"] for cost in costs] == ["measured", *["first steps"] * 3]
    assert all(cost["seconds"] > 0 for cost in costs)
    assert all(cost["members"] == 2 and cost["memory"] > 1e6 for cost in costs[1:])
    assert "still to come" in command("plan", two, "--quick", "--for", "0s").stdout
    found = command("gather", tmp_path / "all", *(tmp_path / name / "two" for name in ("claim", "experiment")))
    assert found.exit_code == 0, found.output
    assert read_study(tmp_path / "all")["status"] == "finished"


def test_long_work_says_what_it_does_how_far_and_how_long_yet(capsys, monkeypatch):
    monkeypatch.setattr("nashpath.cli.console.QUIET_SECONDS", 0.1)
    assert phrasing.duration(1.0) == "1.0 s"  # imported before anything is timed
    with CellBar(False, "measuring", 300.0) as bar:
        bar.show("", 0, 3, None)
        time.sleep(0.4)
        bar.show("ring kind=a", 1, 3, 12.0)
    first, *beats, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"0/3  measuring  at most [45] min \d+ s", first)
    assert beats
    assert all(re.fullmatch(r"0/3  measuring for \d+\.\d s  at most [45] min \d+ s", beat) for beat in beats)
    assert last == "1/3  ring kind=a  12.0 s left"
    with working("evaluating") as say:
        time.sleep(0.3)
        say("measuring member 0")
    first, *_, last = capsys.readouterr().err.splitlines()
    assert re.fullmatch(r"evaluating \(\d+ s so far\)", first)
    assert last == "measuring member 0"
    with CellBar(True, "measuring") as bar:
        bar.show("", 0, 3, None)
    assert capsys.readouterr().err == ""


def test_studies_and_their_claims_are_listed_with_what_they_cost():
    said = command("list", "study").stdout
    for name in NAMES:
        assert re.search(rf"^  {name} .* claims\) \[default scale: measured in .*\]$", said, re.M)
        told = command("list", f"study.{name}").stdout
        study = find_study(name)
        assert all(
            re.search(rf"^  {re.escape(one.name)} .*{re.escape(one.says)}", told, re.M)
            for one in study.claims_at("default")
        )
        assert all(re.search(rf"^  {one.name} .* cells?, ", told, re.M) for one in study.experiments_at("default"))
    for verb in ("reproduce", "plan"):
        result = command(verb)
        assert result.exit_code == 2
        assert all(f"  {name} " in result.stderr for name in NAMES)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (("reproduce", OWN, "--for", "soon"), "--for soon: expected a time"),
        (("reproduce", OWN, "--part", "3/2"), "--part 3/2: expected I/N"),
        (("reproduce", OWN, "--part", "0/2"), "--part 0/2: expected I/N"),
        (("reproduce", OWN, "--claim", "more-mode"), "more-modes  "),
        (("reproduce", OWN, "--experiment", "rin"), "Did you mean 'ring'"),
        (("plan", OWN, "--full"), "no experiment at full scale"),
        (("plan", "monoflo"), "Did you mean 'monoflow'"),
    ],
)
def test_what_cannot_be_measured_is_refused(tmp_path, arguments, message):
    given = (*arguments, "--out", tmp_path / "r")
    result = command(*given)
    assert result.exit_code == 2, result.output
    assert message in result.output
    assert not (tmp_path / "r").exists()


def test_a_plan_is_not_made_for_another_reproduction(tmp_path, two):
    reproduce(two, "quick", tmp_path / "two", options={"steps": 3}, portion=Portion(("one",)))
    result = command("plan", two, "--quick", "--out", tmp_path)
    assert result.exit_code == 2
    assert "holds a reproduction with" in result.output


def test_times_are_read():
    from nashpath.cli.reproduce import seconds_of

    assert [seconds_of(t) for t in ("90s", "8m", "2h", "1h30m", "45")] == [90, 480, 7200, 5400, 45]
    assert seconds_of("") == math.inf


def test_the_clock_is_asked_often_enough():
    """A checkpoint a minute: no more than that is lost to a crash."""
    assert courses.EVERY <= 60
