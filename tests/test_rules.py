"""Rules against ``torch.optim``; conjugate gradients against formulas by hand, the classical law, and the paper."""

import pytest
import torch

from nashpath.core.math.averages import bias_correction
from nashpath.games import TOYS
from nashpath.solvers import (
    RULES,
    SCHEDULES,
    SGD,
    Adam,
    Alternating,
    ConjugateGradient,
    Momentum,
    NormClipped,
    RMSProp,
    Scheduled,
)
from nashpath.solvers.rules.betas import BETAS
from solvers_play import distances, play

ALL_BETAS = list(BETAS)


@pytest.fixture(autouse=True)
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


def gradients(steps: int, seed: int = 0) -> list[dict[str, torch.Tensor]]:
    rng = torch.Generator().manual_seed(seed)
    return [
        {"w": torch.randn(3, 2, generator=rng), "b": 0.1 * torch.randn(4, generator=rng) + 0.2} for _ in range(steps)
    ]


def follow(rule, sequence) -> list[dict[str, torch.Tensor]]:
    """The moves of a rule, gradient by gradient."""
    memory, moves = rule.init(sequence[0]), []
    for gradient in sequence:
        move, memory = rule(gradient, memory)
        moves.append(move)
    return moves


PAIRS = {
    "sgd": (SGD(0.1), torch.optim.SGD, {"lr": 0.1}),
    "momentum": (Momentum(0.1, 0.7), torch.optim.SGD, {"lr": 0.1, "momentum": 0.7}),
    "adam": (Adam(0.1, 0.5, 0.9), torch.optim.Adam, {"lr": 0.1, "betas": (0.5, 0.9), "eps": 1e-8}),
    "rmsprop": (RMSProp(0.1, 0.9), torch.optim.RMSprop, {"lr": 0.1, "alpha": 0.9, "eps": 1e-8}),
}


@pytest.mark.parametrize("name", PAIRS)
def test_a_rule_moves_as_torch_optim_does(name):
    rule, optimizer_class, options = PAIRS[name]
    rule = rule.double()
    params = {k: torch.zeros_like(v, requires_grad=True) for k, v in gradients(1)[0].items()}
    optimizer = optimizer_class(params.values(), **options)
    ours = {k: torch.zeros_like(v) for k, v in params.items()}
    for gradient, move in zip(gradients(20), follow(rule, gradients(20)), strict=True):
        for k, p in params.items():
            p.grad = gradient[k].clone()
        optimizer.step()
        ours = {k: v + move[k] for k, v in ours.items()}
        for k, p in params.items():
            # the numbers of a rule made under float32 (0.9 as a buffer) carry its rounding
            torch.testing.assert_close(ours[k], p.detach(), rtol=1e-5, atol=1e-7)


def by_hand(beta: str, g, p, d) -> float:
    """The formulas as the paper's code has them, for one tensor."""
    y = g - p
    fr, prp = g @ g / (p @ p), g @ y / (p @ p)
    hs, dy = g @ y / (d @ y), g @ g / (d @ y)
    table = {
        "FR": fr,
        "PRP": prp,
        "HS": hs,
        "DY": dy,
        "FR-PRP": max(0.0, min(fr, prp)),
        "HS-DY": max(0.0, min(hs, dy)),
        "HZ": hs - 2 * (y @ y) * (g @ d) / (d @ y) ** 2,
    }
    return float(table[beta])


@pytest.mark.parametrize("beta", ALL_BETAS)
@pytest.mark.parametrize("scope", ["tensor", "global"])
@pytest.mark.parametrize("cap", [0.5, float("inf")])
def test_directions_are_those_of_the_formula(beta, scope, cap):
    rule = ConjugateGradient(1.0, beta=beta, cap=cap, coefficient=0.75, scope=scope)
    sequence = gradients(6)
    groups = [["w", "b"]] if scope == "global" else [["w"], ["b"]]
    for names in groups:
        d = p = None
        for gradient, move in zip(sequence, follow(rule, sequence), strict=True):
            g = torch.cat([gradient[k].flatten() for k in names])
            share = 0.0 if d is None else 0.75 * min(by_hand(beta, g, p, d), cap)
            d = -g if d is None else -g + share * d
            p = g
            torch.testing.assert_close(torch.cat([move[k].flatten() for k in names]), d, rtol=1e-9, atol=1e-9)


def test_nonnegative_clips_from_below():
    sequence = [{"x": torch.tensor([1.0, 0.0])}, {"x": torch.tensor([0.5, 0.0])}]
    free = follow(ConjugateGradient(1.0, beta="PRP"), sequence)[1]["x"]
    clipped = follow(ConjugateGradient(1.0, beta="PRP", nonnegative=True), sequence)[1]["x"]
    assert free.tolist() == [-0.5 + 0.25, 0.0]  # β = 0.5 · (0.5 − 1) / 1 = −0.25
    assert clipped.tolist() == [-0.5, 0.0]


