"""Random numbers as a pure function of seed, stream and step: the counter-based generator Philox4x32-10.

Integer arithmetic on tensors, so that it is traced, fused, stacked and captured with the step that asks for numbers,
and gives the same words on every device. Nothing has to be stored to go on: the step says where.

Reference: Salmon, Moraes, Dror & Shaw 2011, "Parallel Random Numbers: As Easy as 1, 2, 3".
"""

import math
from typing import Any, NamedTuple

import numpy as np
import torch
from torch import Tensor

from nashpath.core.rng import derive, generator
from nashpath.core.torch_compat import is_plain

MASK = 0xFFFFFFFF
CONSTANTS = (0xD2511F53, 0xCD9E8D57, 0x9E3779B9, 0xBB67AE85, MASK)
"""Philox's two multipliers, the two increments of its key, and the mask of a word. They travel with the key as data:
compilers for GPUs do not take them as literals beyond 2³¹."""

ROUNDS = 10
AT_ONCE = 1 << 15
"""Blocks that eager arithmetic makes at a time on a processor: its intermediate results then stay in the cache."""
BITS = 24
"""Bits of a uniform number: those of a float32's mantissa."""

Shape = int | tuple[int, ...]
Asked = tuple[int, int, int]
"""What one call asks for: the stream's number, the number of the call in it, and how many blocks of four words."""
FourWords = tuple[Tensor, Tensor, Tensor, Tensor]
"""The four words of each of several blocks."""


def philox(words: Tensor, c0: Tensor, c1: Tensor, c2: Tensor, c3: Tensor) -> FourWords:
    """Four 32-bit words (in int64) for each counter [n]; ``words`` [7] are the two of the key, then `CONSTANTS`."""
    if not torch.compiler.is_compiling() and len(c0) > AT_ONCE and c0.device.type == "cpu":
        some = [slice(begin, begin + AT_ONCE) for begin in range(0, len(c0), AT_ONCE)]
        made = [philox(words, c0[at], c1[at], c2[at], c3[at]) for at in some]
        a, b, c, d = (torch.cat([words_[i] for words_ in made]) for i in range(4))
        return a, b, c, d
    if is_plain(words, c0, c1, c2, c3):  # NumPy's operations on small arrays take a quarter of the time of PyTorch's
        plain: list[int] = words.tolist()  # type: ignore[reportUnknownMemberType]
        made = _array_rounds(plain, *(c.numpy().view(np.uint64) for c in (c0, c1, c2, c3)))
        a, b, c, d = (torch.as_tensor(word.view(np.int64)) for word in made)
        return a, b, c, d
    return _rounds([words[i] for i in range(7)], c0, c1, c2, c3)


def _rounds(words: Any, c0: Any, c1: Any, c2: Any, c3: Any) -> tuple[Any, Any, Any, Any]:
    """The arithmetic of `philox`, on tensors of int64."""
    k0, k1, m0, m1, w0, w1, mask = words
    for _ in range(ROUNDS):
        low, high = c0 * m0, c2 * m1  # wrap as signed 64 bits; the masks after the shifts make the words right again
        c0, c1, c2, c3 = ((high >> 32) & mask) ^ c1 ^ k0, high & mask, ((low >> 32) & mask) ^ c3 ^ k1, low & mask
        k0, k1 = (k0 + w0) & mask, (k1 + w1) & mask
    return c0, c1, c2, c3


def _array_rounds(words: list[int], c0: Any, c1: Any, c2: Any, c3: Any) -> tuple[Any, Any, Any, Any]:
    """The arithmetic of `philox`, on arrays of uint64: the upper half of a product needs no mask there."""
    k0, k1, m0, m1, w0, w1, mask = words
    for _ in range(ROUNDS):
        low, high = c0 * np.uint64(m0), c2 * np.uint64(m1)
        c0, c2 = high >> np.uint64(32), low >> np.uint64(32)
        c0 ^= c1  # in place, which takes a quarter less
        c0 ^= np.uint64(k0)
        c2 ^= c3
        c2 ^= np.uint64(k1)
        high &= np.uint64(mask)
        low &= np.uint64(mask)
        c1, c3 = high, low
        k0, k1 = (k0 + w0) & mask, (k1 + w1) & mask
    return c0, c1, c2, c3


