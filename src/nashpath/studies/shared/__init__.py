"""Experiments, and parts of them, on which several studies rest."""
