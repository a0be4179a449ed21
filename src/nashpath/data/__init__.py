"""Data: sources of samples.

Every source has ``shape`` and ``draw(rng, count)`` (`nashpath.core.source.Source`). Some know more, and say so by what
they have: ``log_density(x)`` (exact); ``centres`` and ``deviation`` (mixtures, whose modes can be counted);
``manifold_distance(x)`` and ``coordinate(x)`` (data on a line, whose density is along the line only); ``examples()``
(real samples to compare with), ``classes`` and ``labelled_examples()`` (``classes`` is 0 without labels); ``digits``
(the single digits of stacked ones); ``changed()`` (data read from files, `nashpath.core.source.FromDisk`); and
``prepare(progress)`` for those with slow work to do before the first draw.
"""

from nashpath.core import source
from nashpath.core.table import Table
from nashpath.data.array import Array
from nashpath.data.celeba import CelebA
from nashpath.data.coloured_digits import ColouredDigits
from nashpath.data.csv_file import CSV
from nashpath.data.dataset import as_source
from nashpath.data.digits import Digits
from nashpath.data.embedded_gaussian import EmbeddedGaussian
from nashpath.data.folder import Folder
from nashpath.data.gaussian import Gaussian
from nashpath.data.grid import Grid
from nashpath.data.hub import Hub
from nashpath.data.parallel_lines import ParallelLines
from nashpath.data.published import CIFAR10, MNIST, SVHN, ColouredMNIST, StackedMNIST
from nashpath.data.ring import Ring
from nashpath.data.samples import Samples
from nashpath.data.spiral import Spiral
from nashpath.data.stacked_digits import StackedDigits
from nashpath.data.swiss_roll import SwissRoll

SOURCES = Table(
    "data set",
    {
        "ring": Ring,
        "grid": Grid,
        "gaussian": Gaussian,
        "spiral": Spiral,
        "swiss_roll": SwissRoll,
        "parallel_lines": ParallelLines,
        "embedded_gaussian": EmbeddedGaussian,
        "digits": Digits,
        "stacked_digits": StackedDigits,
        "coloured_digits": ColouredDigits,
        "mnist": MNIST,
        "stacked_mnist": StackedMNIST,
        "coloured_mnist": ColouredMNIST,
        "cifar10": CIFAR10,
        "svhn": SVHN,
        "celeba": CelebA,
        "folder": Folder,
        "array": Array,
        "csv": CSV,
        "hub": Hub,
    },
    needs=("draw",),
    like=source.Source,
    gives='draw(key, count) gives {"real": [count, *shape]}, float32, whose numbers the key makes',
)

__all__ = [
    "CIFAR10",
    "CSV",
    "MNIST",
    "SOURCES",
    "SVHN",
    "Array",
    "CelebA",
    "ColouredDigits",
    "ColouredMNIST",
    "Digits",
    "EmbeddedGaussian",
    "Folder",
    "Gaussian",
    "Grid",
    "Hub",
    "ParallelLines",
    "Ring",
    "Samples",
    "Spiral",
    "StackedDigits",
    "StackedMNIST",
    "SwissRoll",
    "as_source",
]
