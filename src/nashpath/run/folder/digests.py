"""Digests of what a run folder holds: whatever is read back is what was written, or somebody is told.

``digests.jsonl`` is a journal. A file that is replaced is noted before it is, with its size and SHA-256; a piece that
is appended to a file is noted after it was. So a process that is killed in between leaves a file that is as the
journal's last note says, or as the one before, and never a doubt. Each line ends in a checksum of itself.
"""

import hashlib
import json
import zlib
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from nashpath.core.cache import append_lines, replacing

JOURNAL = "digests.jsonl"
PIECE_BYTES = 1 << 16
"""Appended rows share a digest up to this size: damage costs the rows of one piece."""
BLOCK = 1 << 20
UNNOTED = "has no digest in digests.jsonl: its process was killed as it wrote it, or it is of another"


@dataclass(frozen=True)
class Piece:
    """Bytes ``at`` to ``at + size`` of a file, and their SHA-256."""

    at: int
    size: int
    sha256: str


Version = dict[int, Piece] | None
"""What a file held at one time: its pieces by where they begin; None: it was removed."""


@dataclass
class _Growing:
    """A piece to which rows are still added."""

    at: int
    size: int = 0
    hash: Any = field(default_factory=hashlib.sha256)


class Digests:
    """The journal of one run folder. Without one (a folder of an earlier version) nothing is checked or noted."""

    def __init__(self, folder: Path):
        self.folder, self.path = folder, folder / JOURNAL
        self._growing: dict[str, _Growing] = {}
        self._read: tuple[Any, dict[str, list[Version]], str] | None = None
        self._sound: dict[str, tuple[int, int]] = {}

    def kept(self) -> bool:
        """Whether this folder has a journal."""
        return self.path.is_file()

    def damage(self) -> str:
        """What is wrong with the journal itself; empty if nothing. A damaged one checks nothing."""
        return self._state()[1]

    def begin(self, names: list[str]) -> None:
        """Starts a journal with the files ``names`` as they are."""
        self._write({name: _whole(self.folder / name) for name in names if (self.folder / name).is_file()})

    def in_doubt(self) -> bool:
        """Whether a file may be as either of two notes says."""
        return any(len(versions) > 1 for versions in self._state()[0].values())

    def settle(self) -> None:
        """Leaves one note a file: what it holds now, where a process was killed between a note and what it noted."""
        known, damage = self._state()
        if self.kept() and not damage:
            self._write({name: self._present(name, versions) for name, versions in known.items()})

    def _write(self, versions: dict[str, Version]) -> None:
        lines = [_line(name, piece) for name, version in versions.items() for piece in (version or {}).values()]
        with replacing(self.path) as file:
            file.write("".join(lines).encode())
        self._read, self._growing = None, {}

    def replaces(self, name: str, content: bytes | None) -> None:
        """Notes that ``name`` is going to hold ``content`` alone; None: that it is going to be removed."""
        piece = None if content is None else Piece(0, len(content), hashlib.sha256(content).hexdigest())
        self._note({"file": name, "gone": True} if piece is None else _entry(name, piece, new=True))
        self._growing.pop(name, None)

    def copies(self, name: str, to: str) -> None:
        """Notes that ``to`` is going to hold what ``name`` holds."""
        version = self._state()[0].get(name, [None])[-1]
        if version:
            self._note(_entry(to, version[0], new=True))

    def appended(self, name: str, content: bytes, at: int) -> None:
        """Notes that ``content`` was appended to ``name``, where it had ``at`` bytes."""
        growing = self._growing.get(name)
        if growing is None or growing.size > PIECE_BYTES or growing.at + growing.size != at:
            growing = self._growing[name] = _Growing(at)
        growing.hash.update(content)
        growing.size += len(content)
        self._note(_entry(name, Piece(growing.at, growing.size, growing.hash.hexdigest())))

    def fault(self, name: str) -> str:
        """In what a file is not as it was written, as the end of a sentence; empty where it is, or nothing is known."""
        before, found = self._stamp(), self._fault(name)
        while found and self._stamp() != before:  # another process writes here: it notes a file before it replaces it
            before, found = self._stamp(), self._fault(name)
        return found

    def sound(self, name: str, content: bytes) -> tuple[list[bytes], str]:
        """The pieces of a file that are as they were written, and what is wrong with the others (or an empty text)."""
        known, damage = self._state()
        if not self.kept() or damage:
            return [content], ""
        versions = known.get(name, [])
        for version in reversed(versions[-2:]):
            if version and _matches(version, content):
                return [content], ""
        if not versions or not versions[-1]:
            return [], UNNOTED if content else ""
        pieces = list(versions[-1].values())
        whole = [piece for piece in pieces if _same(piece, content)]
        end = max(piece.at + piece.size for piece in pieces)
        said = [f"bytes {p.at:,} to {p.at + p.size:,} are not as they were written" for p in pieces if p not in whole]
        said += [f"what follows byte {end:,} {UNNOTED}"] if len(content) > end else []
        return [content[piece.at : piece.at + piece.size] for piece in whole], "; ".join(said)

    def missing(self) -> list[str]:
        """The files that were written and are not there, in the order in which they were noted first."""
        known, damage = self._state()
        return [] if damage else [name for name in known if self.fault(name) == "is missing"]

    def _fault(self, name: str) -> str:
        known, damage = self._state()
        path = self.folder / name
        if not self.kept() or damage:
            return ""
        versions = known.get(name, [])
        try:
            facts = path.stat()
        except FileNotFoundError:
            return "is missing" if versions and None not in versions[-2:] else ""
        stamp = (facts.st_size, facts.st_mtime_ns)
        if self._sound.get(name) == stamp:
            return ""
        if not any(versions[-2:]):
            return UNNOTED
        if any(version and _on_disk(version, path) for version in reversed(versions[-2:])):
            self._sound[name] = stamp
            return ""
        return "is damaged or was changed: it does not match its digest in digests.jsonl"

    def _present(self, name: str, versions: list[Version]) -> Version:
        """The version that the file has now, where several may be; the last one if it has none of them."""
        path = self.folder / name
        if len(versions) > 1:
            if not path.is_file():
                return None if None in versions[-2:] else versions[-1]
            for version in reversed(versions):
                if version and _on_disk(version, path):
                    return version
        return versions[-1]

    def _note(self, entry: dict[str, Any]) -> None:
        if not self.kept():
            return
        append_lines(self.path, _checked(entry).encode())
        self._sound.pop(entry["file"], None)

    def _stamp(self) -> Any:
        try:
            facts = self.path.stat()
        except OSError:
            return None
        return facts.st_size, facts.st_mtime_ns

    def _state(self) -> tuple[dict[str, list[Version]], str]:
        """Versions by file, and what is wrong with the journal."""
        stamp = self._stamp()
        if self._read is None or self._read[0] != stamp:
            known, damage = _parsed(self.path) if stamp else ({}, "")
            self._read = (stamp, known, damage)
        return self._read[1], self._read[2]


