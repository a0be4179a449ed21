"""Looks at a member of a run folder with every diagnostic that applies, and says what is the matter with it."""

import copy
import math
from pathlib import Path
from typing import Any, NamedTuple

import torch
from torch import Tensor

from nashpath.core import Batch, Game, Point, Problem, derive, generator, pick, tree_map
from nashpath.diagnostics import (
    Certificate,
    Evidence,
    Linearised,
    SignalToNoise,
    Symptoms,
    Trajectory,
    VanishingGradient,
    certificate_sentence,
    certify,
    findings,
    leading,
    rotation_share,
    stable_steps,
    trajectory_of,
)
from nashpath.diagnostics.base import flatten
from nashpath.diagnostics.stable_step import descent_limit
from nashpath.games import GAN, SemiSupervised
from nashpath.games.objectives import MonoFlow
from nashpath.metrics.distances import nearest
from nashpath.metrics.modes import coverage
from nashpath.run.overrides import SettingError
from nashpath.run.restore import restore_member
from nashpath.run.step import Carry, Trial, make_step, numbers_of, outcome
from nashpath.run.store import Store
from nashpath.run.view import has_samples, samples
from nashpath.solvers import SGD, Rule

BATCHES = 4
RECORDED = 128
"""Points of the stretch of play that is looked at."""
MOST_STEPS = 2000
NETWORK_STEPS = 96
SAMPLES = 1000
TOLERANCE = 1e-3
PRECISE = 20_000
"""Up to this many parameters all is computed in float64; beyond, the time counts for more than the digits."""


class Diagnosis(NamedTuple):
    """The verdict on one member: the certificate, what is wrong (if anything), and the numbers."""

    member: int
    symptoms: Symptoms
    sentences: list[str]
    numbers: dict[str, Any]

    def as_json(self) -> dict[str, Any]:
        """What ``diagnosis.json`` holds of a member."""
        found = [{"code": f.code, "sentence": f.sentence} for f in findings(self.symptoms)]
        said = {"certificate": self.symptoms.kind, "findings": found, "sentences": self.sentences}
        return {"member": self.member, "outcome": self.symptoms.outcome, **said, "numbers": self.numbers}


def diagnose(folder: Path, members: list[int]) -> list[Diagnosis]:
    """Diagnoses members of a run at its last checkpoint, and writes ``diagnosis.json`` into its folder.

    Raises `SettingError` or `CheckpointError` where the folder holds no run or no checkpoint.
    """
    if not members:
        raise SettingError("no member to diagnose")
    found = [diagnose_member(member, *restore_member(folder, member)) for member in members]
    Store(folder).write_json("diagnosis.json", {"members": [one.as_json() for one in found]})
    return found


def diagnose_member(member: int, trial: Trial, carry: Carry) -> Diagnosis:
    """The verdict on one trial where its carry stands; neither is changed."""
    trial = copy.deepcopy(trial)
    spread, modes = _samples(trial, carry) if has_samples(trial) else (None, None)
    if len(flatten(carry.point.players)) <= PRECISE:
        trial, carry = doubled(trial), doubled(carry)
    evidence, symptoms, numbers = _local(trial, carry)
    symptoms.spread, symptoms.modes = spread, modes
    evidence.spread = 1.0 if spread is None else spread
    if evidence.finite and symptoms.outcome == "finished" and (_network(carry) or evidence.distance > TOLERANCE):
        evidence.trajectory = path = _continue(trial, carry, symptoms)
        symptoms.moves = path.move if path and _network(carry) else None
    symptoms.kind = certify(evidence, TOLERANCE)
    sentences = [f.sentence for f in findings(symptoms)] + [certificate_sentence(symptoms)]
    numbers |= {k: v for k, v in vars(evidence).items() if not isinstance(v, tuple | complex)}
    numbers |= {"trajectory": evidence.trajectory._asdict() if evidence.trajectory else None}
    numbers |= {
        "vanishing": symptoms.vanishing,
        "logit": symptoms.logit,
        "modes": symptoms.modes,
        "margins": symptoms.margins,
    }
    return Diagnosis(member, symptoms, sentences, numbers)


def doubled(value: Any) -> Any:
    """The same module or tree in float64: curvatures need the digits."""
    if isinstance(value, torch.nn.Module):
        return value.double()
    return tree_map(lambda v: v.double() if isinstance(v, Tensor) and v.is_floating_point() else v, value)


