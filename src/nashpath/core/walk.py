"""Which folders lie below one, seen alike by what reads data and by what remembers which data they were."""

import errno
import os
from collections.abc import Callable, Iterator
from pathlib import Path

NOWHERE = frozenset({errno.ELOOP, errno.ENOTDIR, errno.ENAMETOOLONG})
"""What the system says of links to themselves, to what lies in a file, and to a name that no file can have."""


def leads_to(asked: Callable[[], bool]) -> bool:
    """What ``entry.is_file`` or ``entry.is_dir`` says; of links that lead nowhere, false like that of others."""
    try:
        return asked()
    except OSError as error:
        if error.errno not in NOWHERE:
            raise
        return False


def folders_below(
    root: Path, left_out: tuple[type[OSError], ...] = ()
) -> Iterator[tuple[Path, list[os.DirEntry[str]]]]:
    """Every folder at or below ``root`` that is not hidden, with what it holds beside folders; links are followed.

    A link to a folder that it lies in would go on for ever, and is not. Folders that cannot be listed for a reason that
    is ``left_out`` are passed over; for another one it raises `OSError`.
    """
    waiting: list[tuple[Path, frozenset[Path]]] = [(root, frozenset([root.resolve()]))]
    while waiting:
        folder, above = waiting.pop()
        try:
            with os.scandir(folder) as entries:
                found = sorted(entries, key=lambda entry: entry.name)
        except left_out:
            continue
        yield folder, [entry for entry in found if not leads_to(entry.is_dir)]
        for entry in found:
            if not leads_to(entry.is_dir) or entry.name.startswith("."):
                continue
            real = Path(entry.path).resolve()
            if real not in above:
                waiting.append((Path(entry.path), above | {real}))
