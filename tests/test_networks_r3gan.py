"""R3GAN's parts on random weights, against its formulas written by hand with plain convolutions."""

import math
import tomllib
from pathlib import Path

import pytest
import torch
from torch.func import functional_call, stack_module_state, vmap
from torch.nn import functional as F

from nashpath.core import FunctionalGame, Key, generator, point_of, seeded
from nashpath.games import GAN
from nashpath.games.objectives import Relativistic
from nashpath.games.penalties import R1R2
from nashpath.networks.r3gan import Block, R3GANDiscriminator, R3GANGenerator, doubled, halved
from run_folders import members, nash

ROOT = Path(__file__).parent.parent
FILTER = torch.tensor([1.0, 3.0, 3.0, 1.0], dtype=torch.double)
KERNEL = FILTER[:, None] * FILTER / 64


def normal(*shape: int, seed: int = 0) -> torch.Tensor:
    return torch.randn(*shape, generator=generator(seed), dtype=torch.double)


def randomised(network):
    """In float64, with every parameter drawn anew: the last layer of a block begins at 0."""
    rng = generator(1)
    network = network.double()
    with torch.no_grad():
        for p in network.parameters():
            p.copy_(torch.randn(p.shape, generator=rng) / math.sqrt(max(1, p[0].numel() if p.dim() > 1 else 1)))
    return network


def enlarged(x):
    """The authors' resampler: a transposed convolution of each channel, four times the kernel."""
    n, c, h, w = x.shape
    return F.conv_transpose2d(x.reshape(n * c, 1, h, w), 4 * KERNEL[None, None], stride=2, padding=1).view(
        n, c, 2 * h, 2 * w
    )


