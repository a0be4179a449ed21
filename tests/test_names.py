"""One name, one thing: what a package exports, or one module takes from another, is defined in one module only."""

import ast
from collections import defaultdict
from pathlib import Path

import pytest

import nashpath

ROOT = Path(nashpath.__file__).parent
CONVENTIONAL = {"measure", "trial", "STUDY"}
"""Entry points that every file of a study has."""


def module_name(path: Path) -> str:
    return ".".join(("nashpath", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__")


def targets(node: ast.stmt) -> list[str]:
    """The names that a top-level statement defines."""
    if isinstance(node, ast.FunctionDef | ast.ClassDef):
        return [node.name]
    assigned = (
        node.targets if isinstance(node, ast.Assign) else [node.target] if isinstance(node, ast.AnnAssign) else []
    )
    return [target.id for target in assigned if isinstance(target, ast.Name)]


def imports(tree: ast.Module, modules: set[str]) -> list[tuple[str, str]]:
    """Module and name of what a file imports from the package, anywhere in it; not modules themselves."""
    return [
        (node.module, alias.name)
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module and node.module.split(".")[0] == "nashpath"
        for alias in node.names
        if f"{node.module}.{alias.name}" not in modules
    ]


def exported(tree: ast.Module) -> list[str]:
    """``__all__``."""
    lists = [node.value for node in tree.body if "__all__" in targets(node) and isinstance(node, ast.Assign)]
    return [name for found in lists for name in ast.literal_eval(found)]


def collisions(sources: dict[str, str]) -> dict[str, list[str]]:
    """From source by module: public names defined in several modules, with those modules.

    Constants in capitals are public where a package exports them; between two files they are data of those two.
    """
    trees = {name: ast.parse(source) for name, source in sources.items()}
    defined: dict[str, set[str]] = defaultdict(set)
    for name, tree in trees.items():
        for node in tree.body:
            for target in targets(node):
                if name != f"nashpath.cli.{target}":  # a command has the name of what it runs, and of its file
                    defined[target].add(name)
    public = {name for tree in trees.values() for name in exported(tree)}
    public |= {name for tree in trees.values() for _, name in imports(tree, set(trees)) if not name.isupper()}
    several = {name: sorted(where) for name, where in defined.items() if name in public and len(where) > 1}
    return {
        name: where
        for name, where in several.items()
        if name not in CONVENTIONAL or not all(module.startswith("nashpath.studies.") for module in where)
    }


@pytest.mark.long
def test_public_names_are_defined_once():
    found = collisions({module_name(path): path.read_text() for path in sorted(ROOT.rglob("*.py"))})
    assert not found, found


def test_a_second_definition_is_seen():
    once = {"nashpath.a": "class Widget: ...\nTINY = 1\n", "nashpath.b": "from nashpath.a import Widget, TINY\n"}
    assert not collisions(once)
    assert not collisions({**once, "nashpath.c": "_Widget = 3\nTINY = 2\n"})
    assert collisions({**once, "nashpath.c": "Widget = 3\n"}) == {"Widget": ["nashpath.a", "nashpath.c"]}
    assert "TINY" in collisions({**once, "nashpath": '__all__ = ["TINY"]\n', "nashpath.c": "TINY = 2\n"})
