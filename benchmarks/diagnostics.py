"""What curvature costs: the 20 leading eigenvalues of both players and of the game, in CPU-seconds.

The game is a GAN of about 10,500 parameters on a ring (two hidden layers of 66 for each player), trained for a while
first so that its spectrum is not that of an initialisation. Both precisions are run, and compared.

    python benchmarks/diagnostics.py [--steps 200] [--batch 256] [--count 20] [--width 66] [--smallest]
"""

import argparse
import time

import numpy as np
import torch

from nashpath.core import FunctionalGame, Key, Point, point_of, tree_map
from nashpath.data import SOURCES
from nashpath.diagnostics import Linearised, hessian_leading, leading
from nashpath.games import GAN
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.solvers import Adam, Alternating
from sizes import parse


def game(batch: int, width: int) -> GAN:
    """The ring GAN."""
    source = SOURCES["ring"]()
    networks = (
        GENERATORS["mlp"](latent=18, shape=source.shape, width=width),
        DISCRIMINATORS["mlp"](shape=source.shape, width=width),
    )
    return GAN(*networks, data=source, latent=18, batch_size=batch)


def trained(gan: GAN, steps: int) -> Point:
    """The point after a while of ordinary training."""
    solver, problem, point = Alternating(Adam(1e-3), Adam(1e-3)), FunctionalGame(gan), point_of(gan)
    memory, key = solver.init(problem, point), Key(0)
    with torch.no_grad():
        for _ in range(steps):
            point, memory, _ = solver(problem, point, memory, gan.draw(key, (solver.draws,)))
    return point


def spectra(near: Linearised, count: int) -> dict[str, np.ndarray]:
    """The leading eigenvalues of both players' Hessians and of the game's Jacobian, timed and printed."""
    found, begun = {}, time.process_time()
    print(f"{near.size} parameters, {near.vector.dtype}")
    for name in (*near.sizes, "game"):
        start = time.process_time()
        found[name] = leading(near, count) if name == "game" else hessian_leading(near, name, count)
        print(f"  {name:<14}{time.process_time() - start:6.2f} CPU-seconds; {np.array2string(found[name][:3])} …")
    print(f"  {'all':<14}{time.process_time() - begun:6.2f} CPU-seconds for {count} leading eigenvalues of each")
    return found


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--batch", type=int, default=256)
    parser.add_argument("--count", type=int, default=20)
    parser.add_argument("--width", type=int, default=66)
    options = parse(parser, steps=2, batch=4, count=2, width=4)
    torch.manual_seed(0)
    torch.set_num_threads(1)
    gan = game(options.batch, options.width)
    point, batches = trained(gan, options.steps), gan.draw(Key(1), (1,))
    single = spectra(Linearised(FunctionalGame(gan), point, batches), options.count)
    point, batches = tree_map(lambda v: v.double() if v.is_floating_point() else v, (point, batches))
    double = spectra(Linearised(FunctionalGame(gan.double()), point, batches), options.count)
    for name, values in double.items():
        apart = np.abs(np.abs(values[:10]) - np.abs(single[name][:10])).max() / np.abs(values[0])
        print(f"{name}: the two precisions differ by {apart:.1e} of the largest eigenvalue, at most")


if __name__ == "__main__":
    main()
