"""A GAN trained by one method at every pair of learning rates of a grid: the Fréchet distance of each.

Set-up: Naganuma and Iiduka 2022, as far as it was released (Hiroki11x/ConjugateGradient_GAN): non-saturating costs,
the discriminator's halved, one step each in turn, one grid of learning rates for both players, the distance of
generated images to the training images. Every method has equally many settings, where the paper gives conjugate
gradients three times as many. Their optimizer for GANs was never released; ours computes β for each tensor, in [0, ½].
"""

from collections.abc import Iterator, Mapping
from typing import Any

import torch
from torch import Tensor

from nashpath.metrics import Sample, as_extractor, evaluate_samples, real_sample
from nashpath.run.engine.device import find_device
from nashpath.run.observe.snapshot import samples
from nashpath.studies.conjugate_gradient.directions import LINEAR, METHODS, chosen
from nashpath.studies.population import Population, split_steps
from nashpath.studies.rows import Row, significant
from nashpath.studies.study import Cell, Size

LOWERED = "momentum 0.9, rates / 10"
"""Momentum whose steps are as long as those of descent at the grid's rates: 1 / (1 − 0.9) times a tenth."""
PLAYERS = ("discriminator", "generator")


def rates_of(cell: Cell, options: Mapping[str, Any]) -> list[float]:
    """The learning rates that a cell's method is tried at, for each player."""
    if cell["method"] == "Adam" and "adam_rates" in options:
        return list(options["adam_rates"])
    rates = options["rates"][cell["schedule"]]
    return [rate / 10 for rate in rates] if cell["method"] == LOWERED else list(rates)


def share(method: str) -> float:
    """What the discriminator's cost is halved by: its learning rate, but for Adam, which scaling does not change."""
    return 0.5 if method in (*LINEAR, LOWERED) else 1.0


def settings_of(cell: Cell, options: Mapping[str, Any]) -> dict[str, Any]:
    """The settings of all members, as `nashpath train` takes them, without learning rates."""
    method = "momentum 0.9" if cell["method"] == LOWERED else cell["method"]
    own = {"coefficient": cell["coefficient"]} if METHODS[method]["kind"] == "conjugate_gradient" else {}
    rules = {who: {**chosen(method), **own, "schedule": {"kind": cell["schedule"]}} for who in PLAYERS}
    networks = {who: {"width": width, **options[who]} for who, width in zip(PLAYERS, options["widths"])}
    rest = {"data": options["data"], "latent": options["latent"], "batch_size": options["batch"]}
    return {**rest, **networks, "device": options["device"], "stack": options["stack"], "solver": rules}


def population(cell: Cell, size: Size) -> Population:
    """Every pair of rates of the cell's method, with every seed."""
    options = size.options
    rates, half = rates_of(cell, options), share(cell["method"])
    of_players = ([half * rate for rate in rates], rates)
    sweeps = {f"solver.{who}.learning_rate": own for who, own in zip(PLAYERS, of_players)}
    return Population(settings_of(cell, options), size, sweeps)


def measure(cell: Cell, size: Size) -> Iterator[Row]:
    """One row a member: rates (and their places in the grid, from 1), seed, Fréchet distance at the end and before."""
    options, trained = size.options, population(cell, size)
    source: Any = next(iter(trained)).trial.game.data
    extractor = as_extractor(options["features"]).to(find_device(options["device"]))
    real = real_sample(source.examples(), extractor, cached=False)
    rates = rates_of(cell, options)
    steps, curves = [], {seat.member.index: [] for seat in trained}
    for count in split_steps(size.steps, options["looks"]):
        trained.play(count)
        steps.append(count + (steps[-1] if steps else 0))
        for seat in trained:
            fake = samples(seat.trial, seat.train_state, seat.member.seed, options["samples"])
            curves[seat.member.index].append(fid(real, fake))
    for seat in trained:
        d, g = (seat.member.swept[f"solver.{who}.learning_rate"] for who in PLAYERS)
        row: Row = {"lr_D": significant(d / share(cell["method"])), "lr_G": significant(g)}
        row |= {"place_D": 1 + rates.index(d / share(cell["method"])), "place_G": 1 + rates.index(g)}
        row |= {"seed": seat.member.seed, "outcome": seat.outcome, "fid": curves[seat.member.index][-1]}
        yield {**row, "step": steps, "fid_curve": curves[seat.member.index]}


def fid(real: Sample, fake: Tensor) -> float:
    """The Fréchet distance; pixels of diverged members that are not finite are taken for mid-grey."""
    known = torch.nan_to_num(fake.cpu(), nan=0.0, posinf=1.0, neginf=-1.0).clamp(-1, 1)
    return significant(evaluate_samples(real, known, ["fid"])[0].value, 5)
