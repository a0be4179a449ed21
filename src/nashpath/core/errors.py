"""What messages of one's own say of others' errors, and of many names."""

from collections.abc import Sequence


def first_line(error: Exception) -> str:
    """The first line of what an error says, at most 200 letters of it."""
    return (str(error).strip().splitlines() or ["it does not say why"])[0][:200]


def first_names(names: Sequence[str], most: int) -> str:
    """The names with commas between, ``most`` of them at most, and how many more there are."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")
