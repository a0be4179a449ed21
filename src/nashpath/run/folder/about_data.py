"""What a checkpoint keeps of the data, so that a generator can be sampled without them."""

from collections.abc import Sequence
from typing import Any

from nashpath.core.source import Finite, OneHot, Source, class_names, is_labelled


def about_data(sources: Sequence[Source | None]) -> dict[str, Any]:
    """What sampling must know of each member's data (None: it has none), as plain values that a checkpoint keeps."""
    found = [None if source is None else _about(source) for source in sources]
    known = [one for i, one in enumerate(found) if one is not None and one not in found[:i]]
    return {"known": known, "of": [None if one is None else known.index(one) for one in found]}


def _about(source: Source) -> dict[str, Any]:
    """The shape of a sample; of labelled data also how many classes and samples there are, of tables their blocks."""
    told: dict[str, Any] = {"shape": list(source.shape)}
    if is_labelled(source):
        count = len(source) if isinstance(source, Finite) else -(-DRAWN // source.classes)
        told |= {"classes": source.classes, "count": count, "class_names": class_names(source)}
    if isinstance(source, OneHot) and source.blocks:
        told |= {"blocks": source.blocks}
    if getattr(source, "label_name", ""):
        told |= {"label_name": source.label_name}  # type: ignore[attr-defined]
    return told


DRAWN = 10_000
"""Of labelled data without end, so many stand for them."""


def about_data_from(meta: dict[str, Any], member: int) -> dict[str, Any] | None:
    """What `about_data` said of a member's data; None where nothing is known. Earlier versions kept one shape."""
    kept = meta.get("about_data")
    if kept is None:
        return None if meta.get("shape") is None else {"shape": tuple(meta["shape"])}
    at = kept["of"][member]
    return None if at is None else {**kept["known"][at], "shape": tuple(kept["known"][at]["shape"])}
