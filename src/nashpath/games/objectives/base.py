"""An objective prices logits for each player. `forward` is the only thing a game calls."""

from torch import Tensor

from nashpath.core import Hyperparameters
from nashpath.core.contracts import gives, no_scalar
from nashpath.core.shapes import Critic, FakeLogits, RealLogits, SampleBatch, Scalar


class Objective(Hyperparameters):
    """Each player's cost, given the critic's logits on real and on generated samples.

    Subclasses write `discriminator(real, fake)` and `generator(fake, real)`, both from logits of any equal shape to
    a scalar. Both also work alone, on tensors, in a loop of one's own.
    """

    prices = True
    """Whether what it gives is a share of the cost of the player whose turn it is, and so depends on that player."""

    compares = False
    """Whether the generator's cost also depends on the logits of real samples (one more critic pass)."""

    unbounded = False
    """Whether the formula itself (not its rounding) leaves the floating-point range at logits of ±1e4."""

    needs_input_gradient = False
    """Whether it uses the critic's slopes in its input, which mean nothing where it normalises over the batch."""

    batchwise = False
    """Whether a cost is more than a mean over samples, or over pairs of them: it means nothing for single logits."""

    undecided: float | None = 0.0
    """The logit at which the discriminator is undecided; None: its logits mean nothing alone, as a constant is free."""

    matches_features = False
    """Whether the generator's cost looks at a hidden layer of the critic in place of its outputs."""

    outputs = 1
    joint = False
    """Number of the critic's outputs for one sample: 1, a logit, unless the objective wants features."""

    def advance(self, player: str) -> None:
        """Renews state that counts turns of ``player``, before its turn, once whatever the pairs that are priced."""
        for part in self.children():
            if isinstance(part, Objective):
                part.advance(player)

    def check(self, critic: Critic, samples: SampleBatch) -> None:
        """Asked once, when a game is made. Raises `ValueError` where this critic cannot be priced on such samples."""
        for part in self.children():
            if isinstance(part, Objective):
                part.check(critic, samples)

    @gives(no_scalar, pure=True)
    def discriminator(self, real: RealLogits, fake: FakeLogits) -> Scalar:
        """The discriminator's cost, a scalar."""
        raise NotImplementedError

    @gives(no_scalar, pure=True)
    def generator(self, fake: FakeLogits, real: RealLogits | None = None) -> Scalar:
        """The generator's cost, a scalar. ``real`` is given only to objectives that compare."""
        raise NotImplementedError

    def witness(self, critic: Critic, real: Tensor, fake: Tensor) -> Critic:
        """The function of one sample that tells p from q, whose slope a penalty prices: the critic, unless it is not
        the logit itself that the objective compares."""
        return critic

    @gives(no_scalar, pure=True)
    def forward(self, player: str, critic: Critic, real: SampleBatch, fake: SampleBatch) -> Scalar:
        """The cost of ``player`` for samples ``real`` and ``fake`` under ``critic``."""
        if player == "discriminator":
            return self.discriminator(critic(real), critic(fake))
        return self.generator(critic(fake), critic(real) if self.compares else None)
