"""Penalties on critics whose slopes are known, against autograd of the authors' formulas, and inside a game."""

import copy

import numpy as np
import pytest
import torch
from torch import Tensor, nn, tensor
from torch.func import grad, vmap

from nashpath.core import FunctionalGame, Key, point_of, seeded, tree_map
from nashpath.core.torch_compat import twice_differentiated
from nashpath.games import GAN, PENALTIES
from nashpath.games.penalties import (
    R1,
    R1R2,
    R2,
    BalancedConsistency,
    ConsistencyRegularisation,
    DraganCentred,
    Fisher,
    GradientPenalty,
    JensenShannon,
    LazyR1,
    LeCam,
    NoPenalty,
    Penalty,
    Sobolev,
    Sum,
)
from nashpath.games.penalties.base import norms
from nashpath.games.views import shift, view, whole
from nashpath.solvers import SGD, Simultaneous
from nashpath.solvers.clipped import Clipped

REAL, FAKE = tensor([[1.0, 0.0], [0.0, 2.0], [1.0, 1.0]]), tensor([[-1.0, 0.0], [3.0, 4.0], [0.0, 0.5]])


def line(x):
    """d(x) = 3 x₁ + 4 x₂: the slope has norm 5 everywhere."""
    return 3 * x[:, :1] + 4 * x[:, 1:]


def bowl(x):
    """d(x) = ½ ‖x‖²: the slope is x."""
    return 0.5 * x.square().sum(1, keepdim=True)


def flat(x):
    """d(x) = ½ x₁: the slope has norm ½ everywhere."""
    return 0.5 * x[:, :1]


class Square(nn.Module):
    """A small smooth critic with parameters."""

    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Linear(2, 5), nn.Tanh(), nn.Linear(5, 1))

    def forward(self, x):
        return self.body(x)


def noise(penalty, seed=0):
    return penalty.draw(Key(seed), (3,), (2,))


def price(name, critic, **settings):
    penalty = PENALTIES[name](**settings)
    return penalty(critic, REAL, FAKE, noise(penalty)).item()


@pytest.mark.parametrize(
    ("name", "steep", "gentle"),
    [
        ("none", 0.0, 0.0),
        ("wgan_gp", 7 * 16, 7 * 0.25),
        ("gan_gp", 7 * 16, 7 * 0.25),
        ("wgan_gp_one_sided", 7 * 16, 0.0),
        ("dragan", 7 * 16, 7 * 0.25),
        ("dragan_centred", 7 * 16, 7 * 0.25),
        ("zero_centred", 7 * 25, 7 * 0.25),
        ("r1", 3.5 * 25, 3.5 * 0.25),
        ("r2", 3.5 * 25, 3.5 * 0.25),
        ("r1_r2", 7 * 25, 7 * 0.25),
        ("lazy_r1", 3.5 * 25, 3.5 * 0.25),
        ("sobolev", 3.5 * 24**2, 3.5 * 0.75**2),
    ],
)
def test_linear_critics_pay_by_the_norm_of_their_slope(name, steep, gentle):
    settings = {} if name == "none" else {"weight": 7.0}
    assert price(name, line, **settings) == pytest.approx(steep)
    assert price(name, flat, **settings) == pytest.approx(gentle)


LOGITS = {"lecam", "jensen_shannon", "fisher", "cr", "bcr"}
"""Penalties whose price depends on more than slopes."""


def test_every_row_that_prices_slopes_alone_is_priced_above():
    tested = {case[0] for case in vars(test_linear_critics_pay_by_the_norm_of_their_slope)["pytestmark"][0].args[1]}
    assert tested | LOGITS == set(PENALTIES)
    assert not tested & LOGITS


