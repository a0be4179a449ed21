"""What every solver promises: costs are as declared, stacked = solo, compiled = eager, state changes once a step."""

import pytest
import torch
from torch.func import vmap

from nashpath.core import FunctionalGame, Key, Point, pick, point_of, tree_map
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.games import PENALTIES, TOYS
from nashpath.solvers import (
    AVERAGES,
    RULES,
    SCHEDULES,
    SGD,
    SOLVERS,
    Alternating,
    ConjugateGradient,
    Optimistic,
    Scheduled,
    derivatives,
)
from solvers_play import play, pure_step, small_gan, solver_numbers


@pytest.fixture
def _double():
    torch.set_default_dtype(torch.float64)
    yield
    torch.set_default_dtype(torch.float32)


OPTIONS = {
    "follow_the_ridge, adapt": {"adapt": True},
    "local_symplectic_surgery, descent": {"inner": "descent", "inner_rate": 0.01},
    "runge_kutta, fresh": {"fresh": True},
    "unrolled, rule": {"inner": "rule", "unrolling": 2},
}
"""Settings of a solver that make another program of its step."""


def made(name: str, *rules):
    """A solver by its name, and by that of its `OPTIONS` after a comma."""
    return SOLVERS[name.split(",")[0]](*rules, **OPTIONS.get(name, {}))


class Counting(FunctionalGame):
    """Counts gradients and bare cost evaluations."""

    def __init__(self, game):
        super().__init__(game)
        self.asked = {"gradient": 0, "cost": 0}

    def gradient(self, *args, **kwargs):
        self.asked["gradient"] += 1
        return super().gradient(*args, **kwargs)

    def loss(self, *args, **kwargs):
        self.asked["cost"] += 1
        return super().loss(*args, **kwargs)


@pytest.mark.parametrize("name", [*SOLVERS, *OPTIONS])
def test_declared_costs_are_the_real_ones(name, monkeypatch):
    """Every gradient prices the batch once; every other pricing builds one graph for products, or a LOLA stake."""
    asked = {"products": 0}
    real_vjp, real_energy = derivatives.vjp, derivatives.energy

    def vjp(*args, **kwargs):
        out, pull = real_vjp(*args, **kwargs)[:2]

        def counted(direction):
            asked["products"] += 1
            return pull(direction)

        return out, counted

    def energy(*args):
        asked["products"] += 2  # Jᵀv differentiates each player's gradient once
        return real_energy(*args)

    monkeypatch.setattr(derivatives, "vjp", vjp)
    for module in ("consensus", "sga"):
        monkeypatch.setattr(f"nashpath.solvers.{module}.energy", energy)
    game = TOYS["quadratic"]()
    solver = made(name, SGD(0.1), SGD(0.1))
    problem = Counting(game)
    play(solver, game, 1, problem)
    # unrolled: each step of the discriminator, and what they lead to; an adapting ridge: two of its gradients ahead
    unrolling = {"unrolled": 5, "unrolled, rule": 2}.get(name, 0)
    stakes = {"lola": 2, "follow_the_ridge, adapt": 2}.get(name, unrolling + (unrolling > 0))
    graphs = {"lola": 2, "sga": 4, "cgd": 2, "acgd": 2, "lead": 2, "local_symplectic_surgery": 4, "follow_the_ridge": 2}
    asked["products"] += unrolling  # the gradient through the steps, each of them once
    assert problem.asked["gradient"] + stakes == solver.gradients
    assert problem.asked["cost"] - problem.asked["gradient"] == stakes + graphs.get(name.split(",")[0], 0)
    assert asked["products"] == solver.products


@pytest.mark.parametrize("steps", [1, 2, 5])
def test_alternating_counts_its_steps(steps):
    game, solver = TOYS["bilinear"](), Alternating(SGD(0.1), SGD(0.1), discriminator_steps=steps)
    problem = Counting(game)
    play(solver, game, 3, problem)
    assert problem.asked["gradient"] == 3 * solver.gradients == 3 * (steps + 1)
    assert solver.draws == steps + 1


