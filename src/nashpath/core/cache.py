"""Files that are replaced whole, and a disk cache of tensors by content hash in such files."""

import os
from collections.abc import Callable, Generator
from contextlib import contextmanager, suppress
from pathlib import Path
from threading import get_ident
from typing import BinaryIO

from safetensors import SafetensorError
from torch import Tensor

from nashpath.core.typed import load_tensors, tensor_bytes


def cache_folder() -> Path:
    """``$NASHPATH_CACHE``, or ``~/.cache/nashpath``."""
    return Path(os.environ.get("NASHPATH_CACHE") or Path.home() / ".cache" / "nashpath")


def remembered(key: str, make: Callable[[], dict[str, Tensor]]) -> dict[str, Tensor]:
    """The tensors kept under ``key``, or else those that ``make`` returns, kept from now on.

    A damaged file is made anew; a folder that cannot be written is not an error, the work is only not kept.
    """
    path = cache_folder() / "metrics" / f"{key}.safetensors"
    try:
        return load_tensors(path)
    except (OSError, SafetensorError):
        made = {name: tensor.detach().cpu().contiguous() for name, tensor in make().items()}
    with suppress(OSError), replacing(path) as file:
        file.write(tensor_bytes(made))
    return made


@contextmanager
def replacing(path: Path) -> Generator[BinaryIO]:
    """A new file that takes the place of ``path`` when the block has ended well; its folder is made if need be.

    A reader, or a crash, sees the old content or the new, never a part. Where the block fails, nothing stays.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{get_ident()}.tmp")
    try:
        with open(temporary, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        os.replace(temporary, path)
    finally:
        temporary.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)