def test_each_penalty_looks_where_it_says():
    """The slope of the bowl is the point itself, so the price tells the points."""
    assert price("r1", bowl, weight=2.0) == pytest.approx((1 + 4 + 2) / 3)
    assert price("r2", bowl, weight=2.0) == pytest.approx((1 + 25 + 0.25) / 3)
    assert price("r1_r2", bowl, weight=2.0) == pytest.approx((1 + 4 + 2) / 3 + (1 + 25 + 0.25) / 3)

    alpha = noise(GradientPenalty())["alpha"].double()
    assert alpha.shape == (3, 1)
    between = (alpha * REAL + (1 - alpha) * FAKE).norm(dim=1)
    assert price("wgan_gp", bowl, weight=2.0) == pytest.approx((2 * (between - 1) ** 2).mean().item())
    assert price("wgan_gp_one_sided", bowl, weight=2.0) == pytest.approx(
        (2 * (between - 1).clamp(min=0) ** 2).mean().item()
    )
    assert price("zero_centred", bowl, weight=2.0) == pytest.approx((2 * between**2).mean().item())

    drawn, deviation = noise(PENALTIES["dragan"]()), REAL.numpy().std()
    cloud = REAL + drawn["alpha"] * (REAL + 0.5 * deviation * drawn["cloud"] - REAL)
    assert price("dragan", bowl, weight=2.0) == pytest.approx((2 * (cloud.norm(dim=1) - 1) ** 2).mean().item())
    cloud = REAL + deviation * noise(DraganCentred())["cloud"]
    assert price("dragan_centred", bowl, weight=2.0) == pytest.approx((2 * (cloud.norm(dim=1) - 1) ** 2).mean().item())


def test_noise_has_the_range_of_its_formula():
    key = Key(0)
    one_sided, centred = (PENALTIES[name]().draw(key, (500,), (2,))["cloud"] for name in ("dragan", "dragan_centred"))
    assert 0 <= one_sided.min() < 0.01
    assert 0.99 < one_sided.max() <= 1
    assert -0.5 <= centred.min() < -0.49
    assert 0.49 < centred.max() <= 0.5


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", sorted(set(PENALTIES) - {"lecam"}))  # whose averages carry no gradient: see below
def test_gradients_in_the_critics_parameters_agree_with_finite_differences(name):
    torch.manual_seed(0)
    critic, penalty = Square().double(), PENALTIES[name]().double()
    names = [k for k, _ in critic.named_parameters()]
    drawn = tree_map(Tensor.double, noise(penalty))
    real, fake = REAL.double(), FAKE.double()

    def total(*values):
        fresh = PENALTIES[name]().double()
        held = dict(zip(names, values))
        return fresh(lambda x: torch.func.functional_call(critic, held, (x,)), real, fake, drawn) + 0 * values[0].sum()

    values = tuple(p.detach().requires_grad_() for p in critic.parameters())

    assert torch.autograd.gradcheck(total, values)


def test_a_flat_critic_has_no_nan():
    critic = nn.Linear(2, 1)
    nn.init.zeros_(critic.weight)
    penalty = GradientPenalty()
    penalty(critic, REAL, FAKE, noise(penalty)).backward()
    assert torch.isfinite(critic.weight.grad).all()


def test_norms_and_their_derivatives_are_alike_recorded_and_under_transforms():
    """Also where a slope is exactly zero; and the second derivative there is a number where it will be asked for."""
    slope = torch.tensor([[3.0, 4.0], [0.0, 0.0], [-1e-20, 1e-20], [1e18, 0.0]], dtype=torch.float64)
    recorded = slope.clone().requires_grad_()
    found = norms(recorded)
    torch.testing.assert_close(found, norms(slope))
    torch.testing.assert_close(found, vmap(norms)(slope[None])[0])
    (first,) = torch.autograd.grad(found.sum(), recorded)
    torch.testing.assert_close(first, grad(lambda x: norms(x).sum())(slope))
    assert torch.equal(first[1], torch.zeros(2, dtype=torch.float64))
    with twice_differentiated():
        (again,) = torch.autograd.grad(norms(recorded).sum(), recorded, create_graph=True)
    assert torch.isfinite(torch.autograd.grad(again[:2].square().sum(), recorded)[0]).all()


def test_segments_need_equal_batches():
    penalty = GradientPenalty()
    with pytest.raises(ValueError, match="as many real as generated"):
        penalty(line, REAL, FAKE[:1], noise(penalty))


