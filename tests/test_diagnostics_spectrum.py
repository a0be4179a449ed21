"""Curvature against closed forms, a dense Jacobian by another route, and the stability limits that play shows."""

import cmath

import numpy as np
import pytest
import torch
from torch.func import jacrev

from nashpath.core import Point, Problem, generator, point_of, tree_map
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
from nashpath.solvers import SGD, SOLVERS


def readings(game, diagnostic):
    game = game.double()
    batches = tree_map(lambda v: v.double(), game.draw(generator(0), (diagnostic.draws,)))
    return diagnostic(Problem(game), point_of(game), batches)


def linearised(game, **options):
    game = game.double()
    batches = tree_map(lambda v: v.double(), game.draw(generator(0), (1,)))
    return Linearised(Problem(game), point_of(game), batches, **options)


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
    where = near.block("generator")
    torch.testing.assert_close(near.hessian("generator")(v[where]), jacobian[where, where] @ v[where])
    step, game = 1e-5, mlp_gan().double()
    batches = tree_map(lambda value: value.double(), game.draw(generator(0), (1,)))

    def moved(sign):
        players, at = {}, 0
        for who, own in near.point.players.items():
            players[who] = {}
            for name, value in own.items():
                players[who][name] = value + sign * step * v[at : at + value.numel()].view(value.shape)
                at += value.numel()
        return Linearised(Problem(game), Point(players, near.point.state), batches).field

    torch.testing.assert_close((moved(1) - moved(-1)) / (2 * step), jacobian @ v, rtol=1e-6, atol=1e-8)


def test_eigenvalues_from_products_are_those_of_the_matrix(monkeypatch):
    near = linearised(mlp_gan(width=5))
    exact = np.linalg.eigvals(reference_jacobian(near).numpy())
    own = {who: reference_jacobian(near)[near.block(who), near.block(who)].numpy() for who in near.sizes}
    share, limits = float(rotation_share(near)), stable_steps(near)
    monkeypatch.setattr(eigenvalues, "DENSE", 0)
    monkeypatch.setattr(stable_step, "DENSE", 0)
    found = leading(near, 6)
    np.testing.assert_allclose(abs(found), np.sort(abs(exact))[::-1][:6], rtol=1e-4)
    assert most_negative(near, abs(found[0]))[0].real == pytest.approx(exact.real.min(), abs=1e-3 * abs(found[0]))
    for who, hessian in own.items():
        values = np.linalg.eigvalsh(hessian)
        np.testing.assert_allclose(abs(hessian_leading(near, who, 4)), np.sort(abs(values))[::-1][:4], rtol=1e-4)
        np.testing.assert_allclose(hessian_ends(near, who), (values.min(), values.max()), atol=1e-3 * abs(values).max())
    assert stable_steps(near)["simultaneous"] == pytest.approx(limits["simultaneous"], rel=1e-3)

    monkeypatch.setattr(rotation, "DENSE", 0)
    assert float(rotation_share(near, probes=64)) == pytest.approx(share, abs=0.1)


QUADRATICS = {
    "mostly rotation": (0.1, 1.0, 0.1),
    "mostly descent": (2.0, 0.5, 0.25),
    "unequal": (0.05, 1.0, 1.0),
}


def growth(game, solver, rate):
    """The factor by which 200 further steps of play stretch the distance from the equilibrium at 0."""
    game = game.double()
    player = SOLVERS[solver](discriminator=SGD(rate), generator=SGD(rate)).double()
    problem, point = Problem(game), point_of(game)
    memory, batches = player.init(problem, point), game.draw(generator(0), (player.draws,))
    sizes = []
    with torch.no_grad():
        for _ in range(400):
            point, memory, _ = player(problem, point, memory, batches)
            sizes.append(float(torch.stack([norm(own) for own in point.players.values()]).norm()))
    return max(sizes[-50:]) / max(sizes[150:200])


@pytest.mark.parametrize("solver", ["simultaneous", "alternating", "extragradient"])
@pytest.mark.parametrize("name", QUADRATICS)
def test_play_is_stable_up_to_the_predicted_step_and_not_beyond(name, solver):
    game = TOYS["quadratic"](*(torch.tensor(v) for v in QUADRATICS[name]))
    limit = float(readings(game, StableStep())[f"stable_step.{solver}"])
    assert 0 < limit < 10
    assert growth(game, solver, 0.98 * limit) < 1
    assert growth(game, solver, 1.02 * limit) > 1


def test_on_a_centre_only_extragradient_contracts_and_alternating_stays_bounded():
    found = readings(TOYS["bilinear"](strength=2.0), StableStep())
    assert float(found["stable_step.simultaneous"]) == 0
    assert float(found["stable_step.extragradient"]) == pytest.approx(0.5, rel=1e-6)  # h² s² < 1
    assert float(found["stable_step.alternating"]) == pytest.approx(1.0, rel=1e-3)  # h s < 2


def test_rates_scale_the_players_rows():
    near = linearised(TOYS["quadratic"](), rates={"discriminator": 2.0, "generator": 0.5})
    plain = linearised(TOYS["quadratic"]()).matrix
    np.testing.assert_allclose(near.matrix, np.diag([2.0, 0.5]) @ plain)
    u = torch.tensor([1.0, -2.0], dtype=torch.float64)
    np.testing.assert_allclose(near.product(u), near.matrix @ u.numpy())


def at_equilibrium(a, b, c):
    game = TOYS["quadratic"](*(torch.tensor(v) for v in (a, b, c)), x=torch.tensor(0.0), y=torch.tensor(0.0))
    game = game.double()
    look = Certificate(1)
    return certify(look.look(Problem(game), point_of(game), {}))


@pytest.mark.parametrize(
    ("a", "b", "c", "kind"),
    [
        (1.0, 1.0, 1.0, "local Nash"),
        (0.0, 1.0, 0.0, "local Nash"),
        (-0.5, 2.0, 1.0, "local minimax"),  # −a fails Nash; a + b²/c = 3.5 > 0 passes Stackelberg; trace 0.5 > 0
        (1.0, 2.0, -0.5, "stable, not Nash"),  # the discriminator sits at its own worst
        (-1.0, 0.1, 0.5, "saddle"),
    ],
)
def test_certificates_of_quadratic_games(a, b, c, kind):
    assert at_equilibrium(a, b, c) == kind


def test_away_from_equilibrium_nothing_is_certified():
    game = TOYS["quadratic"]().double()
    assert certify(Certificate(1).look(Problem(game), point_of(game), {})) == "drifting"
