"""A penalty is added to the discriminator's cost; most differentiate in the critic's *input*.

The critic is any callable from samples to logits. Penalties look at the logit, never at a probability.
"""

import torch
from torch import Tensor, nn

from nashpath.core import Batch, Hyperparameters
from nashpath.core.contracts import gives, in_few_words, no_scalar
from nashpath.core.key import Key
from nashpath.core.math.derivatives import derivative
from nashpath.core.shapes import Critic, FakeBatch, RealBatch, SampleBatch, Scalar
from nashpath.core.torch_compat import is_first_order
from nashpath.core.tree import located_leaves
from nashpath.core.typed import vector_norm
from nashpath.games.critics import LogitCritic, mixing_layer


def _no_noise(result: object, penalty: "Penalty", key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> str:
    """What is wrong with a penalty's noise."""
    if not isinstance(result, dict):
        return f"returns {in_few_words(result)}, not a dict of tensors"
    for steps, leaf in located_leaves(result):
        if not isinstance(leaf, Tensor) or tuple(leaf.shape[: len(lead)]) != tuple(lead):
            at = ".".join(map(str, steps))
            return f"returns {in_few_words(leaf)} as {at}, not a tensor whose shape begins with lead = {tuple(lead)}"
    return ""


class Penalty(Hyperparameters):
    """A term of the discriminator's cost. ``draw`` supplies its noise, ``forward`` is its price."""

    prices = True
    """Whether what it gives is a share of the cost of the player whose turn it is, and so depends on that player."""

    needs_input_gradient = False
    """Whether it uses ∇ₓ d (`slopes`), which means nothing where the critic normalises over the batch."""

    joins = False
    """Whether it asks the critic between a real and a generated sample, which then must be of one class."""

    learns = False
    """Whether its state follows from the logits that it prices, so that several critics cannot share it."""

    def advance(self) -> None:
        """Renews state that counts the discriminator's turns, before each, once whatever the pairs that are priced."""

    def on_average(self) -> "Penalty":
        """The penalty that costs in every turn what this one costs in the mean over turns, with the same numbers."""
        return self

    def __call__(
        self,
        critic: Critic,
        real: RealBatch,
        fake: FakeBatch,
        noise: Batch | None = None,
        key: Key | None = None,
    ) -> Scalar:
        """The penalty, a scalar, with ``noise`` (one step's `draw`) or noise of its own.

        Without ``noise`` it is drawn from ``key``, a key on the device of ``real``; without either from a key that
        PyTorch's global generator seeds, so that ``torch.manual_seed`` repeats a loop.

        Raises `ValueError` for samples that are no floating-point numbers, for a critic that gives no logit of
        each sample (`LogitCritic`), and for one that normalises over the batch where slopes are priced.
        """
        self._check(critic, real, fake)
        if noise is None:
            key = Key.of_global(real.device) if key is None else key
            noise = self.draw(key, (real.shape[0],), tuple(real.shape[1:]))
        return super().__call__(LogitCritic(critic, type(self).__name__), real, fake, noise)

    def _check(self, critic: Critic, real: Tensor, fake: Tensor) -> None:
        kind = type(self).__name__
        for which, samples in (("real", real), ("generated", fake)):
            if not samples.is_floating_point():
                raise ValueError(
                    f"{kind}: {which} samples are {samples.dtype}; give floating-point numbers, images in [-1, 1]"
                )
        network = critic if self.needs_input_gradient and isinstance(critic, nn.Module) else None
        mixing = None if network is None else mixing_layer(network)
        if network is not None and mixing is not None and network.get_submodule(mixing).training:
            raise ValueError(
                f"{kind}: {mixing or 'the critic'} normalises over the batch, so ∇d of one sample depends on the "
                "others and a gradient penalty has no meaning (Gulrajani et al. 2017, Sec. 4); use layer or spectral "
                "normalisation, or another penalty"
            )

    @gives(_no_noise, pure=True)
    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        """The noise for real samples shaped (*lead, *shape), where ``lead`` ends with the batch size."""
        return {}

    @gives(no_scalar, pure=True)
    def forward(self, critic: Critic, real: SampleBatch, fake: SampleBatch, noise: Batch) -> Scalar:
        """The penalty, a scalar. ``real`` and ``fake`` are [batch, *sample]; ``noise`` is one step's ``draw``."""
        raise NotImplementedError


def check_as_many(what: str, real: Tensor, fake: Tensor) -> None:
    """Raises `ValueError` that begins with ``what`` where real and generated batches differ in shape."""
    if real.shape != fake.shape:
        raise ValueError(f"{what} as many real as generated samples; got {tuple(real.shape)} and {tuple(fake.shape)}")


def slopes(critic: Critic, points: Tensor) -> Tensor:
    """``∇ₓ d(x)`` at each point: a tensor shaped like ``points``.

    One backward pass serves the batch, because the logit of a sample depends on that sample alone (which is why a
    penalised critic must not normalise over the batch).
    """
    return derivative(critic, points)


def squared_norms(slope: Tensor) -> Tensor:
    """``‖∇d‖²`` per sample, a tensor [batch]."""
    return slope.flatten(1).square().sum(1)


def norms(slope: Tensor) -> Tensor:
    """``‖∇d‖`` per sample, [batch]; its derivative is 0, not NaN, where the slope is exactly zero."""
    if is_first_order():
        return vector_norm(slope.flatten(1), dim=1)
    square = squared_norms(slope)
    flat = square == 0
    return torch.where(flat, torch.zeros_like(square), torch.where(flat, torch.ones_like(square), square).sqrt())


def per_sample_uniform(key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Tensor:
    """U[0, 1] once per sample, shaped (*lead, 1, …, 1) so that it multiplies a batch of samples of ``shape``."""
    return key.uniform((*lead, *[1] * len(shape)))


class Interpolated(Penalty):
    """``weight · E price(∇d(x̂))`` at ``x̂ = α x + (1 − α) x̃``, α ~ U[0, 1] once per sample; subclasses price a slope.

    Raises `ValueError` where real and generated batches differ in shape.
    """

    needs_input_gradient = joins = True

    def draw(self, key: Key, lead: tuple[int, ...], shape: tuple[int, ...]) -> Batch:
        return {"alpha": per_sample_uniform(key, lead, shape)}

    def price(self, slope: Tensor) -> Tensor:
        """The price of each sample's slope: [batch, *sample] to [batch]."""
        raise NotImplementedError

    def forward(self, critic: Critic, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
        check_as_many("segments need", real, fake)
        between = fake + noise["alpha"] * (real - fake)
        return self.weight * self.price(slopes(critic, between)).mean()
