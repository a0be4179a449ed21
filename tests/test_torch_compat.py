"""PyTorch's private and unpromised parts: each use by name, and that none is outside of their folder."""

import copy
import importlib
import re
import shutil
import warnings
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.func import functional_call, grad_and_value, jvp, vmap
from torch.fx.experimental.proxy_tensor import make_fx
from torch.nn.utils import parametrizations, parametrize

import nashpath
from nashpath.core import FunctionalGame, Key, point_of, seeded
from nashpath.core import torch_compat as compat
from nashpath.core.math.derivatives import derivative
from nashpath.core.torch_compat import one_graph
from nashpath.core.tree import leaves
from nashpath.data import Ring, Samples
from nashpath.games import GAN, PENALTIES
from nashpath.games.toys import Bilinear
from nashpath.networks import DCGANDiscriminator, DCGANGenerator, mixes_batch, spectral_norm
from nashpath.networks.activations import Rectifier
from nashpath.networks.batch_norm import BatchNorm
from nashpath.run.engine import program
from nashpath.run.engine.data_parallel import sum_over_ranks
from nashpath.run.engine.program import Program
from nashpath.run.engine.sampler import to_float64
from nashpath.run.engine.step import Trial
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import Adam, Alternating

ROOT = Path(nashpath.__path__[0])
PRIVATE = {
    "torch._name": r"\btorch\._\w",
    "torch.module._name": r"\btorch(?:\.\w+)*\._[a-z]",
    "nn.modules.module._Name": r"\bnn(?:\.\w+)*\._\w",
    "from torch… import _name": r"from torch[\w.]* import [^\n]*\b_\w",
    "from torch._module": r"from torch[\w.]*\._\w|import torch[\w.]*\._\w",
    "a class by its private name": r"""["']_(?:SpectralNorm|BatchNorm|ConvNd|DropoutNd)\w*["']""",
    "tables inside a module": r"\._(?:modules|parameters|buffers|parametrizations|\w*_hooks)\b",
    "a tensor's version": r"\._version\b",
    "code objects": r"__code__|FunctionType",
    "the global generator": r"\bdefault_generator\b",
    "oneDNN's switch": r"backends\.mkldnn",
}
"""Of what only ``core/torch_compat`` may make use."""
ALSO = {("code objects", name) for name in ("meaning.py", "own.py", "written.py")}
"""But for the digest of what a study's function computes, and what is asked of methods of one's own: no code of
PyTorch's is read."""


def test_no_other_folder_uses_private_torch():
    files = [file for file in ROOT.rglob("*.py") if file.parent.name != "torch_compat"]
    assert len(files) > 200
    found = [
        f"{file.relative_to(ROOT)}: {what}: {hit.group()}"
        for file in files
        for what, pattern in PRIVATE.items()
        for hit in re.finditer(pattern, file.read_text())
        if (what, file.name) not in ALSO
    ]
    assert not found, "\n".join(found)


USES = {
    "torch._name": "torch._foreach_add_(a, b)",
    "torch.module._name": "torch.utils._pytree",
    "nn.modules.module._Name": "nn.modules.dropout._DropoutNd",
    "from torch… import _name": "from torch.nn.modules.conv import _ConvNd",
    "from torch._module": "from torch._dynamo import reset",
    "a class by its private name": 'kind == "_SpectralNorm"',
    "tables inside a module": "game._modules",
    "a tensor's version": "x._version",
    "code objects": "f.__code__",
    "the global generator": "torch.default_generator",
    "oneDNN's switch": "torch.backends.mkldnn.matmul",
}


@pytest.mark.parametrize("what", PRIVATE)
def test_the_search_finds_what_it_is_for(what):
    assert re.search(PRIVATE[what], USES[what])


def test_batch_norms():
    kinds: tuple[Any, ...] = compat.BATCH_NORMS
    for kind in kinds:
        assert mixes_batch(nn.Sequential(kind() if "Lazy" in kind.__name__ else kind(3))), kind
    assert not mixes_batch(nn.Sequential(nn.GroupNorm(1, 3), nn.LayerNorm(3), nn.InstanceNorm1d(3)))
    norms = {kind for name, kind in vars(nn).items() if name.endswith(("BatchNorm", "BatchNorm1d", "BatchNorm2d"))}
    assert norms <= set(compat.BATCH_NORMS)


