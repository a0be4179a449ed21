"""TensorBoard events: the rows of ``metrics.jsonl``, to follow many runs in one place."""

from collections.abc import Iterable
from pathlib import Path
from typing import Any

WHERE = ("step", "member", "seconds", "train_seconds")
MISSING = (
    "tensorboard: writing events needs the extra: pip install 'nashpath[tensorboard]'; or leave the setting out "
    "(metrics.jsonl holds the same numbers)"
)


class Events:
    """Writes rows of metrics as scalars below ``folder``, one TensorBoard run a member: ``cost/generator``, …

    Rows after ``start`` that an earlier part of the run left there are hidden, as `RunFolder.truncate` drops them.
    Raises `ImportError` where TensorBoard is not installed.
    """

    def __init__(self, folder: Path, start: int = 0):
        try:
            from torch.utils.tensorboard import SummaryWriter
        except ImportError as error:
            raise ImportError(MISSING) from error
        self.folder, self.start, self.open = folder, start, SummaryWriter
        self.writers: dict[int, Any] = {}

    def write(self, rows: Iterable[dict[str, Any]]) -> None:
        """Adds rows as `RunFolder.append` takes them."""
        for row in rows:
            member = row["member"]
            if member not in self.writers:
                self.writers[member] = self.open(str(self.folder / f"member-{member}"), purge_step=self.start + 1)
            for key, value in row.items():
                if key not in WHERE and isinstance(value, int | float):
                    self.writers[member].add_scalar(key.replace(".", "/", 1), value, row["step"])

    def close(self) -> None:
        """Writes what is still in memory."""
        for writer in self.writers.values():
            writer.close()
