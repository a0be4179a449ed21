"""The pages name every method: their tables are the tables in code, and the README's counts are their lengths."""

import ast
import importlib
import os
import pkgutil
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from nashpath.core.math.monotone import MONOTONES
from nashpath.data import SOURCES
from nashpath.diagnostics import DIAGNOSTICS, FINDINGS
from nashpath.diagnostics.verdict import MEANING
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS
from nashpath.games import GAMES, OBJECTIVES, PENALTIES, TECHNIQUES, TOYS
from nashpath.metrics import DIVERGENCES, FEATURES, GROUPS, METRICS
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.networks.activations import ACTIVATIONS
from nashpath.networks.base import INITS, NORMS
from nashpath.run.settings.register import KINDS
from nashpath.run.trackers import TRACKERS
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SCHEDULES, SOLVERS
from nashpath.solvers.rules.betas import BETAS
from nashpath.studies import NAMES

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text()

NAMED = {
    "data": {"data set": SOURCES},
    "diagnostics": {"diagnostic": DIAGNOSTICS, "certificate": [name for name in MEANING if name]},
    "flows": {"flow": FLOWS, "ratio": RATIOS, "integrator": INTEGRATORS, "h": MONOTONES},
    "games": {"game": GAMES, "objective": OBJECTIVES, "penalty": PENALTIES, "technique": TECHNIQUES},
    "metrics": {"metric": METRICS, "group": GROUPS, "features": FEATURES, "divergence": DIVERGENCES},
    "run": {"tracker": TRACKERS},
    "networks": {
        "generator": GENERATORS,
        "discriminator": DISCRIMINATORS,
        "normalisation": NORMS,
        "activation": ACTIVATIONS,
        "initialisation": INITS,
    },
    "solvers": {
        "solver": SOLVERS,
        "rule": RULES,
        "schedule": SCHEDULES,
        "average": AVERAGES,
        "constraint": CONSTRAINTS,
        "beta": BETAS,
    },
    "studies": {"study": NAMES},
}
"""By page, what it names; ``none`` goes without saying."""

TABLES = {
    ("choose", "zoo"): [SOLVERS],
    ("data", "name"): [SOURCES],
    ("diagnostics", "name"): [DIAGNOSTICS],
    ("flows", "flow"): [FLOWS],
    ("games", "name"): [OBJECTIVES, PENALTIES],
    ("games", "technique"): [[name for name in TECHNIQUES if name != "none"]],
    ("games", "toy"): [TOYS],
    ("metrics", "name"): [METRICS, GROUPS],
    ("networks", "name"): [GENERATORS, DISCRIMINATORS],
    ("run", "tracker"): [TRACKERS],
    ("solvers", "solver"): [SOLVERS],
    ("studies", "study"): [NAMES],
}
"""Tables of a page, by the heading of their first column, and all that they list."""


def page(name: str) -> str:
    return (ROOT / "docs" / f"{name}.md").read_text()


def quoted(text: str) -> set[str]:
    """What is in backticks outside code blocks, with lines joined; of ``-s average=ema`` also the value."""
    found = re.findall(r"`([^`]+)`", " ".join(re.sub(r"^```.*?^```$", "", text, flags=re.M | re.S).split()))
    return {*found, *(name.partition("=")[2] for name in found)}


def listed(text: str, heading: str) -> set[str]:
    """The names in backticks in the first column of the tables whose first column has this heading."""
    found: set[str] = set()
    for rows in re.findall(rf"^\| {heading} \|.*\n\|[-|]+\|\n((?:\|.*\n)+)", text, re.MULTILINE):
        found |= {name for row in rows.splitlines() for name in re.findall(r"`([^`]+)`", row.split(" | ")[0])}
    return found


@pytest.mark.parametrize(("name", "kind"), [(name, kind) for name, kinds in NAMED.items() for kind in kinds])
def test_every_method_is_named_on_its_page(name, kind):
    assert set(NAMED[name][kind]) - {"none"} - quoted(page(name)) == set()


def test_every_kind_of_method_has_a_page():
    shown = [table for kinds in NAMED.values() for table in kinds.values()]
    assert [kind for kind, table in KINDS.items() if not any(table is other for other in shown)] == []


@pytest.mark.parametrize(("name", "heading"), TABLES)
def test_tables_of_a_page_list_what_there_is(name, heading):
    known = {method for table in TABLES[name, heading] for method in table}
    assert listed(page(name), heading) == known


def test_every_finding_has_a_section():
    """`nashpath diagnose` links to it."""
    assert set(FINDINGS) <= set(re.findall(r"^### (.*)$", page("diagnostics"), re.MULTILINE))


COUNTED = {
    "objectives": OBJECTIVES,
    "penalties": PENALTIES,
    "techniques": TECHNIQUES,
    "solvers": SOLVERS,
    "rules": RULES,
    "schedules": SCHEDULES,
}


def test_the_counts_of_the_readme():
    """Not ``none``, and a method that has two names once."""
    counts = {what: len({one for name, one in table.items() if name != "none"}) for what, table in COUNTED.items()}
    found = re.findall(rf"\b(\d+) ({'|'.join(COUNTED)})\b", README)
    assert {what: int(count) for count, what in found} == counts


def imported_by(code: str) -> set[str]:
    """Names that a module imports, or tells type checkers that it does."""
    return {one.name for node in ast.walk(ast.parse(code)) if isinstance(node, ast.ImportFrom) for one in node.names}


