"""Curvature against closed forms, a dense Jacobian by another route, and the stability limits that play shows."""

import cmath

import numpy as np
import pytest
import torch
from torch.func import jacrev

from nashpath.core import FunctionalGame, Key, Point, generator, point_of, tree_map
from nashpath.core.tree import norm
from nashpath.data import SOURCES
from nashpath.diagnostics import (
    Certificate,
    Linearised,
    Rotation,
    Spectrum,
    StableStep,
    certify,
    eigenvalues,
    hessian_ends,
    hessian_leading,
    leading,
    most_negative,
    rotation,
    rotation_share,
    stable_step,
    stable_steps,
)
from nashpath.games import GAN, OBJECTIVES, PENALTIES, TOYS
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run.engine.linear_play import LinearPlay, unit_plays
from nashpath.solvers import RULES, SGD, SOLVERS, Alternating, Extragradient, Simultaneous


def readings(game, diagnostic):
    game = game.double()
    batches = tree_map(lambda v: v.double(), game.draw(Key(0), (diagnostic.draws,)))
    return diagnostic(FunctionalGame(game), point_of(game), batches)


def linearised(game, **options):
    game = game.double()
    batches = tree_map(lambda v: v.double(), game.draw(Key(0), (1,)))
    return Linearised(FunctionalGame(game), point_of(game), batches, **options)


def mlp_gan(width=3):
    torch.manual_seed(0)
    source = SOURCES["ring"]()
    networks = (
        GENERATORS["mlp"](latent=2, shape=source.shape, width=width, activation="tanh"),
        DISCRIMINATORS["mlp"](shape=source.shape, width=width, activation="tanh"),
    )
    return GAN(*networks, data=source, latent=2, batch_size=8)


def pair(found):
    return sorted(found.tolist(), key=lambda value: (round(value.real, 9), value.imag))


@pytest.mark.parametrize("strength", [0.5, 1.0, 3.0])
def test_a_bilinear_game_is_a_centre(strength):
    found = readings(TOYS["bilinear"](strength=strength), Spectrum())
    assert pair(found["jacobian"]) == pytest.approx([-1j * strength, 1j * strength])
    assert float(readings(TOYS["bilinear"](strength=strength), Rotation())["rotation"]) == 1


@pytest.mark.parametrize(("a", "b", "c"), [(0.1, 1.0, 0.1), (2.0, 0.5, 0.25), (-1.0, 2.0, 3.0)])
def test_a_quadratic_game_has_the_eigenvalues_of_its_formula(a, b, c):
    game = TOYS["quadratic"](torch.tensor(a), torch.tensor(b), torch.tensor(c))
    found = readings(game, Spectrum())
    root = cmath.sqrt((a - c) ** 2 / 4 - b**2)
    expected = sorted([(a + c) / 2 - root, (a + c) / 2 + root], key=lambda v: (round(v.real, 9), v.imag))
    assert pair(found["jacobian"]) == pytest.approx(expected, rel=1e-6)
    assert float(found["hessian_smallest.generator"]) == pytest.approx(a, rel=1e-6)
    assert float(found["hessian_smallest.discriminator"]) == pytest.approx(c, rel=1e-6)
    share = float(readings(game, Rotation())["rotation"])
    assert share == pytest.approx(2 * b**2 / (a**2 + c**2 + 2 * b**2), rel=1e-6)


@pytest.mark.parametrize("weight", [0.2, 1.0, 4.0])
@pytest.mark.parametrize("objective", ["non_saturating", "minimax"])
def test_the_dirac_gan_under_r1_is_lemma_4_1(objective, weight):
    """−γ/2 ± sqrt(γ²/4 − f'(0)²) for the flow; its Jacobian here has the opposite sign, and f'(0) = 1/2."""
    game = TOYS["dirac"](OBJECTIVES[objective](), PENALTIES["r1"](weight), x=0.0, y=0.0)
    root = cmath.sqrt(weight**2 / 4 - 0.25)
    expected = sorted([weight / 2 - root, weight / 2 + root], key=lambda v: (round(v.real, 9), v.imag))
    assert pair(readings(game, Spectrum())["jacobian"]) == pytest.approx(expected, rel=1e-6, abs=1e-9)


def reference_jacobian(near):
    """The Jacobian by torch's own `jacrev` of the gradients that plain autograd finds."""

    def field(vector):
        slopes = [jacrev(lambda v, who=who: near.cost(who, v))(vector)[near.block(who)] for who in near.sizes]
        return torch.cat(slopes)

    return jacrev(field)(near.vector).detach()


