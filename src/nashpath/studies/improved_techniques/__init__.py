"""Salimans et al. 2016: improved techniques for training GANs. The claims, and an experiment a file."""

ORDER = 20
"""Position among the studies."""
