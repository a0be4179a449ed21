"""Laws that every table is complete, and what holds for methods together: one graph, one checkpoint."""

import inspect
import itertools
from typing import get_args

import pytest
import torch

from nashpath.core import Game, Key
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves
from nashpath.data.base import FiniteSource, SyntheticSource
from nashpath.diagnostics import DIAGNOSTICS, Diagnostic
from nashpath.diagnostics.evidence import Kind
from nashpath.diagnostics.verdict import FINDINGS, MEANING
from nashpath.flows import FLOWS, INTEGRATORS, RATIOS, Flow
from nashpath.flows.base import Ratio
from nashpath.games import GAMES
from nashpath.games.toys.base import ZeroSum
from nashpath.metrics import FEATURES, METRICS
from nashpath.metrics.base import Metric
from nashpath.metrics.divergences import DIVERGENCES
from nashpath.metrics.divergences.base import DensityDivergence
from nashpath.metrics.features.base import Extractor
from nashpath.report.diagnosis_figures import FIGURES
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import begin, hyperparameters_of, make_step
from nashpath.run.folder.checkpoint import load_checkpoint, save_checkpoint
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.register import BUILDER_GIVES, BY_NAME, KINDS
from nashpath.run.settings.resolve import resolve
from nashpath.run.settings.schema import arguments
from nashpath.run.trackers import TRACKERS, Tracker
from nashpath.solvers import SOLVERS
from nashpath.solvers.averaged import WeightAveraging
from nashpath.solvers.constrained import Constrained
from test_laws import everything

NO_ROW = {
    **dict.fromkeys(["PopulationGame"], "its data are a list of atoms: for Python"),
    **dict.fromkeys(["Classification", "Variational", "LinearGame"], "games inside a flow, a fit and a diagnosis"),
    "Samples": "data from a tensor: as_source makes it",
    **dict.fromkeys(["MeasuredArray", "MeasuredCSV"], "files that are measured, and never trained on"),
    **dict.fromkeys(["Exported", "Function", "Network"], "features from a file, a function or a module, not by a name"),
}
"""Classes that cannot be chosen by a name, and why."""

BASES = {
    Metric: (METRICS, DIVERGENCES),
    DensityDivergence: (DIVERGENCES,),
    Diagnostic: (DIAGNOSTICS,),
    Flow: (FLOWS,),
    Ratio: (RATIOS,),
    Game: (GAMES,),
    Extractor: (FEATURES,),
    FiniteSource: (TABLES["data"],),
    SyntheticSource: (TABLES["data"],),
    Tracker: (TRACKERS,),
    WeightAveraging: (TABLES["average"],),
    Constrained: (TABLES["constraint"],),
}
"""Beside the kinds of `test_laws.test_the_tables_are_complete`."""


def concrete(base: type) -> set[type]:
    """The classes below a base that the package defines outside of studies, and that nothing derives from."""
    everything()  # imports all
    found, todo = set(), [base]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        if kind is not base and kind.__module__.startswith("nashpath.") and ".studies." not in kind.__module__:
            found.add(kind)
    return {kind for kind in found if not kind.__name__.startswith("_") and kind is not ZeroSum}


@pytest.mark.parametrize("base", BASES, ids=lambda base: base.__name__)
def test_every_method_has_a_row(base):
    listed = {method for table in BASES[base] for method in table.values() if inspect.isclass(method)}
    abstract = {
        kind for kind in concrete(base) if any(issubclass(other, kind) and other is not kind for other in listed)
    }
    missing = {kind.__name__ for kind in concrete(base) - listed - abstract}
    assert missing <= NO_ROW.keys(), missing - NO_ROW.keys()


def test_data_sets_networks_and_wrappers_that_share_no_base_have_rows():
    """By what they can do: whatever draws samples of a shape, maps latents, or wraps a solver or a game."""
    import nashpath.data as data
    import nashpath.networks as networks

    sources = {v for v in vars(data).values() if inspect.isclass(v) and hasattr(v, "draw")}
    assert {v.__name__ for v in sources - set(TABLES["data"].values())} <= NO_ROW.keys()
    for who in ("generator", "discriminator"):
        made = {v for k, v in vars(networks).items() if k.endswith(who.title()) and inspect.isclass(v)}
        assert {v.__name__ for v in made - set(TABLES[who].values())} <= {"VirtualBatchGenerator"}
    assert {"euler", "torchdiffeq"} == set(INTEGRATORS)


def test_every_code_of_a_finding_has_its_figures():
    assert {name for _, figures in FINDINGS.values() for name in figures} <= FIGURES.keys()
    assert MEANING.keys() == set(get_args(Kind))