class Key:
    """A source of random numbers that is known by ``seed``, ``stream`` and ``step`` alone.

    ::

        key = Key(seed)
        key.normal(64, 16)                     # N(0, 1); another call gives others
        key.stream("latent").uniform(64)       # the same whatever else is drawn
        key.at(1000)                           # the numbers of another step

    The n-th call gives the words of the counters (block, n, step, stream): two keys made alike give the same numbers in
    the same order, on every device (normal numbers up to rounding), compiled or not, for each member of a stack as for
    one alone. A step of training is drawn with a fresh key of its number, so that a run goes on from any step.

    ``seed`` is any integer, ``stream`` a name for one purpose, ``step`` an integer or an integer tensor.
    """

    def __init__(self, seed: int, stream: str = "", device: str | torch.device = "cpu", step: int | Tensor = 0):
        self._set(words_of(seed, stream, device), step, 0, None, None)

    def _set(self, words: Tensor, step: int | Tensor, tag: int, ahead: "Ahead | None", log: list[Asked] | None) -> None:
        self.words, self.step, self.tag, self.ahead, self.log = words, step, tag, ahead, log
        self.calls = 0
        self.streams: dict[str, int] = {}

    @classmethod
    def of(
        cls,
        words: Tensor,
        step: int | Tensor = 0,
        tag: int = 0,
        ahead: "Ahead | None" = None,
        log: list[Asked] | None = None,
    ) -> "Key":
        """The key of given ``words`` (`words_of`), which may be those of one member of a stack.

        What a draw asks for is written to the ``log``; what a `Plan` made ``ahead`` from such a log is not made again.
        """
        key = cls.__new__(cls)
        key._set(words, step, tag, ahead, log)
        return key

    @classmethod
    def of_global(cls, device: str | torch.device = "cpu") -> "Key":
        """A key seeded by one draw from PyTorch's global CPU generator (`torch.manual_seed`)."""
        return cls(int(torch.randint(2**63 - 1, ())), device=device)

    @property
    def device(self) -> torch.device:
        """Where the numbers are made."""
        return self.words.device

    def at(self, step: int | Tensor) -> "Key":
        """The same stream at another step."""
        return Key.of(self.words, step, self.tag)

    def stream(self, name: str) -> "Key":
        """A stream of its own for one purpose: what is drawn elsewhere does not change its numbers.

        Asked for again under the same name it is another one, as another call of `normal` gives other numbers.
        """
        before = self.streams.get(name, 0)
        self.streams[name] = before + 1
        tag = self.tag ^ 0x811C9DC5
        for letter in f"{name}/{before}":  # FNV-1a, which a tracer follows
            tag = ((tag ^ ord(letter)) * 0x01000193) & MASK
        return Key.of(self.words, self.step, tag, self.ahead, self.log)

    def blocks(self, count: int) -> FourWords:
        """The next ``4 · count`` words in [0, 2³²), as four int64 tensors [count]."""
        call, self.calls = self.calls, self.calls + 1
        if self.log is not None:
            self.log.append((self.tag, call, count))
        if self.ahead is not None and (self.tag, call, count) in self.ahead.places:
            begin = self.ahead.places[self.tag, call, count]
            a, b, c, d = (word[begin : begin + count] for word in self.ahead.made)
            return a, b, c, d
        zero = torch.zeros(count, dtype=torch.int64, device=self.device)
        return philox(
            self.words, torch.arange(count, device=self.device), zero + call, zero + self.step, zero + self.tag
        )

    def uniform(self, *shape: Shape) -> Tensor:
        """U[0, 1), of ``shape``."""
        size, count = _sizes(shape)
        return _joined([(word >> (32 - BITS)) * 2.0**-BITS for word in self.blocks(count)], size)

    def normal(self, *shape: Shape) -> Tensor:
        """N(0, 1), of ``shape``, by Box and Muller's method; the largest are near 5.9."""
        size, count = _sizes(shape)
        a, b, c, d = (((word >> (32 - BITS)).float() + 0.5) * 2.0**-BITS for word in self.blocks(count))
        (r, s), (t, u) = ((-2 * v.log()).sqrt() for v in (a, c)), (2 * math.pi * v for v in (b, d))
        return _joined([r * t.cos(), r * t.sin(), s * u.cos(), s * u.sin()], size)

    def integers(self, high: int, *shape: Shape) -> Tensor:
        """Integers of 0 to ``high − 1`` (int64), each as likely up to ``high / 2³²``; ``high`` at most 2³¹."""
        if not _is_whole(high) or not 0 < high <= 2**31:
            raise ValueError(f"Key.integers: high is {high}, expected a whole number of 1 to 2**31")
        size, count = _sizes(shape)
        return torch.cat([(word * high) >> 32 for word in self.blocks(count)])[: math.prod(size)].reshape(size)

    def permutation(self, count: int) -> Tensor:
        """The numbers 0 to ``count − 1`` in random order (int64)."""
        a, b, *_ = self.blocks(count)
        return torch.argsort((a << 31) | (b >> 1))

    def generator(self, device: str | torch.device = "cpu") -> torch.Generator:
        """A generator of PyTorch's, seeded by the next words: for functions that take nothing else."""
        a, b, *_ = self.blocks(1)
        return generator((int(a) << 31) | (int(b) >> 1), device)


