"""The rectifier against PyTorch's own: values, gradients and second derivatives."""

import pytest
import torch
from torch.func import grad, jvp, vmap
from torch.nn.functional import leaky_relu

from nashpath.core.math.derivatives import derivative
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.networks.activations import ACTIVATIONS, Rectifier


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("slope", [0.0, 0.2])
def test_values_and_gradients_are_those_of_torch(slope, dtype):
    """To the bit, in a pass of its own, under a transform, and recorded by autograd."""
    points = torch.tensor([-3.0, -0.5, 0.0, 0.25, 4.0, float("-inf")], dtype=dtype)
    own, theirs = Rectifier(slope), lambda x: leaky_relu(x, slope)
    if slope == 0:
        theirs = torch.relu
    assert torch.equal(own(points), theirs(points))
    finite = points[:-1]
    assert torch.equal(jvp(own, (finite,), (finite,))[1], jvp(theirs, (finite,), (finite,))[1])
    recorded = finite.clone().requires_grad_()
    assert torch.equal(
        torch.autograd.grad(own(recorded).pow(2).sum(), recorded)[0], grad(lambda x: theirs(x).pow(2).sum())(finite)
    )
    assert torch.equal(grad(lambda x: own(x).sum())(finite), grad(lambda x: theirs(x).sum())(finite))
    cubed = grad(lambda x: grad(lambda y: own(y).pow(3).sum())(x).sum())(finite)
    assert torch.equal(cubed, grad(lambda x: grad(lambda y: theirs(y).pow(3).sum())(x).sum())(finite))


@pytest.mark.parametrize("name", ACTIVATIONS)
def test_what_is_no_number_stays_none_however_it_is_asked(name):
    """Else a member that diverges inside a network would be told to have finished where it is stacked or compiled."""
    layer, x = ACTIVATIONS[name](), torch.tensor([[float("nan"), 1.0]])

    def value(x):
        return layer(x).square()

    asked = {
        "plain": value(x),
        "recorded": value(x.clone().requires_grad_()),
        "stacked": vmap(value)(x),
        "transformed": grad(lambda x: value(x).sum())(x),
        "twice": derivative(lambda x: value(x).sum(1), x.clone().requires_grad_()),
        "traced": as_one_graph(value, "traced")(x),
    }
    for how, found in asked.items():
        assert found.isnan().tolist() == [[True, False]], how


def test_no_second_derivative_reaches_the_layers_below():
    """A gradient penalty on a rectifier net must not differentiate through the pre-activations' signs."""
    weight = torch.randn(4, 3, dtype=torch.float64, requires_grad=True)
    x = torch.randn(5, 3, dtype=torch.float64, requires_grad=True)
    slope = derivative(lambda x: Rectifier()(x @ weight.T).sum(1), x)
    graph, seen = [slope.grad_fn], set()
    while graph:
        node = graph.pop()
        if node is not None and node not in seen:
            seen.add(node)
            graph += [below for below, _ in node.next_functions]
    leaves = {node.variable.shape for node in seen if hasattr(node, "variable")}
    assert leaves == {weight.shape}
