"""Plays a solver on a game without the training loop, for tests of solvers and rules."""

import math

import torch
from torch import nn
from torch.func import functional_call

from nashpath.core import FunctionalGame, Game, Key, Point, point_of, split_buffers
from nashpath.games import GAN
from nashpath.solvers import Solver


def play(solver: Solver, game: Game, steps: int, problem: FunctionalGame | None = None):
    """``(points, last info, last memory)``; ``points`` has one more entry than steps were taken."""
    problem = FunctionalGame(game) if problem is None else problem
    point, key = point_of(game), Key(0)
    memory, points, info = solver.init(problem, point), [point], {}
    with torch.no_grad():
        for _ in range(steps):
            point, memory, info = solver(problem, point, memory, game.draw(key, (solver.draws,)))
            points.append(point)
    return points, info, memory


def vector(point: Point) -> torch.Tensor:
    """All parameters, the generator's first."""
    return torch.cat([v.flatten() for who in ("generator", "discriminator") for v in point.players[who].values()])


def distances(points: list[Point]) -> list[float]:
    """The distance to the origin, point by point."""
    return [float(vector(p).norm()) for p in points]


def rate(points: list[Point]) -> float:
    """The factor a step, fitted by least squares to the logarithm of the distance over the second half."""
    logs = torch.tensor([math.log(d) for d in distances(points)[len(points) // 2 :]])
    steps = torch.arange(len(logs), dtype=logs.dtype)
    centred = steps - steps.mean()
    return math.exp(float((centred * logs).sum() / centred.square().sum()))


class Cloud:
    """A hundred points around (3, 3), in the default precision."""

    shape: tuple[int, ...] = (2,)
    indexable = True

    def __init__(self) -> None:
        rng = torch.Generator().manual_seed(0)
        self.points = torch.randn(100, 2, generator=rng, dtype=torch.float64) + 3

    def __len__(self) -> int:
        return len(self.points)

    def examples(self, limit: int | None = None) -> torch.Tensor:
        return self.points[:limit].to(torch.get_default_dtype())

    def rows(self, index: torch.Tensor):
        return {"real": self.examples().to(index.device)[index]}

    def draw(self, key: Key, count: int):
        return self.rows(key.integers(len(self), (count,)))


def small_gan(seed: int, penalty=None) -> GAN:
    """An MLP GAN on `Cloud`, with running statistics in the generator."""
    with torch.random.fork_rng():
        torch.manual_seed(seed)
        generator_ = nn.Sequential(
            nn.Linear(4, 8, bias=False), nn.BatchNorm1d(8), nn.Tanh(), nn.Linear(8, 8), nn.Softplus(), nn.Linear(8, 2)
        )
        critic = nn.Sequential(nn.Linear(2, 8), nn.Tanh(), nn.Linear(8, 1))
    return GAN(generator_, critic, penalty=penalty, data=Cloud(), latent=4, batch_size=8)


def pure_step(game: Game, solver: Solver):
    """A step as a pure function of numbers, point, memory and batches."""
    bound = FunctionalGame(game)

    def step(numbers, point, memory, batches):
        return functional_call(solver, numbers, (bound, point, memory, batches))

    return step


def solver_numbers(solver: Solver):
    """The hyper-parameters of a solver by name."""
    return split_buffers(solver)[0]
