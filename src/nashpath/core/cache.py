"""A disk cache of tensors by content hash, in safetensors files that are written atomically."""

import os
import tempfile
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from safetensors import SafetensorError
from torch import Tensor

from nashpath.core.typed import load_tensors, save_tensors


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
    with suppress(OSError):
        _write(path, made)
    return made


def _write(path: Path, tensors: dict[str, Tensor]) -> None:
    """Atomic write: a temporary file in the same folder, then a rename."""
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(dir=path.parent, suffix=".part")
    os.close(handle)
    try:
        save_tensors(tensors, name)
        os.replace(name, path)
    finally:
        Path(name).unlink(missing_ok=True)
