"""Writes the digits inside the package, from scikit-learn's copy: `python scripts/make_digits.py [FILE]`."""

import sys
from pathlib import Path

import numpy as np
from sklearn.datasets import load_digits

BUNDLE = Path(__file__).parent.parent / "src" / "nashpath" / "data" / "assets" / "digits.npz"


def main(target: Path = BUNDLE) -> None:
    digits = load_digits()
    images, labels = digits.images.astype(np.uint8), digits.target.astype(np.uint8)
    if not np.array_equal(images, digits.images):
        raise ValueError("scikit-learn's digits are no longer whole numbers; the bundle would lose information")
    np.savez_compressed(target, images=images, labels=labels)
    print(f"{target}: {len(images)} digits, {target.stat().st_size} bytes")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
