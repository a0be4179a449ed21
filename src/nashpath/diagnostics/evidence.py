"""What is known of a point, by player, and the kind of point that it shows."""

from dataclasses import dataclass, field
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray
from torch import Tensor

from nashpath.diagnostics.eigenvalues import Eigenvalues
from nashpath.diagnostics.probing import FAR, SURE

Kind = Literal["local Nash", "local minimax", "no equilibrium", "not stationary", "undecided"]

TOLERANCE = 1e-3
"""A player is at rest within this share of ``1 + ‖θ‖`` of a stationary point."""


@dataclass
class PlayerEvidence:
    """One player at the point: how far it is from rest, and what it could gain by a small move of its own."""

    distance: float | None = None
    """``‖(J⁺ξ)_i‖``, the length of its part of Newton's step to a stationary point; None: too large a game."""
    error: float = 0.0
    """The standard error of ``distance`` over the batches."""
    unseen: float = 0.0
    """How far one batch of those that `batches` many may well miss would move ``distance``; inf: too few to say."""
    allowed: float = TOLERANCE
    """``tolerance · (1 + ‖θ_i‖)``."""
    slope: float = 0.0
    """``‖ξ_i‖``."""
    signal: float = float("inf")
    """``‖mean ξ_i‖²`` without its noise, in its standard errors: far beyond 0 the player is pulled."""
    smallest: float = 0.0
    """The smallest eigenvalue of its own Hessian."""
    largest: float = 0.0
    """The largest eigenvalue of its own Hessian."""
    flat: int = 0
    """Directions in which the second order decides nothing."""
    gains: bool | None = False
    """Whether a small move of its own lowers its cost; None: undecided."""
    move: float = 0.0
    """The length of the move that was found to gain where the second order decides nothing; 0: none was."""
    beyond: float = 0.0
    """How far off its own descent from beside finds a lower cost, where no probe gained and play leaves; 0: nowhere."""
    weights: int = 0
    """How many weights it has."""
    bound: int = 0
    """Those at a bound that their slope presses against: they are at rest, and all else is of the other weights."""


class Held(NamedTuple):
    """What constraints hold at a point."""

    players: list[str]
    """Players held as a whole, by what is no bound of single weights."""
    weights: Tensor
    """Which weights of the others a bound holds against their slope, [size]."""
    beside: list[str]
    """Players of whom more weights are at a bound than it holds: they may gain by moves that it does not allow."""


@dataclass
class PointEvidence:
    """The numbers that a certificate rests on."""

    finite: bool = True
    """Whether the field is."""
    bends: bool = True
    """Whether the curvature is finite, too: at a kink, or a root, it need not be."""
    players: dict[str, PlayerEvidence] = field(default_factory=dict)
    residual: float = 0.0
    """``‖ξ − J J⁺ξ‖ / ‖ξ‖``: the share of the field that no move would make vanish, to first order."""
    held: list[str] = field(default_factory=list)
    """Players that a constraint holds as a whole where their pull leads out of it: whether they rest is not asked."""
    pressed: NDArray[Any] | None = None
    """Which weights a bound holds against their slope, [size]; None: none."""
    batches: int = 1
    """Batches on which the field was taken."""
    curved: int = 1
    """Batches over which the curvature was taken."""
    noisy: bool = False
    """Whether the field differs from batch to batch, at the point or a little beside it: so does its curvature then."""
    alike: int = 0
    """Random batches on all of which the field was found the same; 0: it differs, or nothing random is drawn."""
    level: int = 0
    """Random batches on all of which the own curvatures were found the same, though the field is noisy; 0: they differ,
    or it was not asked."""
    kinks: list[str] = field(default_factory=list)
    """Players whose slope is no pull, as at a kink, where no other player is pulled away."""
    zero_sum: bool = True
    """Whether the game is zero-sum near the point, up to terms that one player alone moves: ``J_GD = −J_DGᵀ``."""
    shared: bool = True
    """Whether the generator's cost is ``−J_D`` up to terms of its own: it has none of the discriminator's alone."""
    schur: float | None = None
    """The smallest curvature of the generator once the discriminator answers; None: not asked."""
    led: float = 0.0
    """The slope of the generator's own cost along the discriminator's answers, where the cost is not ``shared``."""
    answered: bool | None = None
    """Whether the generator gains though the discriminator answers; None: undecided, or not asked."""
    strict: bool | None = None
    """Whether the second derivatives alone make a point at rest local minimax: ∇²_DD J_D and the Schur complement are
    positive definite, in a zero-sum game; None: not asked."""
    scale: float = 1.0
    """The spectral radius of J."""
    leading: complex = 0j
    """J's eigenvalue of largest magnitude."""
    smallest_real: float = 0.0
    """The smallest real part of J's eigenvalues."""
    spectrum: Eigenvalues | None = None
    """The eigenvalues of J that were found on the way: the leading ones, then the most negative."""

    @property
    def bounded(self) -> list[str]:
        """Players of whom a constraint holds all, or some weights."""
        return [who for who, own in self.players.items() if who in self.held or own.bound]

    @property
    def resting(self) -> list[str]:
        """Players that are at rest, up to tolerance and noise."""
        return [who for who, own in self.players.items() if _at_rest(own)]

    @property
    def distance(self) -> float | None:
        """The length of Newton's step, over all players; None where it is not known."""
        own = [each.distance for each in self.players.values()]
        return None if None in own else float(np.linalg.norm([d for d in own if d is not None]))

    @property
    def stationary(self) -> bool | None:
        """Whether every player is at rest up to tolerance and noise; None: noise, a constraint or a kink hides it."""
        return None if (self._free is True and self.held) or (self._free is False and self.kinks) else self._free

    @property
    def hidden(self) -> bool:
        """Whether noise hides if all players rest that no constraint holds: more batches may tell."""
        return self._free is None

    @property
    def _free(self) -> bool | None:
        """Whether every player rests that no constraint holds."""
        asked = [_at_rest(each) for who, each in self.players.items() if who not in self.held]
        return False if False in asked else None if None in asked else True


def _at_rest(seen: PlayerEvidence) -> bool | None:
    if seen.distance is None:
        return False if seen.signal > FAR and np.isfinite(seen.unseen) else None
    if seen.distance + SURE * seen.error <= seen.allowed:
        return True
    return False if seen.distance - FAR * seen.error - seen.unseen > seen.allowed else None


def certify(seen: PointEvidence) -> Kind:
    """The kind of point that the evidence shows."""
    if not seen.bends:
        return "undecided"
    if seen.stationary is False:
        return "not stationary"
    gains = {who: each.gains for who, each in seen.players.items()}
    if seen.stationary is None:
        return "undecided"
    if not any(gain is not False for gain in gains.values()):
        return "local Nash"
    others = [gain for who, gain in gains.items() if who != "generator"]
    if any(others) or (gains.get("generator") and not seen.zero_sum):
        return "no equilibrium"
    if None in others or not gains.get("generator") or seen.answered is None:
        return "undecided"
    return "no equilibrium" if seen.answered else "local minimax"
