"""Fedus et al. 2017: many paths to equilibrium. The claims, and an experiment a file."""

ORDER = 10
"""Position among the studies."""
