"""A GAN trained by one method at every pair of learning rates of a grid: the Fréchet distance of each.

Set-up: Naganuma and Iiduka 2022, as far as it was released (Hiroki11x/ConjugateGradient_GAN): non-saturating costs,
the discriminator's halved, one step each in turn, one grid of learning rates for both players, the distance of
generated images to the training images. Every method has equally many settings at equal distances, where the paper
gives conjugate gradients three times as many. Their optimizer for GANs was never released; ours computes β for each
tensor, in [0, ½].

Momentum 0.9 trains at none of 25 settings that were tried on digits (rates 3e-4 to 0.3, steps 1,000 and 1,500, seed
100: the best distance on any way is 3.2, uniform noise is at 1.0). One run shows why. At rates of 0.03, as long in
effect as SGD's 0.3, the discriminator is sure after 120 steps (mean logits 4.8 for digits, −13.2 for samples; with SGD
0.0 and −0.2), so that its slope grows, the generator overshoots into the flat ends of tanh, and its samples are one
image: their deviation falls from 0.46 (the data, and SGD at that step) to 0.31, 0.11 and, at step 480, to 0.01.
Momentum in the discriminator alone does the same (logits of 4,598 and −2,421 at step 480), in the generator alone a
slower version (deviation 0.14 at step 600). An inertia of ten steps lags behind an opponent that moves in each of
them, and what turns is driven outwards. At rates of 1e-3 and less the steps are too short for so short a run.
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from nashpath.metrics import Sample, as_extractor, real_sample
from nashpath.metrics.evaluate import compare_samples
from nashpath.run.engine.device import find_device
from nashpath.run.observe.snapshot import samples
from nashpath.studies.conjugate_gradient.directions import METHODS, chosen
from nashpath.studies.population import Population, split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.shared.paper_data import uniform_noise
from nashpath.studies.study import Cell, Size

PLAYERS = ("discriminator", "generator")


def rates_of(cell: Cell, options: Mapping[str, Any]) -> dict[str, list[float]]:
    """The learning rates that a cell's method is tried at, of each player.

    ``options["own_rates"]`` has those of methods whose best setting lies elsewhere; where they are for both players
    alike they are a list.
    """
    own = options.get("own_rates", {}).get(cell["method"], options["rates"][cell["schedule"]])
    return {who: list(own[who] if isinstance(own, Mapping) else own) for who in PLAYERS}


def share(method: str) -> float:
    """What the discriminator's cost is halved by: its learning rate, but for Adam, which scaling does not change."""
    return 1.0 if METHODS[method]["kind"] == "adam" else 0.5


def settings_of(cell: Cell, options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of all members, as `nashpath train` takes them, without learning rates."""
    method = cell["method"]
    own = {"coefficient": cell["coefficient"]} if METHODS[method]["kind"] == "conjugate_gradient" else {}
    rules = {who: {**chosen(method), **own, "schedule": {"kind": cell["schedule"]}} for who in PLAYERS}
    networks = {who: {"width": width, **options[who]} for who, width in zip(PLAYERS, options["widths"])}
    rest = {"data": options["data"], "latent": options["latent"], "batch_size": options["batch"]}
    return {**rest, **networks, "device": options["device"], "stack": options["stack"], "solver": rules}


def population(cell: Cell, size: Size) -> Population:
    """Every pair of rates of the cell's method, with every seed; on a ``diagonal`` both players have the same rate."""
    options = size.options
    settings, rates, half = settings_of(cell, options), rates_of(cell, options), share(cell["method"])
    if options.get("diagonal"):
        both = [dict(zip(PLAYERS, (half * rate, rate))) for rate in rates["generator"]]
        rules = [{who: {**settings["solver"][who], "learning_rate": own[who]} for who in PLAYERS} for own in both]
        return Population(settings, size, {"solver": rules})
    shares = (half, 1.0)
    sweeps = {f"solver.{who}.learning_rate": [by * rate for rate in rates[who]] for who, by in zip(PLAYERS, shares)}
    return Population(settings, size, sweeps)


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: rates (and their places in the grid, from 1), seed, Fréchet distance at the end and before.

    ``fid_noise`` is the distance of uniform noise.
    """
    options, trained = size.options, population(cell, size)
    source: Any = trained.groups[0].program.trials[0].game.data
    extractor = as_extractor(options["features"]).to(find_device(options["device"]))
    real = real_sample(source.examples(), extractor, cached=False)
    rates, worst = rates_of(cell, options), fid(real, uniform_noise(real, options["samples"]))
    steps, looks = [], []
    for count in split_steps(size.steps, options["looks"]):
        trained.play(count)
        steps.append(count + (steps[-1] if steps else 0))
        looks.append(
            trained.look(
                lambda seat: fid(real, samples(seat.trial, seat.train_state, seat.member.seed, options["samples"]))
            )
        )
    for seat, *curve in zip(trained, *looks):
        settings: Any = seat.member.settings
        shares = (share(cell["method"]), 1.0)
        d, g = (significant(getattr(settings.solver, who).learning_rate / by) for who, by in zip(PLAYERS, shares))
        row: Row = {"lr_D": d, "lr_G": g}
        row |= {"place_D": 1 + rates["discriminator"].index(d), "place_G": 1 + rates["generator"].index(g)}
        row |= {"seed": seat.member.seed, "outcome": seat.outcome, "fid": curve[-1]}
        row["fid_noise"] = worst
        yield {**row, "step": steps, "fid_curve": curve}


def fid(real: Sample, fake: Tensor) -> float:
    """The Fréchet distance; pixels of diverged members that are not finite are taken for mid-grey."""
    known = torch.nan_to_num(fake.cpu(), nan=0.0, posinf=1.0, neginf=-1.0).clamp(-1, 1)
    return significant(compare_samples(real, known, ["fid"])[0].value, 5)
