"""The features of published FIDs. Weights come from a file of yours or an explicit download, never by surprise."""

import hashlib
import urllib.request
from functools import cache
from pathlib import Path

import torch
from torch import Tensor

from nashpath.core.cache import cache_folder, replacing, swept
from nashpath.metrics.errors import FeaturesError, ShapeError
from nashpath.metrics.features.base import Extractor, Network, Outputs
from nashpath.metrics.features.inception_network import InceptionNetwork

FILE = "pt_inception-2015-12-05-6726825d.pth"
URL = f"https://github.com/mseitzer/pytorch-fid/releases/download/fid_weights/{FILE}"
SHA256 = "6726825d0af5f729cebd5821db510b11b1cfad8faad88a03f1befd49fb9129b2"
SIDE = 299


class InceptionFeatures(Extractor):
    """The 2,048 pooled features and 1,008 logits of the FID Inception network.

    Images ``[n, 3, h, w]`` (or one grey channel, repeated) in [-1, 1] are rounded to bytes and resized to 299x299 as
    TensorFlow 1 did: bilinear between corners, no antialiasing. ``weights`` is the published file, by default the one
    that `download_inception` keeps in the cache folder; its SHA-256 is checked before it is read.

    Raises `FeaturesError` for a file that is missing or is not the published one.

    Reference: Heusel et al. 2017, "GANs Trained by a Two Time-Scale Update Rule Converge to a Local Nash Equilibrium";
    weights by Seitzer, "pytorch-fid", converted from TensorFlow's (Apache License 2.0).
    """

    name = "inception"
    signed_images = True
    resize = "299x299, bilinear as in TensorFlow 1, from bytes"

    def __init__(self, weights: str | Path = ""):
        file = Path(weights) if weights else kept_file()
        check_weights(file)
        with torch.device("meta"):  # initial weights would be drawn from the global generator
            network = InceptionNetwork()
        network.load_state_dict(torch.load(file, weights_only=True, map_location="cpu"), assign=True)
        self.network = Network(network.requires_grad_(False), "inception")
        self.digest = SHA256

    def to(self, device: torch.device) -> "InceptionFeatures":
        self.network.to(device)
        return self

    def __call__(self, samples: Tensor) -> Outputs:
        return self.network(prepared(samples))


def prepared(samples: Tensor) -> Tensor:
    """``[n, 1 or 3, h, w]`` in [-1, 1] -> what the network was trained on, ``[n, 3, 299, 299]``."""
    if samples.dim() != 4 or samples.shape[1] not in (1, 3):
        raise ShapeError(f"inception features need images [n, 1 or 3, height, width], not {tuple(samples.shape)}")
    bytes_ = ((samples.float() + 1) * 127.5).round().clamp(0, 255).expand(-1, 3, -1, -1)
    rows, columns = (corner_bilinear(side).to(samples.device) for side in samples.shape[-2:])
    return (rows @ bytes_ @ columns.T - 128) / 128


@cache
def corner_bilinear(side: int) -> Tensor:
    """The matrix ``[299, side]`` that resizes one axis: output i looks at position i · side / 299."""
    position = torch.arange(SIDE, dtype=torch.float32) * torch.tensor(side / SIDE, dtype=torch.float32)
    low = position.long()
    part = (position - low)[:, None]
    one = torch.eye(side)
    return one[low] * (1 - part) + one[(low + 1).clamp(max=side - 1)] * part


def kept_file() -> Path:
    """Where `download_inception` puts the weights."""
    return cache_folder() / FILE


def check_weights(file: Path) -> None:
    """Raises `FeaturesError` unless ``file`` is the published one."""
    if not file.is_file():
        raise FeaturesError(
            f"the Inception network, in whose features FID and its kin are measured, has no weights at {file}. Fetch "
            f"them with nashpath features fetch, or download_inception() in Python ({URL}, 95 MB), put {FILE} there or "
            "give that file as features; or choose features cifar10 (small photographs), mnist, digits, pixels, or a "
            ".pt2 file of your own"
        )
    with file.open("rb") as stream:
        found = hashlib.file_digest(stream, "sha256").hexdigest()
    if found != SHA256:
        raise FeaturesError(f"{file}: SHA-256 is {found}, not {SHA256}; this is not the published file, delete it")


def download_inception() -> Path:
    """Downloads the weights into the cache folder (95 MB, once), checks them, and returns the file."""
    target = kept_file()
    if not target.exists():
        swept(target.parent)
        try:
            with replacing(target) as file:
                urllib.request.urlretrieve(URL, file.name)
                check_weights(Path(file.name))
        except OSError as error:
            raise FeaturesError(f"{URL}: {error}; get the file some other way and put it at {target}") from error
    check_weights(target)
    return target
