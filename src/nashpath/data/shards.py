"""Files that are numbered parts of one table, as ``train-00000-of-00005.parquet`` is, and which of them are missing."""

import re
from collections.abc import Sequence
from fnmatch import fnmatch

from nashpath.core.errors import first_names

PART = re.compile("(.*)-([0-9]{1,6})-of-([0-9]{1,6})(.*)", re.DOTALL)
"""What stands before the number of a part, the number, how many there are, and what stands behind."""
NAMED = 5


def check_complete(names: Sequence[str], pattern: str, where: str) -> None:
    """Raises `ValueError`, naming them, for missing parts of tables of which ``names`` are parts by their own numbers.

    A part that ``pattern`` does not match is not missing: it was not asked for.
    """
    tables = dict[tuple[str, str], dict[int, re.Match[str]]]()
    for name in names:
        if part := PART.fullmatch(name):
            tables.setdefault((part[1], part[3]), {})[int(part[2])] = part
    missing = list[str]()
    for (begin, total), parts in tables.items():
        shown = next(iter(parts.values()))
        for number in range(int(total)):
            name = f"{begin}-{number:0{len(shown[2])}d}-of-{total}"
            if number not in parts and fnmatch(f"{name}{shown[4]}", pattern):
                missing.append(name)
    if missing:
        raise ValueError(
            f"{where}: {len(names)} parquet files match {pattern!r}, and by their own numbers {len(missing)} more "
            f"belong to them, which are not there: {first_names(missing, NAMED)}; copy them too, or name "
            "in files=... those that are meant"
        )