def _entry(name: str, piece: Piece, new: bool = False) -> dict[str, Any]:
    return {"file": name, **({"new": True} if new else {"at": piece.at}), "bytes": piece.size, "sha256": piece.sha256}


def _line(name: str, piece: Piece) -> str:
    return _checked(_entry(name, piece, new=piece.at == 0))


def _checked(entry: dict[str, Any]) -> str:
    """A line of the journal, with a checksum of itself."""
    return json.dumps({**entry, "check": f"{zlib.crc32(json.dumps(entry).encode()):08x}"}) + "\n"


def _parsed(path: Path) -> tuple[dict[str, list[Version]], str]:
    """The journal. A last line without its end is that of a process that was killed, and counts for nothing."""
    known: dict[str, list[Version]] = {}
    *lines, _ = path.read_bytes().split(b"\n")
    for place, line in enumerate(lines, 1):
        try:
            entry = json.loads(line)
            if _checked({key: value for key, value in entry.items() if key != "check"}).encode() != line + b"\n":
                raise ValueError
            versions = known.setdefault(entry["file"], [])
            if "gone" in entry:
                versions.append(None)
                continue
            piece = Piece(entry.get("at", 0), entry["bytes"], entry["sha256"])
        except (ValueError, KeyError, AttributeError, TypeError, RecursionError):
            return {}, f"{path} is damaged in line {place}"
        if "new" in entry or not versions or versions[-1] is None:
            versions.append({piece.at: piece})
        else:
            versions[-1][piece.at] = piece
    return known, ""


def _whole(path: Path) -> Version:
    size = path.stat().st_size
    return {0: Piece(0, size, _hash(path, 0, size))}


def _hash(path: Path, at: int, size: int) -> str:
    digest = hashlib.sha256()
    with open(path, "rb") as file:
        file.seek(at)
        while size > 0 and (block := file.read(min(BLOCK, size))):
            digest.update(block)
            size -= len(block)
    return digest.hexdigest()


def _on_disk(version: dict[int, Piece], path: Path) -> bool:
    """Whether a file holds exactly these pieces."""
    if path.stat().st_size != max(piece.at + piece.size for piece in version.values()):
        return False
    return all(_hash(path, piece.at, piece.size) == piece.sha256 for piece in version.values())


def _matches(version: dict[int, Piece], content: bytes) -> bool:
    whole = len(content) == max(piece.at + piece.size for piece in version.values())
    return whole and all(_same(piece, content) for piece in version.values())


def _same(piece: Piece, content: bytes) -> bool:
    return hashlib.sha256(content[piece.at : piece.at + piece.size]).hexdigest() == piece.sha256
