"""The protocol of a measurement. Numbers of different protocols are not comparable, and here cannot be compared."""

import math
from dataclasses import asdict, dataclass, field
from typing import Any

from nashpath.metrics.errors import ProtocolError


@dataclass(frozen=True)
class Protocol:
    """Everything but the fake samples that a metric's value depends on.

    ``digest`` is the extractor's hash (empty for a bare function, which is known by name only); ``reference`` the hash
    of the real samples; ``settings`` the metric's own, as sorted ``name=value`` pairs.
    """

    metric: str
    settings: str
    real: int
    fake: int
    features: str
    digest: str
    resize: str
    split: str
    reference: str
    bias: str

    def differences(self, other: "Protocol") -> list[str]:
        """``"field: mine, not theirs"`` for each field that differs."""
        mine, theirs = asdict(self), asdict(other)
        return [f"{key}: {mine[key]!r}, not {theirs[key]!r}" for key in mine if mine[key] != theirs[key]]


@dataclass(frozen=True)
class Measurement:
    """A number and its protocol. ``a - b``, ``a < b`` and so on need equal protocols, else `ProtocolError`."""

    name: str
    value: float
    protocol: Protocol
    top: float = field(default=math.inf, compare=False)
    """The most that it could be beside these real samples, where that is known (`Metric.tops`)."""

    def as_dict(self) -> dict[str, Any]:
        """For a JSON file."""
        return {"name": self.name, "value": self.value, "protocol": asdict(self.protocol)}

    @classmethod
    def from_dict(cls, entry: dict[str, Any]) -> "Measurement":
        """The inverse of `as_dict`."""
        return cls(entry["name"], entry["value"], Protocol(**entry["protocol"]))

    def __sub__(self, other: "Measurement") -> float:
        self.check(other)
        return self.value - other.value

    def __lt__(self, other: "Measurement") -> bool:
        return self - other < 0

    def __gt__(self, other: "Measurement") -> bool:
        return self - other > 0

    def __le__(self, other: "Measurement") -> bool:
        return self - other <= 0

    def __ge__(self, other: "Measurement") -> bool:
        return self - other >= 0

    def __str__(self) -> str:
        p = self.protocol
        note = f"; {p.bias}" if p.bias else ""
        return f"{self.name} {self.value:.6g} ({p.fake} fake against {p.real} real, {p.features} features{note})"

    def check(self, other: "Measurement") -> None:
        """Raises `ProtocolError`, which names what differs, unless the two may be compared."""
        differing = self.protocol.differences(other.protocol)
        if self.name != other.name:
            differing.insert(0, f"name: {self.name!r}, not {other.name!r}")
        if differing:
            raise ProtocolError(f"{self.name} and {other.name} were measured differently: {'; '.join(differing)}")
