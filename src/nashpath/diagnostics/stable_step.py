"""The largest learning rate at which play still contracts, predicted from the game near the point."""

import math
from collections.abc import Callable, Mapping, Sequence
from typing import Any, Protocol, runtime_checkable

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from nashpath.core import Batch, Count, FunctionalGame, Point
from nashpath.diagnostics.base import Diagnostic, Readings
from nashpath.diagnostics.certificate import solve
from nashpath.diagnostics.contraction import is_flat, least_real
from nashpath.diagnostics.eigenvalues import DENSE, Eigenvalues, arpack, leading, most_negative
from nashpath.diagnostics.linearised import Linearised, Product

Matrix = NDArray[Any]
SLACK = 1e-7
"""A direction counts as stretched where its multiplier is beyond 1 by more than this."""
GROWTH = 1e-3
"""The same as a share of x², for small x = h times the size of the largest eigenvalue: a rotation grows by x² / 2."""
SPARSE_SLACK = 1e-3
"""The same, of multipliers that ARPACK found."""
LEAST, COARSEST = 1e-5, 1e-2
"""The least x whose growth can be told from rounding, and that at which the search begins."""
FINE, COARSE = (500, 500), (12,) * 5
"""Parts into which the interval of the largest stable step is cut, in turn, to 1/250,000 of it. A call costs 4 to 20 ms
however many small matrices it makes, so there few calls make many; large matrices are made as few as possible."""
FEW = 8
"""Parameters up to which matrices are small."""
CERTAIN = 1e-10
"""A direction of a small game is asked whether it repels from this share of the largest eigenvalue on."""
NEUTRAL = 1e-5
"""Eigenvalues below this share of the largest one neither attract nor repel: networks have many flat directions."""


@runtime_checkable
class Play(Protocol):
    """A solver near a point: what one of its rounds does to a small displacement, with all rates multiplied by h."""

    spectral: bool
    """Whether a round acts on each eigenvector of the Jacobian alone."""

    def matrix(self, jacobian: Matrix, sizes: Mapping[str, int], h: float = 1.0) -> Matrix:
        """The round as a matrix over parameters and the solver's memory."""
        ...

    def matrices(self, jacobian: Matrix, sizes: Mapping[str, int], hs: Matrix) -> Matrix:
        """`matrix` at several h."""
        ...

    def unit(self) -> "Play":
        """The same play with all rates 1: for Jacobians whose rows hold the rates."""
        ...

    def apply(self, product: Product, like: Tensor, sizes: Mapping[str, int], h: float) -> tuple[Product, Tensor]:
        """The same without the matrix, for solvers that ask for gradients only: ``(round, a vector it acts on)``."""
        ...


Radii = Callable[[Matrix], Matrix]
Plays = Mapping[str, Play]
"""Solvers to be asked, by the name under which the answer is given."""


class StableStep(Diagnostic):
    """Largest stable learning rate of some solvers, from what one round of each does to a small displacement.

    ::

        the first h at which the round with rates h · (the given ones) has an eigenvalue outside the unit circle

    such as ``min 2 Re λ / |λ|²`` for simultaneous play, with λ the eigenvalues of J (flat directions left out). 0 means
    that no positive rate is stable; a centre that stays bounded counts as stable. Readings: ``stable_step.<solver>``,
    scalars, for each of ``plays``.

    Reference: Mescheder et al. 2017, Lemma 4; Azizian et al. 2020 (extragradient's polynomial); Zhang et al. 2022,
    "Near-optimal Local Convergence of Alternating Gradient Descent-Ascent", Sec. 3.
    """

    stackable = False
    readings = ("stable_step",)

    def __init__(self, plays: Plays, count: Count = 20, draws: Count = 1):
        self.plays, self.count, self.draws = plays, count, draws

    def __call__(self, problem: FunctionalGame, point: Point, batches: Batch) -> Readings:
        near = Linearised(problem, point, batches, self.draws)
        limits = stable_steps(near, self.plays, self.count)
        return {f"stable_step.{solver}": torch.tensor(limit) for solver, limit in limits.items()}