def test_products_agree_with_a_dense_jacobian_and_with_finite_differences():
    near = linearised(mlp_gan())
    jacobian = reference_jacobian(near)
    v = torch.randn(near.size, generator=generator(3), dtype=torch.float64)
    torch.testing.assert_close(near.product(v), jacobian @ v)
    torch.testing.assert_close(near.transposed(v), jacobian.T @ v)
    np.testing.assert_allclose(near.matrix, jacobian.numpy(), atol=1e-12)
    torch.testing.assert_close(near.product(v), jacobian @ v)  # of the matrix, now that it has been formed
    torch.testing.assert_close(near.transposed(v), jacobian.T @ v)
    rated, where = linearised(mlp_gan(), rates={"discriminator": 0.5, "generator": 2.0}), near.block("generator")
    for _ in range(2):
        torch.testing.assert_close(rated.product(v), rated.rates * (jacobian @ v))
        torch.testing.assert_close(rated.transposed(v), jacobian.T @ (rated.rates * v))
        np.testing.assert_allclose(rated.own_hessian("generator"), jacobian[where, where].numpy(), atol=1e-12)
        np.testing.assert_allclose(rated.matrix, (rated.rates[:, None] * jacobian).numpy(), atol=1e-12)
    torch.testing.assert_close(near.hessian("generator")(v[where]), jacobian[where, where] @ v[where])
    step, game = 1e-5, mlp_gan().double()
    batches = tree_map(lambda value: value.double(), game.draw(Key(0), (1,)))

    def moved(sign):
        players, at = {}, 0
        for who, own in near.point.players.items():
            players[who] = {}
            for name, value in own.items():
                players[who][name] = value + sign * step * v[at : at + value.numel()].view(value.shape)
                at += value.numel()
        return Linearised(FunctionalGame(game), Point(players, near.point.state), batches).field

    torch.testing.assert_close((moved(1) - moved(-1)) / (2 * step), jacobian @ v, rtol=1e-6, atol=1e-8)


@pytest.mark.long
def test_eigenvalues_from_products_are_those_of_the_matrix(monkeypatch):
    near = linearised(mlp_gan(width=3))
    jacobian = reference_jacobian(near).numpy()
    exact = np.linalg.eigvals(jacobian)
    own = {who: jacobian[near.block(who), near.block(who)] for who in near.sizes}
    plays = unit_plays((Simultaneous, Alternating, Extragradient), mlp_gan(width=3))
    share, limits = float(rotation_share(near)), stable_steps(near, plays)
    monkeypatch.setattr(eigenvalues, "DENSE", 0)
    monkeypatch.setattr(stable_step, "DENSE", 0)
    near = linearised(mlp_gan(width=3))  # which has formed no matrix
    found = leading(near, 6)
    np.testing.assert_allclose(abs(found), np.sort(abs(exact))[::-1][:6], rtol=1e-4)
    assert most_negative(near, abs(found[0]))[0].real == pytest.approx(exact.real.min(), abs=1e-3 * abs(found[0]))
    for who, hessian in own.items():
        values = np.linalg.eigvalsh(hessian)
        np.testing.assert_allclose(abs(hessian_leading(near, who, 4)), np.sort(abs(values))[::-1][:4], rtol=1e-4)
        np.testing.assert_allclose(hessian_ends(near, who), (values.min(), values.max()), atol=1e-3 * abs(values).max())
    sparse = stable_steps(near, plays)
    for solver in ("simultaneous", "extragradient"):  # from the leading eigenvalues; alternating play is iterated
        assert sparse[solver] == pytest.approx(limits[solver], rel=1e-3)

    monkeypatch.setattr(rotation, "DENSE", 0)
    assert float(rotation_share(near, probes=64)) == pytest.approx(share, abs=0.1)


QUADRATICS = {
    "mostly rotation": (0.1, 1.0, 0.1),
    "mostly descent": (2.0, 0.5, 0.25),
    "unequal": (0.05, 1.0, 1.0),
}


def player(solver, rate, rule=SGD):
    return SOLVERS[solver](discriminator=rule(rate), generator=rule(rate)).double()


