"""What a claim was when it was registered, before anything was measured, and in what it is another one since."""

from collections.abc import Mapping, Sequence
from typing import Any

from nashpath.studies.claim import Claim
from nashpath.studies.meaning import digest_of_meaning


def parts_of(claims: Sequence[Claim]) -> dict[str, dict[str, str]]:
    """What is registered of each claim, by its name: a digest of each part, by the name of that in words.

    Comments and docstrings of its function are no part of it.
    """
    return {claim.name: {part: digest_of_meaning(value) for part, value in _parts(claim).items()} for claim in claims}


def _parts(claim: Claim) -> dict[str, Any]:
    return {
        "wording": claim.says,
        "experiment": claim.experiment,
        "quantity": claim.quantity,
        "computation": claim.values,
        "criterion": [float(claim.low), float(claim.high), claim.exact],
        "kind": claim.kind,
    }


def changes(
    criteria: Mapping[str, str], parts: Mapping[str, dict[str, str]], claims: Sequence[Claim]
) -> dict[str, str]:
    """A sentence for each claim that is not as it was registered, by its ``criteria`` and its ``parts``.

    Records of earlier versions have only criteria: of the other parts nothing is known there, and nothing is said.
    """
    present, now = {claim.name: claim.criterion for claim in claims}, parts_of(claims)
    said = {}
    for name in sorted({**criteria, **present}):
        if name not in present or name not in criteria:
            said[name] = "was taken away" if name in criteria else "was added"
            continue
        known = parts.get(name, {})
        other = [part for part, digest in known.items() if now[name].get(part) != digest]
        if criteria[name] != present[name] and "criterion" not in other:
            other.append("criterion")
        if other:
            said[name] = f"was changed ({', '.join(other)})"
    return {name: f"claim {name} {what} after the measurement had begun" for name, what in said.items()}
