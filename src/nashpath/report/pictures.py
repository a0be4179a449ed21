"""The figures of a page of Markdown, in a folder beside it that other pages use too."""

from itertools import chain, count
from pathlib import Path

from nashpath.run.folder.run_folder import write_atomic


class Pictures:
    """The folder ``figures`` beside a page, in which no picture that is shown takes another's place."""

    def __init__(self, page: Path):
        self.folder, self.stem = page.parent / "figures", page.stem
        self.folder.mkdir(parents=True, exist_ok=True)
        pages = (file for file in page.parent.glob("*.md") if file.is_file() and file.name != page.name)
        self._others = [file.read_text(encoding="utf-8", errors="replace") for file in pages]
        self._written = dict[str, bytes]()

    def write(self, name: str, picture: bytes) -> str:
        """Writes a .png called ``name``, and returns the file's name.

        Where this page, or another one in its folder, shows another picture by that name, the page's stands before it,
        with a number after it if need be.
        """
        owned = f"{self.stem}-{name}"
        names = chain([name, owned], (f"{owned}-{k}" for k in count(2)))
        file = next(file for one in names if self._is_free(file := f"{one}.png", picture))
        write_atomic(self.folder / file, picture)
        self._written[file] = picture
        return file

    def _is_free(self, file: str, picture: bytes) -> bool:
        """Whether no other picture that is shown has the name."""
        if file in self._written:
            return self._written[file] == picture
        place = self.folder / file
        shown = any(f"figures/{file}" in text for text in self._others)
        return not (shown and place.is_file() and place.read_bytes() != picture)