def growth(game, solver):
    """The factor by which some hundred further steps of play stretch the distance from the equilibrium at 0."""
    game = game.double()
    problem, point = FunctionalGame(game), point_of(game)
    memory, batches = solver.init(problem, point), game.draw(Key(0), (solver.draws,))
    sizes = []
    with torch.no_grad():
        for _ in range(200):
            point, memory, _ = solver(problem, point, memory, batches)
            sizes.append(float(torch.stack([norm(own) for own in point.players.values()]).norm()))
    return max(sizes[-50:]) / max(
        *sizes[50:100], 1e-100
    )  # some arrive within rounding: inner products vanish below 1e-150


def limits_of(game, *solvers):
    """What `StableStep` says of plain descent by these solvers."""
    kinds = [SOLVERS[solver] for solver in solvers]
    found = readings(game, StableStep(unit_plays(kinds, game)))
    return [float(found[f"stable_step.{kind.label()}"]) for kind in kinds]


PLAIN = ("simultaneous", "alternating", "extragradient")
NO_ROUND = {name for name, solver in SOLVERS.items() if solver.no_round}
OTHERS = sorted(set(SOLVERS) - {*PLAIN, *NO_ROUND, "acgd", "sga"})
"""But those that say so, the one whose steps follow the gradients, and the one whose sign follows the displacement."""


ROUND_IS_TESTED = pytest.mark.thorough("their rounds are those of their play: the test below")


@pytest.mark.long
@pytest.mark.parametrize(
    ("name", "solver"),
    [(n, s) for n in QUADRATICS for s in PLAIN]
    + [pytest.param("mostly rotation", s, marks=ROUND_IS_TESTED) for s in OTHERS],
)
def test_play_is_stable_up_to_the_predicted_step_and_not_beyond(name, solver):
    def game():
        return TOYS["quadratic"](*(torch.tensor(v) for v in QUADRATICS[name]))

    (limit,) = limits_of(game(), solver)
    assert limit > 0
    if limit < 10:
        assert growth(game(), player(solver, 0.98 * limit)) < 1
        assert growth(game(), player(solver, 1.02 * limit)) > 1
    else:
        assert growth(game(), player(solver, 10.0)) < 1


def spectral_radius(play, jacobian, rate):
    sizes = {"discriminator": 1, "generator": 1}
    return np.abs(np.linalg.eigvals(play.matrix(jacobian, sizes, rate))).max()


BY_HAND = {
    "simultaneous": lambda j, h: np.eye(2) - h * j,
    "alternating": lambda j, h: (np.eye(2) - h * np.diag([0, 1]) @ j) @ (np.eye(2) - h * np.diag([1, 0]) @ j),
    "extragradient": lambda j, h: np.eye(2) - h * j + h * h * j @ j,
    "optimistic": lambda j, h: np.block([[np.eye(2) - 2 * h * j, h * j], [np.eye(2), np.zeros((2, 2))]]),
    "consensus": lambda j, h: np.eye(2) - h * (j + 0.1 * j.T @ j),
}
"""The round of plain descent, as the papers write it."""


@pytest.mark.long(first=True)
@pytest.mark.parametrize("solver", BY_HAND)
def test_a_round_is_what_the_papers_write(solver):
    play = unit_plays([SOLVERS[solver]], TOYS["quadratic"]())[SOLVERS[solver].label()]
    rng = np.random.default_rng(0)
    for _ in range(5):
        jacobian = rng.standard_normal((2, 2))
        for rate in (0.03, 0.3):
            by_hand = np.abs(np.linalg.eigvals(BY_HAND[solver](jacobian, rate))).max()
            assert spectral_radius(play, jacobian, rate) == pytest.approx(by_hand, rel=1e-7)


WITH_ROUND, LINEAR_RULES = sorted(set(SOLVERS) - {"sga", *NO_ROUND}), ("sgd", "momentum", "adam", "rmsprop")
ALL_PAIRS = pytest.mark.thorough(
    "each solver with one rule, and each rule with a quarter of the solvers, is among the others"
)


