"""The drop-in optimizers: arithmetic by hand, and the manners of a ``torch.optim`` class."""

import copy
import io
import pickle

import pytest
import torch
from torch import nn

from nashpath.games import TOYS
from nashpath.solvers import RULES, SGD, Adam, AdaptiveCompetitiveGradient, Extragradient, Optimistic
from nashpath.solvers.optim import OGDA, ExtraAdam, ExtraSGD, NonlinearCG, OptimisticAdam
from nashpath.solvers.optim.extra import Extrapolating
from nashpath.solvers.rules.betas import BETAS
from solvers_play import play, vector


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


MAKERS = {
    "ogda": lambda params: OGDA(params, 0.1),
    "optimistic_adam": lambda params: OptimisticAdam(params, 0.1),
    "extra_sgd": lambda params: ExtraSGD(params, 0.1, momentum=0.5),
    "extra_adam": lambda params: ExtraAdam(params, 0.1),
    **{beta: lambda params, beta=beta: NonlinearCG(params, 0.1, beta) for beta in BETAS},
}


def network() -> nn.Module:
    with torch.random.fork_rng():
        torch.manual_seed(0)
        return nn.Sequential(nn.Linear(3, 4), nn.Tanh(), nn.Linear(4, 1))


def loss(model: nn.Module, step: int) -> torch.Tensor:
    x = torch.linspace(-1, 1, 12).reshape(4, 3) + 0.1 * step
    return (model(x) - x.sum(1, keepdim=True).sin()).square().mean()


def train(model, optimizer, steps, start=0):
    for step in range(start, start + steps):
        if isinstance(optimizer, Extrapolating):
            optimizer.zero_grad()
            loss(model, step).backward()
            optimizer.extrapolation()
        optimizer.zero_grad()
        loss(model, step).backward()
        optimizer.step()
    return [p.detach().clone() for p in model.parameters()]


@pytest.mark.parametrize("name", MAKERS)
@pytest.mark.parametrize("way", ["state_dict", "pickle", "deepcopy"])
def test_it_survives_a_round_trip(name, way):
    model = network()
    want = train(model, MAKERS[name](model.parameters()), 8)
    model = network()
    optimizer = MAKERS[name](model.parameters())
    train(model, optimizer, 4)
    if way == "state_dict":
        file = io.BytesIO()
        torch.save(optimizer.state_dict(), file)
        file.seek(0)
        optimizer = MAKERS[name](model.parameters())
        optimizer.load_state_dict(torch.load(file, weights_only=True))
    else:
        move = copy.deepcopy if way == "deepcopy" else lambda pair: pickle.loads(pickle.dumps(pair))
        model, optimizer = move((model, optimizer))
    got = train(model, optimizer, 4, start=4)
    assert all(torch.equal(a, b) for a, b in zip(got, want, strict=True))


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("whole", [False, True])
def test_the_optimizer_moves_as_the_rule_does(beta, whole):
    model = network()
    optimizer = NonlinearCG(model.parameters(), 0.1, beta, whole=whole, coefficient=0.75)
    options = {"beta": beta, "scope": "global" if whole else "tensor", "coefficient": 0.75}
    rule = RULES["conjugate_gradient"](0.1, **options)
    params = {k: v.detach().clone() for k, v in model.named_parameters()}
    memory = rule.init(params)
    for step in range(6):
        optimizer.zero_grad()
        loss(model, step).backward()
        gradient = {k: v.grad for k, v in model.named_parameters()}
        move, memory = rule(gradient, memory)
        params = {k: v + move[k] for k, v in params.items()}
        optimizer.step()
        for k, v in model.named_parameters():
            torch.testing.assert_close(v.detach(), params[k])


@pytest.mark.parametrize("beta", BETAS)
@pytest.mark.parametrize("set_to_none", [True, False])
def test_zeroing_gradients_in_place_changes_nothing(beta, set_to_none):
    """The released toy optimizer keeps an alias of the gradient, so that in-place zeroing turns it into SGD."""
    finals = []
    for way in (True, set_to_none):
        model = network()
        optimizer = NonlinearCG(model.parameters(), 0.3, beta)
        for step in range(6):
            optimizer.zero_grad(set_to_none=way)
            loss(model, step).backward()
            optimizer.step()
        finals.append([p.detach().clone() for p in model.parameters()])
    assert all(torch.equal(a, b) for a, b in zip(*finals, strict=True))
    plain = network()
    train(plain, torch.optim.SGD(plain.parameters(), 0.3), 6)
    if beta in ("FR", "DY", "HZ"):
        assert not any(torch.allclose(a, b) for a, b in zip(finals[0], plain.parameters(), strict=True))


