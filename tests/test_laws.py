"""Laws that every method of every table keeps, and the law that the tables are complete."""

import importlib
import inspect
import pkgutil

import pytest
import torch
from torch import nn
from torch.func import vmap

import nashpath
from nashpath.core import Game, Key
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves, tree_map
from nashpath.games import OBJECTIVES, PENALTIES
from nashpath.games.objectives import Objective
from nashpath.games.penalties import Penalty
from nashpath.run.engine.program import stack
from nashpath.run.engine.step import begin, hyperparameters_of, make_step
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.resolve import resolve
from nashpath.run.settings.schema import arguments, is_swept
from nashpath.solvers import RULES, SCHEDULES, SOLVERS, Solver, UpdateRule
from nashpath.solvers.schedules import Schedule

METHODS = {f"{table.kind}.{kind}": table[kind] for table in TABLES.values() for kind in table}
LIBRARY_ONLY = {"Sum", "Scheduled", "NormClipped", "SinglePlayer", "LinearRule", "Rollback", "TopK"}
"""Wrappers of other methods (the settings reach schedules by another key, and have one penalty), and descent: no game
of the settings has one player; `Rollback` is a setting of its own. `LinearRule` stands for other rules where a game is
linearised. `TopK` is what a technique makes of an objective."""


def everything() -> list[type]:
    """All classes of methods that the package defines for users; what a study needs for itself stays in the study."""
    for module in pkgutil.walk_packages(nashpath.__path__, "nashpath."):
        if not module.name.endswith("__main__"):
            importlib.import_module(module.name)
    found, todo = [], [Objective, Penalty, UpdateRule, Solver, Schedule]
    while todo:
        kind = todo.pop()
        todo += kind.__subclasses__()
        found.append(kind)
    own = [c for c in found if c.__module__.startswith("nashpath.") and not c.__name__.startswith("_")]
    return [c for c in own if not c.__module__.startswith("nashpath.studies.")]


def test_the_tables_are_complete():
    listed = {method for table in (OBJECTIVES, PENALTIES, SOLVERS, RULES, SCHEDULES) for method in table.values()}
    listed |= set(METHODS.values())
    leaves_of_the_tree = [c for c in everything() if not c.__subclasses__()]
    missing = {c.__name__ for c in leaves_of_the_tree if c not in listed}
    assert missing <= LIBRARY_ONLY, missing


@pytest.mark.parametrize("name", METHODS)
def test_every_method_has_a_summary_and_names_its_source(name):
    doc = inspect.getdoc(METHODS[name]) or ""
    summary = doc.split("\n")[0]
    assert 10 < len(summary) <= 125
    assert summary[-1] in ".:", summary
    assert len(doc.partition("Reference:")[2].split()) >= 3, "no Reference: paragraph"


def swept_arguments(method) -> list[str]:
    """The numbers of a method that can be built alone."""
    inputs = [p for p in inspect.signature(method).parameters.values() if p.default is inspect.Parameter.empty]
    alone = inspect.isclass(method) and issubclass(method, nn.Module) and not inputs
    return [a for a, (annotation, _) in arguments(method).items() if is_swept(annotation)] if alone else []


@pytest.mark.parametrize("name", [name for name, method in METHODS.items() if swept_arguments(method)])
def test_what_may_be_swept_is_a_tensor(name):
    """A swept argument is a buffer (or, for a toy's start, a parameter): two values differ in tensors alone."""
    method = METHODS[name]
    plain = method()
    for argument in swept_arguments(method):
        default = arguments(method)[argument][1]
        other = method(**{argument: default / 2 if default else 0.25})
        assert repr(type(plain)) == repr(type(other))
        tensors = {k: v for k, v in plain.state_dict().items() if not torch.equal(v, other.state_dict()[k])}
        assert tensors, f"{argument} changes no tensor"


def small(**raw):
    """A tiny game of any method, in float64."""
    base = {"batch_size": 6, "latent": 3, "steps": 4}
    nets = {"generator": {"kind": "mlp", "width": 5}, "discriminator": {"kind": "mlp", "width": 5}}
    return {**base, **nets, **raw}


PRICED = [("objective", k) for k in OBJECTIVES] + [("penalty", k) for k in PENALTIES]


def trials(path: str, kind: str, seeds: list[int], **raw):
    settings = resolve(small(**raw), {path: kind})
    torch.set_default_dtype(torch.float64)
    try:
        return [build_trial(settings, seed).double() for seed in seeds]
    finally:
        torch.set_default_dtype(torch.float32)


def draws(game: Game, seed: int, count: int):
    batch = game.draw(Key(seed), (count,))
    return tree_map(lambda v: v.double() if v.is_floating_point() else v, batch)


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind"), PRICED)
def test_stacked_equals_solo(path, kind):
    members = trials(path, kind, [0, 1, 2])
    step = make_step(members[0])
    batches = [draws(t.game, seed, t.solver.draws) for seed, t in enumerate(members)]
    with torch.no_grad():
        solo = [step(begin(t), hyperparameters_of(t), b) for t, b in zip(members, batches)]
        train_states, numbers = stack([begin(t) for t in members]), stack([hyperparameters_of(t) for t in members])
        together = vmap(step)(train_states, numbers, stack(batches))
    for i, alone in enumerate(solo):
        for a, b in zip(leaves(alone), leaves(tree_map(lambda v, i=i: v[i], together))):
            torch.testing.assert_close(a, b, rtol=1e-7, atol=1e-8)


THIN = {who: {"kind": "mlp", "width": 5, "depth": 1} for who in ("generator", "discriminator")}
PLAIN = {"solver": {"kind": "alternating", "generator": "sgd", "discriminator": "sgd"}}


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind"), PRICED)
def test_a_step_is_one_graph_that_means_the_same(path, kind):
    """Of plain descent by one hidden layer; `test_law_complete` traces every solver, rule, technique and average."""
    (trial,) = trials(path, kind, [0], **THIN, **PLAIN)
    step, batch = make_step(trial), draws(trial.game, 0, trial.solver.draws)
    traced = as_one_graph(step, "traced")
    with torch.no_grad():
        eager, compiled = (f(begin(trial), hyperparameters_of(trial), batch) for f in (step, traced))
    for a, b in zip(leaves(eager), leaves(compiled)):
        torch.testing.assert_close(a, b, rtol=1e-9, atol=1e-10)


@pytest.mark.long
def test_one_graph_serves_all_numbers():
    raw = small(penalty="dragan", average="ema")
    first, *others = [
        build_trial(resolve(raw, {key: value}), 0)
        for key, value in [
            ("penalty.weight", 1.0),
            ("penalty.weight", 7.0),
            ("solver.generator.learning_rate", 0.5),
            ("solver.discriminator.b1", 0.9),
            ("average.decay", 0.5),
        ]
    ]
    step = as_one_graph(make_step(first), "traced")
    batch = first.game.draw(Key(0), (first.solver.draws,))
    with torch.no_grad():
        results = [step(begin(t), hyperparameters_of(t), batch)[0] for t in (first, *others)]
        for trial, traced in zip((first, *others), results):
            plain, _ = make_step(trial)(begin(trial), hyperparameters_of(trial), batch)
            for a, b in zip(leaves(traced), leaves(plain), strict=True):
                torch.testing.assert_close(a, b)
    weights = [torch.cat([v.flatten() for v in leaves(r.point)]) for r in results[:3]]
    assert not torch.equal(weights[0], weights[1])
    assert not torch.equal(weights[0], weights[2])