@pytest.mark.parametrize("beta", ALL_BETAS)
def test_zero_denominators_give_steepest_descent(beta):
    zero, one = {"x": torch.zeros(2)}, {"x": torch.ones(2)}
    rule = ConjugateGradient(1.0, beta=beta)
    assert follow(rule, [zero, zero, one])[2]["x"].tolist() == [-1, -1]
    same = follow(rule, [one, one])[1]["x"]  # y = 0: no curvature to see
    assert same.tolist() == ([-1.5, -1.5] if beta == "FR" else [-1, -1])


@pytest.mark.parametrize("beta", ALL_BETAS)
def test_the_last_gradient_is_a_copy(beta):
    """Zeroing a gradient in place, as ``zero_grad(set_to_none=False)`` does, must not reach the rule's memory."""
    rule, sequence = ConjugateGradient(1.0, beta=beta), gradients(3)
    want = follow(rule, sequence)
    memory, shared = rule.init(sequence[0]), {k: torch.empty_like(v) for k, v in sequence[0].items()}
    for gradient, expected in zip(sequence, want, strict=True):
        for k, v in gradient.items():
            shared[k].copy_(v)
        move, memory = rule(shared, memory)
        for k, v in expected.items():
            torch.testing.assert_close(move[k], v)


@pytest.mark.parametrize("beta", ALL_BETAS)
def test_with_exact_line_search_all_formulas_agree_and_end_in_n_steps(beta):
    n, rng = 6, torch.Generator().manual_seed(1)
    root = torch.randn(n, n, generator=rng)
    a, b = root @ root.T + torch.eye(n), torch.randn(n, generator=rng)
    rule = ConjugateGradient(1.0, beta=beta, cap=float("inf"))
    x = {"x": torch.zeros(n)}
    memory, path = rule.init(x), []
    for _ in range(n):
        gradient = a @ x["x"] - b
        direction, memory = rule({"x": gradient}, memory)
        d = direction["x"]
        x = {"x": x["x"] - (gradient @ d) / (d @ a @ d) * d}
        path.append(x["x"])
    torch.testing.assert_close(path[-1], torch.linalg.solve(a, b), rtol=1e-8, atol=1e-9)
    from scipy.sparse.linalg import cg

    iterates: list[torch.Tensor] = []
    cg(a.numpy(), b.numpy(), rtol=1e-12, callback=lambda v: iterates.append(torch.tensor(v)))
    for ours, theirs in zip(path, iterates, strict=False):
        torch.testing.assert_close(ours, theirs, rtol=1e-7, atol=1e-8)


