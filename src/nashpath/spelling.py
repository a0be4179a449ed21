"""The nearest of the names that exist, for what is refused: below all rooms, and without PyTorch."""

import difflib


def did_you_mean(name: str, known: list[str]) -> str:
    """``" Did you mean 'x'?"`` for the closest known name (or the one with these initials), or an empty string."""
    close = [one for one in known if "_" in one and "".join(part[:1] for part in one.split("_")) == name]
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f" Did you mean {close[0]!r}?" if close else ""