@pytest.mark.long
@pytest.mark.parametrize(
    ("solver", "rule"),
    [
        pytest.param(solver, rule, marks=() if rule == LINEAR_RULES[place % 4] else ALL_PAIRS)
        for place, solver in enumerate(WITH_ROUND)
        for rule in LINEAR_RULES
    ],
)
def test_the_round_of_every_solver_and_rule_is_that_of_its_play(solver, rule):
    """Played on from near the equilibrium, the distance shrinks or grows at the round's spectral radius."""
    game = TOYS["quadratic"](*(torch.tensor(v) for v in (0.3, 1.0, 0.2, 1e-3, 1e-3))).double()
    problem, batches = FunctionalGame(game), game.draw(Key(0), (4,))
    acting = player(solver, 0.2 if rule != "momentum" else 0.02, RULES[rule])
    if rule in ("adam", "rmsprop"):  # their scales must not change while the round is compared with play
        for part in (acting.rule(who) for who in game.players):
            (part.b2 if rule == "adam" else part.decay).fill_(1 - 1e-9)
    point = point_of(game)
    memory = acting.init(problem, point)
    for who in game.players if rule in ("adam", "rmsprop") else ():
        kept = acting.rule_memory(memory, who)
        (kept["second"] if rule == "adam" else kept)["value"].fill_(4.0 if rule == "rmsprop" else 4e-9 * 1e6)
        if rule == "adam":
            kept["count"].fill_(1e6)
    if solver == "acgd":
        acting.numbers.decay.fill_(1 - 1e-9)
        for kept in memory["square"].values():
            kept["value"].fill_(4e-3)
        memory["count"].fill_(1e6)
    play = LinearPlay(acting, memory, point.players)
    near = Linearised(problem, point, batches)
    radius = np.abs(np.linalg.eigvals(play.matrix(near.plain_matrix, near.sizes))).max() ** (1 / play.solver.period)
    sizes = []
    with torch.no_grad():
        for _ in range(160):
            point, memory, _ = acting(problem, point, memory, batches)
            sizes.append(float(torch.stack([norm(own) for own in point.players.values()]).norm()))
    window = 63  # about two turns: the axes of their ellipses average out
    seen = (np.exp(np.mean(np.log(sizes[-window:])) - np.mean(np.log(sizes[-2 * window : -window])))) ** (1 / window)
    assert seen == pytest.approx(radius, abs=2e-3)


def test_a_rule_that_is_no_linear_map_is_said_to_be_none():
    point = point_of(TOYS["quadratic"]())
    solver = SOLVERS["simultaneous"](RULES["conjugate_gradient"](0.1), RULES["conjugate_gradient"](0.1))
    with pytest.raises(ValueError, match="ConjugateGradient is no linear map"):
        LinearPlay(solver, solver.init(FunctionalGame(TOYS["quadratic"]()), point), point.players)


def test_a_solver_that_is_no_linear_map_is_said_to_be_none():
    """Symplectic adjustment chooses a sign by the displacement: where that matters its round has no matrix."""
    play, refused = unit_plays([SOLVERS["sga"]], TOYS["quadratic"]())["symplectic adjustment"], []
    for jacobian in np.random.default_rng(0).standard_normal((20, 2, 2)):
        try:
            play.matrix(jacobian, {"discriminator": 1, "generator": 1}, 0.1)
        except ValueError as error:
            refused.append(str(error))
    assert refused
    assert refused[0] == "one round of symplectic adjustment play is no linear map of the displacement"


@pytest.mark.parametrize(
    ("solver", "said"),
    [
        ("unrolled", "unrolled play depends on more of the costs than their field"),
        ("anchored", "anchored extragradient play is another every round"),
        ("fast_extragradient", "fast extragradient play is another every round"),
        ("svre", "svre play depends on how old its snapshot is"),
    ],
)
def test_a_solver_of_which_no_round_tells_says_why(solver, said):
    """Unrolled play differentiates the generator's cost in the discriminator; an anchor's pull fades as 1/k."""
    assert solver in NO_ROUND
    play = unit_plays([SOLVERS[solver]], TOYS["quadratic"]())[SOLVERS[solver].label()]
    with pytest.raises(ValueError, match=said):
        play.matrix(np.eye(2), {"discriminator": 1, "generator": 1}, 0.1)


def test_on_a_centre_only_extragradient_contracts_and_alternating_stays_bounded():
    bilinear = TOYS["bilinear"](strength=2.0)
    simultaneous, extragradient, alternating = limits_of(bilinear, "simultaneous", "extragradient", "alternating")
    assert simultaneous == 0
    assert extragradient == pytest.approx(0.5, rel=1e-6)  # h² s² < 1
    assert alternating == pytest.approx(1.0, rel=1e-3)  # h s < 2


