"""How names and places are spelt in what is said: below all rooms, and without PyTorch."""

import difflib
import shlex
from pathlib import Path


def as_argument(place: Path | str) -> str:
    """A place as a shell takes it in a command that is said to be copied: in quotes where it needs them."""
    return shlex.quote(str(place))


def did_you_mean(name: str, known: list[str]) -> str:
    """``" Did you mean 'x'?"`` for the closest known name (or the one with these initials), or an empty string."""
    close = [one for one in known if "_" in one and "".join(part[:1] for part in one.split("_")) == name]
    close = close or difflib.get_close_matches(name, known, n=1, cutoff=0.4)
    return f" Did you mean {close[0]!r}?" if close else ""