def test_dropouts():
    public = {kind for name, kind in vars(nn).items() if "Dropout" in name and isinstance(kind, type)}
    assert public == set(compat.DROPOUTS)
    for kind in compat.DROPOUTS:
        with pytest.raises(ValueError, match=f"{kind.__name__}, which draws from the global random state"):
            game(nn.Sequential(nn.Linear(2, 2), kind(0.5), nn.Linear(2, 1)))


def test_convolutions():
    public = {kind for name, kind in vars(nn).items() if re.fullmatch(r"(Lazy)?Conv(Transpose)?[123]d", name)}
    assert len(public) == 12
    assert all(issubclass(kind, compat.CONVOLUTIONS) for kind in public)
    transposed = {kind for kind in public if issubclass(kind, compat.TRANSPOSED_CONVOLUTIONS)}
    assert transposed == {kind for kind in public if "Transpose" in kind.__name__}


def test_a_lazy_layer_is_refused_by_spectral_norm():
    with pytest.raises(ValueError, match="initialised parameter"):
        spectral_norm(nn.Sequential(nn.LazyLinear(2)))


def game(discriminator: nn.Module) -> GAN:
    return GAN(nn.Linear(2, 2), discriminator, data=Ring(), latent=2, batch_size=4)


class Renamed(nn.Module):
    """A spectral norm as a later release might have it: another class, another place for its vector."""

    def __init__(self, weight):
        super().__init__()
        self.register_buffer("left", torch.nn.functional.normalize(torch.ones(len(weight)), dim=0))

    def forward(self, weight):
        right = torch.nn.functional.normalize(weight.T @ self.left, dim=0)
        if self.training:
            self.left = torch.nn.functional.normalize(weight @ right, dim=0).detach()
        return weight / (self.left @ weight @ right)


def renamed(layer: nn.Linear) -> nn.Linear:
    parametrize.register_parametrization(layer, "weight", Renamed(layer.weight))
    return layer


def renamed_at_rest(layer: nn.Linear) -> nn.Linear:
    layer = renamed(layer)
    for _ in range(500):
        layer(torch.ones(1, 2))
    return layer


POWER_ITERATIONS = {
    "of another class, at rest": renamed_at_rest,
    "new": parametrizations.spectral_norm,
    "old": nn.utils.spectral_norm,
    "of another class": renamed,
    "at rest": lambda layer: parametrizations.spectral_norm(layer, n_power_iterations=500),
}


@pytest.mark.parametrize("kind", POWER_ITERATIONS)
def test_stock_spectral_norm_is_found_and_refused(kind):
    layer = POWER_ITERATIONS[kind](nn.Linear(2, 3))
    assert compat.hidden_power_iteration(layer)
    with pytest.raises(ValueError, match=r"discriminator\.0 uses .* use nashpath\.networks\.spectral_norm"):
        game(nn.Sequential(layer, nn.Linear(3, 1)))


def test_an_old_spectral_norm_of_another_class_is_found_by_its_names():
    layer = nn.utils.spectral_norm(nn.Linear(2, 3))
    layer._forward_pre_hooks.clear()
    assert compat.hidden_power_iteration(layer)


@pytest.mark.parametrize(
    "wrap", [parametrizations.weight_norm, parametrizations.orthogonal, spectral_norm, lambda x: x]
)
def test_weights_that_are_pure_functions_pass(wrap):
    layer = wrap(nn.Linear(2, 2))
    state = copy.deepcopy(layer.state_dict())
    assert not any(compat.hidden_power_iteration(part) for part in layer.modules())
    game(nn.Sequential(layer, nn.Linear(2, 1)))
    assert all(torch.equal(value, state[name]) for name, value in layer.state_dict().items())


