"""Functions with weights: generators, discriminators, and the layers that make them stack."""

from nashpath.core.table import Table
from nashpath.networks.batch_mixing import mixes_batch
from nashpath.networks.batch_norm import BatchNorm
from nashpath.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from nashpath.networks.mlp import MLP, MLPDiscriminator, MLPGenerator
from nashpath.networks.resnet import ResNetDiscriminator, ResNetGenerator
from nashpath.networks.spectral import SpectralNorm, spectral_norm

GENERATORS = Table("generator", {"mlp": MLPGenerator, "dcgan": DCGANGenerator, "resnet": ResNetGenerator})
DISCRIMINATORS = Table(
    "discriminator", {"mlp": MLPDiscriminator, "dcgan": DCGANDiscriminator, "resnet": ResNetDiscriminator}
)

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "MLP",
    "BatchNorm",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "MLPDiscriminator",
    "MLPGenerator",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "SpectralNorm",
    "mixes_batch",
    "spectral_norm",
]