@pytest.mark.parametrize("damping", [0.0, 3e-5, 1e-4, 1e-3, 1e-2, 0.3])
def test_the_largest_stable_step_is_that_of_the_damping_however_little_it_is(damping):
    """Of λ = d ± i it is 2 d / (1 + d²) for simultaneous play: none is small enough for a pure rotation.

    Growth counts beyond a thousandth of the squared step, which is a share of 2/1000 of that.
    """
    simultaneous, alternating = limits_of(TOYS["quadratic"](damping, 1.0, damping), "simultaneous", "alternating")
    assert simultaneous == pytest.approx(2 * damping / (1 + damping**2), rel=3e-3)
    assert alternating > 1.5


@pytest.mark.parametrize("size", [1e-9, 1e-6, 1e-4, 2e-4, 1e-3, 0.1])
def test_growth_is_seen_at_the_small_rates_of_gans(size):
    """A round at rates whose largest eigenvalue has this size; those too small to be told from rounding say nothing."""
    assert stable_step.stretch_around(lambda h: np.hypot(1, h * size), size) is None
    found = stable_step.stretch_around(lambda h: np.abs(1 - h * size), size)
    assert found == (None if size < stable_step.LEAST else (0.0, found and found[1]))
    weak = stable_step.stretch_around(lambda h: 1 + size**2 * (0.25 - h) * h, size)  # as extragradient on weak Minty
    assert (weak is None) == (size < stable_step.LEAST)
    assert weak is None or weak[0] == pytest.approx(0.25, rel=0.02)


def test_rates_scale_the_players_rows():
    near = linearised(TOYS["quadratic"](), rates={"discriminator": 2.0, "generator": 0.5})
    plain = linearised(TOYS["quadratic"]()).matrix
    np.testing.assert_allclose(near.matrix, np.diag([2.0, 0.5]) @ plain)
    u = torch.tensor([1.0, -2.0], dtype=torch.float64)
    np.testing.assert_allclose(near.product(u), near.matrix @ u.numpy())


def at_equilibrium(a, b, c):
    game = TOYS["quadratic"](*(torch.tensor(v) for v in (a, b, c)), x=torch.tensor(0.0), y=torch.tensor(0.0))
    game = game.double()
    return certify(Certificate(1).evidence(FunctionalGame(game), point_of(game), {}))


@pytest.mark.parametrize(
    ("a", "b", "c", "kind"),
    [
        (1.0, 1.0, 1.0, "local Nash"),
        (0.0, 1.0, 0.0, "local Nash"),
        (-0.5, 2.0, 1.0, "local minimax"),  # −a fails Nash; a + b²/c = 3.5 > 0 passes Stackelberg; trace 0.5 > 0
        (1.0, 2.0, -0.5, "no equilibrium"),  # the discriminator sits at its own worst
        (-1.0, 0.1, 0.5, "no equilibrium"),
        (200.0, 0.0, -0.1, "no equilibrium"),  # a stiff player hides no soft one
        (-6.0, 4.0, 2.0, "local minimax"),  # whatever the learning rates
    ],
)
def test_certificates_of_quadratic_games(a, b, c, kind):
    assert at_equilibrium(a, b, c) == kind


@pytest.mark.parametrize(
    ("a", "b", "c", "strict"),
    [
        (-0.5, 2.0, 1.0, True),
        (-4.0, 2.0, 1.0, False),  # the Schur complement a + b²/c is 0
        (1.0, 1.0, 1.0, True),  # strict Nash is strict minimax
        (1.0, 1.0, 0.0, False),  # the discriminator is indifferent
        (1.0, 1.0, -0.5, False),
        (-2.0, 1.0, 1.0, False),
    ],
)
def test_strict_local_minimax_points_by_the_sufficient_condition(a, b, c, strict):
    """Jin et al. 2020: ∇²_yy f ≺ 0 and f_xx − f_xy f_yy⁻¹ f_yx ≻ 0, which here is c > 0 and a + b²/c > 0."""
    game = TOYS["quadratic"](*(torch.tensor(v) for v in (a, b, c)), x=torch.tensor(0.0), y=torch.tensor(0.0)).double()
    assert Certificate(1).evidence(FunctionalGame(game), point_of(game), {}).strict is strict


def test_away_from_equilibrium_nothing_is_certified():
    game = TOYS["quadratic"]().double()
    assert certify(Certificate(1).evidence(FunctionalGame(game), point_of(game), {})) == "not stationary"