def test_looking_for_spectral_norm_leaves_the_random_state_alone():
    layer = parametrizations.orthogonal(nn.Linear(2, 2))
    before = torch.get_rng_state()
    compat.hidden_power_iteration(layer)
    assert torch.equal(torch.get_rng_state(), before)


def test_seed_initialisers():
    compat.seed_initialisers(3)
    first = nn.Linear(2, 2).weight
    torch.manual_seed(3)
    assert torch.equal(first, nn.Linear(2, 2).weight)


def test_one_graph_takes_and_gives_trees():
    constant, weight = torch.arange(3.0), torch.ones(3)

    def step(state, numbers):
        w, count = state["w"], state["count"]
        return {"w": w * numbers[0] + constant, "count": count + 1, "name": "ring"}, (w.sum(), None)

    graph = one_graph.as_one_graph(step, "traced")
    state = {"w": weight, "count": torch.tensor(0)}
    for _ in range(2):
        found = graph(state, (torch.tensor(2.0),))
        assert found[0]["name"] == "ring"
        assert found[1][1] is None
        for a, b in zip(found[0].values(), step(state, (2.0,))[0].values()):
            assert a is b or torch.equal(a, b)
        state = found[0]
    assert weight.tolist() == [1.0, 1.0, 1.0]


@pytest.mark.parametrize(
    "asked", [bool, float, int, lambda x: x.item(), lambda x: x.numpy().sum(), lambda x: [1, 2][x.int()]]
)
def test_what_asks_for_a_value_is_not_frozen_into_a_graph(asked):
    with pytest.raises(RuntimeError):
        one_graph.as_one_graph(lambda x: x * asked(x.sum()), "traced")(torch.zeros(2))


def test_one_graph_sees_through_transforms_and_changes_in_place():
    layer = nn.Linear(3, 1)
    own = {name: value.detach().clone() for name, value in layer.named_parameters()}

    def slope(weight, x):
        found = vmap(grad_and_value(lambda w: compat.call_with(layer, {**own, "weight": w}, (x,)).square().sum()))(
            weight
        )
        x.mul_(2)
        return found

    weight, xs = torch.ones(2, 1, 3), [torch.randn(5, 3, generator=torch.Generator().manual_seed(0)) for _ in range(2)]
    graph = one_graph.as_one_graph(slope, "traced")
    for _ in range(2):
        for ours, theirs in zip(leaves(graph(weight, xs[0])), leaves(slope(weight, xs[1]))):
            torch.testing.assert_close(ours, theirs)
    assert torch.equal(*xs)


def test_what_is_carried_on_keeps_its_place_in_memory():
    """A program takes its inputs as they lay at the first call, and its own results are the next ones."""

    def step(state: Any, x: torch.Tensor) -> Any:
        return {k: (v + x).t().contiguous().t() for k, v in state.items()}, {"sum": x.t()}

    state = {"square": torch.rand(3, 3), "wide": torch.rand(2, 3).t()}
    graph = one_graph.as_one_graph(step, "traced")
    for _ in range(2):
        x = torch.rand(())
        found, _ = graph(state, x)
        assert torch.equal(found["square"], state["square"] + x)
        assert {k: v.stride() for k, v in found.items()} == {"square": (3, 1), "wide": (1, 3)}
        state = {**state, "square": found["square"]}


@pytest.mark.thorough("a minute to compile each; what failed here, the place in memory, is tested above")
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
@pytest.mark.parametrize("penalty", ["none", "r1", "dragan", "wgan_gp"])
def test_steps_of_convolutions_follow_each_other_compiled(penalty):
    """A filter's derivative comes with its axes in another order, so would the filter; sizes may not be unknowns."""
    with seeded(0):
        nets = DCGANGenerator(4, (1, 8, 8), width=4), DCGANDiscriminator((1, 8, 8), width=4)
    game = GAN(*nets, penalty=PENALTIES[penalty](), data=Samples(torch.rand(9, 1, 8, 8)), latent=4, batch_size=3)
    told = []
    for compiled in (True, False):
        program = Program([Trial(game, Alternating(Adam(), Adam()))], [0], compiled=compiled)
        program.run(3)
        assert (program.steps(), program.alive()) == ([3], True)
        told.append(program.info()[0])
    assert told[0] == pytest.approx(told[1], rel=1e-3, abs=1e-4)


