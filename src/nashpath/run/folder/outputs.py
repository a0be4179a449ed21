"""Files that a user names to be written: none that a run folder, or a reproduction, keeps for itself."""

from pathlib import Path

from nashpath.core.cache import check_replaceable
from nashpath.run.errors import FolderError
from nashpath.run.folder.digests import JOURNAL
from nashpath.run.folder.run_folder import CONFIG, METRICS, WRITTEN

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