def stable_steps(near: Linearised, plays: Plays, count: int = 20) -> dict[str, float]:
    """The largest stable factor on the rates of each of ``plays``, which are those of ``near``."""
    small = near.size <= DENSE
    known = leading(near, near.size if small else count)
    radius = float(np.abs(known).max())
    if radius == 0 or (small and is_flat(near.matrix)):
        return dict.fromkeys(plays, np.inf)
    if not small:
        known = np.concatenate([known, most_negative(near, radius)])
    repels = repulsion(near, known) if small else 0.0
    return {name: _limit(play, near, known, small, repels) for name, play in plays.items()}


def repulsion(near: Linearised, known: Eigenvalues) -> float:
    """The share of J's largest eigenvalue by which its most negative real part repels for certain; 0 where none does.

    Certain is what neither rounding, nor the rest of the way to the stationary point, nor other batches change much:
    far less than `NEUTRAL`, below which most directions of a network are flat.
    """
    largest = float(np.abs(known).max())
    if known.real.min() >= -CERTAIN * largest:
        return 0.0
    rates = near.rates.double().cpu().numpy()[:, None]
    step = torch.from_numpy(solve(near.matrix, near.field.double().cpu().numpy()))
    others = [near.at(-step.to(near.vector)), *near.halves()]
    return -least_real(near.matrix, [rates * other.plain_matrix for other in others]) / largest


def is_settled(near: Linearised, share: float = CERTAIN) -> bool:
    """Whether the rest of Newton's way to the stationary point leaves J's eigenvalues as they are, within a third.

    Asked of those above ``share`` of the largest. At a root of order p − 1 of the field an eigenvalue is what the
    distance left makes of it: a step takes 1/(p − 1) of that, and the eigenvalue to ((p − 2)/(p − 1))^(p − 2) of what
    it was, between 0.37 and 0.5.
    """
    step = torch.from_numpy(solve(near.matrix, near.field.double().cpu().numpy()))
    here, there = (np.linalg.eigvals(one.plain_matrix) for one in (near, near.at(-step.to(near.vector))))
    asked = here[np.abs(here) > share * np.abs(here).max(initial=0.0)]
    off = np.abs(asked[:, None] - there[None]).min(1, initial=np.inf)
    return bool((off < np.abs(asked) / 3).all())


def _limit(play: Play, near: Linearised, known: Eigenvalues, small: bool, repels: float = 0.0) -> float:
    if play.spectral:
        largest = np.abs(known).max()
        acts = (np.abs(known) > NEUTRAL * largest) | ((known.real <= -repels * largest) & (repels > 0))
        found = np.inf
        for value in sorted(known[acts & (known.imag >= 0)], key=abs, reverse=True):  # a large one: small steps alone
            found = min(found, _limit_of(play.unit(), value, found, repels * largest))
            if found == 0:
                break
        return found
    largest = float(np.abs(known).max())
    if small:
        plain, parts = near.plain_matrix, FINE if near.size <= FEW else COARSE
        pulled = known[np.abs(known) > NEUTRAL * largest].real.min() > NEUTRAL * largest
        return first_stretch(
            lambda hs: spectral_radii(play.matrices(plain, near.sizes, hs)),
            largest,
            parts=parts,
            least=LEAST if pulled and not repels else COARSEST,
            repels=repels,
        )
    radius = _sparse_radius(play, near)
    return first_stretch(lambda hs: np.array([radius(h) for h in hs]), largest, SPARSE_SLACK, 10, COARSE[:1])


def _limit_of(play: Play, value: complex, sought: float, repels: float) -> float:
    """The limit for one eigenvalue and its conjugate: play of two players whose field turns and scales the plane.

    Where it is not below ``sought``, some number that is not either. ``repels``: the size of a negative real part that
    is certain, if any is.
    """
    # what attracts or repels by less than can be told from the eigenvalues is a pure rotation
    certain = 0 < repels * (1 - 1e-9) <= -value.real
    real = 0.0 if abs(value.real) < NEUTRAL * abs(value) and not certain else value.real
    plane = np.array([[real, -value.imag], [value.imag, real]])
    sizes = {"discriminator": 1, "generator": 1}
    least = LEAST if real > 0 else COARSEST
    return first_stretch(
        lambda hs: spectral_radii(play.matrices(plane, sizes, hs)),
        abs(value),
        sought=sought,
        least=least,
        repels=-real / abs(value) if certain else 0.0,
    )


