"""Races the training program against the plain eager PyTorch loop that a user would write.

    python benchmarks/stacked.py [--game ring|dcgan] [--members 64] [--rounds 5] [--jax] [--smallest]

Both sides train the same game on one thread; each round times both, one after the other, in CPU-seconds, and the table
shows the median over rounds. Compile time is left out and printed apart. Quote the ratio, not the rates.
"""

import argparse
import statistics
import time
from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn.functional import softplus

import jax_ring
from nashpath.core import seeded
from nashpath.data import Ring, Samples
from nashpath.games.gan import GAN
from nashpath.games.objectives import NonSaturating
from nashpath.games.penalties import Dragan
from nashpath.networks import DCGANDiscriminator, DCGANGenerator, MLPDiscriminator, MLPGenerator
from nashpath.run.engine.memory import even, within_caches
from nashpath.run.engine.program import Prepared, Program
from nashpath.run.engine.step import Trial
from nashpath.solvers import Adam, Alternating
from sizes import parse


@dataclass
class Race:
    """One game: its networks by nashpath, and the same networks as a user would write them."""

    name: str
    latent: int
    weight: float
    ours: Callable[[], tuple[nn.Module, nn.Module]]
    theirs: Callable[[], tuple[nn.Module, nn.Module]]
    real: Callable[[torch.Generator], Tensor]
    data: object
    members: int
    steps: tuple[int, int]
    batch: int = 64
    width: int = 64


def plain_mlp(inputs: int, outputs: int, leak: float, width: int) -> nn.Module:
    """Two hidden layers, in stock PyTorch."""
    act = nn.LeakyReLU(leak) if leak else nn.ReLU()
    return nn.Sequential(nn.Linear(inputs, width), act, nn.Linear(width, width), act, nn.Linear(width, outputs))


def plain_dcgan() -> tuple[nn.Module, nn.Module]:
    """The DCGAN of 32 pixels and width 32, in stock PyTorch."""

    def up(a: int, b: int) -> list[nn.Module]:
        return [nn.ConvTranspose2d(a, b, 4, 2, 1, bias=False), nn.BatchNorm2d(b), nn.ReLU()]

    first = [nn.ConvTranspose2d(64, 128, 4, bias=False), nn.BatchNorm2d(128), nn.ReLU()]
    last = [nn.ConvTranspose2d(32, 3, 4, 2, 1), nn.Tanh()]
    generator = nn.Sequential(nn.Unflatten(1, (64, 1, 1)), *first, *up(128, 64), *up(64, 32), *last)
    down = [nn.Conv2d(3, 32, 4, 2, 1), nn.LeakyReLU(0.2), nn.Conv2d(32, 64, 4, 2, 1), nn.LeakyReLU(0.2)]
    deep = [nn.Conv2d(64, 128, 4, 2, 1), nn.LeakyReLU(0.2), nn.Flatten(), nn.Linear(2048, 1)]
    return generator, nn.Sequential(*down, *deep)


def ring(batch: int = 64, width: int = 64) -> Race:
    """Dense networks on the ring of eight."""
    data = Ring()

    def real(rng: torch.Generator) -> Tensor:
        centres = data.centres[torch.randint(8, (batch,), generator=rng)]
        return centres + 0.02 * torch.randn(batch, 2, generator=rng)

    return Race(
        f"ring, MLP 2x{width}, batch {batch}, DRAGAN",
        16,
        1.0,
        lambda: (MLPGenerator(16, (2,), width=width), MLPDiscriminator((2,), width=width)),
        lambda: (plain_mlp(16, 2, 0.0, width), plain_mlp(2, 1, 0.2, width)),
        real,
        data,
        64,
        (600, 128),
        batch,
        width,
    )


def races() -> dict[str, Race]:
    """The two games."""
    pictures = torch.rand(512, 3, 32, 32, generator=torch.Generator().manual_seed(0)) * 2 - 1

    def image_batch(rng: torch.Generator) -> Tensor:
        return pictures[torch.randint(512, (64,), generator=rng)]

    return {
        "ring": ring(),
        "dcgan": Race(
            "DCGAN 32x32, width 32, batch 64, DRAGAN",
            64,
            10.0,
            lambda: (DCGANGenerator(64, (3, 32, 32)), DCGANDiscriminator((3, 32, 32))),
            plain_dcgan,
            image_batch,
            Samples(pictures),
            2,
            (8, 8),
        ),
    }


def eager_loop(race: Race) -> Callable[[int], None]:
    """The loop of a careful user: stock modules, stock Adam, DRAGAN by double backward."""
    torch.manual_seed(0)
    g, d = race.theirs()
    g_opt = torch.optim.Adam(g.parameters(), 2e-4, betas=(0.5, 0.999))
    d_opt = torch.optim.Adam(d.parameters(), 2e-4, betas=(0.5, 0.999))
    rng = torch.Generator().manual_seed(0)

    def run(steps: int) -> None:
        for _ in range(steps):
            x = race.real(rng)
            with torch.no_grad():
                fake = g(torch.randn(race.batch, race.latent, generator=rng))
            one = [1] * (x.dim() - 1)
            cloud = x + torch.rand(race.batch, *one, generator=rng) * 0.5 * x.std() * torch.rand(x.shape, generator=rng)
            cloud.requires_grad_()
            (slope,) = torch.autograd.grad(d(cloud).sum(), cloud, create_graph=True)
            penalty = race.weight * (slope.flatten(1).norm(dim=1) - 1).square().mean()
            loss = softplus(-d(x)).mean() + softplus(d(fake)).mean() + penalty
            d_opt.zero_grad()
            loss.backward()
            d_opt.step()
            loss = softplus(-d(g(torch.randn(race.batch, race.latent, generator=rng)))).mean()
            g_opt.zero_grad()
            loss.backward()
            g_opt.step()

    return run


