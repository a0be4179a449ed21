"""The ring of `stacked.py` in JAX: `jit`, `vmap` over members, `scan` over steps, draws inside the program.

It is the opponent with the most compiled program there is, not one that users of PyTorch would have. Left out where JAX
is not installed (``pip install --group bench``).
"""

import importlib.util
import time
from collections.abc import Callable
from typing import Any

LATENT, RATE, B1, B2, EPSILON = 16, 2e-4, 0.5, 0.999, 1e-8
NAME = "JAX, jit + vmap + scan"
SCANNED = 32
"""Steps a call."""


def available() -> bool:
    """Whether JAX is installed."""
    return importlib.util.find_spec("jax") is not None


def jax_loop(members: int, batch: int = 64, width: int = 64) -> Callable[[int], None]:
    """A function that takes about so many steps with ``members`` GANs (a multiple of `SCANNED`), compiled by now."""
    import jax
    import jax.numpy as jnp

    def layers(key: Any, sizes: list[int]) -> list[Any]:
        keys = jax.random.split(key, len(sizes) - 1)
        return [(jax.random.normal(k, (a, b)) / a**0.5, jnp.zeros(b)) for k, a, b in zip(keys, sizes[:-1], sizes[1:])]

    def apply(params: list[Any], x: Any, act: Callable[[Any], Any]) -> Any:
        for weight, bias in params[:-1]:
            x = act(x @ weight + bias)
        return x @ params[-1][0] + params[-1][1]

    def generate(g: list[Any], z: Any) -> Any:
        return apply(g, z, jax.nn.relu)

    def judge(d: list[Any], x: Any) -> Any:
        return apply(d, x, lambda v: jax.nn.leaky_relu(v, 0.2))[..., 0]

    def real(key: Any) -> Any:
        which, where = jax.random.split(key)
        angle = jax.random.randint(which, (batch,), 0, 8) * (jnp.pi / 4)
        centre = 2 * jnp.stack([jnp.cos(angle), jnp.sin(angle)], -1)
        return centre + 0.02 * jax.random.normal(where, (batch, 2))

    def cost_d(d: list[Any], g: list[Any], key: Any) -> Any:
        a, b, c, e = jax.random.split(key, 4)
        x, fake = real(a), generate(g, jax.random.normal(b, (batch, LATENT)))
        cloud = x + jax.random.uniform(c, (batch, 1)) * 0.5 * x.std() * jax.random.uniform(e, x.shape)
        slope = jax.grad(lambda at: judge(d, at).sum())(cloud)
        length = jnp.sqrt(jnp.square(slope).sum(-1) + 1e-12)
        penalty = jnp.square(length - 1).mean()
        return jax.nn.softplus(-judge(d, x)).mean() + jax.nn.softplus(judge(d, fake)).mean() + penalty

    def cost_g(g: list[Any], d: list[Any], key: Any) -> Any:
        return jax.nn.softplus(-judge(d, generate(g, jax.random.normal(key, (batch, LATENT))))).mean()

    def adam(params: Any, slopes: Any, memory: Any) -> Any:
        first, second, count = memory
        count = count + 1
        first = jax.tree.map(lambda m, s: B1 * m + (1 - B1) * s, first, slopes)
        second = jax.tree.map(lambda v, s: B2 * v + (1 - B2) * s * s, second, slopes)
        spread = jnp.sqrt(1 - B2**count)
        moved = jax.tree.map(
            lambda p, m, v: p - RATE / (1 - B1**count) * m / (jnp.sqrt(v) / spread + EPSILON), params, first, second
        )
        return moved, (first, second, count)

    def step(state: Any, _: Any) -> Any:
        g, d, of_g, of_d, key = state
        key, one, two = jax.random.split(key, 3)
        d, of_d = adam(d, jax.grad(cost_d)(d, g, one), of_d)
        g, of_g = adam(g, jax.grad(cost_g)(g, d, two), of_g)
        return (g, d, of_g, of_d, key), None

    def begin(key: Any) -> Any:
        a, b, c = jax.random.split(key, 3)
        g, d = layers(a, [LATENT, width, width, 2]), layers(b, [2, width, width, 1])

        def zeros(tree: Any) -> Any:
            return (jax.tree.map(jnp.zeros_like, tree), jax.tree.map(jnp.zeros_like, tree), jnp.zeros(()))

        return g, d, zeros(g), zeros(d), c

    many = jax.jit(jax.vmap(lambda state: jax.lax.scan(step, state, None, length=SCANNED)[0]))
    now = [jax.vmap(begin)(jax.random.split(jax.random.PRNGKey(0), members))]

    def run(steps: int) -> None:
        for _ in range(max(1, steps // SCANNED)):
            now[0] = many(now[0])
        jax.block_until_ready(now[0])

    start = time.perf_counter()
    run(SCANNED)
    run.ready_in = time.perf_counter() - start  # type: ignore[attr-defined]
    return run


if __name__ == "__main__":
    import argparse

    from sizes import parse

    options = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    options.add_argument("--members", type=int, default=64)
    chosen = parse(options, members=1)
    print("JAX: the ring, GAN steps a CPU-second")
    if not available():
        print("  JAX is not installed: not measured")
    else:
        taking = jax_loop(chosen.members)
        begun = time.process_time()
        taking(2 * SCANNED)
        print(f"  {chosen.members} members: {2 * SCANNED * chosen.members / (time.process_time() - begun):,.0f}")
