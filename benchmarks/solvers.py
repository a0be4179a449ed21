"""What a step costs under each solver and rule: against the plainest one, and against other people's arithmetic.

CPU time (other work on the machine must not count), the median over interleaved rounds, all ratios from one run. The
races: every solver against simultaneous play; a conjugate-gradient step against momentum SGD; ExtraAdam against the
published single-file arithmetic, written out in eager PyTorch; ACGD against the package ``CGDs`` at its own tolerance
(relative residual 1e-6), skipped where it is not installed (``pip install --no-deps CGDs``).

    python benchmarks/solvers.py [--compile] [--rounds 15] [--width 16] [--batch 32] [--only acgd conjugate extra all]
        [--smallest]
"""

import argparse
import statistics
import time
from collections.abc import Callable

import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.functional import softplus

from nashpath.core import FunctionalGame, Key, Source, point_of, split_buffers
from nashpath.data import Samples
from nashpath.games import GAN, OBJECTIVES
from nashpath.networks import DCGANDiscriminator, DCGANGenerator
from nashpath.solvers import RULES, SGD, SOLVERS, AdaptiveCompetitiveGradient, Solver
from nashpath.solvers.optim import ExtraAdam, NonlinearCG
from sizes import parse

LATENT, SHAPE = 32, (3, 32, 32)
Race = dict[str, Callable[[], object]]


class Noise:
    """Images of noise: speed does not look at them."""

    shape = SHAPE

    def draw(self, key: Key, count: int) -> dict[str, Tensor]:
        return {"real": key.uniform(count, *SHAPE) * 2 - 1}


def finite() -> Samples:
    """As many images of noise as a solver that passes over its data can take."""
    return Samples(Noise().draw(Key(0), 256)["real"])


def dcgan(width: int, batch: int, objective: str = "non_saturating", data: Source | None = None) -> GAN:
    """The 32-pixel DCGAN."""
    torch.manual_seed(0)
    networks = DCGANGenerator(LATENT, SHAPE, width=width), DCGANDiscriminator(SHAPE, width=width)
    return GAN(*networks, OBJECTIVES[objective](), data=data or Noise(), latent=LATENT, batch_size=batch)


def stepper(game: GAN, solver: Solver, compiled: bool) -> Callable[[], dict[str, Tensor]]:
    """A function that takes one step on a fresh batch, and returns its report."""
    problem, point, key = FunctionalGame(game), point_of(game), Key(0)
    memory, numbers = solver.init(problem, point), split_buffers(solver)[0]

    def step(point, memory, batches):
        return functional_call(solver, numbers, (problem, point, memory, batches))

    run = torch.compile(step, fullgraph=True, dynamic=False) if compiled else step
    at = [point, memory]

    def take() -> dict[str, Tensor]:
        with torch.no_grad():
            at[0], at[1], info = run(at[0], at[1], game.draw(key, (solver.draws,)))
        return info

    return take


def race(runners: Race, rounds: int) -> dict[str, float]:
    """Median CPU milliseconds of each runner; the first two turns of each warm up."""
    spent: dict[str, list[float]] = {name: [] for name in runners}
    for turn in range(rounds + 2):
        for name, run in runners.items():
            start = time.process_time()
            run()
            if turn >= 2:
                spent[name].append(1000 * (time.process_time() - start))
    return {name: statistics.median(times) for name, times in spent.items()}


def show(title: str, times: dict[str, float], notes: dict[str, str] | None = None) -> None:
    """A table of milliseconds, and of ratios to the first row."""
    base = next(iter(times.values()))
    print(f"\n{title}\n{'':34}{'ms':>10}{'ratio':>8}")
    for name, spent in times.items():
        print(f"{name:34}{spent:10.2f}{spent / base:8.2f}  {(notes or {}).get(name, '')}")


def all_solvers(args: argparse.Namespace) -> None:
    runners: Race = {}
    for name in ("simultaneous", *(n for n in SOLVERS if n != "simultaneous")):
        data = finite() if name == "svre" else None
        game = dcgan(args.width, args.batch, data=data)
        runners[name] = stepper(game, SOLVERS[name](SGD(1e-3), SGD(1e-3)), args.compile)
    costs = {n: f"{SOLVERS[n](SGD(), SGD()).gradients} gradients" for n in runners}
    products = {n: SOLVERS[n](SGD(), SGD()).products for n in runners}
    notes = {n: f"{costs[n]}, {products[n]} products" if products[n] else costs[n] for n in runners}
    show("one step of every solver, DCGAN-32 (target: extragradient ≤ 2.1)", race(runners, args.rounds), notes)


def conjugate(args: argparse.Namespace) -> None:
    runners: Race = {}
    for name in ("momentum", "conjugate_gradient"):
        rules = RULES[name](1e-4), RULES[name](1e-4)
        runners[f"rule {name}"] = stepper(dcgan(args.width, args.batch), SOLVERS["alternating"](*rules), args.compile)
    show("conjugate gradients against momentum, DCGAN-32 (target ≤ 1.25)", race(runners, args.rounds))
    show("the same, as torch.optim optimizers in an eager loop", race(eager_loops(args), args.rounds))


def eager_loops(args: argparse.Namespace) -> Race:
    """An ordinary GAN loop with momentum SGD, and with each formula of the drop-in."""
    makers = {"torch.optim.SGD(momentum=0.9)": lambda p: torch.optim.SGD(p, 1e-4, momentum=0.9)}
    for beta in ("FR", "PRP", "HZ"):
        makers[f"ConjugateGradient({beta})"] = lambda p, beta=beta: NonlinearCG(p, 1e-4, beta)
    return {name: plain_loop(dcgan(args.width, args.batch), maker, args.batch) for name, maker in makers.items()}


