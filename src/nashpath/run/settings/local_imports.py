"""The modules beside a file that it imports: part of what it is, as its own lines are."""

import ast
import hashlib
import sys
from collections.abc import Iterator
from pathlib import Path


def local_imports(path: Path, content: bytes) -> dict[str, Path]:
    """The modules that a file imports from its own folder or below, and those that these import, by name.

    They are read off the ``import`` lines, and nothing is executed: what is imported by other means is not seen. A file
    that is no Python has none; Python's own modules and this package are no local ones.
    """
    found: dict[str, Path] = {}
    waiting = [(content, "")]
    while waiting:
        text, package = waiting.pop()
        for name in _imported(text, package):
            place = None if name in found else _place(path.parent, name)
            if place is not None and place != path:
                found[name] = place
                inside = name if place.name == "__init__.py" else name.rpartition(".")[0]
                waiting.append((place.read_bytes(), inside))
    return dict(sorted(found.items()))


def hashes(imports: dict[str, Path]) -> dict[str, str]:
    """The SHA-256 of each."""
    return {name: hashlib.sha256(place.read_bytes()).hexdigest() for name, place in imports.items()}


def whole_hash(content: bytes, imports: dict[str, str]) -> str:
    """The SHA-256 of a file, together with those of what it imports."""
    own = hashlib.sha256(content)
    if not imports:
        return own.hexdigest()
    parts = [own.hexdigest(), *(f"{name} {one}" for name, one in imports.items())]
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()


def _imported(content: bytes, package: str) -> Iterator[str]:
    """The names of modules that may be meant by the import lines of a file inside ``package``."""
    try:
        tree = ast.parse(content)
    except (SyntaxError, ValueError):  # which its execution says
        return
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            wanted = [one.name for one in node.names]
        elif isinstance(node, ast.ImportFrom):
            parts = package.split(".") if node.level else []
            above = parts[: len(parts) - node.level + 1]
            base = ".".join([*above, *([node.module] if node.module else [])])
            wanted = [base, *(f"{base}.{one.name}".lstrip(".") for one in node.names)]
        else:
            continue
        for name in wanted:
            steps = name.split(".")
            yield from (".".join(steps[: k + 1]) for k in range(len(steps)) if name)


def _place(root: Path, name: str) -> Path | None:
    """The file of a module below ``root``; None where there is none of that name."""
    first, *rest = name.split(".")
    if first in sys.stdlib_module_names or first == "nashpath":
        return None
    place = root.joinpath(first, *rest)
    for file in (place.with_name(f"{place.name}.py"), place / "__init__.py"):
        if file.is_file() and "site-packages" not in file.parts:
            return file
    return None