@pytest.mark.long
def test_a_program_kept_on_disk_is_found_by_its_vector_instructions():
    """The compiler's own key leaves them out: `test_compiled_is_eager` fails under AVX2 after a run under AVX-512."""
    one_graph.as_one_graph(torch.sin)(torch.ones(2))
    assert torch.backends.cpu.get_cpu_capability() in torch.compiler.config.cache_key_tag.split()


@pytest.mark.long
@pytest.mark.skipif(not shutil.which("c++"), reason="no C++ compiler")
def test_small_steps_are_called_by_c_plus_plus_to_the_same_numbers(monkeypatch):
    a = torch.randn(8, 8, generator=torch.Generator().manual_seed(0))

    def step(x: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
        y = torch.tanh(a @ x + 1)
        return y, (y @ x.t()).exp().mean(0)

    found = []
    for largest in (one_graph.SMALL, 0):
        monkeypatch.setattr(one_graph, "SMALL", largest)
        graph = one_graph.as_one_graph(step)
        found.append(graph(graph(a)[0]))
    assert all(map(torch.equal, *found))
    torch.testing.assert_close(found[0], step(step(a)[0]))


@pytest.mark.parametrize(
    ("size", "fails", "tried"),
    [(2, False, [True]), (2, True, [True, False]), (200, False, [False]), (200, True, [False])],
)
def test_who_calls_the_parts_of_a_step(monkeypatch, size, fails, tried):
    """C++ where tensors are small, PyTorch's own operators alone are called, and it can be compiled; else Python."""
    inductor = importlib.import_module("torch._inductor")
    asked = []

    def compiled(graph: Any, inputs: Any, **options: Any) -> Any:
        asked.append(inductor.config.cpp_wrapper)
        if fails:
            raise NotImplementedError(f"no program\nbut {asked[-1]}")
        return graph

    monkeypatch.setattr(inductor, "standalone_compile", compiled)
    graph = one_graph.as_one_graph(lambda x: (x + 1).sin())
    if fails:
        with pytest.raises(one_graph.CompilerError, match="NotImplementedError: no program"):
            graph(torch.zeros(size, size))
    else:
        assert torch.equal(graph(torch.zeros(size, size)), torch.ones(size, size).sin())
    assert asked == tried


NARROW = [(5, 1, 6), (5, 2, 6), (2, 2, 2), (1, 7, 6), (4, 7, 6), (5, 7, 1), (5, 7, 4)]
WIDE = [(5, 3, 6), (5, 7, 6), (0, 3, 5), (5, 0, 6), (5, 1, 70_000), (3, 70_000, 2)]


@pytest.mark.parametrize("turned", [(False, False), (True, False), (False, True)])
@pytest.mark.parametrize("stack", [(), (3,)])
def test_narrow_products_are_those_of_a_library_and_wide_ones_are_left_to_it(stack, turned):
    rng = torch.Generator().manual_seed(0)

    def factor(rows: int, columns: int, turn: bool) -> torch.Tensor:
        made = torch.randn(*stack, *((columns, rows) if turn else (rows, columns)), generator=rng)
        return made.mT if turn else made

    for rows, inner, columns in NARROW:
        a, b = factor(rows, inner, turned[0]), factor(inner, columns, turned[1])
        product = one_graph._product(a, b)
        assert product.is_contiguous()
        torch.testing.assert_close(product, a @ b)
        shift = torch.randn(columns, generator=rng)
        torch.testing.assert_close(one_graph._shifted_product(shift, a, b), shift + a @ b)
        assert one_graph._shifted_product(shift, a, b, beta=2) is NotImplemented
        assert one_graph._product(a.bfloat16(), b.bfloat16()) is NotImplemented
    for rows, inner, columns in WIDE:
        assert one_graph._product(factor(rows, inner, turned[0]), factor(inner, columns, turned[1])) is NotImplemented


def test_a_compiled_graph_has_no_narrow_products():
    """The last of four sums stands for a product that is narrow on all sides; a traced graph has them as they are."""
    layers = [torch.randn(16, 2), torch.randn(16, 16), torch.randn(1, 16)]

    def pull(x: torch.Tensor) -> torch.Tensor:
        for weight in layers:
            x = torch.tanh(x @ weight.t())
        return x

    for backend, products in (("inductor", 1), ("traced", 3)):
        graph = one_graph.as_one_graph(pull, backend)
        x = torch.randn(8, 2)
        made = graph._trace(one_graph.TreeForm((x,)), [x])
        assert sum("mm" in str(node.target) for node in made.graph.nodes) == products
        torch.testing.assert_close(made(x, *graph._constants)[0], pull(x))


def test_an_operator_of_others_is_called_by_python():
    traced = make_fx(lambda x: sum_over_ranks(x) + 1, tracing_mode="fake")(torch.zeros(2))
    assert not one_graph._calls_cost_most(traced, [torch.zeros(2)])
    assert one_graph._calls_cost_most(make_fx(torch.exp, tracing_mode="fake")(torch.zeros(2)), [torch.zeros(2)])


def test_laid_together():
    own = [torch.arange(6.0).reshape(2, 3), torch.tensor(7.0), torch.zeros(0), torch.arange(4.0).reshape(2, 2).T]
    found = compat.laid_together(own)
    assert torch.equal(found, torch.cat([v.reshape(-1) for v in own]))
    found += 1  # a copy
    assert torch.equal(own[0], torch.arange(6.0).reshape(2, 3))


def test_onednn_matmul():
    switch = compat.onednn_matmul()
    if torch.backends.mkldnn.is_available():
        assert switch.fp32_precision in ("none", "ieee", "bf16", "tf32")
    else:
        assert switch is None


def test_a_build_without_the_switch_has_none(monkeypatch):
    monkeypatch.setattr(torch.backends.mkldnn, "matmul", object())
    assert compat.onednn_matmul() is None
    monkeypatch.setattr(torch.backends.mkldnn, "is_available", lambda: False)
    assert compat.onednn_matmul() is None


A, B = [torch.tensor([1.0, -2.0]), torch.tensor(3.0)], [torch.tensor([4.0, 5.0]), torch.tensor(-6.0)]
OUT_OF_PLACE = {
    "foreach_neg": (lambda: compat.foreach_neg(A), lambda a, b: -a),
    "foreach_norm": (lambda: compat.foreach_norm(A), lambda a, b: (a * a).sum().sqrt()),
    "foreach_sqrt": (lambda: compat.foreach_sqrt([a.abs() for a in A]), lambda a, b: a.abs().sqrt()),
    "foreach_add": (lambda: compat.foreach_add(A, B, alpha=2.0), lambda a, b: a + 2 * b),
    "foreach_sub": (lambda: compat.foreach_sub(A, B), lambda a, b: a - b),
    "foreach_mul": (lambda: compat.foreach_mul(A, -0.5), lambda a, b: -0.5 * a),
    "foreach_div": (lambda: compat.foreach_div(A, B), lambda a, b: a / b),
}
IN_PLACE = {
    "foreach_add_": (lambda x: compat.foreach_add_(x, B, alpha=2.0), lambda a, b: a + 2 * b),
    "foreach_sub_": (lambda x: compat.foreach_sub_(x, B), lambda a, b: a - b),
    "foreach_mul_": (lambda x: compat.foreach_mul_(x, [torch.tensor(2.0), torch.tensor(2.0)]), lambda a, b: 2 * a),
    "foreach_lerp_": (lambda x: compat.foreach_lerp_(x, B, 0.25), lambda a, b: a + 0.25 * (b - a)),
    "foreach_addcmul_": (lambda x: compat.foreach_addcmul_(x, B, B, 0.1), lambda a, b: a + 0.1 * b * b),
    "foreach_copy_": (lambda x: compat.foreach_copy_(x, B), lambda a, b: b),
}


def test_every_foreach_function_has_a_test():
    named = {name for name in vars(compat) if name.startswith("foreach")}
    assert named == {*OUT_OF_PLACE, *IN_PLACE}


@pytest.mark.parametrize("name", OUT_OF_PLACE)
def test_foreach(name):
    function, expected = OUT_OF_PLACE[name]
    torch.testing.assert_close(list(function()), [expected(a, b) for a, b in zip(A, B)])


@pytest.mark.parametrize("name", IN_PLACE)
def test_foreach_in_place(name):
    function, expected = IN_PLACE[name]
    values = [a.clone() for a in A]
    kept = list(values)
    function(values)
    torch.testing.assert_close(kept, [expected(a, b) for a, b in zip(A, B)])


class Counts(nn.Module):
    """Assigns one buffer, writes into another, and leaves a third alone."""

    assigned: torch.Tensor
    written: torch.Tensor
    kept: torch.Tensor

    def __init__(self):
        super().__init__()
        self.weight = nn.Parameter(torch.tensor(2.0))
        for name in ("assigned", "written", "kept"):
            self.register_buffer(name, torch.tensor(0.0))

    def forward(self, x):
        self.assigned = self.assigned + x
        self.written += x
        return self.weight * x * (1 + self.kept)


@pytest.mark.parametrize("call", [functional_call, compat.call_with])
def test_functional_call_leaves_changed_buffers_in_the_dict_that_it_was_given(call):
    """`FunctionalGame.loss` reads state from it: a new tensor stands where one was assigned, the old one elsewhere."""
    module = Counts()

    def cost(weight, x, buffers):
        given = {name: value.clone() for name, value in buffers.items()}
        full = {"weight": weight, **given}
        value = call(module, full, (x,))
        assert full["kept"] is given["kept"]
        assert full["written"] is given["written"]
        assert full["assigned"] is not given["assigned"]
        return value, full

    weight, buffers, points = module.weight.detach(), dict(module.named_buffers()), torch.tensor([3.0, 5.0])
    alone = grad_and_value(cost, has_aux=True)(weight, points[0], buffers)
    two = {name: buffer.expand(2) for name, buffer in buffers.items()}
    stacked = vmap(grad_and_value(cost, has_aux=True))(weight.expand(2), points, two)
    for (slope, (value, full)), xs in ((alone, points[0]), (stacked, points)):
        assert torch.equal(slope, xs)
        assert torch.equal(value, 2 * xs)
        assert torch.equal(full["assigned"], xs)
        assert torch.equal(full["written"], xs)
        assert not full["kept"].any()
    assert not any(buffer.any() for buffer in module.buffers())


def test_a_call_with_other_tensors_is_pytorch_s_own_and_leaves_the_module_as_it_was():
    """Nested parts, one that appears twice, parametrised ones, names that do not exist, and a call that fails."""
    with seeded(0):
        twice = nn.Linear(3, 3)
        module = nn.Sequential(
            twice, nn.Sequential(nn.BatchNorm1d(3), parametrizations.weight_norm(nn.Linear(3, 3))), twice
        )
    before = {name: (value, value.clone()) for name, value in module.state_dict(keep_vars=True).items()}
    given = {name: value.detach() + 1 for name, (value, _) in before.items() if not name.startswith("2.")}
    x, unknown = torch.randn(4, 3), {"1.0.nowhere": torch.ones(3), "nowhere": torch.ones(1)}
    theirs, ours = ({name: v.clone() for name, v in given.items()} | unknown for _ in range(2))
    expected = functional_call(module, theirs, (x,), tie_weights=False)
    assert torch.equal(compat.call_with(module, ours, (x,)), expected)
    assert theirs.keys() == ours.keys()
    assert all(torch.equal(ours[name], value) for name, value in theirs.items())
    assert not torch.equal(ours["1.0.running_mean"], given["1.0.running_mean"])
    with pytest.raises(RuntimeError):
        compat.call_with(module, dict(given), (torch.randn(4, 2),))
    after = module.state_dict(keep_vars=True)
    assert all(after[name] is value and torch.equal(value, kept) for name, (value, kept) in before.items())


def test_is_plain():
    x, seen = torch.arange(3), []

    def asked(x):
        seen.append(compat.is_plain(x))
        return x + seen[-1]

    assert asked(x).tolist() == [1, 2, 3]
    vmap(asked)(x)
    assert one_graph.as_one_graph(lambda x: x + compat.is_plain(x), "traced")(x).tolist() == [0, 1, 2]
    assert seen == [True, False]
    assert not compat.is_plain(x, torch.empty(2, device="meta"))


def test_is_outermost():
    seen = []

    def look(x):
        seen.append(compat.is_outermost())
        return x.sum()

    x = torch.ones(2)
    with torch.no_grad():
        look(x)
        assert seen == [True]
        for transform in (grad_and_value(look), vmap(look), lambda x: jvp(look, (x,), (x,))):
            transform(x)
        assert one_graph.as_one_graph(lambda x: x + compat.is_outermost(), "traced")(x).tolist() == [1, 1]
        with torch.enable_grad():
            look(x)
    with torch.inference_mode():
        look(x)
    assert seen == [True, *[False] * 5]


def test_is_first_order():
    seen = []

    def look(x):
        seen.append(compat.is_first_order())
        return x.sum()

    x = torch.ones(2, requires_grad=True)
    look(x)
    with torch.no_grad():
        look(x)
    assert seen == [True, True]
    with compat.twice_differentiated():
        look(x)
    for transform in (grad_and_value(look), vmap(look), lambda x: jvp(look, (x,), (x,))):
        transform(x.detach())
    assert one_graph.as_one_graph(lambda x: x + compat.is_first_order(), "traced")(x.detach()).tolist() == [1, 1]
    derivative(look, x)
    assert seen == [True, True, *[False] * 5]
    look(x)
    assert seen[-1]


def _network(kind: str) -> nn.Module:
    layers = {"SiLU": nn.SiLU(), "group norm": nn.GroupNorm(2, 8), "spectral norm": spectral_norm(nn.Linear(8, 8))}
    return nn.Sequential(nn.Linear(2, 8), layers[kind], nn.GELU(), nn.Linear(8, 1))


@pytest.mark.parametrize("penalty", ["none", "dragan", "r1"])
@pytest.mark.parametrize("kind", ["SiLU", "group norm", "spectral norm"])
def test_an_eager_gradient_is_that_of_the_transform(kind, penalty, monkeypatch):
    """By plain autograd where nothing is outside, slopes included; these layers go back in another way then."""
    with seeded(0):
        layers = nn.Linear(3, 8), nn.BatchNorm1d(8), nn.SiLU(), nn.Linear(8, 8), BatchNorm(8), Rectifier(0.2)
        generator = nn.Sequential(*layers, nn.Linear(8, 2))
        critic = nn.Sequential(nn.Linear(2, 2), Rectifier(0.2), _network(kind))
        played = GAN(generator, critic, penalty=PENALTIES[penalty](), data=Ring(), latent=3, batch_size=16).double()
    problem, point, batch = FunctionalGame(played), point_of(played), to_float64(played.draw(Key(0)))
    with torch.no_grad():
        plain = {who: problem.gradient(who, point, batch) for who in played.players}
        monkeypatch.setattr("nashpath.core.game.is_outermost", lambda: False)
        monkeypatch.setattr("nashpath.core.math.derivatives.is_first_order", lambda: False)
        monkeypatch.setattr("nashpath.networks.activations.is_first_order", lambda: False)
        monkeypatch.setattr("nashpath.networks.batch_norm.is_first_order", lambda: False)
        transformed = {who: problem.gradient(who, point, batch) for who in played.players}
    for ours, theirs in zip(leaves(plain), leaves(transformed), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-9, atol=1e-12)
        assert not ours.requires_grad


def test_a_cost_that_no_parameter_moves_has_a_gradient_of_zeros():
    class Idle(Bilinear):
        def forward(self, player, batch):
            return torch.ones(()) if player == "generator" else super().forward(player, batch)

    game = Idle()
    with torch.no_grad():
        found = FunctionalGame(game).gradient("generator", point_of(game), {})
    assert found.gradient["value"].tolist() == [0.0]
    assert found.cost == 1


def test_importing_the_file_warns_of_nothing():
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        compat.hidden_power_iteration(nn.utils.spectral_norm(nn.Linear(2, 2)))


@pytest.mark.parametrize(
    ("last", "name"), [(torch.sigmoid, "sigmoid"), (lambda d: d.softmax(1), "softmax"), (torch.tanh, ""), (abs, "")]
)
def test_squashed_by(last, name: str):
    class Critic(nn.Linear):
        def forward(self, x):
            return last(super().forward(x)).unsqueeze(0).reshape(-1)

    assert compat.squashed_by(Critic(2, 1), torch.randn(3, 2)) == name


def test_with_child():
    inner, outer = nn.Linear(2, 1), nn.Sequential(nn.Linear(2, 2), nn.Tanh())
    other = compat.with_child(outer, "1", inner)
    assert other[1] is inner
    assert other[0] is outer[0]
    assert isinstance(outer[1], nn.Tanh)


@pytest.mark.parametrize("backend", ["traced", pytest.param("inductor", marks=pytest.mark.long)])
def test_repeated_calls_of_a_graph_are_its_calls_one_after_the_other(backend):
    """Also where a result's dict has another order than the argument's, or its tensors lie otherwise in memory."""

    def step(state, numbers, given):
        first, second = state["first"], state["second"]
        turned = (first @ second.T).T.contiguous().T
        return {"second": second + given * numbers["rate"], "first": turned.sin(), "kept": state["kept"]}, {
            "cost": turned.sum()
        }

    rng = torch.Generator().manual_seed(0)
    state = {name: torch.randn(4, 4, generator=rng) for name in ("first", "second", "kept")}
    numbers, given = {"rate": torch.tensor(0.5)}, torch.randn(4, 4, generator=rng)
    graph, plain = one_graph.as_one_graph(step, backend), one_graph.as_one_graph(step, backend)
    graph(state, numbers, given)
    for count in (1, 2, 5):
        want, info = state, {}
        for _ in range(count):
            want, info = plain(want, numbers, given)
        got, told = graph.repeated(count, state, numbers, given)
        assert list(got) == list(want)
        assert all(torch.equal(got[name], want[name]) for name in want)
        assert torch.equal(told["cost"], info["cost"])


@pytest.mark.parametrize("mode", ["stacked", "looped"])
def test_a_program_takes_as_many_steps_in_a_call_as_fit_into_a_moment(monkeypatch, mode):
    """Their number changes nothing, the report included; slow steps are taken one by one, so that a stop is heard."""
    monkeypatch.setattr(program, "as_one_graph", lambda function: one_graph.as_one_graph(function, "traced"))
    real = one_graph.OneGraph.repeated
    counts: list[int] = []
    monkeypatch.setattr(
        one_graph.OneGraph, "repeated", lambda self, count, *given: (counts.append(count), real(self, count, *given))[1]
    )
    raw = {"batch_size": 4, "penalty": "dragan", "generator": {"width": 4}, "discriminator": {"width": 4}}
    ends = {}
    for longest in (0.0, 1e6):
        monkeypatch.setattr(program, "LONGEST", longest)
        one = Program([build_trial(resolve(raw), seed) for seed in (0, 1)], [0, 1], mode, compiled=True)
        counts.clear()
        for steps in (2, 1, 7):
            one.run(steps)
        ends[longest] = one.train_state(1), one.info(), one.taken
        assert max(counts) == (1 if longest == 0.0 else 7)
    (a, info_a, _), (b, info_b, taken) = ends.values()
    assert taken == 10
    assert info_a == info_b
    assert all(torch.equal(x, y) for x, y in zip(leaves(a), leaves(b), strict=True))
