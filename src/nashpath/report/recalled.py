"""Methods of one's own that a folder remembers, found again for a page."""

import warnings
from pathlib import Path
from typing import Any

from nashpath.run.errors import MethodsWarning, SettingError
from nashpath.run.settings.method_files import recall

UNKNOWN = "Without it a number that only it explains has no better side, and settings are not judged by it"
"""What follows for a page where methods of a run's own are not there."""


def recalled(entries: Any, folder: Path) -> list[str]:
    """Finds the methods again that a folder remembers; what is not there, or not as it was, in words."""
    found: list[str] = []
    for entry in entries if isinstance(entries, list) else []:
        try:
            with warnings.catch_warnings(record=True, category=MethodsWarning, action="always") as said:
                recall([entry], folder)
            found += [str(one.message) for one in said]
        except SettingError as error:
            found.append(f"{error}. {UNKNOWN}")
        except (TypeError, KeyError, AttributeError):
            found.append(f"{folder}: expected where methods came from, found {str(entry)[:80]!r}")
    return found
