"""Hinge, R1 and ExtraAdam of nashpath in a training loop of one's own."""

import argparse

import torch
from torch import Tensor, nn

from nashpath import R1, Hinge, Key, Ring
from nashpath.metrics import modes
from nashpath.solvers.optim import ExtraAdam


def train(steps: int, batch: int = 64, latent: int = 8) -> nn.Module:
    """Extragradient on the ring: both players look ahead, then both step from where they were."""
    torch.manual_seed(0)
    data, objective, penalty = Ring(), Hinge(), R1(weight=0.1)
    generator = nn.Sequential(nn.Linear(latent, 64), nn.ReLU(), nn.Linear(64, 64), nn.ReLU(), nn.Linear(64, 2))
    critic = nn.Sequential(nn.Linear(2, 64), nn.LeakyReLU(0.2), nn.Linear(64, 64), nn.LeakyReLU(0.2), nn.Linear(64, 1))
    players = [ExtraAdam(network.parameters(), lr=1e-3, betas=(0.5, 0.999)) for network in (critic, generator)]
    key = Key(0)

    def gradients() -> None:
        real, fake = data.draw(key, batch)["real"], generator(key.normal(batch, latent))
        held: Tensor = fake.detach()
        for_critic = objective.discriminator(critic(real), critic(held)) + penalty(critic, real, held, key=key)
        for_generator = objective.generator(critic(fake))
        for network, cost in ((critic, for_critic), (generator, for_generator)):
            parameters = list(network.parameters())
            for parameter, gradient in zip(parameters, torch.autograd.grad(cost, parameters, retain_graph=True)):
                parameter.grad = gradient

    for _ in range(steps):
        gradients()
        for player in players:
            player.extrapolation()
        gradients()
        for player in players:
            player.step()
    samples = generator(key.normal(2000, latent)).detach()
    found = modes(samples, data.centres, data.deviation)
    print(f"{found['modes']:.0f} of 8 modes, {100 * found['high_quality']:.0f} % of samples within 4 deviations of one")
    return generator


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--steps", type=int, default=3000)
    train(parser.parse_args().steps)
