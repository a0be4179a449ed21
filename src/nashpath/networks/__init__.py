"""Functions with weights: generators, discriminators, and the layers that make them stack."""

from torch import nn

from nashpath.core.noise import Noise
from nashpath.core.table import Table
from nashpath.networks.activations import Rectifier
from nashpath.networks.batch_norm import BatchNorm, ConditionalBatchNorm, mixes_batch
from nashpath.networks.dcgan import DCGANDiscriminator, DCGANGenerator
from nashpath.networks.dropout import Dropout
from nashpath.networks.minibatch_discrimination import MinibatchDiscrimination, MinibatchMLPDiscriminator
from nashpath.networks.mlp import MLP, MLPDiscriminator, MLPGenerator
from nashpath.networks.noisy_mlp import GaussianNoise, NoisyMLPDiscriminator
from nashpath.networks.one_hot import OneHotOutput, straight_through
from nashpath.networks.r3gan import R3GANDiscriminator, R3GANGenerator
from nashpath.networks.resnet import ResNetDiscriminator, ResNetGenerator
from nashpath.networks.salimans import (
    SalimansConvDiscriminator,
    SalimansConvGenerator,
    SalimansMLPDiscriminator,
    SalimansMLPGenerator,
)
from nashpath.networks.spectral import SpectralNorm, spectral_norm
from nashpath.networks.virtual_batch_norm import (
    VirtualBatchGenerator,
    VirtualBatchNorm,
    VirtualDCGANGenerator,
    VirtualMLPGenerator,
    virtual,
)
from nashpath.networks.weight_norm import WeightNorm, initialise, weight_norm

GENERATORS = Table(
    "generator",
    {
        "mlp": MLPGenerator,
        "dcgan": DCGANGenerator,
        "resnet": ResNetGenerator,
        "r3gan": R3GANGenerator,
        "virtual_mlp": VirtualMLPGenerator,
        "virtual_dcgan": VirtualDCGANGenerator,
        "salimans_mlp": SalimansMLPGenerator,
        "salimans_conv": SalimansConvGenerator,
    },
    nn.Module,
    takes=("latent", "shape"),
    makes=nn.Module,
    gives="a module from latents [batch, latent] to samples [batch, *shape], float32",
)
DISCRIMINATORS = Table(
    "discriminator",
    {
        "mlp": MLPDiscriminator,
        "dcgan": DCGANDiscriminator,
        "resnet": ResNetDiscriminator,
        "r3gan": R3GANDiscriminator,
        "minibatch_mlp": MinibatchMLPDiscriminator,
        "noisy_mlp": NoisyMLPDiscriminator,
        "salimans_mlp": SalimansMLPDiscriminator,
        "salimans_conv": SalimansConvDiscriminator,
    },
    nn.Module,
    takes=("shape",),
    makes=nn.Module,
    gives="a module from samples [batch, *shape] to logits [batch, outputs], float32",
)

__all__ = [
    "DISCRIMINATORS",
    "GENERATORS",
    "MLP",
    "BatchNorm",
    "ConditionalBatchNorm",
    "DCGANDiscriminator",
    "DCGANGenerator",
    "Dropout",
    "GaussianNoise",
    "MLPDiscriminator",
    "MLPGenerator",
    "MinibatchDiscrimination",
    "MinibatchMLPDiscriminator",
    "Noise",
    "NoisyMLPDiscriminator",
    "OneHotOutput",
    "R3GANDiscriminator",
    "R3GANGenerator",
    "Rectifier",
    "ResNetDiscriminator",
    "ResNetGenerator",
    "SalimansConvDiscriminator",
    "SalimansConvGenerator",
    "SalimansMLPDiscriminator",
    "SalimansMLPGenerator",
    "SpectralNorm",
    "VirtualBatchGenerator",
    "VirtualBatchNorm",
    "VirtualDCGANGenerator",
    "VirtualMLPGenerator",
    "WeightNorm",
    "initialise",
    "mixes_batch",
    "spectral_norm",
    "straight_through",
    "virtual",
    "weight_norm",
]
