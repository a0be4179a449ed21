"""Barnett 2018: convergence problems of GANs. The claims, and an experiment a file."""

ORDER = 30
"""Position among the studies."""