@pytest.mark.parametrize("own", [True, False], ids=["drawn inside", "drawn before"])
@pytest.mark.parametrize(("reals", "fakes"), [(5, 9), (9, 5), (1, 4), (4, 1)])
@pytest.mark.parametrize("name", [*PENALTIES, "sum"])
def test_unequal_batches_are_priced_or_refused_in_words(name, reals, fakes, own):
    """A penalty that is taken is the one of both kinds' means: repeating each sample of a kind changes nothing."""
    with seeded(reals):
        real, fake, critic = torch.randn(reals, 2), torch.randn(fakes, 2), Square()
    penalty = Sum(LeCam(), BalancedConsistency()) if name == "sum" else PENALTIES[name]()
    drawn = None if own else penalty.draw(Key(0), (reals,), (2,))
    refused = penalty.joins or name in ("bcr", "sum")
    if refused:
        with pytest.raises(
            ValueError, match=rf"as many real as generated samples; got \({reals}, 2\) and \({fakes}, 2\)"
        ):
            penalty(critic, real, fake, drawn, key=Key(0))
        return
    once = copy.deepcopy(penalty)(critic, real, fake, drawn, key=Key(0))
    twice = copy.deepcopy(penalty)(critic, real, fake.repeat(2, 1), drawn, key=Key(0))
    assert once.isfinite()
    torch.testing.assert_close(twice, once)


def test_lecam_follows_the_authors_formula_over_several_steps():
    """Zero-debiased averages as in TensorFlow's ``assign_moving_average``, gradients through the logits alone."""
    penalty, decay = LeCam(weight=2.0, decay=0.9), 0.9
    biased_real = biased_fake = 0.0
    torch.manual_seed(0)
    for step in range(1, 5):
        real, fake = torch.randn(6, 1, requires_grad=True), (torch.randn(6, 1) - 1).requires_grad_()
        biased_real = decay * biased_real + (1 - decay) * real.mean().item()
        biased_fake = decay * biased_fake + (1 - decay) * fake.mean().item()
        average_real, average_fake = biased_real / (1 - decay**step), biased_fake / (1 - decay**step)
        cost = penalty(lambda x: x, real, fake, {})
        above, below = (real - average_fake).clamp(min=0), (average_real - fake).clamp(min=0)
        assert cost.item() == pytest.approx(2 * (above.square().mean() + below.square().mean()).item(), rel=1e-5)
        slope_real, slope_fake = torch.autograd.grad(cost, (real, fake))
        assert torch.allclose(slope_real, 2 * 2 * above / 6, atol=1e-6)
        assert torch.allclose(slope_fake, -2 * 2 * below / 6, atol=1e-6)
    assert penalty.count == 4


def test_the_jensen_shannon_regulariser_is_the_authors_formula():
    torch.manual_seed(0)
    critic, real, fake = Square(), REAL.clone().requires_grad_(), FAKE.clone().requires_grad_()
    on_real, on_fake = critic(real), critic(fake)
    slopes_of = [
        torch.autograd.grad(d.sum(), x)[0].flatten(1).norm(dim=1)[:, None]
        for d, x in ((on_real, real), (on_fake, fake))
    ]
    first = (1 - torch.sigmoid(on_real)).square() * slopes_of[0].square()
    second = torch.sigmoid(on_fake).square() * slopes_of[1].square()
    assert JensenShannon(3.0)(critic, REAL, FAKE).item() == pytest.approx(1.5 * (first + second).mean().item())


def test_the_jensen_shannon_regulariser_is_the_cost_of_a_little_noise():
    """Two normals on a line under their best discriminator, by quadrature: noise of variance γ costs ½ γ Ω + O(γ²)."""
    x, step = np.linspace(-12, 12, 24_001, retstep=True)
    gamma = 1e-3

    def normal(mean, variance):
        return np.exp(-((x - mean) ** 2) / 2 / variance) / np.sqrt(2 * np.pi * variance)

    def best(at):
        return at - 0.5  # log N(1, 1) − log N(0, 1)

    def paid(noise):
        on_real = normal(1, 1 + noise) @ np.logaddexp(0, -best(x))
        return (on_real + normal(0, 1 + noise) @ np.logaddexp(0, best(x))) * step

    points = torch.tensor(x)[:, None]
    share = [torch.tensor(normal(m, 1) * step * len(x)) for m in (1, 0)]
    penalty = JensenShannon(gamma).double()
    price = 0.0
    for kind in (0, 1):  # each kind alone: weights of the quadrature stand for the density
        logits = torch.tensor(best(x)) if kind == 0 else -torch.tensor(best(x))
        price += (0.5 * gamma * torch.sigmoid(-logits).square() * share[kind]).mean().item()
    assert paid(gamma) - paid(0) == pytest.approx(price, rel=2e-3)
    whole_price = penalty(lambda v: v - 0.5, points, points).item()  # the same integrand under equal weights
    sides = torch.sigmoid(-torch.tensor(best(x))).square() + torch.sigmoid(torch.tensor(best(x))).square()
    assert whole_price == pytest.approx(0.5 * gamma * sides.mean().item())


