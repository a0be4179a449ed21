"""What a step costs under each objective and penalty: against NS-GAN, and against the same arithmetic by hand.

One step is one discriminator gradient and one generator gradient on one batch: the median of CPU time (other work on
the machine must not count) over interleaved rounds. "By hand" is eager PyTorch with ``autograd``, written as in the
papers' repositories. ``--compile`` adds the compiled step (about ten seconds a row), which is what long runs use; the
target is at most 1.15 times the hand-written cost.

    python benchmarks/objectives.py [--compile] [--batch 256] [--width 128] [--rounds 30] [--only r1 mmd_gaussian]
        [--smallest]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn.functional import relu, softplus

from nashpath.core import Batch, FunctionalGame, Key, point_of
from nashpath.games import GAN, OBJECTIVES, PENALTIES
from nashpath.games.objectives import Objective
from sizes import parse

Cost = Callable[..., Tensor]


class Plane:
    """Normal points in the plane."""

    shape = (2,)

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        return {"real": key.normal(count, 2)}


def mlp(inputs: int, outputs: int, width: int) -> nn.Sequential:
    """Two hidden layers."""
    return nn.Sequential(
        nn.Linear(inputs, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, width),
        nn.LeakyReLU(0.2),
        nn.Linear(width, outputs),
    )


def mmd(real: Tensor, fake: Tensor, kernel: Callable[[Tensor], Tensor]) -> Tensor:
    """The unbiased MMD², from three blocks of Gram matrices."""

    def block(x: Tensor, y: Tensor) -> Tensor:
        return kernel((x.square().sum(1)[:, None] + y.square().sum(1) - 2 * x @ y.T).clamp(min=0))

    n, own = len(real), [block(x, x) for x in (real, fake)]
    within = [(k.sum() - k.trace()) / (n * (n - 1)) for k in own]
    return within[0] + within[1] - 2 * block(real, fake).mean()


def gaussian(squared: Tensor) -> Tensor:
    return sum(torch.exp(-squared / (2 * s * s)) for s in (2.0, 5.0, 10.0, 20.0, 40.0, 80.0))  # type: ignore[return-value]


def rational_quadratic(squared: Tensor) -> Tensor:
    return sum(torch.exp(-a * torch.log(1 + squared / (2 * a))) for a in (0.2, 0.5, 1.0, 2.0, 5.0))  # type: ignore[return-value]


def apart(squared: Tensor) -> Tensor:
    return -(squared + 1e-12).sqrt()


def logistic(real: Tensor, fake: Tensor) -> Tensor:
    return softplus(-real).mean() + softplus(fake).mean()


LAST_HIDDEN = "3"
"""The layer of `mlp` whose activations feature matching compares."""


def objective_of(name: str) -> Objective:
    """The objective with its defaults, at a layer that `mlp` has."""
    return OBJECTIVES[name](**({"layer": LAST_HIDDEN} if name == "feature_matching" else {}))


# By hand: the discriminator's and the generator's cost from (real, fake) logits; feature matching's from features.
OBJECTIVES_BY_HAND: dict[str, tuple[Cost, Cost]] = {
    "non_saturating": (logistic, lambda r, f: softplus(-f).mean()),
    "minimax": (logistic, lambda r, f: -softplus(f).mean()),
    "wasserstein": (lambda r, f: f.mean() - r.mean(), lambda r, f: -f.mean()),
    "least_squares": (
        lambda r, f: 0.5 * (r - 1).square().mean() + 0.5 * f.square().mean(),
        lambda r, f: 0.5 * (f - 1).square().mean(),
    ),
    "hinge": (lambda r, f: relu(1 - r).mean() + relu(1 + f).mean(), lambda r, f: -f.mean()),
    "relativistic": (lambda r, f: softplus(f - r).mean(), lambda r, f: softplus(r - f).mean()),
    "relativistic_average": (
        lambda r, f: softplus(f.mean() - r).mean() + softplus(f - r.mean()).mean(),
        lambda r, f: softplus(r.mean() - f).mean() + softplus(r - f.mean()).mean(),
    ),
    "cumulant": (
        lambda r, f: 2 * (-0.5 * r).exp().mean().log() + 2 * (0.5 * f).exp().mean().log(),
        lambda r, f: -2 * (0.5 * f).exp().mean().log(),
    ),
    "energy_distance": (lambda r, f: -mmd(r, f, apart), lambda r, f: mmd(r, f, apart)),
    "f_gan": (logistic, lambda r, f: -softplus(f).mean()),
    "mmd_gaussian": (lambda r, f: -mmd(r, f, gaussian), lambda r, f: mmd(r, f, gaussian)),
    "mmd_rational_quadratic": (lambda r, f: -mmd(r, f, rational_quadratic), lambda r, f: mmd(r, f, rational_quadratic)),
    "neural_net_distance": (
        lambda r, f: -torch.sigmoid(r).mean() - torch.sigmoid(-f).mean(),
        lambda r, f: torch.sigmoid(-f).mean(),
    ),
    "feature_matching": (logistic, lambda r, f: (r.mean(0) - f.mean(0)).square().sum()),
    "label_smoothing": (
        lambda r, f: (0.9 * softplus(-r) + 0.1 * softplus(r)).mean() + softplus(f).mean(),
        lambda r, f: softplus(-f).mean(),
    ),
    "joint_batch": (logistic, lambda r, f: softplus(-f).mean()),
    "monoflow": (logistic, lambda r, f: -f.mean()),
    "plug_in": (logistic, lambda r, f: -f.mean()),
}


def slope(logits: Tensor, points: Tensor) -> Tensor:
    return torch.autograd.grad(logits.sum(), points, create_graph=True)[0]


def segment(critic: nn.Module, real: Tensor, fake: Tensor, noise: Batch) -> Tensor:
    points = (noise["alpha"] * real + (1 - noise["alpha"]) * fake).detach().requires_grad_()
    return slope(critic(points), points)


def cloud(critic: nn.Module, points: Tensor) -> Tensor:
    points = points.detach().requires_grad_()
    return 10 * (slope(critic(points), points).norm(dim=1) - 1).square().mean()


# By hand: from the critic, both batches, the logits already computed on them, and the noise.
PENALTIES_BY_HAND: dict[str, Cost] = {
    "none": lambda c, x, y, dx, dy, n: 0.0,
    "wgan_gp": lambda c, x, y, dx, dy, n: 10 * (segment(c, x, y, n).norm(dim=1) - 1).square().mean(),
    "gan_gp": lambda c, x, y, dx, dy, n: 10 * (segment(c, x, y, n).norm(dim=1) - 1).square().mean(),
    "wgan_gp_one_sided": lambda c, x, y, dx, dy, n: 10 * relu(segment(c, x, y, n).norm(dim=1) - 1).square().mean(),
    "zero_centred": lambda c, x, y, dx, dy, n: 10 * segment(c, x, y, n).square().sum(1).mean(),
    "dragan": lambda c, x, y, dx, dy, n: cloud(c, x + n["alpha"] * 0.5 * x.std(correction=0) * n["cloud"]),
    "dragan_centred": lambda c, x, y, dx, dy, n: cloud(c, x + x.std(correction=0) * n["cloud"]),
    "r1": lambda c, x, y, dx, dy, n: 5 * slope(dx, x).square().sum(1).mean(),
    "r2": lambda c, x, y, dx, dy, n: 5 * slope(dy, y).square().sum(1).mean(),
    "r1_r2": lambda c, x, y, dx, dy, n: 5 * (slope(dx, x).square().sum(1) + slope(dy, y).square().sum(1)).mean(),
    "jensen_shannon": lambda c, x, y, dx, dy, n: (
        (torch.sigmoid(-dx).flatten().square() * slope(dx, x).square().sum(1)).mean()
        + (torch.sigmoid(dy).flatten().square() * slope(dy, y).square().sum(1)).mean()
    ),
    "fisher": lambda c, x, y, dx, dy, n: 0.5e-6 * (0.5 * dx.square().mean() + 0.5 * dy.square().mean() - 1).square(),
    "sobolev": lambda c, x, y, dx, dy, n: (
        0.5e-5 * (0.5 * (slope(dx, x).square().sum(1) + slope(dy, y).square().sum(1)).mean() - 1).square()
    ),
    "lecam": lambda c, x, y, dx, dy, n: (
        0.3 * (relu(dx - dy.mean().detach()).square().mean() + relu(dx.mean().detach() - dy).square().mean())
    ),
}


def written_by_hand(objective: str, penalty: str) -> bool:
    return objective in OBJECTIVES_BY_HAND and penalty in PENALTIES_BY_HAND


def by_hand(game: GAN, objective: str, penalty: str) -> Callable[[Batch], None]:
    """The step in eager PyTorch."""
    cost_d, cost_g = OBJECTIVES_BY_HAND[objective]
    price = PENALTIES_BY_HAND[penalty]
    d, g, compares = game.discriminator, game.generator, OBJECTIVES[objective].compares  # type: ignore[attr-defined]
    look: nn.Module = d[: int(LAST_HIDDEN) + 1] if objective == "feature_matching" else d  # type: ignore[index]

    def step(batch: Batch) -> None:
        with torch.no_grad():
            fake = g(batch["latent"])
        real, fake = batch["real"].detach().requires_grad_(), fake.requires_grad_()
        on_real, on_fake = d(real), d(fake)
        total = cost_d(on_real, on_fake) + price(d, real, fake, on_real, on_fake, batch["penalty"])
        torch.autograd.grad(total, tuple(d.parameters()))
        made = g(batch["latent"])
        torch.autograd.grad(cost_g(look(batch["real"]) if compares else None, look(made)), tuple(g.parameters()))

    return step


def ours(game: GAN, compiled: bool) -> Callable[[Batch], object]:
    """The step as solvers take it."""
    problem, point = FunctionalGame(game), point_of(game)

    def step(batch):
        return [problem.gradient(who, point, batch).gradient for who in game.players]

    return torch.compile(step, fullgraph=True, dynamic=False) if compiled else step


def measure(steps: dict[str, Callable[[Batch], object]], batch: Batch, rounds: int) -> dict[str, float]:
    """Median CPU-milliseconds of each step, in interleaved rounds, after two calls that do not count."""
    times: dict[str, list[float]] = {name: [] for name in steps}
    for count in range(rounds + 2):
        for name, step in steps.items():
            start = time.process_time()
            step(batch)
            if count >= 2:
                times[name].append(1e3 * (time.process_time() - start))
    return {name: statistics.median(taken) for name, taken in times.items()}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--width", type=int, default=128)
    parser.add_argument("--rounds", type=int, default=30)
    parser.add_argument("--only", nargs="*", default=None)
    options = parse(parser, batch=4, width=4, rounds=1)
    torch.set_num_threads(1)
    rows = [(name, name, "none") for name in OBJECTIVES] + [
        (name, "non_saturating", name) for name in PENALTIES if name != "none"
    ]
    rows = [row for row in rows if options.only is None or row[0] in options.only]
    alone = [label for label, objective, penalty in rows if not written_by_hand(objective, penalty)]
    if alone:
        print(f"nothing by hand to compare with: {', '.join(alone)}")
    rows = [row for row in rows if row[0] not in alone]
    kinds = ["ours", "compiled"] if options.compile else ["ours"]
    print(f"{'':24}{'NS by hand = 1':>16}" + "".join(f"{kind + ' / by hand':>20}" for kind in kinds))
    for label, objective, penalty in rows:
        if options.compile:
            torch.compiler.reset()
        games = []
        for loss, term in ((objective, penalty), ("non_saturating", "none")):
            torch.manual_seed(0)
            priced = objective_of(loss)
            critic, maker = mlp(2, priced.outputs, options.width), mlp(8, 2, options.width)
            games.append(
                GAN(maker, critic, priced, PENALTIES[term](), data=Plane(), latent=8, batch_size=options.batch)
            )
        batch = games[0].draw(Key(0))
        steps: dict[str, Callable[[Batch], object]] = {kind: ours(games[0], kind == "compiled") for kind in kinds}
        steps["hand"] = by_hand(games[0], objective, penalty)
        steps["base"] = by_hand(games[1], "non_saturating", "none")
        took = measure(steps, batch, options.rounds)
        ratios = "".join(f"{took[kind] / took['hand']:>20.2f}" for kind in kinds)
        print(f"{label:24}{took['hand'] / took['base']:>16.2f}{ratios}", flush=True)


if __name__ == "__main__":
    main()
