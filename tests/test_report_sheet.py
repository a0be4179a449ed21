"""Sample sheets: every pixel where it belongs, and files that can be opened."""

from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from nashpath.report import sheet, write_sheet


def opened(path: Path) -> np.ndarray:
    with Image.open(path) as picture:
        return np.asarray(picture.convert("RGB")).astype(int)


def test_each_image_stands_in_its_place_enlarged_by_whole_pixels() -> None:
    images = np.linspace(-1, 1, 5 * 1 * 8 * 8, dtype=np.float32).reshape(5, 1, 8, 8)
    picture = sheet(images, columns=3, scale=6, gap=2)
    pixels = np.asarray(picture)
    assert picture.mode == "L"
    assert pixels.shape == (2 * 50 + 2, 3 * 50 + 2)
    for i in range(5):
        top, left = 2 + i // 3 * 50, 2 + i % 3 * 50
        tile = pixels[top : top + 48, left : left + 48].reshape(8, 6, 8, 6)
        assert (tile == tile[:, :1, :, :1]).all()
        np.testing.assert_allclose(tile[:, 0, :, 0] / 127.5 - 1, images[i, 0], atol=1 / 255)


def test_colour_is_kept_and_small_images_become_legible() -> None:
    images = torch.stack([torch.full((8, 8), v) for v in (-1.0, 0.0, 1.0)])[None]
    picture = sheet(images)
    assert picture.mode == "RGB"
    assert min(picture.size) >= 48
    assert picture.getpixel((picture.width // 2, picture.height // 2)) == (0, 128, 255)


def test_what_is_not_finite_or_beyond_the_range_is_clipped() -> None:
    images = np.array([np.nan, np.inf, 7.0, -7.0], np.float32).reshape(4, 1, 1, 1)
    assert np.asarray(sheet(images, columns=4, scale=1, gap=1))[1, 1::2].tolist() == [0, 0, 255, 0]


@pytest.mark.parametrize("shape", [(0, 1, 8, 8), (4, 8, 8)])
def test_other_shapes_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match=r"\[n, channels, height, width\]"):
        sheet(np.zeros(shape))


def test_images_are_written_beside_real_ones(tmp_path: Path) -> None:
    images = torch.full((4, 1, 8, 8), -1.0)
    alone = opened(write_sheet(images, tmp_path / "deep" / "alone.png"))
    both = opened(write_sheet(images, tmp_path / "both.png", reference=-images))
    assert both.shape[1] > 2 * alone.shape[1]
    assert both[20, 20].tolist() == [0, 0, 0]
    assert both[20, -20].tolist() == [255, 255, 255]


@pytest.mark.long(first=True)
@pytest.mark.parametrize("dimensions", [1, 2, 5])
def test_points_are_drawn_in_their_colours(tmp_path: Path, dimensions: int) -> None:
    rng = np.random.default_rng(0)
    samples, real = rng.normal(size=(200, dimensions)), rng.normal(size=(200, dimensions)) + 6
    samples[0] = np.nan
    centres = np.zeros((1, dimensions))
    pixels = opened(write_sheet(samples, tmp_path / "points.png", real, centres))
    red, blue = pixels[..., 0] - pixels[..., 2] > 80, pixels[..., 2] - pixels[..., 0] > 40
    legend = 150
    assert red[:, :-legend].sum() > 200
    assert blue[legend:].sum() > 200
    assert np.nonzero(red[:, :-legend])[1].mean() < np.nonzero(blue[legend:])[1].mean()
