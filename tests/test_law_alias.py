"""A law over every row of every table: nothing but the row knows a method's name, and nothing but the class its ways.

Each row is registered a second time under another name. Resolved settings, training, diagnosis, metrics and report
under the other name are equal to the original's.
"""

import json
import math
import re

import pytest
import torch

from conftest import forget_own_methods
from nashpath.core import Key
from nashpath.core.tree import leaves
from nashpath.metrics import METRICS
from nashpath.report import write_report
from nashpath.run import SettingError, open_session
from nashpath.run.assess.diagnose import diagnose_member
from nashpath.run.engine.step import begin, hyperparameters_of, make_step
from nashpath.run.observe.metrics import ReferenceSet
from nashpath.run.observe.snapshot import quick_metrics
from nashpath.run.settings.build import build_source, build_trial
from nashpath.run.settings.flow import FLOW_TABLES, resolve_flow
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.overrides import override
from nashpath.run.settings.resolve import dump, resolve
from nashpath.solvers import RULES, SOLVERS

SMALL = {
    "batch_size": 6,
    "latent": 3,
    "steps": 4,
    "generator.width": 5,
    "discriminator.width": 5,
    "generator": "mlp",
    "discriminator": "mlp",
}
NEEDS = {
    ("objective", "feature_matching"): {},
    ("objective", "joint_batch"): {},
    ("game", "semi_supervised"): {"data": "digits", "game.labels": 20},
    ("game", "conditional"): {"data": "digits"},
    ("discriminator", "minibatch_mlp"): {"discriminator.width": 5},
    ("solver", "svre"): {"data": "digits"},
}
"""What a method needs around it."""
PLACES = [(path, kind) for path, table in TABLES.items() for kind in table if path != "solver.discriminator.schedule"]


def other(name: str) -> str:
    return f"other_{name}"


@pytest.fixture(scope="module", autouse=True)
def _aliases():
    """All rows at once: after a table has changed, all that is read off the tables is made again."""
    for table in [*TABLES.values(), *(table for table, _ in FLOW_TABLES.values())]:
        for kind in [kind for kind in table if kind not in table.registered and other(kind) not in table]:
            table.register(other(kind), table[kind])
    yield
    forget_own_methods()


def settings_of(path: str, kind: str, like: str):
    """Small settings with one method chosen; networks that have no width, and toys, are taken as they are."""
    needs = NEEDS.get((path, like), {})
    chosen = {**SMALL, **needs, path: kind}
    for who in ("generator", "discriminator"):
        if path == who or (path == "data" and like in ("digits", "stacked_digits", "coloured_digits")):
            chosen.pop(f"{who}.width")
        if path == "data" and like in ("digits", "stacked_digits", "coloured_digits"):
            chosen.pop(who)  # what the data's shape chooses
    if path in ("generator", "discriminator") and like in (
        "dcgan",
        "resnet",
        "r3gan",
        "virtual_dcgan",
        "salimans_conv",
    ):
        chosen["data"] = "digits"
    if path == "game" and like != "gan":
        for key in [key for key in chosen if key.startswith(("generator", "discriminator"))]:
            chosen.pop(key)
    games = {"semi_supervised", "conditional", "gan", "mixture"}
    if path == "game" and like not in games:
        for key in ("batch_size", "latent"):
            chosen.pop(key)
    return resolve({}, chosen)


def told(settings, path: str, name: str, original: str) -> str:
    """The resolved settings as text, with the other name put back."""
    return json.dumps(dump(settings), sort_keys=True).replace(f'"{name}"', f'"{original}"')


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind"), PLACES)
def test_settings_and_training_are_those_of_the_class(path, kind):
    name = other(kind)
    refusals = {}
    for chosen in (kind, name):
        try:
            settings_of(path, chosen, kind)
        except SettingError as error:
            refusals[chosen] = str(error)
    if refusals:  # a method that cannot stand alone: refused under either name, in the same words
        assert refusals[name].replace(name, kind) == refusals[kind].replace(name, kind)
        return
    plain = settings_of(path, kind, kind)
    again = settings_of(path, name, kind)
    assert told(again, path, name, kind) == told(plain, path, name, kind)
    try:
        trials = [build_trial(settings, 3) for settings in (plain, again)]
    except (SettingError, OSError, ImportError) as error:  # data that are not here
        with pytest.raises(type(error)):
            build_trial(again, 3)
        return
    states = []
    for trial in trials:
        carry, step, key = begin(trial), make_step(trial), Key(0)
        with torch.no_grad():
            for _ in range(2 if path.startswith("solver") else 1):
                carry, _ = step(carry, hyperparameters_of(trial), trial.game.draw(key, (trial.solver.draws,)))
        states.append(carry)
    assert all(torch.equal(a, b) for a, b in zip(*map(leaves, states), strict=True))


@pytest.mark.parametrize(("path", "kind"), [(f"{path}", kind) for path in FLOW_TABLES for kind in FLOW_TABLES[path][0]])
def test_settings_of_flows_are_those_of_the_class(path, kind):
    plain, again = (resolve_flow([(path, name)]).model_dump(mode="json") for name in (kind, other(kind)))
    text = json.dumps(again, sort_keys=True).replace(f'"{other(kind)}"', f'"{kind}"')
    assert text == json.dumps(plain, sort_keys=True)