SETTABLE = {**{path: table for path, table in TABLES.items() if "." not in path}, **KINDS}
NONE = {
    **dict.fromkeys(BY_NAME, "asked for by name alone: their arguments are for Python"),
    ("objective", "feature_matching", "objective"): "another objective: for Python",
    ("objective", "joint_batch", "objective"): "another objective: for Python",
    ("objective", "mmd_gaussian", "bandwidths"): "a list of numbers: for Python",
    ("objective", "mmd_rational_quadratic", "alphas"): "a list of numbers: for Python",
    ("ratio", "density", "model"): "a function: for Python",
}
"""Default arguments that are no settings, and why."""


@pytest.mark.parametrize(("kind", "name"), [(kind, name) for kind, table in SETTABLE.items() for name in table])
def test_every_default_argument_is_a_setting_or_listed(kind, name):
    if kind in NONE:
        return
    method = SETTABLE[kind][name]
    defaults = {k for k, p in inspect.signature(method).parameters.items() if p.default is not p.empty}
    left = defaults - arguments(method).keys() - set(BUILDER_GIVES.get(kind, ()))
    assert all((kind, name, argument) in NONE for argument in left), left


RULES, AVERAGES, TECHNIQUES = (list(TABLES[path]) for path in ("solver.generator", "average", "technique"))
TOGETHER = [
    (solver, RULES[(i + j) % len(RULES)], TECHNIQUES[(i + 2 * j) % len(TECHNIQUES)], average)
    for (i, solver), (j, average) in itertools.product(enumerate(SOLVERS), enumerate(AVERAGES))
]
"""Every solver with every average, and with rules and techniques in turn."""
TRACED = [
    (solver, RULES[k % len(RULES)], TECHNIQUES[k % len(TECHNIQUES)], AVERAGES[k % len(AVERAGES)])
    for k, solver in enumerate(SOLVERS)
]
"""Every solver once, with all rules, techniques and averages in turn: tracing takes seconds."""


NETWORKED = {"generator": "mlp", "discriminator": "mlp", "generator.width": 3, "discriminator.width": 3}
NETWORKED |= {"generator.depth": 1, "discriminator.depth": 1, "batch_size": 3, "latent": 2}
IMAGES = {**NETWORKED, "data": "digits"}
VECTORS = {**NETWORKED, "data": "ring"}
QUADRATIC = {"game": "quadratic"}
PLAYED_ON = {
    "none": QUADRATIC,
    "historical_averaging": QUADRATIC,
    "diff_augment": IMAGES,
    "ada": IMAGES,
    "spectral_regularisation": VECTORS,
    "latent_optimisation": VECTORS,
}
"""A small game that a technique fits; by default the Dirac-GAN."""


def trial_of(solver, rule, technique, average):
    chosen = {**PLAYED_ON.get(technique, {"game": "dirac"}), "technique": technique}
    chosen |= {"data": "digits"} if solver == "svre" and "data" in chosen else {}  # it takes the whole of them
    chosen |= {"solver": solver, "average": average}
    chosen |= {"solver.generator": rule, "solver.discriminator": rule}
    return build_trial(resolve({}, chosen), 0)


def test_every_row_is_met():
    for position, rows in enumerate((SOLVERS, RULES, TECHNIQUES, AVERAGES)):
        assert {row[position] for row in TOGETHER} == {row[position] for row in TRACED} == set(rows)
    assert {(row[0], row[3]) for row in TOGETHER} == set(itertools.product(SOLVERS, AVERAGES))


SLOW = {"acgd", "cgd", "follow_the_ridge", "local_symplectic_surgery", "svre"}
LONG = pytest.mark.thorough("each part of it is traced in test_laws; together they take seconds to trace")


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("solver", "rule", "technique", "average"),
    [pytest.param(*row, marks=LONG) if row[0] in SLOW else row for row in TRACED],
)
def test_solver_rule_technique_and_average_are_one_graph(solver, rule, technique, average):
    """Traced without a break, and the traced step means the eager one."""
    trial = trial_of(solver, rule, technique, average)
    step, state = make_step(trial), begin(trial)
    batch, numbers = trial.game.draw(Key(0), (trial.solver.draws,)), hyperparameters_of(trial)
    with torch.no_grad():
        traced, _ = as_one_graph(step, "traced")(state, numbers, batch)
        plain, _ = step(state, numbers, batch)
    for a, b in zip(leaves(traced), leaves(plain), strict=True):
        torch.testing.assert_close(a, b)


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("solver", "rule", "technique", "average"), TOGETHER)
def test_a_run_resumes_through_its_checkpoint_bit_for_bit(solver, rule, technique, average, tmp_path):
    def program():
        return Program([trial_of(solver, rule, technique, average)], [3])

    first, second = program(), program()
    first.run(3)
    save_checkpoint(RunFolder(tmp_path), [first.train_state(0)], {"taken": 3})
    stored, meta = load_checkpoint(RunFolder(tmp_path), [second.train_state(0)])
    second.load(stored, meta["taken"], first.info())
    for one in (first, second):
        one.run(2)
    for a, b in zip(leaves(first.train_state(0)), leaves(second.train_state(0)), strict=True):
        assert torch.equal(a, b)
