"""Data sets of the papers by their names, from the Hub at one exact revision or from a copy in the same layout."""

import os
from pathlib import Path
from typing import Annotated, ClassVar, Literal

from annotated_types import Ge, Le
from torch import Tensor

from nashpath.core.key import Key
from nashpath.data.base import GIBIBYTE, Bytes, Progress, SideLength, SyntheticSource
from nashpath.data.coloured_digits import coloured
from nashpath.data.hub import Hub
from nashpath.data.stacked_digits import stacked

Half = Literal["train", "test"]

VARIABLE = "NASHPATH_DATA"
"""Names the folder with copies of data sets, ``owner/name`` of the Hub below it."""


def copy_below(name: str) -> Path | None:
    """The folder of that name below the one that `VARIABLE` names; None if it is not there."""
    root = os.environ.get(VARIABLE, "")
    found = Path(root).expanduser() / name if root else None
    return found if found is not None and found.is_dir() else None


class PublishedImages(Hub):
    """Base: labelled images that the Hub keeps as parquet files, by name. Subclasses say which.

    They are looked for in ``folder`` (the copy's own, or one that holds ``owner/name``), then below the folder that the
    environment variable ``NASHPATH_DATA`` names, and else downloaded once, at the pinned revision.
    """

    where: ClassVar[tuple[str, str]]
    """Repository and revision on the Hub."""
    columns: ClassVar[tuple[str, str]] = ("image", "label")
    """The columns of the images and of the labels."""
    pattern: ClassVar[str] = "*{}-*.parquet"
    """The files of a half of the data."""

    def __init__(self, split: Half, folder: str, size: int, channels: Literal[1, 3], device_bytes: int):
        self.split, self._again = split, {"folder": folder, "size": size, "device_bytes": device_bytes}
        repo, revision = self.where
        copy = self.copy_of(folder)
        image, label = self.columns
        super().__init__(repo, revision, self.pattern.format(split), image, label, copy, size, channels, device_bytes)

    @property
    def held_out(self) -> "PublishedImages | None":
        """The test images, where these are those to train on; they were published apart."""
        return type(self)("test", **self._again) if self.split == "train" else None

    @classmethod
    def copy_of(cls, folder: str) -> str:
        """The folder of a copy: the one given, what it holds of the name, that below `VARIABLE`, or nothing."""
        repo, _ = cls.where
        if folder:
            inside = Path(folder).expanduser() / repo
            return str(inside) if inside.is_dir() else folder
        found = copy_below(repo)
        return str(found) if found is not None else ""


class MNIST(PublishedImages):
    """MNIST: 60,000 handwritten digits to train on and 10,000 to test, 28x28 grey, ten classes.

    ``size`` is 28 as published; networks of powers of two take 32. Samples have shape ``(1, size, size)``.

    Reference: LeCun, Bottou, Bengio & Haffner 1998, "Gradient-Based Learning Applied to Document Recognition"; the
    Hub's ylecun/mnist.
    """

    where = ("ylecun/mnist", "77f3279092a1c1579b2250db8eafed0ad422088c")
    features: ClassVar[str] = "mnist"

    def __init__(self, split: Half = "train", folder: str = "", size: SideLength = 28, device_bytes: Bytes = GIBIBYTE):
        super().__init__(split, folder, size, 1, device_bytes)


class CIFAR10(PublishedImages):
    """CIFAR-10: 50,000 small photographs to train on and 10,000 to test, 32x32 in colour, ten classes.

    Samples have shape ``(3, size, size)``.

    Reference: Krizhevsky 2009, "Learning Multiple Layers of Features from Tiny Images"; the Hub's uoft-cs/cifar10.
    """

    where = ("uoft-cs/cifar10", "0b2714987fa478483af9968de7c934580d0bb9a2")
    columns = ("img", "label")
    features: ClassVar[str] = "cifar10"

    def __init__(self, split: Half = "train", folder: str = "", size: SideLength = 32, device_bytes: Bytes = GIBIBYTE):
        super().__init__(split, folder, size, 3, device_bytes)


class SVHN(PublishedImages):
    """Street View House Numbers, cropped: 73,257 digits to train on, 26,032 to test, 32x32 in colour.

    Ten classes. Samples have shape ``(3, size, size)``.

    Reference: Netzer, Wang, Coates, Bissacco, Wu & Ng 2011, "Reading Digits in Natural Images with Unsupervised Feature
    Learning"; the Hub's ufldl-stanford/svhn.
    """

    where = ("ufldl-stanford/svhn", "f9e1717d73324ebbc1ece84267ccd80d0aca0690")
    pattern = "*cropped_digits/{}-*.parquet"

    def __init__(self, split: Half = "train", folder: str = "", size: SideLength = 32, device_bytes: Bytes = GIBIBYTE):
        super().__init__(split, folder, size, 3, device_bytes)


class OfMNIST(SyntheticSource):
    """Base of the sources that are composed of MNIST's digits."""

    def __init__(self, split: Half, folder: str, size: int):
        self._digits = MNIST(split, folder, size)
        self.shape: tuple[int, ...] = (3, size, size)
        self.features = "mnist" if size == 28 else "inception"  # a channel of another size is not read as a digit

    @classmethod
    def copy_of(cls, folder: str) -> str:
        """Where the digits are, as `MNIST` finds them."""
        return MNIST.copy_of(folder)

    def prepare(self, progress: Progress | None = None) -> None:
        """Does the slow work (decoding, downloading) now rather than at the first draw."""
        self._digits.prepare(progress)

    def changed(self) -> bool:
        """Whether the files of the digits are others now."""
        return self._digits.changed()


class ColouredMNIST(OfMNIST):
    """MNIST in colours, by the rule of `ColouredDigits`: form and colour vary independently.

    Samples have shape ``(3, size, size)`` and the digit's label.

    Reference: Fedus, Rosca, Lakshminarayanan, Dai, Mohamed & Goodfellow 2018, "Many Paths to Equilibrium: GANs Do Not
    Need to Decrease a Divergence At Every Step" (Color MNIST; how it was coloured is not published, the rule is ours).
    """

    classes = 10

    def __init__(
        self,
        split: Half = "train",
        folder: str = "",
        size: SideLength = 28,
        contrast: Annotated[float, Ge(0), Le(0.5)] = 0.25,
    ):
        super().__init__(split, folder, size)
        self.contrast = contrast

    @property
    def grey(self) -> MNIST:
        """The digits without their colours."""
        return self._digits

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 3, size, size], "label": [count]}``."""
        return coloured(self.grey.draw(key.stream("grey"), count), key, self.contrast)


class StackedMNIST(OfMNIST):
    """Stacked MNIST: three random digits in three channels, a thousand modes; the label is the number.

    Channel 0 holds the hundreds. Samples have shape ``(3, size, size)`` and a label 0..999.

    Reference: Metz, Poole, Pfau & Sohl-Dickstein 2017, "Unrolled Generative Adversarial Networks", Sec. 3.3.1; Lin,
    Khetan, Fanti & Oh 2018, "PacGAN: The Power of Two Samples in Generative Adversarial Networks", Sec. 4.2 (26,000
    samples).
    """

    classes = 1000

    def __init__(self, split: Half = "train", folder: str = "", size: SideLength = 28):
        super().__init__(split, folder, size)

    @property
    def digits(self) -> MNIST:
        """The single digits that samples are stacked from; their nearest neighbours name a sample's mode."""
        return self._digits

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        """``{"real": [count, 3, size, size], "label": [count]}``."""
        return stacked(self._digits.draw(key, 3 * count), count)