class Ahead(NamedTuple):
    """Words made beforehand: four tensors [blocks], and where in them those of each call begin."""

    places: dict[Asked, int]
    made: FourWords


class Plan:
    """All that a draw asks for, found by drawing once, so that one pass of the generator makes the words of a step.

    ``key`` gives a key whose numbers are those of a plain one; what was not foreseen it makes as that does.
    """

    def __init__(self, log: list[Asked], device: torch.device):
        self.places: dict[Asked, int] = {}
        done = 0
        for asked in log:
            self.places[asked] = done
            done += asked[2]
        each = torch.tensor(log, dtype=torch.int64, device=device).reshape(-1, 3)
        tag, call, count = each.unbind(1)
        block = torch.cat([torch.arange(0, device=device), *(torch.arange(n, device=device) for _, _, n in log)])
        self.counters = torch.stack([block, call.repeat_interleave(count), tag.repeat_interleave(count)])

    def key(self, words: Tensor, step: int | Tensor) -> Key:
        """The key of ``words`` at a step."""
        block, call, tag = self.counters
        return self.key_of(words, step, philox(words, block, call, torch.zeros_like(block) + step, tag))

    def key_of(self, words: Tensor, step: int | Tensor, made: FourWords) -> Key:
        """The key of ``words`` at a step whose words are `made`."""
        return Key.of(words, step, ahead=Ahead(self.places, made))

    def made(self, words: Tensor, steps: Tensor) -> FourWords:
        """The words of each of several ``steps`` [n], in one pass: four tensors [n, blocks]."""
        count = self.counters.shape[1]
        block, call, tag = (c.repeat(len(steps)) for c in self.counters)
        a, b, c, d = (
            w.view(len(steps), count) for w in philox(words, block, call, steps.repeat_interleave(count), tag)
        )
        return a, b, c, d

    def keys(self, words: Tensor, steps: Tensor) -> list[Key]:
        """The key of each of several ``steps`` [n], by `made`."""
        each = zip(*self.made(words, steps))
        return [self.key_of(words, int(step), made) for step, made in zip(steps, each)]


def words_of(seed: int, stream: str = "", device: str | torch.device = "cpu") -> Tensor:
    """What a `Key` holds as a tensor, int64 [7]: a hash of ``seed`` and ``stream`` in two words, and `CONSTANTS`."""
    hashed = derive(seed, stream)
    return torch.tensor([hashed & MASK, hashed >> 32, *CONSTANTS], device=device)


def _sizes(shape: tuple[Shape, ...]) -> tuple[tuple[int, ...], int]:
    """The shape, given as numbers or as one tuple, and how many blocks of four numbers fill it."""
    size = tuple(shape[0]) if len(shape) == 1 and isinstance(shape[0], tuple) else shape
    if not all(_is_whole(side) and int(side) >= 0 for side in size):  # type: ignore[arg-type]
        raise ValueError(f"a key makes numbers of a shape of whole numbers, as normal(64, 16); it was asked for {size}")
    return size, -(-math.prod(size) // 4)  # type: ignore[return-value,arg-type]


def _is_whole(value: object) -> bool:
    return isinstance(value, int | np.integer) and not isinstance(value, bool)


def _joined(parts: list[Tensor], size: tuple[int, ...]) -> Tensor:
    return torch.cat(parts)[: math.prod(size)].reshape(size).to(torch.get_default_dtype())