@pytest.mark.parametrize("count", [0, 1, 5, 9999, 10000, 25000])
def test_schedules_have_their_closed_form(count):
    n = torch.tensor(float(count))
    closed = {
        "constant": 1.0,
        "inverse_sqrt": (count + 1) ** -0.5,
        "power": (count + 1) ** -0.75,
        "step_decay": 0.9 ** (count // 10000),
        "linear": min(1.0, max(0.0, 3 - 3 * count / 100_000)),
    }
    assert set(closed) == set(SCHEDULES)
    for name, value in closed.items():
        assert float(SCHEDULES[name]()(n)) == pytest.approx(value, rel=1e-12)


@pytest.mark.parametrize("name", RULES)
def test_a_scheduled_rule_is_the_rule_with_another_learning_rate_each_step(name):
    sequence = gradients(5)
    schedule = SCHEDULES["power"](0.6)
    scheduled = follow(Scheduled(RULES[name](learning_rate=0.3), schedule), sequence)
    rule = RULES[name](learning_rate=0.3)
    memory = rule.init(sequence[0])
    for n, (gradient, move) in enumerate(zip(sequence, scheduled, strict=True)):
        rule.learning_rate.fill_(0.3 * (n + 1) ** -0.6)
        want, memory = rule(gradient, memory)
        for k in want:
            torch.testing.assert_close(move[k], want[k])


@pytest.mark.parametrize("norm", [0.3, 1.0, 100.0])
def test_a_rule_that_is_shown_bounded_gradients_moves_as_torch_does_after_clip_grad_norm(norm):
    rule = NormClipped(Adam(0.1, 0.5, 0.9), norm).double()
    params = {k: torch.zeros_like(v, requires_grad=True) for k, v in gradients(1)[0].items()}
    optimizer = torch.optim.Adam(params.values(), lr=0.1, betas=(0.5, 0.9), eps=1e-8)
    ours, sequence = {k: torch.zeros_like(v) for k, v in params.items()}, gradients(10)
    for gradient, move in zip(sequence, follow(rule, sequence), strict=True):
        for k, p in params.items():
            p.grad = gradient[k].clone()
        torch.nn.utils.clip_grad_norm_(params.values(), norm)
        optimizer.step()
        ours = {k: v + move[k] for k, v in ours.items()}
        for k, p in params.items():
            torch.testing.assert_close(ours[k], p.detach(), rtol=1e-5, atol=1e-7)


def test_a_look_ahead_is_not_counted_by_a_schedule():
    rule = Scheduled(SGD(1.0), SCHEDULES["inverse_sqrt"]())
    one = {"x": torch.ones(1)}
    memory = rule.init(one)
    for n in range(3):
        ahead, memory = rule.extrapolate(one, memory)
        assert float(rule.rate(memory)) == pytest.approx((n + 1) ** -0.5)
        step, memory = rule(one, memory)
        assert float(ahead["x"]) == float(step["x"]) == pytest.approx(-((n + 1) ** -0.5))


def saddle(rule_x, rule_y, steps: int) -> float:
    """Alternating play of (1 + x²)(100 − y²) from (2, −4), x first; the final distance."""
    x, y = {"x": torch.tensor([2.0])}, {"y": torch.tensor([-4.0])}
    memory_x, memory_y = rule_x.init(x), rule_y.init(y)
    with torch.no_grad():
        for _ in range(steps):
            move, memory_x = rule_x({"x": 2 * x["x"] * (100 - y["y"] ** 2)}, memory_x)
            x = {"x": x["x"] + move["x"]}
            move, memory_y = rule_y({"y": 2 * y["y"] * (1 + x["x"] ** 2)}, memory_y)
            y = {"y": y["y"] + move["y"]}
    return float(torch.hypot(x["x"], y["y"]))


def make(name: str, rate: float):
    """A rule of the paper's toy table."""
    if name == "SGD":
        return SGD(rate)
    if name.startswith("momentum"):
        return Momentum(rate, float(name.split()[1]))
    return ConjugateGradient(rate, beta=name.removesuffix("+"), nonnegative=name.endswith("+"))


# shared/papers.md 4d C1: an independent NumPy implementation, learning rates (1e-4, 1e-3), (1e-3, 5e-3)
TABLE = {
    "SGD": (1.44, 0.0657),
    "momentum 0.5": (0.639, 9.5e-4),
    "FR": (0.639, 9.7e-4),
    "DY": (0.639, 9.5e-4),
    "HZ": (0.649, 1.2e-3),
    "PRP": (1.45, 0.069),
    "HS": (2.18, 0.51),
    "HS+": (1.44, 0.0657),
    "FR-PRP": (1.44, 0.0657),
    "HS-DY": (1.44, 0.0657),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", TABLE)
def test_the_papers_toy_ends_where_the_calibrated_table_says(name):
    slow = saddle(make(name, 1e-4), make(name, 1e-3), 400)
    fast = saddle(make(name, 1e-3), make(name, 5e-3), 400)
    assert (slow, fast) == pytest.approx(TABLE[name], rel=0.05)


@pytest.mark.long
def test_the_papers_toy_by_the_solver():
    """Gate C1: with β capped at ½, FR and HZ race ahead of SGD; PRP and HS-DY stay with it."""
    final = {}
    for name in ("SGD", "FR", "HZ", "PRP", "HS-DY"):
        points, _, _ = play(Alternating(make(name, 5e-3), make(name, 1e-3)), TOYS["saddle"](), 400)
        final[name] = distances(points)[-1]
    assert all(final[name] < 0.1 * final["SGD"] for name in ("FR", "HZ"))
    assert all(final[name] == pytest.approx(final["SGD"], rel=0.1) for name in ("PRP", "HS-DY"))


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("schedule", "steps"), [("constant", 500), ("inverse_sqrt", 1000), ("power", 4000)])
def test_the_papers_three_learning_rate_rules(schedule, steps):
    """Gate C2: every rule comes near the equilibrium; under diminishing rates FR, DY and HZ lead SGD tenfold."""
    final = {}
    for name in ("SGD", "FR+", "DY+", "HZ+"):
        x, y = (Scheduled(make(name, rate), SCHEDULES[schedule]()) for rate in (2e-3, 5e-2))
        final[name] = saddle(x, y, steps)
    assert all(v < 0.2 for v in final.values())
    if schedule != "constant":
        assert all(final[name] < 0.1 * final["SGD"] for name in ("FR+", "DY+", "HZ+"))


@pytest.mark.parametrize("decay", [0.0, 1e-30, 0.5, 0.9, 0.999, 0.99999])
@pytest.mark.parametrize("count", [1.0, 2.0, 10.0, 1e3, 1e7])
def test_bias_correction_is_that_of_long_numbers(decay, count):
    """To the last digits of the decay that was given, also where 1 - decay**count has lost most of them."""
    single = torch.tensor(decay)
    expected = -torch.expm1(count * single.double().log().clamp(min=-1e9))
    torch.testing.assert_close(expected, 1 - single.double() ** count, rtol=1e-9, atol=1e-12)
    found = bias_correction(single, torch.tensor(count))
    torch.testing.assert_close(found.double(), expected, rtol=3e-7, atol=0)
    torch.testing.assert_close(bias_correction(float(single), torch.tensor(count)), found, rtol=1e-6, atol=0)