def plain_numbers(value):
    """Numbers, with NaN as a word: it is not equal to itself."""
    if isinstance(value, dict):
        return {k: plain_numbers(v) for k, v in value.items()}
    return "nan" if isinstance(value, float) and math.isnan(value) else value


OTHERS = pytest.mark.thorough("a third of the rows is among the others; a diagnosis reads classes by their attributes")
DIAGNOSED = [("solver", kind) for kind in SOLVERS] + [("solver.generator", kind) for kind in RULES]


@pytest.mark.long
@pytest.mark.parametrize(
    ("path", "kind"),
    [pytest.param(*row, marks=OTHERS if place % 3 else ()) for place, row in enumerate(DIAGNOSED)],
)
def test_a_diagnosis_is_that_of_the_class(path, kind, monkeypatch):
    """A quick one: what a longer play would show, `test_diagnostics_runs` looks at; what is drawn is not compared."""
    for shortened in ("diagnose.DRAWN_ROUNDS", "diagnose.QUICK", "behaviour.CHUNK"):
        monkeypatch.setattr(f"nashpath.run.assess.{shortened}", 40)
    name = other(kind)
    found = []
    for chosen in (kind, name):
        rules = {f"solver.{who}": "sgd" for who in ("generator", "discriminator")} | {path: chosen}
        rates = {f"solver.{who}.learning_rate": 0.1 for who in ("generator", "discriminator")}
        settings = resolve({}, {"game": "quadratic"} | rules | rates)
        trial = build_trial(settings, 0)
        carry, step = begin(trial), make_step(trial)
        with torch.no_grad():
            for _ in range(3):
                carry, _ = step(carry, hyperparameters_of(trial), trial.game.draw(Key(0), (trial.solver.draws,)))
        found.append(diagnose_member(0, trial, carry, quick=True))
    assert found[0].sentences == found[1].sentences
    assert plain_numbers(found[0].numbers) == plain_numbers(found[1].numbers)
    assert any("stable" in sentence for sentence in found[0].sentences) or path != "solver", found[0].sentences


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", [kind for kind in TABLES["data"] if kind not in ("folder", "array", "csv", "hub")])
def test_data_are_measured_as_their_class_is(kind):
    name = other(kind)
    found = []
    for chosen in (kind, name):
        settings = settings_of("data", chosen, kind)
        source = build_source(settings)
        fake = source.draw(Key(5), 50)["real"]
        measured = ReferenceSet(source, ["modes"] if kind == "ring" else [], features="pixels", most=60)(fake)
        found.append(({m.name: m.value for m in measured}, quick_metrics(fake, source)))
    assert plain_numbers(dict(enumerate(found[0]))) == plain_numbers(dict(enumerate(found[1])))


EXACT = [name for name in METRICS if name in ("fid", "precision_recall", "density_coverage", "wasserstein", "mmd")]
"""Metrics that draw nothing: their numbers do not depend on the stream that a name gives them."""


def test_a_metric_under_another_name_gives_its_numbers():
    for name in EXACT:
        METRICS.register(other(name), METRICS[name])  # forgotten with the others
    source = TABLES["data"]["ring"]()
    fake = source.draw(Key(5), 60)["real"]
    for name in EXACT:
        one, two = ({m.name: m.value for m in ReferenceSet(source, [n], most=60)(fake)} for n in (name, other(name)))
        assert one == two


@pytest.mark.long
def test_a_run_and_its_report_are_those_of_the_classes(tmp_path):
    """All methods of one run under other names: numbers, verdict and page are equal but for the names themselves."""
    chosen = {"data": "ring", "objective": "hinge", "penalty": "r1", "solver": "extragradient", "average": "ema"}
    chosen |= {"generator": "mlp", "discriminator": "mlp", "technique": "historical_averaging"}
    pages = []
    for name, rename in (("plain", str), ("other", other)):
        options = [f"{path}={rename(kind)}" for path, kind in chosen.items()]
        options += ["steps=12", "threads=1", "stack=off", "compile=off", "evaluation_samples=50", "samples=20"]
        texts = [*options, "generator.width=8", "discriminator.width=8", "batch_size=8"]
        session = open_session(override({}, texts), {}, tmp_path / name)
        session.train()
        rows = [json.loads(line) for line in (tmp_path / name / "metrics.jsonl").read_text().splitlines()]
        for row in rows:
            row.pop("seconds", None)
            row.pop("train_seconds", None)
        page = re.sub(
            r"other_|\d[\d.,]* ?(seconds|s\b|ms|steps a second)", "", write_report(tmp_path / name).read_text()
        )
        pages.append((rows, re.findall(r"<(?:h1|h2|h3|figcaption)[^>]*>(.*?)</", page)))
    assert pages[0][0] == pages[1][0]
    assert [w.replace("plain", "") for w in pages[0][1]] == [w.replace("other", "") for w in pages[1][1]]
