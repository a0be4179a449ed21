"""The documentation is true: its code runs, its commands are accepted, its links lead somewhere, its names exist."""

import ast
import builtins
import itertools
import json
import re
import shlex
import subprocess
import sys
from importlib import import_module, util
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pytest
import torch
from PIL import Image
from typer.testing import CliRunner

import nashpath as nash
from conftest import forget_own_methods
from nashpath.cli import app
from nashpath.run import load_methods, open_session, resolve_flow
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.begin import begin_with_data, data_at
from nashpath.run.settings.flow import FLOW_TABLES
from nashpath.run.settings.members import plan
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.overrides import flatten_sweeps, override, parse_overrides, parse_seeds, parse_sweeps
from nashpath.studies import NAMES, find_study

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
CHEAP = {"compile": "off", "stack": "off", "samples": "4", "evaluation_samples": "20", "sample_every": "0"}
FLOW_CHEAP = {"samples": "20", "evaluation_samples": "20", "particles": "30"}
WALKS = ROOT / "docs" / "walks.md"
"""Each section of this page begins in an empty folder, and its blocks are steps of one walk."""
ELSEWHERE = ("device=cuda", "track=tensorboard")
"""Parts of commands that need what a test machine may lack: these commands are resolved, not run."""


def named(pages):
    return [pytest.param(page, id=page.name) for page in pages]


def blocks(page: Path, *languages: str) -> list[str]:
    """The code blocks of a page in one of the languages."""
    found = re.findall(r"^```(\w+)\n(.*?)^```$", page.read_text(), re.MULTILINE | re.DOTALL)
    return [text for language, text in found if language in languages]


def commands(page: Path) -> list[list[str]]:
    """The nashpath commands of a page, as arguments, in order."""
    lines = [line for text in blocks(page, "console", "bash") for line in text.splitlines()]
    return [shlex.split(line, comments=True)[1:] for line in lines if line.startswith("nashpath ")]


