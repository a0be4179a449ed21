"""The methods that the conjugate-gradient paper compares, as settings of a player's rule and as rules.

β of every formula is computed for each tensor and capped at ½, as in the paper's code; ``clipped`` also clips it at 0
from below, which the code does in the two hybrids only.
"""

from typing import Any

from nashpath.solvers import RULES, Scheduled, UpdateRule
from nashpath.solvers.rules.betas import BETAS
from nashpath.solvers.schedules import Power

FORMULAS = tuple(BETAS)
"""The conjugate-gradient methods, by the formula of their β."""

METHODS: dict[str, dict[str, Any]] = {
    "SGD": {"kind": "sgd"},
    "momentum 0.25": {"kind": "momentum", "momentum": 0.25},
    "momentum 0.5": {"kind": "momentum", "momentum": 0.5},
    "momentum 0.9": {"kind": "momentum", "momentum": 0.9},
    "Adam": {"kind": "adam", "b1": 0.5, "b2": 0.999},
    **{formula: {"kind": "conjugate_gradient", "beta": formula} for formula in FORMULAS},
}
LINEAR = ("SGD", "momentum 0.5", "momentum 0.9", *FORMULAS)
"""Those whose step has the scale of the gradient: all but Adam."""


def chosen(method: str, clipped: bool = True) -> dict[str, Any]:
    """The settings of one player's rule, but for its learning rate."""
    return {**METHODS[method], **({"nonnegative": clipped} if method in FORMULAS else {})}


def rule(method: str, rate: float, exponent: float = 0.0, clipped: bool = True) -> UpdateRule:
    """The rule with learning rate ``rate · (n + 1)^−exponent``."""
    options = chosen(method, clipped)
    return Scheduled(RULES[options.pop("kind")](learning_rate=rate, **options), Power(exponent))
