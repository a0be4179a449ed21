"""Writes the stand-ins for published data sets that the tests read: `python scripts/make_test_data.py`.

Thirty pictures to train on and twenty to test for each, in the files and columns of the real ones: digits of the
package, enlarged, and for photographs digits in two colours. Of CelebA, pictures of its shape in its own layout.
"""

from io import BytesIO
from pathlib import Path

import numpy as np
import pyarrow
import pyarrow.parquet
import torch
from PIL import Image

from nashpath.core import Key
from nashpath.data import CIFAR10, MNIST, SVHN, ColouredDigits, Digits
from nashpath.data.celeba import PARTITION, PICTURES
from nashpath.data.published import PublishedImages

ROOT = Path(__file__).parent.parent / "tests" / "fixtures" / "data"
FOLDERS: dict[type[PublishedImages], tuple[str, int]] = {
    MNIST: ("mnist", 28),
    CIFAR10: ("plain_text", 32),
    SVHN: ("cropped_digits", 32),
}


def encoded(image: torch.Tensor, size: int) -> bytes:
    pixels = image.add(1).mul(127.5).round().byte().permute(1, 2, 0).numpy()
    picture = Image.fromarray(np.squeeze(pixels)).resize((size, size), Image.Resampling.BILINEAR)
    file = BytesIO()
    picture.save(file, format="PNG")
    return file.getvalue()


def faces(root: Path) -> None:
    """Twenty pictures to train on, five to validate and five to test, of a tenth of its sides; none is a face."""
    rng, lines = np.random.default_rng(0), list[str]()
    (root / PICTURES).mkdir(parents=True, exist_ok=True)
    for number in range(1, 31):
        smooth = Image.fromarray(rng.integers(0, 256, (3, 3, 3), dtype=np.uint8))
        name = f"{number:06d}.jpg"
        smooth.resize((18, 22), Image.Resampling.BICUBIC).save(root / PICTURES / name, quality=60, optimize=True)
        lines.append(f"{name} {0 if number <= 20 else 1 if number <= 25 else 2}")
    (root / PARTITION).write_text("\n".join(lines) + "\n")


def main() -> None:
    faces(ROOT / "celeba")
    for kind, (folder, size) in FOLDERS.items():
        for split, count in {"train": 30, "test": 20}.items():
            source = Digits(split) if kind is MNIST else ColouredDigits(split)
            batch = source.draw(Key(0, f"{folder} {split}"), count)
            image, label = kind.columns
            cells = [{"bytes": encoded(one, size), "path": None} for one in batch["real"]]
            labels = [*range(10), *batch["label"][10:].tolist()]  # every class is there
            file = ROOT / kind.where[0] / folder / f"{split}-00000-of-00001.parquet"
            file.parent.mkdir(parents=True, exist_ok=True)
            pyarrow.parquet.write_table(pyarrow.table({image: cells, label: labels}), file)


if __name__ == "__main__":
    main()
