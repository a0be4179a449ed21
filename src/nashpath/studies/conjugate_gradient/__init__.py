"""Naganuma and Iiduka 2022: conjugate gradients for GANs. The claims, and an experiment a file."""

ORDER = 40
"""Position among the studies."""
