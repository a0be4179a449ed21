"""How Sphinx makes a site of these pages (`make docs`): MyST and the docstrings, every warning an error."""

import re
from pathlib import Path
from typing import Annotated, Any, get_origin

from docutils import nodes
from sphinx.util.docutils import SphinxDirective
from sphinx.util.typing import stringify_annotation

import nashpath
from nashpath.core import hyperparameters

project = "nashpath"
version = release = nashpath.__version__
extensions = ["myst_parser", "sphinx.ext.autodoc"]
root_doc = "index"
default_role = "code"
autodoc_inherit_docstrings = False
autodoc_preserve_defaults = True
autodoc_typehints = "signature"
myst_heading_anchors = 4  # links to headings, as the pages write them
suppress_warnings = ["toc.not_included"]  # index.md is a list that people read; a test holds it complete
html_theme = "alabaster"
html_theme_options = {"description": release, "extra_nav_links": {"Other versions": "../index.html"}}
html_sidebars = {"**": ["about.html", "searchfield.html", "localtoc.html", "navigation.html"]}
html_show_copyright = False


class Gallery(SphinxDirective):
    """All figures of ``docs/figures`` that a pattern names, each with its name in words."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """The figures, in the order of their names. Raises an error where there is none."""
        found = sorted((Path(self.env.srcdir) / "figures").glob(f"{self.arguments[0]}.png"))
        if not found:
            raise self.error(f"no figure is called {self.arguments[0]}.png")
        made: list[nodes.Node] = []
        for file in found:
            words = re.sub(r"-(\d+)$", lambda number: f", {int(number[1]) + 1}", file.stem).replace("-", " ")
            made.append(nodes.image(uri=f"/figures/{file.name}", alt=words, width="100%"))
            made.append(nodes.paragraph("", words))
        return made


def plain(app: Any, what: str, name: str, thing: Any, options: Any, lines: list[str]) -> None:
    """Docstrings write ``[n, *shape]`` and ``|x|`` as they are, outside of literal blocks too: they mean no markup."""
    lines[:] = [line if line.startswith("    ") else re.sub(r"(?<!\*)\*(?=\w)|\|", r"\\\g<0>", line) for line in lines]


BOUNDS = {
    stringify_annotation(kind, "smart"): name
    for name, kind in vars(hyperparameters).items()
    if get_origin(kind) is Annotated
}
"""How signatures write the kinds of numbers that methods take, and their names."""


def by_name(
    app: Any, what: str, name: str, thing: Any, options: Any, signature: str | None, returns: str | None
) -> Any:
    """Signatures call kinds of numbers by name: ``rate: NonNegative``, not what that stands for."""
    for written, kind in sorted(BOUNDS.items(), key=lambda pair: -len(pair[0])):
        signature = signature and signature.replace(written, kind)
    return signature, returns


def setup(app: Any) -> None:
    """What Sphinx calls at its start."""
    app.add_directive("gallery", Gallery)
    app.connect("autodoc-process-docstring", plain)
    app.connect("autodoc-process-signature", by_name)
