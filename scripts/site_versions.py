"""The first page of the published site: every version of the documentation, the newest release first.

    python scripts/site_versions.py FOLDER

writes FOLDER/index.html, which lists them.
"""

import re
import sys
from html import escape
from pathlib import Path


def versions(names: list[str]) -> list[str]:
    """The folders that hold a version: releases from the newest on, then ``main``."""
    releases = [name for name in names if re.fullmatch(r"v\d+(\.\d+)+", name)]
    releases.sort(key=lambda name: [int(part) for part in name[1:].split(".")], reverse=True)
    return [*releases, *(name for name in names if name == "main")]


def page(names: list[str]) -> str:
    """The page of these versions, of which there is one at least."""
    rows = "".join(f'<li><a href="{escape(name)}/index.html">{escape(name)}</a></li>' for name in names)
    return (
        '<!doctype html><html lang="en"><meta charset="utf-8"><title>nashpath: documentation</title>'
        f"<h1>nashpath: documentation</h1><p>The newest stands first.</p><ul>{rows}</ul></html>\n"
    )


if __name__ == "__main__":
    folder = Path(sys.argv[1])
    found = versions([path.parent.name for path in folder.glob("*/index.html")])
    (folder / "index.html").write_text(page(found), encoding="utf-8")