def test_lazy_r1_adds_up_to_r1():
    lazy, plain = LazyR1(2.0, interval=3), R1(2.0)
    assert lazy(bowl, REAL, FAKE, {}).item() == pytest.approx(plain(bowl, REAL, FAKE, {}).item())  # outside of turns
    prices = []
    for _ in range(7):
        lazy.advance()
        prices.append(lazy(bowl, REAL, FAKE, {}).item())
    assert prices == pytest.approx([3 * plain(bowl, REAL, FAKE, {}).item() if k % 3 == 0 else 0.0 for k in range(7)])
    assert lazy.count == 7
    part = LazyR1(2.0, interval=2, over="samples")
    assert part(bowl, REAL, FAKE, {}).item() == plain(bowl, REAL[:2], FAKE, {}).item()
    assert (
        LazyR1(2.0, interval=100, over="samples")(bowl, REAL, FAKE, {}).item() == plain(bowl, REAL[:1], FAKE, {}).item()
    )


P, Q = np.array([0.1, 0.2, 0.3, 0.4]), np.array([0.4, 0.1, 0.3, 0.2])


def held(penalty, critic, parameters, real, fake, rounds=40):
    """Augmented Lagrangian in full: the critic at its best between the multiplier's steps. The value E_p d − E_q d."""
    for _ in range(rounds):
        search = torch.optim.LBFGS(parameters, 1, 100, None, 1e-13, 1e-17, line_search_fn="strong_wolfe")

        def cost(search=search):
            search.zero_grad()
            value = critic(fake).mean() - critic(real).mean() + copy.deepcopy(penalty)(critic, real, fake, {})
            value.backward()
            return value

        search.step(cost)
        penalty(critic, real, fake, {})
    return (critic(real).mean() - critic(fake).mean()).item()


def test_the_fisher_constraint_finds_the_chi_squared_distance():
    """On four atoms: ``E_p d − E_q d = √Σ (p − q)²/(½ (p + q))``, and the multiplier is half of it."""
    logits = torch.tensor([0.3, -0.2, 0.1, 0.4], dtype=torch.float64, requires_grad=True)
    real, fake = (
        torch.tensor([float(k) for k, mass in enumerate(masses) for _ in range(round(10 * mass))]) for masses in (P, Q)
    )
    penalty = Fisher(3.0).double()
    value = held(penalty, lambda at: logits[at.long()], [logits], real, fake)
    expected = np.sqrt(((P - Q) ** 2 / (0.5 * (P + Q))).sum())
    assert value == pytest.approx(expected, rel=1e-6)
    assert penalty.multiplier.item() == pytest.approx(expected / 2, rel=1e-6)
    assert np.allclose(logits.detach(), (P - Q) / (0.5 * (P + Q)) / expected, atol=1e-5)


@pytest.mark.unchecked("slow: many calls")
def test_the_sobolev_constraint_finds_its_distance_on_a_line():
    """A critic of any slopes s at three points: E_p d − E_q d is b·s, the constraint Σ m s² = 1: √Σ b²/m."""
    centres = torch.tensor([1 / 6, 3 / 6, 5 / 6], dtype=torch.float64)
    slope = torch.tensor([0.5, -0.5, 0.2], dtype=torch.float64, requires_grad=True)
    powers = torch.stack([centres**k for k in range(3)], 1)

    def critic(x, slope=slope):  # its slope is the parabola through the three, d the integral
        coefficients = torch.linalg.solve(powers, slope)
        return sum(coefficients[k] * x ** (k + 1) / (k + 1) for k in range(3))

    real, fake = centres[[0, 1, 1, 2]][:, None], centres[[0, 0, 1, 2]][:, None]
    penalty = Sobolev(3.0).double()
    value = held(penalty, critic, [slope], real, fake)
    gap = torch.func.grad(lambda s: critic(real, s).mean() - critic(fake, s).mean())(slope.detach())
    expected = (gap.square() / tensor([3 / 8, 3 / 8, 2 / 8])).sum().sqrt().item()
    assert value == pytest.approx(expected, rel=1e-5)
    assert penalty.multiplier.item() == pytest.approx(expected / 2, rel=1e-5)


