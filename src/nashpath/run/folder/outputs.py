"""Places that a user names to be written: a new folder, and files that no run or reproduction keeps for itself."""

from pathlib import Path

from nashpath.core.cache import check_replaceable
from nashpath.run.errors import FolderError
from nashpath.run.folder.digests import JOURNAL, Digests
from nashpath.run.folder.run_folder import CONFIG, METRICS, QUESTION, WRITTEN, is_search

SEARCHED = (QUESTION, "found.json", "search.html", "rounds", "confirm")
"""What a search writes, whose folder is no run's."""
OWNED = (CONFIG, *WRITTEN, "parts", "evaluation")
"""What lies in a run folder and is a run's own: files, and folders with all that is in them."""


def check_output(path: Path) -> None:
    """For before long work: raises where a file that a user names to be written could not be, or may not be.

    That is `FolderError` for what a run or a reproduction keeps for itself, and `OSError` as `check_replaceable`.
    """
    place = path.parent.resolve() / path.name
    for folder in place.parents:
        study, run = ((folder / name).is_file() for name in ("study.json", CONFIG))
        run = run and any((folder / name).is_file() for name in ("run.json", METRICS, JOURNAL))  # others have a CONFIG
        if (study or run) and place.relative_to(folder).parts[0] in OWNED:
            whose = "reproduction" if study else "run"
            raise FolderError(f"{path}: is for what the {whose} in {folder} keeps itself; choose another file to write")
    check_replaceable(path)


def check_new(folder: Path) -> None:
    """Raises `FolderError` where a new run cannot be written to a folder: before anything is trained, not after."""
    try:
        str(folder).encode()
    except UnicodeEncodeError:
        raise FolderError(f"--out {str(folder)!r}: the name is not UTF-8; choose another") from None
    for place in (folder, *folder.parents):
        if place.is_symlink() and not place.exists():
            raise FolderError(f"--out {folder}: {place} is a link to nothing; choose another folder")
        if place.exists():
            if not place.is_dir():
                raise FolderError(f"--out {folder}: {place} is a file; give a folder")
            break
    if is_search(folder):
        raise FolderError(f"--out {folder}: holds a search; its command goes on with it: choose another folder")
    foreign = [name for name in (*WRITTEN, *SEARCHED) if _holds(folder / name)]
    if foreign:
        raise FolderError(
            f"--out {folder}: holds {', '.join(foreign[:3])} but no config.toml (nor study.json), so it is nothing to "
            "go on with, and nothing is written over; choose another folder"
        )


def _holds(place: Path) -> bool:
    """Whether there is something of somebody's; not what a run leaves that was killed before it wrote its settings."""
    if place.is_dir() and not place.is_symlink():
        return any(place.iterdir())
    begun = place.name == JOURNAL and not Digests(place.parent).damage()
    return place.is_symlink() or (place.exists() and not begun)