def program(
    race: Race, members: int, mode: str, compiled: bool, first: int = 0, ready: Prepared | None = None
) -> Program:
    """The same game as a program of ``members``, whose seeds begin at ``first``."""
    trials, seeds = [], range(first, first + members)
    for seed in seeds:
        with seeded(seed):
            nets = race.ours()
        how = {"data": race.data, "latent": race.latent, "batch_size": race.batch}
        game = GAN(*nets, NonSaturating(), Dragan(race.weight), **how)  # type: ignore[arg-type]
        trials.append(Trial(game, Alternating(Adam(2e-4), Adam(2e-4))))
    return Program(trials, seeds, mode, compiled, ready=ready)  # type: ignore[arg-type]


def population(race: Race, members: int, mode: str, compiled: bool) -> Callable[[int], None]:
    """As a run takes the steps of so many members: in stacks that fit the caches, which share one compiled step."""
    made: list[Program] = []
    ready: dict[int, Prepared] = {}
    for part in even(members, within_caches(members, "cpu", compiled) if mode == "stacked" else members):
        made.append(program(race, part, mode, compiled, sum(len(one.trials) for one in made), ready.get(part)))
        ready.setdefault(part, made[-1].prepared)

    def run(steps: int) -> None:
        for one in made:
            one.run(steps)

    return run


def rate(run: Callable[[int], None], steps: int, members: int) -> float:
    """GAN steps a CPU-second."""
    start = time.process_time()
    run(steps)
    return steps * members / (time.process_time() - start)


@dataclass
class Rate:
    """One side of a race: GAN steps a CPU-second, and how many times those of the plain loop, round by round."""

    race: str
    way: str
    members: int
    rates: list[float]
    ratios: list[float]
    ready: float
    """Seconds before the first steps were taken, compiling included."""

    @property
    def rate(self) -> float:
        """The median over rounds."""
        return statistics.median(self.rates)

    @property
    def ratio(self) -> float:
        """The median over rounds."""
        return statistics.median(self.ratios)


def run_race(
    race: Race, ways: list[tuple[str, int, bool]], rounds: int, steps: int = 0, jax: bool = False
) -> list[Rate]:
    """The plain loop, then each way, all in turn in every round; JAX last, if asked."""
    sides: dict[tuple[str, int], Callable[[int], None]] = {}
    ready: dict[tuple[str, int], float] = {}

    def add(name: str, members: int, make: Callable[[], Callable[[int], None]], warm: int) -> None:
        start = time.perf_counter()
        sides[name, members] = make()
        sides[name, members](warm)
        ready[name, members] = time.perf_counter() - start

    add("plain eager loop", 1, lambda: eager_loop(race), 3)
    for mode, members, compiled in ways:
        label = f"{mode if members > 1 else 'solo'}, {'compiled' if compiled else 'eager'}"
        add(label, members, lambda m=mode, n=members, c=compiled: population(race, n, m, c), 2)
    if jax:
        for members in sorted({members for _, members, _ in ways}):
            add(
                jax_ring.NAME,
                members,
                lambda n=members: jax_ring.jax_loop(n, race.batch, race.width),
                jax_ring.SCANNED,
            )
    rates: dict[tuple[str, int], list[float]] = {side: [] for side in sides}
    for _ in range(rounds):
        for (name, members), run in sides.items():
            taken = steps or max(race.steps[1], race.steps[0] // members)
            if name == jax_ring.NAME:
                taken = jax_ring.SCANNED * max(1, taken // jax_ring.SCANNED)
            rates[name, members].append(rate(run, taken, members))
    base = rates["plain eager loop", 1]
    return [
        Rate(race.name, name, members, found, [r / b for r, b in zip(found, base)], ready[name, members])
        for (name, members), found in rates.items()
    ]


def told(found: list[Rate]) -> str:
    """The race as lines of text."""
    lines = [f"{found[0].race}: GAN steps a CPU-second, median of {len(found[0].rates)} rounds, one thread"]
    for one in found:
        spread = f"{min(one.ratios):.2f} to {max(one.ratios):.2f}"
        name = f"{one.way}, {one.members} member{'s' * (one.members > 1)}"
        lines.append(f"  {name:<40} {one.rate:>9,.1f}   {one.ratio:5.2f} x  ({spread})   ready in {one.ready:.0f} s")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--game", choices=["ring", "dcgan"], action="append")
    parser.add_argument("--members", type=int)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--steps", type=int, default=0, help="steps of each a round (default: by game)")
    parser.add_argument("--compile", action=argparse.BooleanOptionalAction, default=True)
    parser.add_argument("--jax", action="store_true", help="the ring against JAX as well")
    arguments = parse(parser, members=2, rounds=1, steps=1, compile=False)
    torch.set_num_threads(1)
    for name in arguments.game or ["ring", "dcgan"]:
        race = races()[name]
        members = arguments.members or race.members
        ways = [(mode, members, arguments.compile) for mode in ("stacked", "looped")]
        print("\n" + told(run_race(race, ways, arguments.rounds, arguments.steps, arguments.jax and name == "ring")))


if __name__ == "__main__":
    main()
