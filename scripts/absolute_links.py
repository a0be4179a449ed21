"""Before a release is built: the README's links lead to the repository, which a package index does not hold.

    python scripts/absolute_links.py https://HOST/OWNER/NAME v1.2.3

rewrites README.md and adds the project's addresses to pyproject.toml, in place. No file of the repository names its
place; the release workflow knows it.
"""

import argparse
import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def absolute(text: str, home: str, ref: str) -> str:
    """Markdown whose relative links are addresses below ``home``, at ``ref``: of files, and of pictures as they are."""

    def address(match: re.Match[str]) -> str:
        mark, label, target = match.groups()
        kept = "://" in target or target.startswith("#")
        return match.group() if kept else f"{mark}[{label}]({home}/{'raw' if mark else 'blob'}/{ref}/{target})"

    return re.sub(r"(!?)\[([^\]]*)\]\(([^)\s]+)\)", address, text)


def with_addresses(pyproject: str, home: str, ref: str) -> str:
    """The project's declaration with its addresses. Raises `ValueError` where it has some."""
    if "[project.urls]" in pyproject:
        raise ValueError("pyproject.toml names addresses of the project already")
    urls = {
        "Repository": home,
        "Documentation": f"{home}/blob/{ref}/docs/index.md",
        "Changelog": f"{home}/blob/{ref}/CHANGELOG.md",
        "Issues": f"{home}/issues",
    }
    table = "\n".join(f'{name} = "{url}"' for name, url in urls.items())
    return pyproject.replace("[project.scripts]", f"[project.urls]\n{table}\n\n[project.scripts]", 1)


def main() -> None:
    """Rewrites both files."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("home", help="address of the repository")
    parser.add_argument("ref", help="tag or commit that the links lead to")
    given = parser.parse_args()
    for name, change in (("README.md", absolute), ("pyproject.toml", with_addresses)):
        file = ROOT / name
        file.write_text(change(file.read_text(encoding="utf-8"), given.home.rstrip("/"), given.ref), encoding="utf-8")


if __name__ == "__main__":
    main()