def test_the_first_direction_descends():
    x = torch.tensor([3.0], requires_grad=True)
    optimizer = NonlinearCG([x], 0.1)
    x.square().sum().backward()
    optimizer.step()
    assert x.item() == pytest.approx(3 - 0.1 * 6)


@pytest.mark.parametrize("name", ["ogda", "optimistic_adam", "FR"])
def test_a_closure_is_evaluated_with_gradients_and_its_loss_returned(name):
    model = network()
    optimizer = MAKERS[name](model.parameters())

    def closure():
        optimizer.zero_grad()
        value = loss(model, 0)
        value.backward()
        return value

    with torch.no_grad():
        first, second = optimizer.step(closure), optimizer.step(closure)
    assert second < first == loss(network(), 0)


@pytest.mark.parametrize("name", MAKERS)
def test_groups_have_rates_of_their_own_and_missing_gradients_are_skipped(name):
    a, b, c = (torch.ones(2, requires_grad=True) for _ in range(3))
    optimizer = MAKERS[name]([{"params": [a, c]}, {"params": [b], "lr": 0.01}])
    for _ in range(2):
        (a.sum() + b.sum()).backward()
        if isinstance(optimizer, Extrapolating):
            optimizer.extrapolation()
        optimizer.step()
        optimizer.zero_grad()
    moved_a, moved_b = 1 - a.detach(), 1 - b.detach()
    torch.testing.assert_close(moved_b * 10, moved_a)
    assert (moved_a > 0).all()
    assert torch.equal(c.detach(), torch.ones(2))


@pytest.mark.parametrize("name", MAKERS)
def test_maximize_is_minimising_the_negative_and_weight_decay_a_square(name):
    def run(sign, maximize, decay, square):
        x = torch.tensor([1.0, -0.5], requires_grad=True)
        optimizer = MAKERS[name]([x])
        optimizer.param_groups[0].update(maximize=maximize, weight_decay=decay)
        for _ in range(3):
            for half in ("extrapolation", "step") if isinstance(optimizer, Extrapolating) else ("step",):
                optimizer.zero_grad()
                (sign * x.sin().sum() + 0.5 * square * x.square().sum()).backward()
                getattr(optimizer, half)()
        return x.detach()

    torch.testing.assert_close(run(-1, True, 0.0, 0.0), run(1, False, 0.0, 0.0))
    torch.testing.assert_close(run(1, False, 0.3, 0.0), run(1, False, 0.0, 0.3))


@pytest.mark.parametrize("name", ["extra_sgd", "extra_adam"])
def test_a_step_without_extrapolation_is_an_error(name):
    x = torch.ones(1, requires_grad=True)
    optimizer = MAKERS[name]([x])
    x.sum().backward()
    with pytest.raises(RuntimeError, match="extrapolation"):
        optimizer.step()


def test_bad_arguments_are_named():
    x = [torch.ones(1, requires_grad=True)]
    with pytest.raises(ValueError, match="lr is -1"):
        NonlinearCG(x, -1.0)
    with pytest.raises(KeyError, match="Did you mean"):
        NonlinearCG(x, 0.1, "FRPRP")
    with pytest.raises(ValueError, match=r"betas\[1\] is 1\.0"):
        ExtraAdam(x, betas=(0.9, 1.0))


def test_extra_adam_is_the_published_arithmetic():
    """Gidel et al.'s file: both half-steps renew the moments and the count; ε is added to the uncorrected root."""
    lr, b1, b2, eps = 0.1, 0.5, 0.9, 1e-3
    x = torch.tensor([1.0], requires_grad=True)
    optimizer = ExtraAdam([x], lr, betas=(b1, b2), eps=eps)
    z, m, v, t = 1.0, 0.0, 0.0, 0

    def update(g):
        nonlocal m, v, t
        t += 1
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        return -lr * (1 - b2**t) ** 0.5 / (1 - b1**t) * m / (v**0.5 + eps)

    for _ in range(5):
        ahead = z + update(4 * z**3)
        z = z + update(4 * ahead**3)
        for half in (optimizer.extrapolation, optimizer.step):
            optimizer.zero_grad()
            x.pow(4).sum().backward()
            half()
        assert x.item() == pytest.approx(z, rel=1e-12)


def test_the_solver_extragradient_with_adam_has_the_epsilon_of_torch():
    """By hand on ``min_x max_y xy``: ε is added to the corrected root, so it counts less than in the authors' file."""
    h, b1, b2, eps = 0.1, 0.5, 0.9, 0.3
    points, _, _ = play(Extragradient(Adam(h, b1, b2, eps), Adam(h, b1, b2, eps)), TOYS["bilinear"](), 5)
    x, y = (float(v) for v in vector(points[0]))
    kept = {"x": [0.0, 0.0, 0], "y": [0.0, 0.0, 0]}

    def update(who, g):
        m, v, t = kept[who]
        m, v, t = kept[who] = [b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g, t + 1]
        return -h * m / (1 - b1**t) / ((v / (1 - b2**t)) ** 0.5 + eps)

    for point in points[1:]:
        ahead = x + update("x", y), y + update("y", -x)
        x, y = x + update("x", ahead[1]), y + update("y", -ahead[0])
        assert vector(point).tolist() == pytest.approx([x, y], rel=1e-5)


