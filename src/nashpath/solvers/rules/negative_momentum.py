"""Descent with inertia against the last move."""

from nashpath.core import NonNegative, Number
from nashpath.solvers.rules.momentum import Momentum


class NegativeMomentum(Momentum):
    """Heavy-ball momentum with a negative coefficient: it brakes rotation.

    ::

        b ← momentum · b + g,   move = −learning_rate · b

    The same as ``momentum`` but for its default. Alternating play of a bilinear game converges with it where the
    learning rate times the game's largest singular value is below 1, where without it play circles; simultaneous play
    converges with no real coefficient.

    Reference: Gidel et al. 2019b, Sec. 5 (β = −½).
    """

    def __init__(self, learning_rate: NonNegative = 0.01, momentum: Number = -0.5):
        super().__init__(learning_rate, momentum)
