"""Batch normalisation against PyTorch's, and its state inside pure functions."""

import pytest
import torch
from torch import nn
from torch.autograd import gradcheck, gradgradcheck
from torch.func import functional_call, grad, vmap

from nashpath.core.rng import generator
from nashpath.networks import BatchNorm

TORCH = {2: nn.BatchNorm1d, 3: nn.BatchNorm1d, 4: nn.BatchNorm2d, 5: nn.BatchNorm3d}


def inputs(rank: int, seed: int = 0) -> torch.Tensor:
    x = torch.randn((6, 3, 5, 4, 2)[:rank], generator=generator(seed), dtype=torch.float64)
    return 3 * x + torch.arange(3.0, dtype=torch.float64).view(3, *[1] * (rank - 2))


def with_weights(module: nn.Module) -> nn.Module:
    with torch.no_grad():
        module.weight.copy_(torch.tensor([0.5, -2.0, 1.5]))
        module.bias.copy_(torch.tensor([1.0, 0.0, -1.0]))
    return module.double()


@pytest.mark.parametrize("rank", TORCH)
def test_equals_torch_in_outputs_statistics_and_gradients(rank):
    ours, theirs = with_weights(BatchNorm(3, momentum=0.3)), with_weights(TORCH[rank](3, momentum=0.3))
    for training in (True, True, True, False):
        ours.train(training)
        theirs.train(training)
        x, y = (inputs(rank, seed=int(training)).requires_grad_() for _ in range(2))
        torch.testing.assert_close(ours(x), theirs(y))
        ours.zero_grad()
        theirs.zero_grad()
        ours(x).sin().sum().backward()
        theirs(y).sin().sum().backward()
        torch.testing.assert_close(x.grad, y.grad)
        torch.testing.assert_close(ours.weight.grad, theirs.weight.grad)
        torch.testing.assert_close(ours.bias.grad, theirs.bias.grad)
        torch.testing.assert_close(ours.running_mean, theirs.running_mean)
        torch.testing.assert_close(ours.running_var, theirs.running_var)


@pytest.mark.long(first=True)
@pytest.mark.parametrize("rank", [2, 4])
def test_derivatives_by_finite_differences(rank):
    norm = with_weights(BatchNorm(3))
    x = inputs(rank)[:3].requires_grad_()
    assert gradcheck(norm, x)
    assert gradgradcheck(norm, x)


def test_state_dict_of_torch_loads():
    theirs = with_weights(nn.BatchNorm2d(3))
    theirs(inputs(4))
    ours = BatchNorm(3).double()
    assert ours.load_state_dict(theirs.state_dict(), strict=False).missing_keys == []
    torch.testing.assert_close(ours.eval()(inputs(4)), theirs.eval()(inputs(4)))


def test_state_leaves_a_stack_of_gradients():
    norm = with_weights(BatchNorm(3))
    batches = torch.stack([inputs(4, seed) for seed in range(3)])

    def cost(weight, state, x):
        full = {"weight": weight, **{name: v.clone() for name, v in state.items()}}
        return functional_call(norm, full, (x,)).square().mean(), {name: full[name] for name in state}

    state = {name: torch.stack([v + k for k in range(3)]) for name, v in norm.named_buffers()}
    weight = torch.stack([norm.weight.detach() * (k + 1) for k in range(3)])
    gradients, after = vmap(grad(cost, has_aux=True))(weight, state, batches)
    for k in range(3):
        alone = with_weights(nn.BatchNorm2d(3))
        alone.load_state_dict({"weight": weight[k], **{name: v[k] for name, v in state.items()}}, strict=False)
        alone(batches[k]).square().mean().backward()
        torch.testing.assert_close(gradients[k], alone.weight.grad)
        torch.testing.assert_close(after["running_mean"][k], alone.running_mean)
        torch.testing.assert_close(after["running_var"][k], alone.running_var)


def test_half_precision_inputs_keep_full_precision_statistics():
    norm = BatchNorm(3)
    x = inputs(4).bfloat16()
    assert norm(x).dtype == torch.bfloat16
    assert norm.running_mean.dtype == torch.float32
    torch.testing.assert_close(norm.running_mean, 0.1 * x.float().mean((0, 2, 3)))


def test_one_value_per_channel_is_refused():
    with pytest.raises(ValueError, match=r"at least 2 values per channel, got shape \(1, 3\)"):
        BatchNorm(3)(torch.zeros(1, 3))
    assert BatchNorm(3).eval()(torch.zeros(1, 3)).shape == (1, 3)
