"""What is declared fits together: requirements, lock file, hooks, the history of versions, what the package ships."""

import re
import tomllib
import zipfile
from importlib import util
from importlib.resources import files
from pathlib import Path

import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from packaging.version import Version

ROOT = Path(__file__).parent.parent
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())
PYTHONS = ("3.11", "3.12", "3.13", "3.14")


def pins() -> list[Requirement]:
    """The lines of lock.txt and constraints.txt."""
    lines = [line for name in ("lock.txt", "constraints.txt") for line in (ROOT / name).read_text().splitlines()]
    return [Requirement(line) for line in lines if line and not line.startswith("#")]


def pinned(name: str) -> dict[str, list[str]]:
    """The versions that are pinned on Linux, for each Python."""

    def applies(pin: Requirement, python: str) -> bool:
        where = {"python_version": python, "python_full_version": f"{python}.0", "os_name": "posix"}
        where |= {"sys_platform": "linux", "platform_machine": "x86_64"}
        return canonicalize_name(pin.name) == name and (pin.marker is None or pin.marker.evaluate(where))

    found = {python: [pin for pin in pins() if applies(pin, python)] for python in PYTHONS}
    return {python: [str(pin.specifier).removeprefix("==") for pin in pins] for python, pins in found.items()}


UNLOCKED = {
    "bench": "opponents of the benchmarks: nothing of the project stands on it",
    **dict.fromkeys(("mlflow", "trackio", "wandb"), "they hold Pillow and pyarrow back, for all that is locked"),
}
"""Extras and groups that the lock file leaves out, and why."""


def declared() -> list[Requirement]:
    """The direct dependencies: the package's, its build's, every extra's, every group's."""
    lists = [PROJECT["project"]["dependencies"], PROJECT["build-system"]["requires"]]
    named = PROJECT["project"]["optional-dependencies"] | PROJECT["dependency-groups"]
    lists += [requirements for name, requirements in named.items() if name not in UNLOCKED]
    return [Requirement(line) for lines in lists for line in lines if isinstance(line, str)]


@pytest.mark.parametrize("requirement", [pytest.param(r, id=str(r)) for r in declared()])
def test_every_direct_dependency_is_locked_within_its_bounds(requirement):
    for python, versions in pinned(canonicalize_name(requirement.name)).items():
        assert len(versions) == 1, (python, versions)
        assert requirement.specifier.contains(versions[0]), (python, versions)


@pytest.mark.parametrize("requirement", [pytest.param(r, id=str(r)) for r in declared()])
def test_every_direct_dependency_has_a_lower_bound_and_no_upper(requirement):
    assert [part.operator for part in requirement.specifier] == [">="]


def test_pins_are_exact_and_name_no_address():
    for pin in pins():
        assert re.fullmatch(r"==[\w.]+", str(pin.specifier)), pin
        assert pin.url is None, pin
        assert not pin.extras, pin
    assert "://" not in (ROOT / "lock.txt").read_text() + (ROOT / "constraints.txt").read_text()


def test_torch_is_pinned_once_and_no_build_of_cuda_is():
    names = [pin.name for pin in pins()]
    assert names.count("torch") == 1
    assert not [name for name in names if name.startswith(("nvidia", "cuda", "triton"))]


def test_the_hooks_run_the_ruff_that_make_check_runs():
    text = (ROOT / ".pre-commit-config.yaml").read_text()
    (found,) = re.findall(r"repo: \S+/ruff-pre-commit\n\s+rev: v([\d.]+)", text)
    assert {found} == {version for versions in pinned("ruff").values() for version in versions}


def test_the_newest_version_in_the_changelog_is_the_package_s():
    sections = re.findall(r"^## (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)
    versions = [section.strip("[]") for section in sections]
    assert versions[0] == "Unreleased"
    assert versions[1] == PROJECT["project"]["version"]
    assert versions[1:] == sorted(versions[1:], key=Version, reverse=True)


def test_the_package_says_that_it_is_typed():
    assert files("nashpath").joinpath("py.typed").is_file()


def test_the_classifiers_name_the_pythons_that_are_locked():
    named = [line.rpartition(" ")[2] for line in PROJECT["project"]["classifiers"] if ":: Python :: 3." in line]
    assert tuple(named) == PYTHONS
    assert PROJECT["project"]["requires-python"] == f">={PYTHONS[0]}"


def test_every_licence_in_the_package_is_declared():
    declared = {ROOT / name for name in PROJECT["project"]["license-files"]}
    assert all(path.is_file() for path in declared)
    shipped = {path for path in (ROOT / "src").rglob("*.txt") if "licen" in path.read_text().lower()}
    assert declared == {ROOT / "LICENSE", *shipped}
    assert PROJECT["project"]["license"] == "MIT AND CC-BY-4.0"


def test_the_citation_is_of_the_newest_release():
    citation = (ROOT / "CITATION.cff").read_text()
    version, date = re.findall(r"^## \[([\d.]+)\] - (\S+)", (ROOT / "CHANGELOG.md").read_text(), re.MULTILINE)[0]
    assert f"\nversion: {version}\n" in citation
    assert f'\ndate-released: "{date}"\n' in citation
    assert PROJECT["project"]["authors"] == [{"name": re.findall(r"- name: (.*)", citation)[0]}]


def test_the_wheel_holds_the_pages_that_explain_reads_and_the_examples(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    pytest.importorskip("hatchling.build").build_wheel(str(tmp_path))
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        names = {Path(name) for name in wheel.namelist()}
    assert {name.name for name in names if name.parent == Path("nashpath/docs")} == {
        page.name for page in (ROOT / "docs").glob("*.md")
    }
    examples = {path.name for kind in ("*.toml", "*.py", "*.ipynb") for path in (ROOT / "examples").glob(kind)}
    assert {name.name for name in names if name.parent == Path("nashpath/examples")} == examples
    modules = {path.relative_to(ROOT / "src") for path in (ROOT / "src" / "nashpath").rglob("*.py")}
    recipes = {path.relative_to(ROOT / "src") for path in (ROOT / "src" / "nashpath").rglob("*.toml")}
    assert modules | recipes <= names
    assert {name.parts[0] for name in names} == {"nashpath", f"nashpath-{PROJECT['project']['version']}.dist-info"}


def test_from_a_package_index_every_link_of_the_readme_leads_to_the_repository():
    found = util.spec_from_file_location("absolute_links", ROOT / "scripts" / "absolute_links.py")
    assert found is not None
    assert found.loader is not None
    links = util.module_from_spec(found)
    found.loader.exec_module(links)
    text = (ROOT / "README.md").read_text()
    there = links.absolute(text, "https://host/owner/name", "v1")
    pattern = r"(!?)\[[^\]]*\]\(([^)\s]+)\)"
    for (mark, before), (_, after) in zip(re.findall(pattern, text), re.findall(pattern, there), strict=True):
        wanted = f"https://host/owner/name/{'raw' if mark else 'blob'}/v1/{before}"
        assert after == (before if "://" in before else wanted)
    project = tomllib.loads(links.with_addresses((ROOT / "pyproject.toml").read_text(), "https://host/o/n", "v1"))
    assert project["project"].pop("urls")["Changelog"] == "https://host/o/n/blob/v1/CHANGELOG.md"
    assert project == PROJECT


def test_an_editable_installation_points_at_the_source(tmp_path, monkeypatch):
    monkeypatch.chdir(ROOT)
    pytest.importorskip("hatchling.build").build_editable(str(tmp_path))
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        (paths,) = [name for name in wheel.namelist() if name.endswith(".pth")]
        assert wheel.read(paths).decode().split() == [str(ROOT / "src")]
