"""What layers that wrap another one for its weight share: which layers they are for, and how they get there."""

from torch import nn

from nashpath.core.math.spectral import WEIGHTED


def check_weighted(layer: nn.Module, what: str) -> None:
    """Raises ValueError, on behalf of ``what``, for a layer without a plain weight of at least two axes."""
    weight = dict(layer.named_parameters(recurse=False)).get("weight")
    if weight is None or isinstance(weight, nn.UninitializedParameter) or weight.dim() < 2:
        raise ValueError(
            f"{what} needs a layer with an initialised parameter 'weight' of at least two axes, got {layer}"
        )


def wrap_layers(network: nn.Module, wrapper: type[nn.Module], what: str) -> nn.Module:
    """Wraps every linear and convolutional layer of ``network``, in place, and returns it.

    If ``network`` is itself such a layer, its wrapper is returned. A layer that occurs twice gets one wrapper; layers
    that are wrapped already stay as they are. Raises ValueError, on behalf of ``what``, if there is no such layer, or
    if one is inside an ``nn.MultiheadAttention``, which reads weights past their layer.
    """
    if isinstance(network, WEIGHTED):
        return wrapper(network)
    parts = dict(network.named_modules(remove_duplicate=False))
    if any(isinstance(part, nn.MultiheadAttention) for part in parts.values()):
        raise ValueError(f"{what} cannot reach the weights of nn.MultiheadAttention; wrap the other parts singly")
    if not any(isinstance(part, WEIGHTED) for part in parts.values()):
        raise ValueError(f"{what} found no linear or convolutional layer in {network}")
    wrappers: dict[nn.Module, nn.Module] = {}
    for path, part in parts.items():
        if isinstance(part, WEIGHTED) and not isinstance(parts[path.rpartition(".")[0]], wrapper):
            if part not in wrappers:
                wrappers[part] = wrapper(part)
            network.set_submodule(path, wrappers[part])
    return network
