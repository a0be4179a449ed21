"""Spectral normalisation against singular values, PyTorch's parametrisation, and an iteration by hand."""

import copy

import numpy as np
import pytest
import torch
from torch import nn
from torch.autograd import gradgradcheck
from torch.func import functional_call, stack_module_state, vmap
from torch.nn.utils import parametrizations

from nashpath.core.rng import generator, seeded
from nashpath.networks import SpectralNorm, spectral_norm

LAYERS = {
    "wide": (lambda: nn.Linear(7, 5), (3, 7)),
    "tall": (lambda: nn.Linear(4, 9, bias=False), (3, 4)),
    "conv": (lambda: nn.Conv2d(3, 6, 3, padding=1), (2, 3, 5, 5)),
    "grouped": (lambda: nn.Conv2d(4, 6, 3, groups=2), (2, 4, 5, 5)),
    "transposed": (lambda: nn.ConvTranspose2d(3, 6, 4, 2, 1), (2, 3, 5, 5)),
}


def layer_and_input(name: str) -> tuple[nn.Module, torch.Tensor]:
    build, shape = LAYERS[name]
    with seeded(1):
        layer = build().double()
    return layer, torch.randn(shape, generator=generator(2), dtype=torch.float64)


def matrix(layer: nn.Module) -> torch.Tensor:
    axes = (1, 0) if isinstance(layer, nn.ConvTranspose2d) else (0, 1)
    return layer.weight.detach().permute(*axes, *range(2, layer.weight.dim())).flatten(1)


@pytest.mark.parametrize("name", LAYERS)
def test_sigma_is_the_largest_singular_value_from_the_start(name):
    layer, _ = layer_and_input(name)
    torch.testing.assert_close(SpectralNorm(layer).sigma(), torch.linalg.matrix_norm(matrix(layer), 2))


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", LAYERS)
def test_output_and_gradient_equal_those_of_torch_at_convergence(name):
    layer, x = layer_and_input(name)
    theirs = parametrizations.spectral_norm(copy.deepcopy(layer), n_power_iterations=300)
    ours = SpectralNorm(layer)
    torch.testing.assert_close(ours(x), theirs(x))
    ours(x).sin().sum().backward()
    theirs(x).sin().sum().backward()
    torch.testing.assert_close(ours.layer.weight.grad, theirs.parametrizations.weight.original.grad)


def test_advance_is_one_power_iteration_from_the_present_weights():
    net = SpectralNorm(nn.Linear(7, 5).double())
    with torch.no_grad():
        net.layer.weight.copy_(torch.randn(5, 7, generator=generator(5), dtype=torch.float64))
    w, u = net.layer.weight.detach().numpy(), net.u.numpy()
    for _ in range(3):
        v = w.T @ u / np.linalg.norm(w.T @ u)
        u = w @ v / np.linalg.norm(w @ v)
        net.advance()
        np.testing.assert_allclose(net.u.numpy(), u)
        np.testing.assert_allclose(net.sigma().item(), u @ w @ (w.T @ u / np.linalg.norm(w.T @ u)))
    for _ in range(200):
        net.advance()
    assert net.sigma().item() == pytest.approx(np.linalg.norm(w, 2))


def test_second_derivative_in_the_weight_by_finite_differences():
    layer, x = layer_and_input("wide")
    net = SpectralNorm(layer)
    weight = torch.randn(5, 7, generator=generator(5), dtype=torch.float64, requires_grad=True)
    assert gradgradcheck(lambda w: functional_call(net, {"layer.weight": w}, (x,)), weight)


def test_forward_leaves_the_state_alone_and_advance_carries_no_graph():
    layer, x = layer_and_input("conv")
    net = SpectralNorm(layer)
    with torch.no_grad():
        layer.weight.add_(torch.randn(layer.weight.shape, generator=generator(5), dtype=torch.float64))
    before = net.u
    net(x)
    assert net.u is before
    net.advance()
    assert not torch.allclose(net.u, before)
    assert not net.u.requires_grad


def test_a_weight_of_zeros_stays_finite_and_recovers():
    net = SpectralNorm(nn.Linear(3, 2))
    with torch.no_grad():
        net.layer.weight.zero_()
        net.advance()
        assert net(torch.ones(1, 3)).isfinite().all()
        net.layer.weight.copy_(torch.tensor([[3.0, 0.0, 0.0], [0.0, 4.0, 0.0]]))
    for _ in range(50):
        net.advance()
    assert net.sigma().item() == pytest.approx(4.0)


def test_autocast_keeps_the_iteration_in_full_precision():
    layer, x = layer_and_input("conv")
    net = SpectralNorm(layer.float())
    alone = net.sigma()
    with torch.autocast("cpu", torch.bfloat16):
        net.advance()
        assert net.u.dtype == torch.float32
        assert net(x.float()).dtype == torch.bfloat16
        torch.testing.assert_close(net.sigma(), alone)


def test_every_layer_of_a_network_is_wrapped_once():
    shared = nn.Linear(4, 4)
    net = nn.Sequential(
        nn.Linear(3, 4), nn.ReLU(), nn.Sequential(shared, nn.Tanh(), shared), SpectralNorm(nn.Linear(4, 1))
    )
    with torch.no_grad():
        for parameter in net.parameters():
            parameter.mul_(9)
    last = net[3]
    assert spectral_norm(net) is net
    assert net[2][0] is net[2][2]
    assert net[3] is last
    assert isinstance(last.layer, nn.Linear)
    wrapped = [module for module in net.modules() if isinstance(module, SpectralNorm)]
    assert [tuple(module.layer.weight.shape) for module in wrapped] == [(4, 3), (4, 4), (1, 4)]
    x, y = torch.randn(2, 100, 3, generator=generator(0))
    assert ((net(x) - net(y)).norm(dim=1) <= (x - y).norm(dim=1) * 1.0001).all(), "more than 1-Lipschitz"
    assert isinstance(spectral_norm(nn.Linear(2, 2)), SpectralNorm)


def test_members_with_their_own_weights_stack():
    nets = [nn.Sequential(SpectralNorm(layer_and_input("conv")[0]), nn.Tanh()) for _ in range(3)]
    for k, net in enumerate(nets):
        nn.init.normal_(net[0].layer.weight, generator=generator(k))
    x = layer_and_input("conv")[1]

    def turn(params, buffers):
        full = {**params, **{name: v.clone() for name, v in buffers.items()}}

        class Turn(nn.Module):
            def __init__(self):
                super().__init__()
                self.net = nets[0]

            def forward(self, x):
                self.net[0].advance()
                return self.net(x)

        full = {f"net.{name}": v for name, v in full.items()}
        return functional_call(Turn(), full, (x,)), full["net.0.u"]

    out, u = vmap(turn)(*stack_module_state(nets))
    for k, net in enumerate(nets):
        net[0].advance()
        torch.testing.assert_close(out[k], net(x))
        torch.testing.assert_close(u[k], net[0].u)


@pytest.mark.parametrize(
    ("network", "match"),
    [
        (lambda: nn.Sequential(nn.ReLU()), "no linear or convolutional layer"),
        (lambda: nn.TransformerEncoderLayer(4, 2), "MultiheadAttention"),
        (lambda: parametrizations.weight_norm(nn.Linear(2, 2)), "parameter 'weight'"),
    ],
)
def test_networks_it_cannot_wrap_are_refused(network, match):
    with pytest.raises(ValueError, match=match):
        spectral_norm(network())
