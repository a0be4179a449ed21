"""How Sphinx makes a site of these pages (`make docs`): plain MyST, every warning an error."""

project = "nashpath"
extensions = ["myst_parser"]
root_doc = "index"
myst_heading_anchors = 4  # links to headings, as the pages write them
suppress_warnings = ["toc.not_included"]  # index.md is a list that people read; a test holds it complete
html_theme = "alabaster"
html_sidebars = {"**": ["about.html", "searchfield.html", "localtoc.html"]}
html_show_copyright = False
