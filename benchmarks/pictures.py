"""What a folder of many pictures costs: before the first step, for every batch, and on the disk.

Run ``python benchmarks/pictures.py --pictures 50000``. Pictures are enlarged CIFAR-10 images with noise (found as
``data=cifar10`` finds them), saved as JPEG of 320 pixels; they are drawn at ``--size``. Three ways of drawing a batch
are raced: from the pictures' own files, from what `PictureStore` kept, and from all decoded pictures in memory. What is
said of a million pictures is reckoned from these.
"""

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from nashpath.core import Key
from nashpath.data import CIFAR10, Folder, picture_store
from nashpath.data.image_cache import fingerprint
from nashpath.run.folder.identity import identity_of
from sizes import parse

MANY = 1_000_000


def make(root: Path, count: int, side: int) -> None:
    """``count`` JPEG pictures, a thousand to a folder."""
    rng = np.random.default_rng(0)
    try:
        source = (127.5 * (CIFAR10().examples(min(count, 2000)) + 1)).byte().permute(0, 2, 3, 1).numpy()
    except (ImportError, OSError, ValueError):  # no copy here, and none is downloaded for this
        source = rng.integers(0, 256, (20, 32, 32, 3), dtype=np.uint8)
    noise = rng.normal(0, 8, (side, side, 3))
    for number in range(count):
        file = root / f"{number // 1000:04}" / f"{number:07}.jpg"
        file.parent.mkdir(parents=True, exist_ok=True)
        large = Image.fromarray(source[number % len(source)]).resize((side, side), Image.Resampling.BICUBIC)
        moved = np.roll(noise, number, axis=(0, 1))
        Image.fromarray((np.asarray(large) + moved).clip(0, 255).astype(np.uint8)).save(file, quality=90)


def spent(what: Callable[[], object]) -> tuple[float, float]:
    """Seconds and CPU-seconds of all threads."""
    begun, used = time.perf_counter(), time.process_time()
    what()
    return time.perf_counter() - begun, time.process_time() - used


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pictures", type=int, default=50_000)
    parser.add_argument("--side", type=int, default=320, help="of the files")
    parser.add_argument("--size", type=int, default=256, help="of the samples")
    parser.add_argument("--batch", type=int, default=64)
    parser.add_argument("--batches", type=int, default=20)
    parser.add_argument("--kept", type=int, default=8192, help="pictures that are kept, and drawn from")
    options = parse(parser, pictures=12, side=20, size=16, batch=4, batches=2, kept=8)
    torch.set_num_threads(1)
    with tempfile.TemporaryDirectory() as place:
        report(Path(place), options)


def report(place: Path, options: argparse.Namespace) -> None:
    root, count = place / "pictures", options.pictures
    make(root, count, options.side)
    times = {}
    source = Folder(str(root), size=options.size, device_bytes=0)
    times["list the files"] = spent(lambda: Folder(str(root), size=options.size, device_bytes=0))
    times["name their state"] = spent(lambda: fingerprint(root, source.files, options.size))
    raw = {"data": {"kind": "folder", "path": str(root)}}
    times["identity of the run"] = spent(lambda: identity_of(raw, {}, [], "cpu"))
    first = spent(lambda: source.draw(Key(0), options.batch))
    print(f"{count:,} pictures of {options.side} pixels, drawn at {options.size}; for a million: reckoned")
    for name, (seconds, _) in times.items():
        print(f"{name:28} {seconds:8.2f} s   {seconds * MANY / count:8.0f} s for a million")
    print(f"{'first batch':28} {first[0]:8.2f} s   from the beginning, and whatever their number")

    few = Folder(str(root), size=options.size, device_bytes=0)
    few._files = few._files[: options.kept]
    few._filled()
    store = few._store
    assert store is not None
    own = batches(few, options)
    shards = -(-len(store) // picture_store.SHARD)
    keeping = spent(lambda: [store.keep_shard(shard) for shard in range(shards)])
    kept = batches(few, options)
    stored = sum(file.stat().st_size for file in store._folder.iterdir()) / len(store)
    whole = Folder(str(root), size=options.size)
    whole._files = few._files
    decoding = spent(whole._filled)
    bank = whole._filled()
    rows, bank._resident = bank._resident, None
    assert rows is not None
    bank._rows = rows.on(torch.device("cpu")).numpy()
    plain = batches(whole, options)
    each = len(store)
    print(f"{'':28} CPU-ms a batch of {options.batch}")
    for name, value in (("own files", own), ("kept", kept), ("all decoded, in memory", plain)):
        print(f"{name:28} {1000 * value:8.1f}")
    bytes_each = int(np.prod(store.shape[1:]))
    print(f"keep one: {1000 * keeping[1] / each:.2f} CPU-ms, {stored / 1000:.1f} kB; a million: ", end="")
    print(f"{stored / 1e3:.0f} GB, {keeping[1] / each * MANY / 3600:.1f} CPU-hours beside the training")
    print(f"decode one: {1000 * decoding[1] / each:.2f} CPU-ms, {bytes_each / 1000:.1f} kB; a million: ", end="")
    print(f"{bytes_each / 1e3:.0f} GB, {decoding[1] / each * MANY / 3600:.1f} CPU-hours before the first step")


def batches(source: Folder, options: argparse.Namespace) -> float:
    """CPU-seconds of a batch, the mean of some."""
    source.draw(Key(1), options.batch)
    return spent(lambda: [source.draw(Key(2 + i), options.batch) for i in range(options.batches)])[1] / options.batches


if __name__ == "__main__":
    main()
