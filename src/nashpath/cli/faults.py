"""What is said of an error, and whose it is: the user's to change, a method's of one's own, or nashpath's."""

import shlex
import sys
import tempfile
import traceback

from nashpath import __version__
from nashpath.run.errors import said_of


def told_with_status(error: Exception) -> tuple[str, int]:
    """What to say of an error, and the status to exit with: 2 of what is the user's to change, 3 of what is not."""
    own = sys.modules.get("nashpath.core.own")
    if own is not None and not _is_out_of_memory(error) and (theirs := own.own_fault(error)):
        return f"{theirs}; {_saved(error, 'nashpath-own-method-', 'its traceback is in')}", 2
    if isinstance(error, ValueError | OSError | ImportError):
        return said_of(error), 2
    return unforeseen(error), 3


def unforeseen(error: Exception) -> str:
    """What to say of an error that no part of nashpath foresaw; its traceback is saved, and the file named."""
    if _is_out_of_memory(error):
        return f"out of memory ({_first_line(error)}); make batch_size, widths or the number of members smaller"
    told = f"nashpath met an error that it does not know ({type(error).__name__}: {_first_line(error)})"
    return f"{told}; {_saved(error, 'nashpath-', 'please report it with its traceback,')}"


def _is_out_of_memory(error: Exception) -> bool:
    sizes = sys.modules.get("nashpath.run.settings.sizes")
    return sizes.is_out_of_memory(error) if sizes else isinstance(error, MemoryError)


def _saved(error: Exception, name: str, told: str) -> str:
    """Says where the traceback of an error is saved, in a file whose name begins so; or why it could not be."""
    whole = f"nashpath {__version__}\n{shlex.join(sys.argv)}\n\n{''.join(traceback.format_exception(error))}"
    try:
        with tempfile.NamedTemporaryFile(
            "w", prefix=name, suffix=".txt", delete=False, encoding="utf-8", errors="backslashreplace"
        ) as file:
            file.write(whole)
    except OSError as refusal:
        return f"its traceback could not be saved ({refusal})"
    return f"{told} {file.name}"


def _first_line(error: Exception) -> str:
    text = " ".join(str(error).split("\n")[0].split())
    return text if len(text) <= 200 else f"{text[:197]}..."
