"""Errors and warnings of runs, each with a remedy."""

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any


class SettingError(ValueError):
    """Settings that cannot be used; the message names each key, what was expected, and the nearest valid name."""


class FolderError(ValueError):
    """A run folder that cannot be used: another process writes it, it is no run, or the disk is full."""


class UnwrittenError(FolderError):
    """What was measured could not be written; ``found`` holds it."""

    def __init__(self, said: str, found: Any):
        super().__init__(said)
        self.found = found


class UndiagnosedError(ValueError):
    """Some members could not be diagnosed: ``failed`` has their errors, by member; ``found`` holds the others."""

    def __init__(self, failed: dict[int, Exception], found: Any):
        told = "; ".join(f"member {member} ({type(error).__name__}: {error})" for member, error in failed.items())
        super().__init__(f"not diagnosed: {told}. The diagnoses of the other members are written")
        self.failed, self.found = failed, found
        self.__cause__ = next(iter(failed.values()))


class MethodsWarning(UserWarning):
    """Methods of one's own are not there, or are not those that a run was made with."""


class FolderWarning(UserWarning):
    """Something in a run folder is damaged, missing or unchecked; the message names it and says what was done."""


class RanksError(ValueError):
    """Another process of a run that is spread over several is gone."""


_REFUSALS = {
    errno.ENOSPC: ("the disk is full", "make room"),
    errno.EDQUOT: ("the disk quota is used up", "make room"),
    errno.EFBIG: ("no file may become so large here", "raise the limit (ulimit -f)"),
    errno.EROFS: ("the place can only be read", "make it writable, or choose another place"),
    errno.EACCES: ("permission is denied", "allow it, or choose another place"),
    errno.EPERM: ("it is not permitted", "allow it, or choose another place"),
}


def refused_by_place(error: OSError) -> tuple[str, str] | None:
    """Why a place refuses a file, and the cure; None where the error is of another kind."""
    return _REFUSALS.get(error.errno or 0)


def said_of(error: Exception) -> str:
    """What to say of an error: of a place that refuses a file, which one, why and what to do."""
    refusal = refused_by_place(error) if isinstance(error, OSError) else None
    if refusal is None:
        return str(error)
    return f"{getattr(error, 'filename', None) or 'the output'}: {refusal[0]}; {refusal[1]}"


@contextmanager
def kept_if_unwritten(found: Any) -> Iterator[None]:
    """Within this block ``found`` is written down; where it cannot be, an `UnwrittenError` holds it."""
    try:
        yield
    except (FolderError, OSError) as error:
        raise UnwrittenError(said_of(error), found) from error