@pytest.mark.parametrize("fresh", [True, False])
@pytest.mark.parametrize("steps", [1, 2])
def test_the_generator_answers_its_own_batch_or_the_discriminators_last(steps, fresh):
    """By hand, one gradient after the other."""
    game, solver = small_gan(0), Alternating(SGD(0.1), SGD(0.2), discriminator_steps=steps, fresh=fresh)
    problem, point = FunctionalGame(game), point_of(game)
    assert solver.draws == steps + fresh
    drawn = game.draw(Key(1), (solver.draws,))
    with torch.no_grad():
        moved, *_ = solver(problem, point, solver.init(problem, point), drawn)
        for turn, (who, rate) in enumerate([*[("discriminator", 0.1)] * steps, ("generator", 0.2)]):
            batch = pick(drawn, turn if fresh or turn < steps else steps - 1)
            slope = problem.gradient(who, point, batch)
            own = {k: v - rate * slope.gradient[k] for k, v in point.players[who].items()}
            point = Point({**point.players, who: own}, {**point.state, **slope.state})
    for ours, theirs in zip(leaves(moved), leaves(point), strict=True):
        torch.testing.assert_close(ours, theirs)


def stacked(members):
    return tree_map(lambda *parts: torch.stack(parts), *members)


def populate(solvers):
    """Two members of one structure: games, numbers, starting points and memories."""
    games = [small_gan(seed, PENALTIES["wgan_gp"](weight=0.1)) for seed in range(len(solvers))]
    points = [point_of(game) for game in games]
    memories = [s.init(FunctionalGame(g), p) for s, g, p in zip(solvers, games, points, strict=True)]
    return games, [solver_numbers(s) for s in solvers], points, memories


def variants(name: str):
    """Every solver with plain descent; a few of the rules on top."""
    inner = {"extragradient": lambda h: RULES["adam"](h), "lookahead": lambda h: RULES["rmsprop"](h)}
    default = lambda h: Scheduled(ConjugateGradient(h, beta="HZ"), SCHEDULES["power"](0.3))  # noqa: E731
    make = inner.get(name, default)
    return [made(name, make(h), make(2 * h)) for h in (0.01, 0.02)]


@pytest.mark.long(first=True)
@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("name", [*SOLVERS, *OPTIONS])
def test_stacked_is_solo_and_all_reports_are_finite(name):
    solvers = variants(name)
    games, numbers, points, memories = populate(solvers)
    step = pure_step(games[0], solvers[0])
    key = Key(1)
    many = (stacked(numbers), stacked(points), stacked(memories))
    solo, info = [], {}
    with torch.no_grad():
        for _ in range(3):
            draws = [game.draw(key, (solvers[0].draws,)) for game in games]
            solo = [step(*parts) for parts in zip(numbers, points, memories, draws, strict=True)]
            points, memories = [s[0] for s in solo], [s[1] for s in solo]
            point, memory, info = vmap(step)(*many, stacked(draws))
            many = (many[0], point, memory)
    for ours, theirs in zip(leaves((*many[1:], info)), leaves(stacked(solo)), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-8, atol=1e-10)
    assert all(torch.isfinite(v).all() for v in info.values())
    assert {"cost.generator", "cost.discriminator", "gradient_norm.generator"} <= set(info)
    assert all(v.dtype == torch.float64 for v in leaves((many[1].players, info)))


WITH_PENALTY = pytest.mark.thorough("twenty seconds of a C++ compiler; runs with penalties are compiled elsewhere")


