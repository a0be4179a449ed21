"""Standard output as the command finds it: with another encoding, or on a full disk."""

import io
import os
import sys
from contextlib import suppress


def print_anything() -> None:
    """From now on letters that the terminal's encoding lacks are printed as escapes, in place of an error."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper) and not (
            stream.errors == "surrogateescape" and stream.encoding.lower().startswith("utf")
        ):
            with suppress(OSError):  # the stream was opened as another file than it is now
                stream.reconfigure(errors="backslashreplace")


def flush() -> None:
    """Writes out what is printed; where that fails, as was said, Python says it no second time as it ends."""
    try:
        sys.stdout.flush()
    except OSError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