def first_stretch(
    radius: Radii,
    largest: float,
    slack: float = SLACK,
    grid: int = 40,
    parts: Sequence[int] = FINE,
    sought: float = math.inf,
    least: float = COARSEST,
    repels: float = 0.0,
) -> float:
    """The first h at which ``radius(h)`` exceeds 1; ``largest`` is the size of the field's largest eigenvalue.

    0 where that is so at h = ``least`` of its inverse, infinity where it is at no h up to 16 of them. ``radius`` takes
    many h at once; a grid of them finds an interval, which is cut into so many ``parts`` again and again: not where all
    of it lies beyond ``sought``, whose lower end is then returned. Where some direction ``repels`` by a known share of
    that eigenvalue, half of its growth counts.
    """

    def first_over(hs: Matrix) -> int | None:
        return _first_over(radius(hs), slack if slack > SLACK else _slack(hs * largest, repels))

    hs = np.geomspace(COARSEST, 16, grid) / largest
    first = first_over(hs)
    if first is None:
        return float("inf")
    if first == 0 and least < COARSEST:
        hs = np.geomspace(least, COARSEST, 4 * round(math.log10(COARSEST / least)) + 1) / largest
        first = first_over(hs)
    if not first:
        return 0.0
    low, high = hs[first - 1], hs[first]
    for count in parts if low < sought else ():
        hs = np.linspace(low, high, count + 1)
        first = first_over(hs[1:-1])
        low, high = (hs[-2], high) if first is None else (hs[first], hs[first + 1])
    return float(low)


def stretch_around(
    radius: Radii, largest: float, reach: float = 64.0, grid: int = 40, repels: float = 0.0
) -> tuple[float, float] | None:
    """The ends of the stretch of h around 1 where ``radius(h)`` does not exceed 1; None where it does at 1 itself.

    None, too, where the present steps are too small for growth to be told from rounding; ``largest`` is the size of the
    field's largest eigenvalue. Ends are sought from 1/``reach`` to ``reach``: 0 and infinity beyond. Play that repels
    at small steps may contract at larger ones: extragradient on weak Minty games does.
    """
    if largest < LEAST or _first_over(radius(np.ones(1)), _slack(np.ones(1) * largest, repels)) is not None:
        return None
    ends: list[float] = []
    for end, beyond in ((1 / reach, 0.0), (reach, math.inf)):
        inside, first, hs = 1.0, 0, np.geomspace(1, end, grid)
        for _ in range(4):
            first = _first_over(radius(hs), _slack(hs * largest, repels))
            if first is None or first == 0:
                break
            inside = float(hs[first - 1])
            hs = np.geomspace(inside, hs[first], grid)
        ends.append(beyond if first is None else inside)
    return ends[0], ends[1]


def _slack(x: Matrix, repels: float = 0.0) -> Matrix:
    least = GROWTH * LEAST**2
    found = np.clip(GROWTH * x**2, least, SLACK)
    return np.clip(repels * x / 2, least, found) if repels else found


def _first_over(found: Matrix, slack: float | Matrix) -> int | None:
    over = np.flatnonzero(found > 1 + slack)
    return int(over[0]) if len(over) else None


def spectral_radii(matrices: Matrix) -> Matrix:
    """The spectral radius of each matrix."""
    return np.abs(np.linalg.eigvals(matrices)).max(-1)


def _sparse_radius(play: Play, near: Linearised) -> Callable[[float], float]:
    def radius(h: float) -> float:
        turn, like = play.apply(near.plain_product, near.vector, near.sizes, h)
        options: Any = {"ncv": 12, "maxiter": 8, "tol": 1e-4, "v0": near.start(len(like))}
        found, _ = arpack(turn, like, 2, **options)
        return float(np.abs(found).max()) if len(found) else 1.0  # else: many flat directions at 1, and none beside

    return radius
