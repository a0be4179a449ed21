"""An objective and a solver of one's own in Python, without names in a table: four seeds, trained stacked."""

import argparse

import torch

import nashpath as nash
from nashpath.core import Number, Point, pick
from nashpath.core import tree as trees
from nashpath.games.objectives import Objective
from nashpath.networks import MLPDiscriminator, MLPGenerator
from nashpath.run import Trained
from nashpath.solvers import Solver, price_all


class Pearson(Objective):
    """Least squares with targets −1, 1 and 0, which minimises a Pearson divergence.

    Reference: Mao et al. 2017, Eq. 8.
    """

    def __init__(self, target: Number = 0.0):
        super().__init__(target=target)

    def discriminator(self, real, fake):
        return 0.5 * (real - 1).square().mean() + 0.5 * (fake + 1).square().mean()

    def generator(self, fake, real=None):
        return 0.5 * (fake - self.target).square().mean()


class Reflected(Solver):
    """Projected reflected gradient without a constraint: the field at ``2θ − θ_last``, one gradient a step.

    Reference: Malitsky 2015.
    """

    def __init__(self, discriminator: nash.UpdateRule, generator: nash.UpdateRule):
        super().__init__(discriminator=discriminator, generator=generator)

    def init(self, problem, point):
        last = trees.tree_map(torch.clone, point.players)
        return {**super().init(problem, point), "last": last}

    def forward(self, problem, point, memory, batches):
        ahead = {}
        for who, params in point.players.items():
            ahead[who] = trees.add(params, trees.add(params, memory["last"][who], -1.0))
        priced = price_all(problem, Point(ahead, point.state), pick(batches, 0))
        moved, kept, info = self.play(point, priced, memory)
        return moved, {**kept, "last": point.players}, info


def train(steps: int) -> list[Trained]:
    """Four seeds, stacked: one program."""
    games, solvers = [], []
    for seed in range(4):
        torch.manual_seed(seed)
        networks = MLPGenerator(16, (2,)), MLPDiscriminator((2,))
        games.append(nash.GAN(*networks, Pearson(), nash.R1(0.1), data=nash.Ring(), latent=16))
        solvers.append(Reflected(nash.Adam(1e-3), nash.Adam(1e-3)))
    results = nash.train_many(games, solvers, steps=steps, seeds=range(4))
    for seed, result in enumerate(results):
        print(f"seed {seed}: {result.outcome}, {result.history[-1]}")
    return results


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=2000)
    train(parser.parse_args().steps)