def test_the_multiplier_learns_after_its_cost_and_in_the_discriminators_turn():
    penalty, lam = Fisher(0.5), 0.0
    for _ in range(3):
        omega = (line(REAL).square().mean() + line(FAKE).square().mean()).item() / 2
        assert penalty(line, REAL, FAKE, {}).item() == pytest.approx(
            lam * (omega - 1) + 0.25 * (omega - 1) ** 2, rel=1e-5
        )
        lam += 0.5 * (omega - 1)
        assert penalty.multiplier.item() == pytest.approx(lam, rel=1e-5)
    for kind in (Fisher, Sobolev):
        played = game(kind(0.5))
        problem, point = FunctionalGame(played), point_of(played)
        batch = played.draw(Key(0))
        assert problem.gradient("generator", point, batch).state.get("penalty.multiplier", 0) == 0
        assert problem.gradient("discriminator", point, batch).state["penalty.multiplier"] != 0


def shifted_by_hand(x, by, axis):
    """Rows of NumPy's reflected padding."""
    pads = [(0, 0)] * 3
    pads[axis] = (abs(by), abs(by))
    wide = np.pad(x, pads, mode="reflect")
    return np.take(wide, np.arange(x.shape[axis]) + by + abs(by), axis)


def test_views_of_images_are_mirrored_and_shifted():
    rng = np.random.default_rng(0)
    images = rng.normal(size=(6, 2, 5, 7))
    drawn = torch.tensor(
        [[0.1, 0.0, 0.999], [0.9, 0.5, 0.5], [0.6, 0.3, 0.7], [0.2, 0.8, 0.1], [0.49, 0, 0], [0.51, 0.99, 0.99]]
    )
    moves = [whole(drawn[:, k], 2).tolist() for k in (1, 2)]
    assert moves[0] == [-2, 0, -1, 2, -2, 2]
    found = view(torch.tensor(images), {"uniform": drawn}, 2, tensor(0.0))
    for k, image in enumerate(images):
        seen = image if drawn[k, 0] < 0.5 else image[:, :, ::-1]
        seen = shifted_by_hand(shifted_by_hand(seen, moves[0][k], 1), moves[1][k], 2)
        assert np.array_equal(found[k].numpy(), seen)
    blank = shift(torch.tensor(images), torch.full((6,), 3), 3)
    assert torch.equal(blank[..., :4], torch.tensor(images)[..., 3:])
    assert not blank[..., 4:].any()


def test_consistency_is_the_square_of_what_a_view_changes():
    penalty = ConsistencyRegularisation(2.0, deviation=0.5)
    drawn = noise(penalty)
    gap = line(0.5 * drawn["normal"])
    assert penalty(line, REAL, FAKE, drawn).item() == pytest.approx(2 * gap.square().mean().item(), rel=1e-4)
    both = BalancedConsistency(2.0, 3.0, deviation=0.5)
    drawn = noise(both)
    gaps = [line(0.5 * drawn[kind]["normal"]).square().mean().item() for kind in ("real", "fake")]
    assert both(line, REAL, FAKE, drawn).item() == pytest.approx(2 * gaps[0] + 3 * gaps[1], rel=1e-4)
    assert not torch.equal(drawn["real"]["normal"], drawn["fake"]["normal"])

    def channels(x):
        return x.mean((2, 3)).sum(1)  # neither mirrored nor, up to the border, moved

    images = torch.randn(4, 1, 8, 8)
    mirror = ConsistencyRegularisation(1.0, shift=1)
    still = {"uniform": torch.tensor([[0.9, 0.5, 0.5]] * 4)}
    assert mirror(channels, images, images, still).item() == pytest.approx(0, abs=1e-12)
    assert mirror(lambda x: x[:, 0, 0, 0], images, images, still).item() > 0