def plain_loop(game: GAN, maker: Callable, batch: int) -> Callable[[], None]:
    g, d = game.generator, game.discriminator
    players = maker(d.parameters()), maker(g.parameters())
    real, z = torch.rand(batch, *SHAPE), torch.randn(batch, LATENT)

    def step() -> None:
        players[0].zero_grad()
        (softplus(-d(real)).mean() + softplus(d(g(z).detach())).mean()).backward()
        players[0].step()
        players[1].zero_grad()
        softplus(-d(g(z))).mean().backward()
        players[1].step()

    return step


class PublishedExtraAdam:
    """The update of the authors' file, parameter by parameter, in their order of operations."""

    def __init__(self, params):
        self.params, self.saved, self.count = list(params), [], 0
        self.first = [torch.zeros_like(p) for p in self.params]
        self.second = [torch.zeros_like(p) for p in self.params]

    def half(self, look: bool) -> None:
        self.count += 1
        size = 1e-4 * (1 - 0.999**self.count) ** 0.5 / (1 - 0.5**self.count)
        if look:
            self.saved = [p.data.clone() for p in self.params]
        for p, m, v, old in zip(self.params, self.first, self.second, self.saved, strict=True):
            m.mul_(0.5).add_(p.grad, alpha=0.5)
            v.mul_(0.999).addcmul_(p.grad, p.grad, value=0.001)
            move = -size * m / v.sqrt().add_(1e-8)
            p.data.copy_((p.data if look else old) + move)


def extra(args: argparse.Namespace) -> None:
    def loop(make, look, step):
        game = dcgan(args.width, args.batch)
        g, d = game.generator, game.discriminator
        real, z = torch.rand(args.batch, *SHAPE), torch.randn(args.batch, LATENT)
        players = {d: make(d.parameters()), g: make(g.parameters())}

        def take() -> None:
            for half in (look, step):
                costs = softplus(-d(real)).mean() + softplus(d(g(z).detach())).mean(), softplus(-d(g(z))).mean()
                for network, cost in zip((d, g), costs, strict=True):
                    grads = torch.autograd.grad(cost, list(network.parameters()))
                    for p, grad in zip(network.parameters(), grads, strict=True):
                        p.grad = grad
                for player in players.values():
                    half(player)

        return take

    adam = lambda: RULES["adam"](1e-4, 0.5, 0.999)  # noqa: E731
    solver = SOLVERS["extragradient"](adam(), adam(), same_batch=True)
    runners: Race = {
        "published arithmetic, eager": loop(PublishedExtraAdam, lambda o: o.half(True), lambda o: o.half(False)),
        "optim.ExtraAdam": loop(
            lambda p: ExtraAdam(p, 1e-4, betas=(0.5, 0.999)), ExtraAdam.extrapolation, ExtraAdam.step
        ),
        "solver extragradient, rule adam": stepper(dcgan(args.width, args.batch), solver, args.compile),
    }
    show("ExtraAdam, DCGAN-32", race(runners, args.rounds))


def acgd(args: argparse.Namespace) -> None:
    notes: dict[str, str] = {}
    runners: Race = {}
    try:
        from CGDs import ACGD
    except ImportError:
        print("\nCGDs is not installed (pip install --no-deps CGDs): ACGD runs alone")
    else:
        runners["CGDs.ACGD"] = rival(ACGD, args, notes)
    for iterations in args.iterations:
        name = f"solver acgd, {iterations} iterations"
        solver = AdaptiveCompetitiveGradient(SGD(args.rate), SGD(args.rate), iterations=iterations)
        take = stepper(dcgan(args.width, args.batch, "minimax"), solver, args.compile)

        def run(take=take, name=name) -> None:
            notes[name] = f"residual {float(take()['residual']):.1e}"

        runners[name] = run
    count = sum(p.numel() for p in dcgan(args.width, args.batch).parameters())
    show(f"ACGD, DCGAN-32 of {count / 1e6:.2f} M parameters", race(runners, args.rounds), notes)


def rival(optimizer_class: Callable, args: argparse.Namespace, notes: dict[str, str]) -> Callable[[], None]:
    game = dcgan(args.width, args.batch, "minimax")
    g, d = game.generator, game.discriminator
    key = Key(0)
    optimizer = optimizer_class(
        max_params=d.parameters(), min_params=g.parameters(), lr_max=args.rate, lr_min=args.rate, collect_info=True
    )

    def step() -> None:
        batch = game.draw(key)
        real, z = batch["real"], batch["latent"]
        optimizer.step(-(softplus(-d(real)).mean() + softplus(d(g(z))).mean()))
        notes["CGDs.ACGD"] = f"residual ≤ 1.0e-06, {optimizer.get_info()['iter_num']} iterations"

    return step


RACES = {"all": all_solvers, "conjugate": conjugate, "extra": extra, "acgd": acgd}


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--compile", action="store_true")
    parser.add_argument("--rounds", type=int, default=15)
    parser.add_argument("--width", type=int, default=16)
    parser.add_argument("--batch", type=int, default=32)
    parser.add_argument("--rate", type=float, default=1e-4)
    parser.add_argument("--iterations", type=int, nargs="+", default=[5, 10])
    parser.add_argument("--only", nargs="+", choices=list(RACES), default=list(RACES))
    args = parse(parser, rounds=1, width=2, batch=2, iterations=[1])
    torch.set_num_threads(1)
    for name in args.only:
        RACES[name](args)


if __name__ == "__main__":
    main()