@pytest.mark.long
def test_a_new_row_is_named_by_make_index_wherever_people_look(tmp_path):
    """A file and a row of a table are written by hand; of a tree in which all are named nothing changes."""
    for part in ("src", "docs", "scripts"):
        shutil.copytree(ROOT / part, tmp_path / part, ignore=shutil.ignore_patterns("__pycache__"))
    shutil.copy(ROOT / "README.md", tmp_path)

    def files() -> dict[str, str]:
        texts = [*tmp_path.rglob("*.py"), *tmp_path.rglob("*.md")]
        return {str(file.relative_to(tmp_path)): file.read_text() for file in texts}

    def run() -> set[str]:
        before = files()
        surroundings = {**os.environ, "PYTHONPATH": str(tmp_path / "src")}
        subprocess.run([sys.executable, str(tmp_path / "scripts" / "named.py")], env=surroundings, check=True)
        return {name for name, text in files().items() if text != before[name]}

    assert run() == set()
    rooms = {"games/penalties": "lecam", "solvers": "svre", "metrics": "rarity"}
    for place, (room, name) in enumerate(rooms.items()):
        folder = tmp_path / "src" / "nashpath" / room
        code = (folder / f"{name}.py").read_text()
        (kind,) = re.findall(r"^class (\w+)\(", code, re.MULTILINE)[-1:]
        (folder / "another.py").write_text(re.sub(rf"\b{kind}\b", f"Another{place}", code))
        table = next(f for f in (folder / "table.py", folder / "__init__.py") if f.exists())
        first = f"from nashpath.{room.replace('/', '.')}.another import Another{place}\n"
        row = f'        "{name}": {kind},\n'
        assert row in table.read_text()
        text = table.read_text().replace(row, f'{row}        "another": Another{place},\n')
        table.write_text(re.sub(r"^from nashpath", f"{first}from nashpath", text, count=1, flags=re.MULTILINE))
    changed = run()
    pages = {"README.md", "docs/games.md", "docs/solvers.md", "docs/metrics.md"}
    lists = {f"src/nashpath/{room}/__init__.py" for room in rooms} | {"src/nashpath/__init__.py"}
    assert changed == pages | lists
    made = files()
    assert all(
        re.search(rf"^\| `{rooms[room]}` .*\n\| `another` \| \S", made[page], re.MULTILINE)
        for room, page in zip(rooms, ("docs/games.md", "docs/solvers.md", "docs/metrics.md"))
    )
    for place, room in enumerate(rooms):
        for module in (f"src/nashpath/{room}/__init__.py", "src/nashpath/__init__.py"):
            assert f'    "Another{place}",\n' in made[module]
            assert f"Another{place}" in imported_by(made[module])
    assert f"{len({*SOLVERS.values()}) + 1} solvers" in made["README.md"]
    assert run() == set()


def test_the_speed_that_the_readme_quotes_is_that_of_its_page():
    """Of the first machine and game on the page: what `make bench` found last, and where."""
    (quoted_rows,) = re.findall(r"^## Speed$.*?^(\| \|.*?)\n\n", README, re.M | re.S)
    (machine, *_), (measured, *_) = (
        re.findall(pattern, page("speed"), re.M | re.S) for pattern in (r"^## (.*?)$", r"^### ring.*?^(\| \|.*?)\n\n")
    )
    name, vectors = machine.split(", ")
    assert f"{name.replace('(R)', '').removesuffix(' Processor')} with {vectors}" in README
    assert set(quoted_rows.splitlines()) <= set(measured.splitlines())
    dcgan, *_ = re.findall(r"### DCGAN.*?^\| solo, compiled \| 1 \| \S+ \| ([\d.]+) ×", page("speed"), re.M | re.S)
    assert f"A compiled DCGAN makes {dcgan} times the steps" in README


def test_the_readme_names_all_flows():
    (row,) = re.findall(r"^\| flows \| (.*?) \|", README, re.MULTILINE)
    assert [name for name in FLOWS if name not in row.lower().replace(" ", "_")] == []


def test_the_number_of_functions_h():
    numbers = ["ten", "eleven", "twelve", "thirteen", "fourteen", "fifteen"]
    (said,) = re.findall(r"any of (\w+) h\b", page("flows"))
    assert numbers.index(said) + 10 == len(MONOTONES)


def test_a_reference_has_one_year():
    """Naganuma and Iiduka, arXiv 2203.14495."""
    files = [*(ROOT / "src").rglob("*.py"), *(ROOT / "docs").glob("*.md"), ROOT / "README.md"]
    years = {year for file in files for year in re.findall(r"Iiduka,? \(?(\d{4})", file.read_text())}
    assert years == {"2022"}


def test_names_that_the_changelog_gives_exist_and_the_old_ones_do_not():
    rows = re.findall(
        r"^\| `(nashpath[\w.]*)` \| (.*?) \| (.*?) \|$", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE
    )
    assert rows
    for room, before, after in rows:
        module = importlib.import_module(room)
        old, new = (re.findall(r"`([\w.]+)`", cell) for cell in (before, after))
        assert len(old) == len(new)
        for name in new:
            owner, _, part = name.partition(".")
            assert hasattr(getattr(module, owner), part or "__name__"), name
            assert owner in module.__all__
        assert not set(old) & set(module.__all__)


def test_what_the_design_page_names_exists():
    text = page("design")
    files = set(re.findall(r"`([\w/]+/\w+\.py)`", text))
    assert len(files) > 5
    assert not [f for f in files if not (ROOT / f).exists() and not (ROOT / "src" / "nashpath" / f).exists()]
    hands = re.findall(r"^\| `([\w.]+\.\w+)` \|", text, re.MULTILINE)
    assert len(hands) == 6
    assert all(callable(pkgutil.resolve_name(f"nashpath.{hand}")) for hand in hands)