def test_a_sum_adds_and_keeps_noise_apart():
    both = Sum(R1(4.0), GradientPenalty(7.0), DraganCentred(2.0))
    drawn = noise(both)
    parts = [part(bowl, REAL, FAKE, drawn[str(i)]) for i, part in enumerate(both.parts)]
    assert both(bowl, REAL, FAKE, drawn).item() == pytest.approx(sum(p.item() for p in parts))
    assert drawn["1"]["alpha"].shape == (3, 1)
    r3gan = Sum(R1(4.0), R2(4.0))
    assert r3gan(bowl, REAL, FAKE, noise(r3gan)).item() == pytest.approx(R1R2(4.0)(bowl, REAL, FAKE, {}).item())
    with pytest.raises(ValueError, match="at least one"):
        Sum()


class Plane:
    shape = (2,)

    def draw(self, key, count):
        return {"real": key.normal(count, 2)}


def game(penalty, batch_norm=False):
    torch.manual_seed(0)
    middle = [nn.BatchNorm1d(4)] if batch_norm else []
    critic = nn.Sequential(nn.Linear(2, 4), *middle, nn.Tanh(), nn.Linear(4, 1))
    return GAN(nn.Linear(3, 2), critic, penalty=penalty, data=Plane(), latent=3, batch_size=4)


def differentiates_in_the_input(penalty):
    """Whether the penalty asks the critic at points of which it takes a derivative."""
    asked = []

    def critic(x):
        asked.append(x.requires_grad)
        return bowl(x)

    penalty(critic, REAL, FAKE, noise(penalty))
    return any(asked)


class Consistency(Penalty):
    """Pulls the logits of a sample and of its noisy copy together, without any slope."""

    def draw(self, key, lead, shape):
        return {"shift": key.normal((*lead, *shape))}

    def forward(self, critic, real, fake, noise):
        return (critic(real) - critic(real + noise["shift"])).square().mean()


@pytest.mark.parametrize("kind", [*PENALTIES.values(), Consistency])
def test_a_penalty_says_whether_it_takes_slopes(kind):
    penalty = kind()
    assert penalty.needs_input_gradient == differentiates_in_the_input(penalty)
    both = Sum(NoPenalty(), penalty)
    assert both.needs_input_gradient == differentiates_in_the_input(both)


def test_batch_normalisation_is_allowed_where_no_slope_is_taken():
    assert game(Consistency(), batch_norm=True).penalty.needs_input_gradient is False


@pytest.mark.parametrize("name", list(PENALTIES))
def test_batch_normalisation_is_refused_where_slopes_are_priced(name):
    penalty = PENALTIES[name]()
    if penalty.needs_input_gradient:
        with pytest.raises(ValueError, match="normalises over the batch"):
            game(penalty, batch_norm=True)
        with pytest.raises(ValueError, match="normalises over the batch"):
            game(Sum(NoPenalty(), penalty), batch_norm=True)
    else:
        game(penalty, batch_norm=True)


def test_lecam_state_changes_in_the_discriminators_turn_only():
    played = game(LeCam())
    problem, point = FunctionalGame(played), point_of(played)
    batch = played.draw(Key(0))
    assert problem.gradient("generator", point, batch).state.get("penalty.count", 0) == 0
    priced = problem.gradient("discriminator", point, batch)
    assert priced.state["penalty.count"] == 1
    assert point.state["penalty.count"] == 0
    logits = played.discriminator(batch["real"]).mean().item()
    assert priced.state["penalty.real_sum"].item() == pytest.approx(0.01 * logits, rel=1e-4)

    solver = Simultaneous(discriminator=SGD(0.1), generator=SGD(0.1))
    memory = solver.init(problem, point)
    for step in (1, 2):  # the generator's turn, which comes last, must not put the averages back
        point, memory, _ = solver(problem, point, memory, played.draw(Key(step), (1,)))
        assert point.state["penalty.count"] == step


def test_lecam_moves_running_statistics_once_a_turn():
    plain, held = game(NoPenalty(), batch_norm=True), game(LeCam(), batch_norm=True)
    states = []
    for played in (plain, held):
        batch = played.draw(Key(0))
        states.append(FunctionalGame(played).gradient("discriminator", point_of(played), batch).state)
    name = "discriminator.1.running_mean"
    assert torch.equal(states[0][name], states[1][name])
    assert states[1]["discriminator.1.num_batches_tracked"] == states[0]["discriminator.1.num_batches_tracked"]


