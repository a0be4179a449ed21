"""Which tensors lie in the same memory: what is written into one is then read from the other."""

from collections.abc import Iterable
from typing import Any, NamedTuple, TypeVar

import torch
from torch import Tensor
from torch.nn.parameter import is_lazy

Name = TypeVar("Name")


class _Place(NamedTuple):
    name: Any
    value: Tensor
    first: int
    last: int


def shared(named: Iterable[tuple[Name, Tensor]]) -> tuple[Name, Name] | None:
    """The names of the first two that have an element in common, views of one tensor included; None where none have.

    A tensor of which several elements are one (``expand``) shares memory with itself. What has no memory yet (lazy
    parameters, the device ``meta``), and what is not dense, has none in common.
    """
    storages: dict[int, list[_Place]] = {}
    for name, value in named:
        if is_lazy(value) or value.device.type == "meta" or value.layout != torch.strided or not value.numel():
            continue
        place = _place(name, value)
        if any(length > 1 and stride == 0 for length, stride in zip(value.shape, value.stride())):
            return name, name
        others = storages.setdefault(value.untyped_storage().data_ptr(), [])
        for other in others:
            if other.first <= place.last and place.first <= other.last and _meet(other, place):
                return other.name, name
        others.append(place)
    return None


def _place(name: Any, value: Tensor) -> _Place:
    size, first = value.element_size(), int(value.storage_offset())
    last = first + sum((length - 1) * stride for length, stride in zip(value.shape, value.stride()))
    return _Place(name, value, first * size, (last + 1) * size - 1)


def _meet(one: _Place, other: _Place) -> bool:
    """Whether two of one storage whose ends overlap have a byte in common: columns of one matrix have none."""
    taken = torch.zeros(max(one.last, other.last) + 1, dtype=torch.bool)
    _bytes_of(one, taken).fill_(True)
    return bool(_bytes_of(other, taken).any())


def _bytes_of(place: _Place, memory: Tensor) -> Tensor:
    """The view of a storage's ``memory``, a flag for each byte, that a tensor in it has."""
    value, size = place.value, place.value.element_size()
    return memory.as_strided([*value.shape, size], [*(stride * size for stride in value.stride()), 1], place.first)