def reduced(x):
    n, c, h, w = x.shape
    return F.conv2d(x.reshape(n * c, 1, h, w), KERNEL[None, None], stride=2, padding=1).view(n, c, h // 2, w // 2)


def residual(block, x, groups):
    """Convolutions without biases, which belong to the activations."""
    y = F.conv2d(x, block.conv1.weight)
    y = F.leaky_relu(y + block.conv1.bias[:, None, None], 0.2)
    y = F.conv2d(y, block.conv2.weight, padding=1, groups=groups)
    y = F.leaky_relu(y + block.conv2.bias[:, None, None], 0.2)
    return x + F.conv2d(y, block.conv3.weight)


def test_resampling_is_the_authors_filter_and_bilinear_inside():
    x = normal(2, 3, 6, 8)
    torch.testing.assert_close(doubled(doubled(x).mT).mT, enlarged(x))
    torch.testing.assert_close(halved(halved(x).mT).mT, reduced(x))
    inside = F.interpolate(x, scale_factor=2, mode="bilinear", align_corners=False)[..., 1:-1, 1:-1]
    torch.testing.assert_close(doubled(doubled(x).mT).mT[..., 1:-1, 1:-1], inside)


def test_the_generator_is_its_formula():
    network = randomised(R3GANGenerator(5, (3, 64, 64), width=32, blocks=1))
    z = normal(4, 5)
    x = network.basis.patterns[None] * F.linear(z, network.basis.strengths.weight)[:, :, None, None]
    parts = dict(network.features.named_children())
    for k, groups in enumerate([4, 4, 4, 4, 2]):
        if k:
            linear = getattr(parts[f"enlarge{k}"].conv, "weight", None)
            assert (linear is not None) == (k == 4)  # 32 channels on all grids but that of 64, which has 16
            x = enlarged(x if linear is None else F.conv2d(x, linear))
        x = residual(parts[f"block{k}_0"], x, groups)
    torch.testing.assert_close(network(z), F.conv2d(x, network.head.weight))
    assert network(z).abs().max() > 1  # nothing squashes it


def test_the_discriminator_is_its_formula():
    network = randomised(R3GANDiscriminator((3, 64, 64), width=32, blocks=1))
    images = normal(4, 3, 64, 64)
    parts = dict(network.features.named_children())
    x = F.conv2d(images, parts["colours"].weight)
    for k, groups in enumerate([2, 4, 4, 4, 4]):
        x = residual(parts[f"block{k}_0"], x, groups)
        if k < 4:
            linear = getattr(parts[f"reduce{k}"].conv, "weight", None)
            x = reduced(x)
            x = x if linear is None else F.conv2d(x, linear)
    x = F.conv2d(x, parts["basis"].weight, groups=32).flatten(1)
    torch.testing.assert_close(network(images), F.linear(x, network.head.weight))


def test_published_widths_have_the_published_groups():
    """768 channels: 96 groups, so 8 channels outside and 16 inside of each."""
    with torch.device("meta"):
        block = Block(768, 8)
    assert block.conv2.groups == 96
    assert block.conv2.weight.shape == (1536, 16, 3, 3)


def test_initial_weights_are_fix_up_and_keep_the_variance():
    with seeded(0):
        network = R3GANGenerator(64, (3, 32, 32), width=128, blocks=2)
    blocks = [layer for layer in network.features if isinstance(layer, Block)]
    assert len(blocks) == 8
    gain = math.sqrt(2 / (1 + 0.2**2)) * len(blocks) ** -0.25
    for block in blocks:
        assert torch.count_nonzero(block.conv3.weight) == 0
        assert torch.count_nonzero(block.conv1.bias) == torch.count_nonzero(block.conv2.bias) == 0
        assert float(block.conv1.weight.detach().std()) == pytest.approx(gain / math.sqrt(128), rel=0.02)
        assert float(block.conv2.weight.detach().std()) == pytest.approx(gain / math.sqrt(16 * 9), rel=0.02)
        x = torch.randn(2, 128, 4, 4, generator=generator(0))
        assert torch.equal(block(x), x)
    assert float(network.basis.patterns.detach().std()) == pytest.approx(1, rel=0.05)
    assert float(network.basis.strengths.weight.detach().std()) == pytest.approx(1 / 8, rel=0.05)


def test_stacked_is_solo():
    with seeded(0):
        networks = [R3GANDiscriminator((1, 8, 8), width=16).double() for _ in range(3)]
    networks = [randomised(network) for network in networks]
    images = normal(3, 4, 1, 8, 8)
    params, buffers = stack_module_state(networks)
    together = vmap(lambda p, b, x: functional_call(networks[0], (p, b), (x,)))(params, buffers, images)
    for network, x, found in zip(networks, images, together):
        torch.testing.assert_close(found, network(x))


def test_the_game_prices_as_the_authors_do():
    """D: E softplus(−(d(x) − d(x̃))) + γ/2 (E‖∇d(x)‖² + E‖∇d(x̃)‖²); G: E softplus(−(d(x̃) − d(x)))."""
    shape, gamma = (1, 8, 8), 0.7

    class Noise:
        shape = (1, 8, 8)

        def draw(self, key: Key, count: int):
            return {"real": key.normal(count, *shape)}

    game = GAN(
        randomised(R3GANGenerator(3, shape, width=16)).float(),
        randomised(R3GANDiscriminator(shape, width=16)).float(),
        Relativistic(),
        R1R2(gamma),
        data=Noise(),
        latent=3,
        batch_size=6,
    ).double()
    batch = {k: v.double() if isinstance(v, torch.Tensor) else v for k, v in game.draw(Key(0)).items()}
    real = batch["real"].requires_grad_()
    fake = game.generator(batch["latent"]).detach().requires_grad_()
    a, b = game.discriminator(real).flatten(), game.discriminator(fake).flatten()
    penalties = [
        torch.autograd.grad(logits.sum(), x, retain_graph=True)[0].square().sum((1, 2, 3)).mean()
        for logits, x in ((a, real), (b, fake))
    ]
    problem, point = FunctionalGame(game), point_of(game)
    with_grad_off = {**batch, "real": real.detach()}
    with torch.no_grad():
        found = [float(problem.loss(who, point, with_grad_off)[0]) for who in ("discriminator", "generator")]
    by_hand = [F.softplus(b - a).mean() + gamma / 2 * sum(penalties), F.softplus(a - b).mean()]
    assert found == pytest.approx([float(v.detach()) for v in by_hand], rel=1e-9)


@pytest.mark.parametrize("shape", [(3, 28, 28), (3, 4, 4), (2,)])
def test_other_sizes_are_refused(shape):
    for make in (lambda: R3GANGenerator(4, shape), lambda: R3GANDiscriminator(shape)):
        with pytest.raises(ValueError, match=r"r3gan: no such network .* 8x8, 16x16, 32x32, 64x64, 128x128, 256x256"):
            make()


PUBLISHED = {
    "solver.generator.learning_rate": (2e-4, 5e-5),
    "solver.discriminator.learning_rate": (2e-4, 5e-5),
    "solver.generator.b2": (0.9, 0.99),
    "solver.discriminator.b2": (0.9, 0.99),
    "penalty.weight": (0.05, 0.005),
    "average.half_life": (0.0, 5e6 / 512),
}
"""The authors' preset CIFAR10: start and end of each schedule; images over batches of 512."""


def looked_up(table, path):
    for key in path.split("."):
        table = table[key]
    return table


def test_the_example_has_the_published_numbers():
    raw = tomllib.loads((ROOT / "examples" / "r3gan.toml").read_text())
    for path, (start, end) in PUBLISHED.items():
        assert looked_up(raw, path) == start
        assert looked_up(raw["anneal"], path) == pytest.approx(end, rel=1e-4)
    assert raw["anneal_steps"] == pytest.approx(2e7 / raw["batch_size"], rel=1e-4)
    assert (raw["generator"]["width"], raw["generator"]["blocks"], raw["latent"]) == (3 * 1024 // 4, 2, 64)
    assert raw["solver"]["generator"]["b1"] == 0


@pytest.mark.long
def test_the_example_trains_at_a_tiny_size(tmp_path):
    small = {"data": "digits", "batch_size": 4, "steps": 4, "anneal_steps": 2, "samples": 2, "compile": "off"}
    small |= {f"{who}.{key}": n for who in ("generator", "discriminator") for key, n in (("width", 8), ("blocks", 1))}
    chosen = [part for key, value in small.items() for part in ("-s", f"{key}={value}")]
    nash("train", ROOT / "examples" / "r3gan.toml", *chosen, "--quiet", "--out", tmp_path / "run")
    assert [m["outcome"] for m in members(tmp_path / "run")] == ["finished"]