def test_clipping_keeps_the_discriminator_in_the_box_and_nothing_else_changes():
    played = game(NoPenalty())
    problem, start = FunctionalGame(played), point_of(played)
    batches = played.draw(Key(0), (1,))
    inner = Simultaneous(discriminator=SGD(0.5), generator=SGD(0.5))
    solver = Clipped(inner, bound=0.2)
    boxed = solver.inside(start)
    clipped, _, _ = solver(problem, start, solver.init(problem, start), batches)
    free, _, _ = inner(problem, boxed, inner.init(problem, boxed), batches)
    for name, value in free.players["discriminator"].items():
        assert torch.equal(clipped.players["discriminator"][name], value.clamp(-0.2, 0.2))
    assert any((v.abs() > 0.2).any() for v in free.players["discriminator"].values())
    for name, value in free.players["generator"].items():
        assert torch.equal(clipped.players["generator"][name], value)
    with pytest.raises(ValueError, match="no player is called 'critic'"):
        Clipped(inner, player="critic").init(problem, start)


@pytest.mark.parametrize("name", PENALTIES)
def test_without_noise_it_is_drawn(name):
    """From a key of the caller's, or from one that the global seed decides; with the noise of `draw`."""
    penalty, smooth = PENALTIES[name](), Square()

    def given(noise=None, key=None):
        def critic(x):
            return 50 * smooth(x)  # steep, so that one-sided prices are not 0

        return copy.deepcopy(penalty)(critic, REAL, FAKE, noise, key)  # LeCam remembers what it was shown

    key = Key(5)
    assert given(key=key) == given(noise(penalty, seed=5))
    torch.manual_seed(1)
    first, second = given(), given()
    torch.manual_seed(1)
    assert given() == first
    assert (second != first) == (penalty.draw(key, (3,), (2,)) != {})


def test_a_penalty_of_one_s_own_draws_its_noise():
    class Jump(Penalty):
        def draw(self, key, lead, shape):
            return {"z": key.normal(*lead, *shape)}

        def forward(self, critic, real, fake, noise):
            return critic(real + noise["z"]).mean()

    expected = line(REAL + Key(0).normal(3, 2)).mean()
    assert Jump()(line, REAL, FAKE, key=Key(0)) == expected


@pytest.mark.parametrize("kind", [ConsistencyRegularisation, BalancedConsistency])
def test_views_that_show_the_same_cost_nothing_under_batch_normalisation(kind):
    """Real and generated views in one pass were normalised together, and paid 3.586 here."""
    with seeded(0):
        critic = nn.Sequential(nn.Linear(2, 8), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 1))
        real, fake = torch.randn(16, 2) + 3, torch.randn(16, 2)
    assert kind(deviation=0.0)(critic, real, fake).item() == 0


SENSELESS = {  # some ask about real and generated samples at once
    "many outputs": (
        lambda x: x.repeat(1, 4)[:, :7],
        r"returns shape \((3|6), 7\) for (3|6) samples; it needs one logit",
    ),
    "a scalar": (lambda x: x.sum(), r"returns shape \(\)"),
    "a pair": (lambda x: (bowl(x), bowl(x)), "returns a tuple"),
    "too few": (lambda x: bowl(x)[:2], r"returns shape \(2, 1\)"),
}


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize("name", sorted(set(PENALTIES) - {"none"}))  # which asks no critic
def test_a_critic_that_gives_no_logit_of_each_sample_is_refused(name):
    penalty = PENALTIES[name]()
    for critic, said in SENSELESS.values():
        with pytest.raises(ValueError, match=said) as told:
            penalty(critic, REAL, FAKE, noise(penalty))
        assert type(penalty).__name__ in str(told.value)
    with pytest.raises(ValueError, match=r"real samples are torch\.uint8; give floating-point numbers"):
        penalty(bowl, REAL.byte(), FAKE, noise(penalty))


@pytest.mark.parametrize("name", [name for name in PENALTIES if PENALTIES[name].needs_input_gradient])
def test_a_critic_that_mixes_the_batch_is_refused_where_slopes_are_priced(name):
    penalty = PENALTIES[name]()
    critic = nn.Sequential(nn.Linear(2, 4), nn.BatchNorm1d(4), nn.Tanh(), nn.Linear(4, 1))
    with pytest.raises(ValueError, match=r"1 normalises over the batch"):
        penalty(critic, REAL, FAKE, noise(penalty))
    penalty(critic.eval(), REAL, FAKE, noise(penalty))  # each sample alone