def test_acgd_has_the_epsilon_of_its_authors():
    """By hand on ``min_x max_y xy``, as devzhk/cgds-package writes it: the bias is that of root and ε together."""
    h, decay, eps = 0.1, 0.9, 0.3
    solver = AdaptiveCompetitiveGradient(SGD(h), SGD(h), decay=decay, epsilon=eps, tolerance=0.0)
    points, _, _ = play(solver, TOYS["bilinear"](), 5)
    x, y = (float(v) for v in vector(points[0]))
    square_x = square_y = 0.0
    for t, point in enumerate(points[1:], 1):
        square_x, square_y = (decay * s + (1 - decay) * g * g for s, g in ((square_x, y), (square_y, x)))
        a, b = (h * (1 - decay**t) ** 0.5 / (s**0.5 + eps) for s in (square_x, square_y))
        # Δx = −a (y + Δy), Δy = b (x + Δx)
        dx = -a * (y + b * x) / (1 + a * b)
        x, y = x + dx, y + b * (x + dx)
        assert vector(point).tolist() == pytest.approx([x, y], rel=1e-5)


def test_optimistic_adam_is_the_published_arithmetic():
    lr, b1, b2, eps = 0.1, 0.5, 0.9, 1e-3
    x = torch.tensor([1.0], requires_grad=True)
    optimizer = OptimisticAdam([x], lr, betas=(b1, b2), eps=eps)
    z, m, v, last = 1.0, 0.0, 0.0, None
    for t in range(1, 6):
        g = 4 * z**3
        m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
        u = lr * (m / (1 - b1**t)) / ((v / (1 - b2**t)) ** 0.5 + eps)
        z = z - (2 * u - (u if last is None else last))
        last = u
        optimizer.zero_grad()
        x.pow(4).sum().backward()
        optimizer.step()
        assert x.item() == pytest.approx(z, rel=1e-12)


@pytest.mark.parametrize("eps", [1e-8, 1e-4, 1e-2, 1.0])
def test_optimistic_adam_without_optimism_is_adam(eps):
    """That of PyTorch, whose eps is added to the corrected root."""
    weights = [torch.tensor([0.5, -1.0], dtype=torch.float64, requires_grad=True) for _ in range(2)]
    ours = OptimisticAdam([weights[0]], 0.1, betas=(0.5, 0.9), eps=eps, optimism=0.0)
    theirs = torch.optim.Adam([weights[1]], 0.1, betas=(0.5, 0.9), eps=eps)
    for _ in range(7):
        for weight, optimizer in zip(weights, (ours, theirs)):
            optimizer.zero_grad()
            (1e-2 * weight.pow(4)).sum().backward()
            optimizer.step()
        torch.testing.assert_close(weights[0], weights[1], rtol=1e-12, atol=0)


@pytest.mark.parametrize(
    ("solver", "drop_in"), [(Extragradient, lambda p: ExtraSGD(p, 0.3)), (Optimistic, lambda p: OGDA(p, 0.3))]
)
def test_two_optimizers_in_a_loop_play_the_bilinear_game_as_the_solver_does(solver, drop_in):
    points, _, _ = play(solver(SGD(0.3), SGD(0.3)), TOYS["bilinear"](), 10)
    x, y = torch.ones(1, requires_grad=True), torch.ones(1, requires_grad=True)
    players = drop_in([x]), drop_in([y])
    for step in range(1, 11):
        for half in ("extrapolation", "step") if isinstance(players[0], Extrapolating) else ("step",):
            x.grad, y.grad = y.detach().clone(), -x.detach().clone()
            for player in players:
                getattr(player, half)()
        torch.testing.assert_close(torch.cat([x, y]).detach(), vector(points[step]))


@pytest.mark.parametrize("name", MAKERS)
def test_a_learning_rate_scheduler_drives_it(name):
    x = torch.ones(1, requires_grad=True)
    optimizer = MAKERS[name]([x])
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda step: 0.0 if step else 1.0)
    for step in range(3):
        before = x.detach().clone()
        for half in ("extrapolation", "step") if isinstance(optimizer, Extrapolating) else ("step",):
            optimizer.zero_grad()
            x.square().sum().backward()
            getattr(optimizer, half)()
        optimistic_tail = step == 1 and name in ("ogda", "optimistic_adam")  # the last move is still corrected
        if step > 0 and not optimistic_tail:
            assert torch.equal(before, x.detach())
        scheduler.step()