def compiled_is_eager(solver, backend, penalised=True):
    game = small_gan(0, PENALTIES["wgan_gp"](weight=0.1) if penalised else None)
    step, point = pure_step(game, solver), point_of(game)
    args = (
        solver_numbers(solver),
        point,
        solver.init(FunctionalGame(game), point),
        game.draw(Key(1), (solver.draws,)),
    )
    with torch.no_grad():
        want = step(*args)
        got = as_one_graph(step, backend=backend)(*args)
    for ours, theirs in zip(leaves(got), leaves(want), strict=True):
        torch.testing.assert_close(ours, theirs, rtol=1e-4, atol=1e-6)


@pytest.mark.long
@pytest.mark.parametrize("name", ["extragradient", "consensus", "sga"])
def test_the_step_on_a_penalised_gan_is_one_graph(name):
    """Of two fields and of both kinds of product; below, the others. Every solver is traced in `test_law_complete`."""
    compiled_is_eager(SOLVERS[name](SGD(0.01), SGD(0.01)), "traced")


@pytest.mark.long
@pytest.mark.parametrize("name", OPTIONS)
def test_the_step_of_every_option_is_one_graph(name):
    """Without a penalty, whose own derivatives make most of a graph: what is asked for here is the solver's part."""
    compiled_is_eager(made(name, RULES["adam"](0.01), RULES["adam"](0.01)), "traced", penalised=False)


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:.*torch.jit:DeprecationWarning")  # torch's own import of its compiler
@pytest.mark.parametrize("penalised", [False, pytest.param(True, marks=WITH_PENALTY)])
def test_compiled_is_eager(penalised):
    """Whole, to machine code, with a plain solver; with the deepest one up to the code for the processor."""
    rule = Scheduled(ConjugateGradient(0.01, beta="HS-DY"), SCHEDULES["inverse_sqrt"]())
    compiled_is_eager(SOLVERS["cgd"](rule, SGD(0.01), iterations=2), "traced", penalised)
    compiled_is_eager(SOLVERS["simultaneous"](rule, SGD(0.01)), "inductor", penalised)


@pytest.mark.parametrize("name", [*SOLVERS, *OPTIONS])
def test_running_statistics_are_renewed_once_a_generator_turn(name):
    game = small_gan(0)
    solver = made(name, SGD(0.0), SGD(0.0))
    points, _, _ = play(solver, game, 4)
    counted = [k for k in points[0].state if k.endswith("num_batches_tracked")]
    assert counted
    assert all(int(points[-1].state[k]) == 4 for k in counted)


@pytest.mark.parametrize("name", [*SOLVERS, *OPTIONS])
def test_a_step_changes_none_of_its_inputs(name):
    game = small_gan(0)
    solver, point = made(name, RULES["momentum"](0.1), RULES["adam"](0.1)), point_of(game)
    memory = solver.init(FunctionalGame(game), point)
    before = tree_map(torch.clone, (point, memory))
    solver(FunctionalGame(game), point, memory, game.draw(Key(0), (solver.draws,)))
    for now, then in zip(leaves((point, memory)), leaves(before), strict=True):
        assert torch.equal(now, then)


@pytest.mark.usefixtures("_double")
@pytest.mark.parametrize("name", [*SOLVERS, *OPTIONS])
def test_a_solver_resumes_exactly(name):
    """Memory is all that a solver carries: two steps and two more from the memory are four steps."""
    game = TOYS[
        "quadratic" if "descent" in name else "saddle"
    ]()  # the paper's recursion leaves for good on a steep one
    solver = made(name, RULES["adam"](0.01), ConjugateGradient(0.01, beta="PRP"))
    points, _, _ = play(solver, game, 4)
    half, _, memory = play(solver, game, 2)
    point, problem = half[-1], FunctionalGame(game)
    fresh = made(name, RULES["adam"](0.01), ConjugateGradient(0.01, beta="PRP"))
    for _ in range(2):
        point, memory, _ = fresh(problem, point, memory, {})
    assert all(torch.equal(a, b) for a, b in zip(leaves(point), leaves(points[4]), strict=True))