@pytest.fixture
def here(tmp_path, monkeypatch, own_methods, quick_python):
    """A working folder with what the commands of the pages speak of: the examples, photos, an array, a table."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "examples").symlink_to(ROOT / "examples")
    (tmp_path / "photos").mkdir()
    rng = np.random.default_rng(0)
    for k in range(3):
        Image.fromarray(rng.integers(0, 255, (40, 50, 3), dtype=np.uint8)).save(tmp_path / "photos" / f"{k}.png")
    np.save(tmp_path / "vectors.npy", rng.normal(size=(50, 3)).astype(np.float32))
    lines = [f"{k},{'MF'[k % 2]},{k % 3},{'Bern' if k % 5 else 'Köln'},{1000 + k * k}" for k in range(50)]
    (tmp_path / "people.csv").write_text("\n".join(["age,sex,code,city,income", *lines]))
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield tmp_path
    torch.set_num_threads(threads)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("page", named([page for page in PAGES if blocks(page, "python") and page != WALKS]))
def test_every_example_runs(page, here):
    """The blocks of a page share a namespace; trainings are cut to three steps, loops to two, diagnoses are quick."""
    state = torch.random.get_rng_state()
    space = {"__name__": f"documented_{page.stem}"}
    forget_own_methods()
    for text in blocks(page, "python"):
        short = re.sub(r"\bsteps(=|\": )\d{3,}\b(?!\.)", r"steps\g<1>3", text)
        short = re.sub(r"in range\(\d{3,}\)", "in range(2)", short)
        short = re.sub(r"(nash\.diagnose\([^()]*)\)", r"\1, quick=True)", short)
        exec(compile(short, str(page), "exec"), space)
    torch.random.set_rng_state(state)


FOLLOWING = "The blocks of Python on this page follow each other"


def lacking(code: str) -> set[str]:
    """The names that a block uses and neither imports nor makes."""
    nodes = list(ast.walk(ast.parse(code)))
    known = {alias.asname or alias.name.split(".")[0] for n in nodes if isinstance(n, IMPORTS) for alias in n.names}
    known |= {n.name for n in nodes if isinstance(n, ast.FunctionDef | ast.ClassDef)}
    known |= {n.arg for n in nodes if isinstance(n, ast.arg)}
    used = {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Load)}
    return used - known - {n.id for n in nodes if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)} - BUILTIN


IMPORTS, BUILTIN = (ast.Import, ast.ImportFrom), set(dir(builtins))


@pytest.mark.parametrize("page", named([page for page in PAGES if len(blocks(page, "python")) > 1]))
def test_a_block_has_what_it_needs_or_the_page_says_that_it_follows_another(page):
    found = [names for text in blocks(page, "python") if (names := lacking(text))]
    assert (not found) != (FOLLOWING in " ".join(page.read_text().split())), found


def shortened(arguments: list[str]) -> list[str]:
    """The command with two steps, two seeds (of sixteen: four, for pages look at member 3) and little else to do.

    A sweep is over its first and its last value: that all of them make members is asked for below. Diagnoses are quick
    ones: those of `test_diagnostics_runs` are not.
    """
    verb = arguments[0]
    arguments = [{"0:16": "0:4", "0:8": "0:2", "0:4": "0:2"}.get(part, part) for part in arguments]
    if arguments.count("--sweep") > 1:  # four members of one seed
        arguments = [re.sub(r"^(\d+):\d+$", lambda m: f"{m[1]}:{int(m[1]) + 1}", part) for part in arguments]
    for place, part in enumerate(arguments):
        if arguments[place - 1] == "--sweep":
            arguments[place] = re.sub(r"([=,])([^=,]+),.*,", r"\1\2,", part)
    if verb == "flow":
        learns = not {"--resume", *(part.partition("=")[0] for part in arguments)} & {"--resume", "flow", "ratio"}
        cheap = FLOW_CHEAP | {"steps": "2"} | ({"ratio.warm_up": "2"} if learns else {})
    elif verb == "train" and "--resume" not in arguments:
        cheap = CHEAP | {"steps": "2"}
    elif verb == "train":
        return [part if "steps=" not in part else "steps=3" for part in arguments]
    elif verb == "reproduce":
        return [*arguments, "--quick", "--workers", "1", "-s", "seeds=1", "-s", "steps=2"]
    elif verb == "search":
        few = ["--candidates", "2", "--rungs", "1", "--seeds", "0", "--confirm", "2", "--finalists", "1"]
        arguments = [*arguments, *few]
        cheap = CHEAP | {"steps": "2"}
    elif verb == "diagnose":
        return [*arguments, "--quick", *(() if "--member" in arguments else ("--member", "0"))]
    elif verb == "evaluate" and "--samples" not in arguments and "--real" not in arguments:
        return [*arguments, "--samples", "500"]
    elif verb == "plan":
        return [*arguments, "--workers", "1", "-s", "seeds=1", "-s", "steps=2"]
    else:
        return arguments
    return [*arguments, *(part for key, value in cheap.items() for part in ("-s", f"{key}={value}"))]


@pytest.mark.long
@pytest.mark.parametrize("walk", re.findall(r"^## (.+)$", WALKS.read_text(), re.MULTILINE))
def test_every_walk_goes_from_an_empty_folder_to_its_end(walk, tmp_path, monkeypatch, own_methods, quick_python):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / ".cache"))
    (section,) = re.findall(rf"^## {re.escape(walk)}$(.*?)(?=^## |\Z)", WALKS.read_text(), re.MULTILINE | re.DOTALL)
    for language, text in re.findall(r"^```(python|console)\n(.*?)^```$", section, re.MULTILINE | re.DOTALL):
        if language == "python":
            exec(compile(text, walk, "exec"), {"__name__": "walk"})
            continue
        for verb, *arguments in (shlex.split(line) for line in text.splitlines()):
            if verb != "nashpath":
                subprocess.run([verb, *arguments], check=True)
                continue
            result = CliRunner().invoke(app, few(arguments))
            assert result.exit_code == 0, f"{shlex.join(arguments)}\n{result.output}"


def few(arguments: list[str]) -> list[str]:
    """`shortened`, with few samples and features that little data have."""
    less = {"--samples": "20", "-n": "8"}
    found = [less.get(before, part) for before, part in itertools.pairwise(["", *arguments])]
    more = ["--samples", "20"] if arguments[0] == "evaluate" and "--samples" not in arguments else []
    return shortened([*found, *more])


@pytest.mark.long
@pytest.mark.parametrize("page", named([page for page in PAGES if commands(page) and page != WALKS]))
def test_every_command_runs(page, here):
    """The commands of a page in order, in one folder, each with two steps."""
    for arguments in commands(page):
        if set(arguments) & set(ELSEWHERE):
            continue
        if set(arguments) & {*NAMES, "all"}:  # each study's own tests run it
            assert [find_study(name) for name in set(arguments) & set(NAMES)] or "all" in arguments
            continue
        if arguments[0] == "examples":  # they are copied to where the others of this page find them
            Path("examples").unlink(missing_ok=True)
        forget_own_methods()  # each command is a process of its own
        result = CliRunner().invoke(app, shortened(arguments))
        assert result.exit_code == 0, f"{shlex.join(arguments)}\n{result.output}"


def begun(arguments: list[str], settings: list[str]) -> dict:
    """The settings of the recipe, where a command gives data in place of settings."""
    data = None if arguments[0].startswith("-") else data_at(Path(arguments[0]))
    named = next((b for a, b in itertools.pairwise(arguments) if a == "--recipe"), "")
    return {} if data is None else begin_with_data(data, named, settings).settings


@pytest.mark.long(first=True)
@pytest.mark.parametrize("page", named([page for page in PAGES if commands(page) and page != WALKS]))
def test_every_command_means_what_it_says_in_full(page, here):
    """Settings, sweeps and seeds as written, without shortening, make members."""
    for verb, *arguments in commands(page):
        forget_own_methods()
        for file in (b for a, b in itertools.pairwise(arguments) if a == "--with"):
            load_methods(Path(file))
        settings = [b for a, b in itertools.pairwise(arguments) if a == "-s"]
        if verb == "flow":
            resolve_flow(parse_overrides(settings))
        elif verb == "train" and "--resume" not in arguments:
            file = arguments[0] if arguments[0].endswith(".toml") else None
            raw = read_toml(Path(file)) if file else begun(arguments, settings)
            swept = [b for a, b in itertools.pairwise(arguments) if a == "--sweep"]
            seeds = [f"seeds={b}" for a, b in itertools.pairwise(arguments) if a == "--seeds"]
            sweeps = flatten_sweeps(raw.pop("sweep", {})) | parse_sweeps(swept)
            raw = override(raw, [*settings, *seeds])
            assert plan(raw, sweeps)


@pytest.mark.parametrize("page", named(PAGES))
def test_every_link_leads_somewhere(page):
    for target in re.findall(r"\]\(([^)\s]+)\)", page.read_text()):
        if "://" in target:
            continue
        path, _, anchor = target.partition("#")
        file = page.parent / path if path else page
        assert file.exists(), f"{page.name} links to {target}"
        if anchor:
            titles = re.findall(r"^#+ (.*)$", file.read_text(), re.MULTILINE)
            assert anchor in {re.sub(r"[^\w\s-]", "", t).strip().lower().replace(" ", "-") for t in titles}, target


@pytest.mark.parametrize("page", named(PAGES))
def test_every_method_that_is_chosen_exists(page, own_methods):
    if "--with examples/own_methods.py" in page.read_text():
        load_methods(ROOT / "examples" / "own_methods.py")
    for key, value in re.findall(r"(?:-s|--sweep)\s+([\w.]+)=([\w,]+)", page.read_text()):
        tables = [table for table in (TABLES.get(key), FLOW_TABLES.get(key, (None,))[0]) if table is not None]
        for name in value.split(",") if tables else ():
            assert any(name in table for table in tables), f"{page.name}: -s {key}={name}"


@pytest.mark.parametrize("page", named([ROOT / "docs" / "run.md"]))
def test_every_settings_file_is_accepted(page, here):
    for text in blocks(page, "toml"):
        Path("settings.toml").write_text(text)
        raw = read_toml(Path("settings.toml"))
        sweeps = flatten_sweeps(raw.pop("sweep", {}))
        raw["seeds"] = parse_seeds(raw["seeds"])
        assert len(plan(raw, sweeps)) == (4 if "together" in sweeps else 48)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", ["digits", "ring"])
def test_every_settings_file_of_the_examples_trains(name, here):
    raw = read_toml(ROOT / "examples" / f"{name}.toml")
    sweeps = flatten_sweeps(raw.pop("sweep", {}))
    raw = override({**raw, "seeds": [0]}, [f"{key}={v}" for key, v in CHEAP.items()])
    session = open_session({**raw, "steps": 2}, sweeps, here / "run")
    assert session.train() == "finished"


@pytest.mark.parametrize("name", ["own_loop", "own_method"])
def test_every_script_of_the_examples_runs(name, here, capsys):
    state = torch.random.get_rng_state()
    found = util.spec_from_file_location(f"example_{name}", ROOT / "examples" / f"{name}.py")
    assert found is not None
    assert found.loader is not None
    module = util.module_from_spec(found)
    found.loader.exec_module(module)
    module.train(steps=3)
    torch.random.set_rng_state(state)
    assert capsys.readouterr().out


@pytest.mark.long
def test_the_notebook_of_the_examples_runs_and_holds_no_outputs(here, capsys):
    state = torch.random.get_rng_state()
    notebook = json.loads((ROOT / "examples" / "tour.ipynb").read_text())
    cells = [cell for cell in notebook["cells"] if cell["cell_type"] == "code"]
    assert [cell for cell in cells if cell["outputs"] or cell["execution_count"]] == []
    code = "\n".join("".join(cell["source"]) for cell in cells).replace("steps = 1000 ", "steps = 3 ")
    assert code.count("steps = 3 ") == 1
    with plt.rc_context({"backend": "agg"}):
        exec(compile(code, "tour.ipynb", "exec"), {"__name__": "tour"})
    plt.close("all")
    torch.random.set_rng_state(state)
    assert "theory 1.6446" in capsys.readouterr().out
    assert (here / "tour-0" / "report.html").is_file()


@pytest.mark.parametrize("page", named(PAGES))
def test_make_has_the_targets_that_are_named(page):
    targets = set(re.findall(r"^(\w+):", (ROOT / "Makefile").read_text(), re.MULTILINE))
    for line in "\n".join(blocks(page, "console", "bash")).splitlines():
        if line.startswith("make "):
            assert line.split()[1] in targets


def test_every_page_is_in_the_index():
    text = (ROOT / "docs" / "index.md").read_text()
    for page in PAGES:
        assert page.name in ("README.md", "index.md") or f"({page.name})" in text, page.name


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_headings_go_down_by_one_level(page):
    """The site takes any other step for a mistake."""
    text = re.sub(r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)
    levels = [len(marks) for marks in re.findall(r"^(#+) ", text, flags=re.MULTILINE)]
    assert levels[0] == 1
    assert all(below <= above + 1 for above, below in itertools.pairwise(levels))


def test_the_site_is_built_without_a_warning(tmp_path):
    pytest.importorskip("myst_parser", reason="the dependency group docs is not installed")
    command = [sys.executable, "-m", "sphinx", "-q", "-W", "--keep-going", str(ROOT / "docs"), str(tmp_path / "site")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert (done.returncode, done.stderr) == (0, "")
    assert (tmp_path / "site" / "index.html").is_file()


def test_every_public_name_has_its_place_on_a_page_of_the_api():
    pages = [page.stem for page in (ROOT / "docs" / "api").glob("*.md") if page.stem != "index"]
    for page in pages:
        assert f"automodule:: nashpath.{page}\n" in (ROOT / "docs" / "api" / f"{page}.md").read_text()
    shown = {name for page in pages for name in import_module(f"nashpath.{page}").__all__}
    assert set(nash.__all__) - shown == set(pages) & set(nash.__all__)


def test_the_published_site_lists_the_newest_release_first(tmp_path):
    for name in ("v0.9.0", "main", "v0.10.0", "other"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "index.html").touch()
    subprocess.run([sys.executable, str(ROOT / "scripts" / "site_versions.py"), str(tmp_path)], check=True)
    listed = re.findall(r'href="(.*?)/index.html"', (tmp_path / "index.html").read_text())
    assert listed == ["v0.10.0", "v0.9.0", "main"]


def test_every_verb_has_a_section():
    sections = set(re.findall(r"^## (\w+)$", (ROOT / "docs" / "cli.md").read_text(), re.MULTILINE))
    known = {c.name or getattr(c.callback, "__name__", "") for c in app.registered_commands}
    known |= {group.typer_instance.info.name for group in app.registered_groups if group.typer_instance}
    assert known == sections
