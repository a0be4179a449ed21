"""Rates and memory of particle flows, beside plain loops and POT's gradient flow.

    python benchmarks/flows.py [--particles 100000] [--repeats 10] [--kernel 100000] [--carried 1000] [--smallest]

Discriminator flow: particle-steps a second, against the same arithmetic in an eager loop with torch.optim. Kernel flow:
one step with the memory it took, against all pairs at once. Transport: our logit flow against a gradient flow of the
exact W2 (ot.emd2), to the same W2 from the ring.
"""

import argparse
import resource
import time

import torch
from torch.nn.functional import softplus

from nashpath.core import Key, generator, seeded
from nashpath.core.math.monotone import MonotoneFunction
from nashpath.core.math.transport import pot, wasserstein
from nashpath.data import Ring
from nashpath.flows import DiscriminatorRatio, Euler, KDERatio, MMDFlow, MonoFlow, euler, simulate
from nashpath.networks import MLPDiscriminator
from nashpath.solvers import Adam
from sizes import parse

DATA = Ring()


def seconds(function, repeats):
    """The best of three means over ``repeats`` calls."""
    function()
    best = float("inf")
    for _ in range(3):
        begun = time.perf_counter()
        for _ in range(repeats):
            function()
        best = min(best, (time.perf_counter() - begun) / repeats)
    return best


def peak():
    """The largest resident size so far, in MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def network():
    with seeded(0):
        return MLPDiscriminator((2,), width=64, depth=2)


def discriminator_flow(particles, repeats):
    """Seconds a step: 5 discriminator steps of 256 + 256 samples, then all particles move."""
    key, x = Key(0), torch.randn(particles, 2, generator=generator(1))
    flow = MonoFlow(DiscriminatorRatio(network(), Adam(1e-3), DATA, warm_up=0), MonotoneFunction("arcsinh"))
    state = {"x": x, "memory": flow.init(x, key)}

    @torch.no_grad()
    def step():
        state["memory"] = flow.learn(state["x"], state["memory"], flow.draw(key, particles))
        state["x"] = euler(flow, state["x"], state["memory"], 0.1)

    return seconds(step, repeats)


def plain_loop(particles, repeats):
    """The same by hand: eager modules, autograd and torch.optim."""
    key, net = Key(0), network()
    optimizer = torch.optim.Adam(net.parameters(), 1e-3)
    state = {"x": torch.randn(particles, 2, generator=generator(1))}

    def step():
        x = state["x"]
        for _ in range(5):
            real = DATA.draw(key, 256)["real"]
            fake = x[key.integers(particles, 256)]
            optimizer.zero_grad()
            (softplus(-net(real)).mean() + softplus(net(fake)).mean()).backward()
            optimizer.step()
        leaf = x.clone().requires_grad_()
        (slope,) = torch.autograd.grad(torch.asinh(net(leaf)).sum(), leaf)
        state["x"] = x + 0.1 * slope

    return seconds(step, repeats)


def kernel_step(flow, particles):
    """Seconds and MB (beyond what was there) of one step of a kernel flow."""
    x, before = torch.randn(particles, 2, generator=generator(1)), peak()
    memory = flow.init(x, Key(0))
    begun = time.perf_counter()
    with torch.no_grad():
        euler(flow, x, memory, 0.1)
    return time.perf_counter() - begun, peak() - before


def pot_flow(x, real, steps, rate):
    """Gradient flow of the exact squared W2, by POT's differentiable emd2."""
    uniform_x, uniform_y = (torch.full((len(a),), 1 / len(a)) for a in (x, real))
    for _ in range(steps):
        leaf = x.clone().requires_grad_()
        cost = pot().emd2(uniform_x, uniform_y, torch.cdist(leaf, real).square())
        (slope,) = torch.autograd.grad(cost, leaf)
        x = x - rate * len(x) * slope
    return x


def transport(particles, steps):
    """Both flows from N(0, I) to the ring: seconds, and W2 to fresh real samples."""
    x, real = torch.randn(particles, 2, generator=generator(1)), DATA.draw(Key(2), particles)["real"]
    fresh = DATA.draw(Key(3), particles)["real"]
    begun = time.perf_counter()
    flow = MonoFlow(DiscriminatorRatio(network(), Adam(1e-3), DATA))
    *_, last = simulate(flow, x, Key(0), Euler(0.1, control="off"), steps)
    middle = time.perf_counter()
    pot = pot_flow(x, real, steps // 5, 0.1)
    ours, theirs = wasserstein(last.particles, fresh, 2), wasserstein(pot, fresh, 2)
    print(f"to the ring, {particles:,} particles (W2 between two real samples: {wasserstein(real, fresh, 2):.3f})")
    print(f"  logit flow, {steps:3} steps            {middle - begun:8.2f} s   W2 {ours:.3f}")
    print(f"  POT emd2 gradient flow, {steps // 5:2} steps {time.perf_counter() - middle:8.2f} s   W2 {theirs:.3f}")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--particles", type=int, default=100_000)
    parser.add_argument("--repeats", type=int, default=10, help="steps in each of three means")
    parser.add_argument("--kernel", type=int, default=100_000, help="particles of the kernel flows")
    parser.add_argument("--carried", type=int, default=1000, help="particles carried to the ring")
    parser.add_argument("--steps", type=int, default=100, help="steps of the logit flow to the ring; POT's are a fifth")
    chosen = parse(parser, particles=20, repeats=1, kernel=20, carried=20, steps=5)
    torch.set_num_threads(1)
    for name, cost in (("nashpath", discriminator_flow), ("plain loop", plain_loop)):
        taken = cost(chosen.particles, chosen.repeats)
        rate = f"{taken * 1e3:8.1f} ms a step  {chosen.particles / taken / 1e6:.2f} M particles/s"
        print(f"discriminator flow, {chosen.particles:,} x 2, {name:10} {rate}")
    transport(chosen.carried, chosen.steps)
    size = chosen.kernel
    for name, flow in (("kde", MonoFlow(KDERatio(DATA))), ("mmd", MMDFlow(DATA))):
        taken, more = kernel_step(flow, size)
        whole = 4 * size**2 / 1e6
        print(
            f"{name} flow, {size:,} x 2: {taken:.2f} s a step, {more:.0f} MB more (all pairs at once: {whole:,.0f} MB)"
        )


if __name__ == "__main__":
    main()
