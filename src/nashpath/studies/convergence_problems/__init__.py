"""Barnett 2018: convergence problems of GANs. The claims, and an experiment a file."""

ORDER = 30
"""Where the study stands among the others."""
