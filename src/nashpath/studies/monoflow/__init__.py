"""Yi, Zhu and Liu 2023: MonoFlow. The claims, and an experiment a file."""

ORDER = 50
"""Position among the studies."""
