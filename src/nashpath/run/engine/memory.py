"""How much memory there is, and how much a step of training takes."""

import math
import resource
from pathlib import Path

import torch

from nashpath.core import Key
from nashpath.core.torch_compat import Allocations
from nashpath.games.gan_checks import probed
from nashpath.run.engine.step import Trial

LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")
"""Where Linux says how much a container may use."""
LEAST = 2.0**30
"""Never is less assumed: what is short for a moment, other programs may give back."""
COPIES = 4
"""What a parameter costs beside itself: its gradient, two moments of its rule, the new value beside the old."""
SAFE = 0.5
"""The share of what is free that a stack is planned to take: estimates may be wrong by a factor of two."""
COMPILED, EAGER = 32, 128
"""Members of a stack on a processor. A larger one leaves its caches: in stacks of 16, 32, 64 and 128 the ring made
6,266, 6,364, 6,013 and 5,610 compiled steps a CPU-second, and 939, 1,268, 1,535 and 1,771 eager ones (AMD EPYC,
AVX-512; on an Intel Xeon a stack of 256 eager members made 1,346, one of 1,024 made 1,055)."""
PASSES = 3
"""Passes whose activations a step holds at once: real and generated samples, and the derivatives of one of them."""


def available(device: torch.device | str = "cpu") -> float:
    """Bytes that can be had on the device; infinite where the system does not say."""
    device = torch.device(device)
    if device.type == "cuda":
        return float(torch.cuda.mem_get_info(device)[0])
    return max(LEAST, min(_free(), _container(), _address_space()))


def _free() -> float:
    try:
        facts = dict(line.split(":", 1) for line in Path("/proc/meminfo").read_text().splitlines())
        return sum(float(facts[name].split()[0]) * 1024 for name in ("MemAvailable", "SwapFree"))
    except (OSError, KeyError, ValueError):
        return math.inf


def _container() -> float:
    for path in LIMITS:
        try:
            return float(Path(path).read_text())
        except (OSError, ValueError):  # not there, or "max"
            continue
    return math.inf


def _address_space() -> float:
    limit = resource.getrlimit(resource.RLIMIT_AS)[0]
    return math.inf if limit == resource.RLIM_INFINITY else float(limit)


def step_bytes(trial: Trial) -> tuple[float, float]:
    """``(of parameters, of activations)``: what a step of one member holds, estimated from a pass of a few samples."""
    own = [*trial.game.parameters(), *trial.game.buffers()]
    held = sum(v.numel() * v.element_size() for v in own) * COPIES
    game = trial.game
    if not game.has_samples:
        return held, 0.0
    seen: list[int] = []
    count = probed(game)  # type: ignore[arg-type]
    with torch.no_grad(), Allocations(made=lambda v: seen.append(v.numel() * v.element_size())):
        was = game.training
        game.eval()  # leaves running statistics alone
        fake = game.get_submodule("generator")(game.latents(Key(0, device=own[0].device), (count,)))  # type: ignore[operator]
        game.get_submodule("discriminator")(fake)
        game.train(was)
    return held, PASSES * sum(seen) / count * game.batch_size  # type: ignore[operator]


def most_together(trial: Trial, members: int) -> int:
    """How many of ``members`` memory holds as one stack beside all of them, at least one."""
    held, passing = step_bytes(trial)
    device = next(trial.parameters()).device
    fitting = int((available(device) * SAFE - held * members) / passing) if passing else members
    return max(1, min(members, fitting))


def within_caches(count: int, device: torch.device | str, compiled: bool) -> int:
    """How many of ``count`` step as one stack: on a processor at most `COMPILED`, or `EAGER` where nothing compiles."""
    return min(count, COMPILED if compiled else EAGER) if torch.device(device).type == "cpu" else count


def even(count: int, most: int, fits: int = 0) -> list[int]:
    """``count`` in parts of at most ``most``: all equal where a divisor of at least half of ``most`` allows it.

    Equal parts share one compiled program, and a second one takes longer to compile than stacks of another size lose in
    most runs: so where no such divisor does, one up to twice ``most`` and ``fits`` may, or from a quarter of ``most``.
    """
    if count <= most:
        return [count]
    sizes = [*range(most, most // 2, -1)]
    sizes += [*range(most + 1, min(2 * most, fits) + 1), *range(most // 2, most // 4, -1)] if fits else []
    size = next((size for size in sizes if count % size == 0), -(-count // -(-count // most)))
    whole, rest = divmod(count, size)
    return [size] * whole + [rest] * bool(rest)


def readable(count: float) -> str:
    """Bytes in words."""
    for unit in ("kB", "MB", "GB", "TB"):
        count /= 1000
        if count < 1000:
            return f"{count:.3g} {unit}"
    return f"{count:.3g} TB"