def _local(trial: Trial, carry: Carry) -> tuple[Evidence, Symptoms, dict[str, Any]]:
    """What the game's derivatives at the point say."""
    ended = "diverged" if (said := outcome(trial, carry)).startswith("diverged") else "finished"
    symptoms = Symptoms("drifting", Evidence(), said if ended == "diverged" else ended, type(trial.solver).__name__)
    problem, point = Problem(trial.game), carry.point
    batches = _draw(trial.game, generator(derive(0, "curvature")), BATCHES)
    look = Certificate(BATCHES)
    near = Linearised(problem, point, batches, BATCHES, tolerance=TOLERANCE)
    evidence = symptoms.evidence = look.look(problem, point, batches, near)
    if not evidence.finite:
        return evidence, symptoms, {}
    symptoms.vanishing, symptoms.logit = _vanishing(trial.game, problem, point, batches)
    _predict(trial, near, symptoms)
    noise = SignalToNoise(BATCHES)(problem, point, batches)
    readings = {k: float(v) for k, v in noise.items()}
    pair = {"real": evidence.leading.real, "imag": evidence.leading.imag}
    return evidence, symptoms, {**readings, "leading": pair, "rotation": float(rotation_share(near, probes=4))}


def _predict(trial: Trial, near: Linearised, symptoms: Symptoms) -> None:
    """Where every rule is plain descent, how the learning rates compare with the largest stable ones."""
    rules = dict(trial.solver.rules.items()) if hasattr(trial.solver, "rules") else {}
    symptoms.rates = {who: float(rule.learning_rate) for who, rule in rules.items() if isinstance(rule, Rule)}
    if rules and all(type(rule) is SGD for rule in rules.values()) and near.size <= 256:
        scaled = Linearised(near.problem, near.point, near.batches, near.draws, symptoms.rates)
        symptoms.margins = stable_steps(scaled)
        symptoms.descent = descent_limit(leading(scaled, scaled.size))


def _vanishing(game: Game, problem: Problem, point: Point, batches: Batch) -> tuple[float | None, float | None]:
    """The generator's gradient against the logit loss's, and the mean logit of its samples.

    None where the critic does not give logits of single samples, or where both gradients are zero.
    """
    if not isinstance(game, GAN) or isinstance(game, SemiSupervised):
        return None, None
    if game.objective.outputs != 1 or getattr(game.objective, "joint", False):
        return None, None
    twin = copy.deepcopy(game)
    twin.objective = MonoFlow("logit").to(next(game.parameters()))
    reference = Problem(twin)
    found = float(VanishingGradient(reference, BATCHES)(problem, point, batches)["vanishing"])
    logit = -float(reference.cost("generator", point, pick(batches, 0))[0])
    return (found, logit) if math.isfinite(found) else (None, logit)


def _samples(trial: Trial, carry: Carry) -> tuple[float | None, tuple[int, int] | None]:
    """Spread of the samples over that of the data, and modes around which they lie, of how many."""
    source: Any = trial.game.data
    fake = samples(trial, carry, 0, SAMPLES).double().cpu().flatten(1)
    if not torch.isfinite(fake).all():
        return None, None
    real = source.draw(generator(derive(0, "reference")), SAMPLES)["real"].double().flatten(1)
    there = float(real.var(0).sum())
    spread = math.sqrt(float(fake.var(0).sum()) / there) if there > 0 else None
    if not hasattr(source, "centres"):
        return spread, None
    centres = source.centres.double()
    _, index = nearest(fake, centres)
    return spread, (int(coverage(index[:, 0], len(centres), len(fake))[0]), len(centres))


def _continue(trial: Trial, carry: Carry, symptoms: Symptoms) -> Trajectory | None:
    """A stretch of play from the checkpoint on: two turns of the leading pair, or `NETWORK_STEPS` steps."""
    steps = NETWORK_STEPS
    if not _network(carry):
        turn = abs(symptoms.evidence.leading.imag) * min(symptoms.rates.values(), default=0.0)
        steps = max(NETWORK_STEPS, min(MOST_STEPS, int(4 * math.pi / turn))) if turn else NETWORK_STEPS
    step, numbers, every = make_step(trial), numbers_of(trial), max(1, steps // RECORDED)
    points, rng = [flatten(carry.point.players)], generator(derive(0, "diagnosis"))
    with torch.no_grad():
        for index in range(1, steps + 1):
            batches = _draw(trial.game, rng, trial.solver.draws)
            carry, _ = step(carry, numbers, batches)
            if index % every == 0:
                points.append(flatten(carry.point.players))
    rows = torch.stack(points)
    found = trajectory_of(rows) if torch.isfinite(rows).all() else None
    return found._replace(move=found.move / every) if found else None


def _draw(game: Game, rng: torch.Generator, count: int) -> Batch:
    """``count`` batches in the precision of the game's own parameters."""
    drawn = game.draw(rng, (count,))
    return doubled(drawn) if next(game.parameters()).dtype == torch.float64 else drawn


def _network(carry: Carry) -> bool:
    """Whether the players are networks rather than a toy's vectors: then the norm of the parameters has a meaning."""
    return len(flatten(carry.point.players)) > 100