def test_a_missing_or_spare_rule_is_an_error():
    game = TOYS["bilinear"]()
    solver = Alternating(SGD(0.1), SGD(0.1))
    del solver.rules["generator"]
    with pytest.raises(ValueError, match="rules for \\['discriminator'\\]"):
        solver.init(FunctionalGame(game), point_of(game))


@pytest.mark.parametrize("average", ["ema", "uniform"])
def test_an_average_of_nobody_is_an_error(average):
    game = TOYS["bilinear"]()
    solver = AVERAGES[average](Alternating(SGD(0.1), SGD(0.1)), player="painter")
    with pytest.raises(ValueError, match="painter"):
        solver.init(FunctionalGame(game), point_of(game))


def test_ema_and_uniform_are_the_averages_by_hand():
    game = TOYS["bilinear"]()
    points, _, memory = play(AVERAGES["ema"](Alternating(SGD(0.3), SGD(0.3)), decay=0.8), game, 7)
    iterates = torch.stack([p.players["generator"]["value"] for p in points])
    mean = iterates[0]
    for n, iterate in enumerate(iterates[1:], 1):  # the decay ramps up to 0.8
        decay = min(0.8, (1 + n) / (10 + n))
        mean = decay * mean + (1 - decay) * iterate
    torch.testing.assert_close(memory["average"]["value"], mean)
    for after in (0, 3):
        solver = AVERAGES["uniform"](Alternating(SGD(0.3), SGD(0.3)), after=after, player="generator")
        _, _, memory = play(solver, game, 7)
        torch.testing.assert_close(solver.averages(memory)["generator"]["value"], iterates[after + 1 :].mean(0))


def test_the_uniform_average_settles_where_the_iterates_circle():
    game = TOYS["bilinear"]()
    points, _, memory = play(AVERAGES["uniform"](Alternating(SGD(0.3), SGD(0.3))), game, 400)
    assert abs(float(memory["average"]["value"])) < 0.02
    assert max(float(p.players["generator"]["value"]) for p in points[200:]) > 1


def test_lookahead_returns_part_of_the_way_by_hand():
    game, period, weight = TOYS["bilinear"](), 3, 0.25
    points, _, _ = play(SOLVERS["lookahead"](SGD(0.3), SGD(0.3), weight=weight, period=period), game, 6)
    point, anchor = torch.tensor([1.0, 1.0]), torch.tensor([1.0, 1.0])  # (x, y)
    for n in range(1, 7):
        y = point[1] + 0.3 * point[0]
        point = torch.stack([point[0] - 0.3 * y, y])
        if n % period == 0:
            point = anchor = anchor + weight * (point - anchor)
        got = torch.cat([points[n].players[who]["value"] for who in ("generator", "discriminator")])
        torch.testing.assert_close(got, point)


def test_optimistic_adam_is_the_published_update_by_hand():
    """θ − 2h m̂/(√v̂ + ε) + h m̂₋₁/(√v̂₋₁ + ε), with the first step plain (as in optax)."""
    game, h, b1, b2 = TOYS["bilinear"](), 0.1, 0.5, 0.9
    solver = Optimistic(RULES["adam"](h, b1, b2), RULES["adam"](h, b1, b2))
    points, _, _ = play(solver, game, 5)
    x = y = 1.0
    state = {"x": (0.0, 0.0), "y": (0.0, 0.0)}
    last: dict[str, float] = {}
    for t in range(1, 6):
        steps = {}
        for who, g in {"x": y, "y": -x}.items():
            m, v = state[who]
            m, v = b1 * m + (1 - b1) * g, b2 * v + (1 - b2) * g * g
            state[who] = (m, v)
            u = m / (1 - b1**t) / ((v / (1 - b2**t)) ** 0.5 + 1e-8)
            steps[who] = 2 * u - last.get(who, u)
            last[who] = u
        x, y = x - h * steps["x"], y - h * steps["y"]
        got = [float(points[t].players[who]["value"]) for who in ("generator", "discriminator")]
        assert got == pytest.approx([x, y], rel=1e-4, abs=1e-5)
