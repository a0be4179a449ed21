"""Deliberately broken runs get the right verdict, and healthy runs get none.

Over nine seeds no broken run of networks got another first verdict, and over eight no healthy one got any. Of each case
one seed, or start, is looked at; the weekly tier looks at all that it names.
"""

import base64
import json
import math
import re
from pathlib import Path
from types import SimpleNamespace
from typing import Any
from xml.etree import ElementTree

import pytest
import torch
from markupsafe import escape

from nashpath.core import FunctionalGame, Key, point_of, tree_map
from nashpath.core.tree import leaves
from nashpath.data import SOURCES, as_source
from nashpath.diagnostics import (
    FINDINGS,
    FieldNorm,
    PointEvidence,
    RunSummary,
    Spectrum,
    findings,
    headline,
    statements,
)
from nashpath.games.objectives import Minimax
from nashpath.games.penalties import LazyR1, NoPenalty, Sum
from nashpath.games.toys import DiracGAN
from nashpath.report import write_report
from nashpath.report.diagnosis_figures import FIGURES
from nashpath.run import FolderWarning, SettingError, open_session
from nashpath.run.assess import diagnose_gap, diagnose_play
from nashpath.run.assess.diagnose import _frames, diagnose, diagnose_member
from nashpath.run.assess.diagnose_gap import look_at_gap
from nashpath.run.assess.diagnose_play import SAMPLES, still_grows
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import Trial
from nashpath.run.folder.checkpoint import restore_member, restore_members
from nashpath.run.observe.diagnostics import watch
from nashpath.solvers import SGD, Alternating
from run_folders import nash

BASE = {
    "compile": "off",
    "stack": "off",
    "latent": 4,
    "batch_size": 32,
    "evaluation_samples": 64,
    "samples": 4,
    "log_every": 1000,
    "sample_every": 1000,
    "seeds": [0, 1],
    "generator": {"width": 8},
    "discriminator": {"width": 8},
}
STARTS = {"game.x": [1.0, -0.5, 0.2]}
"""What seeds are to networks, starts are to toys."""


def play(kind: str, rate_d: float, rate_g: float, rule: str = "adam", **options: Any) -> dict[str, Any]:
    rates = {"discriminator": rate_d, "generator": rate_g}
    return {"kind": kind, **{who: {"kind": rule, "learning_rate": rate} for who, rate in rates.items()}, **options}


def ring(**raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    return {**BASE, "data": "ring", **raw}, {}


def toy(steps: int, solver: dict[str, Any], game: str, **numbers: float) -> tuple[dict[str, Any], dict[str, Any]]:
    raw = {"compile": "off", "stack": "off", "log_every": 1000, "sample_every": 1000, "steps": steps}
    return {**raw, "game": {"kind": game, **numbers}, "solver": solver}, STARTS


BROKEN = {
    "minimax against too strong a discriminator": (
        ring(objective="minimax", steps=120, solver=play("alternating", 4e-2, 1e-4, discriminator_steps=3)),
        "discriminator too strong",
    ),
    "rates of 1/2 under Adam": (ring(steps=20, solver=play("alternating", 0.5, 0.5)), "step too large"),
    "a step beyond 2/λ": (
        toy(20, play("simultaneous", 3.0, 3.0, "sgd"), "quadratic", a=1.0, b=0.1, c=1.0),
        "step too large",
    ),
    "a generator a hundredfold faster": (ring(steps=150, solver=play("alternating", 1e-4, 1e-2)), "mode collapse"),
    "rotation under alternating play": (toy(50, play("alternating", 0.1, 0.1, "sgd"), "bilinear"), "rotation"),
    "rotation under simultaneous play": (toy(50, play("simultaneous", 0.02, 0.02, "sgd"), "bilinear"), "rotation"),
    "rotation of the Dirac-GAN": (
        (toy(50, play("simultaneous", 0.1, 0.1, "sgd"), "dirac", y=0.0)[0], {"game.x": [0.03, -0.02, 0.01]}),
        "rotation",
    ),
    "a step beyond 2/λ under momentum": (
        toy(20, play("alternating", 0.5, 0.5, "momentum"), "quadratic", a=9.0, b=0.1, c=9.0),
        "step too large",
    ),
    "NaN on a toy": (toy(60, play("simultaneous", 1e3, 1e3, "sgd"), "saddle"), "diverged"),
    "NaN in networks": (
        ring(objective="wasserstein", steps=60, solver=play("simultaneous", 1e3, 1e3, "sgd")),
        "diverged",
    ),
}

W4 = {"latent": 2, "generator": {"width": 4}, "discriminator": {"width": 4}}
W12 = {"generator": {"width": 12}, "discriminator": {"width": 12}}


def gan(data: Any, penalty: str, weight: float, steps: int, **raw: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    """A GAN that is trained well: moderate rates, a penalised critic; samples are saved four times on the way."""
    play_well = play("alternating", 5e-3, 3e-3)
    often = {"stack": "on", "sample_every": steps // 4, "evaluation_samples": 300, "samples": 300, "seeds": [0]}
    raw = {**BASE, **W12, "data": data, "batch_size": 24, "steps": steps, "solver": play_well, **often, **raw}
    return {**raw, "penalty": {"kind": penalty, "weight": weight}}, {}


SQUARE = {"kind": "ring", "modes": 4, "radius": 1.0, "deviation": 0.1}

HEALTHY = {
    "extragradient on a rotating quadratic": toy(200, play("extragradient", 0.3, 0.3, "sgd"), "quadratic"),
    "alternating play on a quadratic": toy(200, play("alternating", 0.1, 0.1, "sgd"), "quadratic", a=1.0, b=0.5, c=1.0),
    "the Dirac-GAN under R1": (
        {**toy(200, play("alternating", 0.2, 0.2, "sgd"), "dirac")[0], "penalty": {"kind": "r1", "weight": 1.0}},
        STARTS,
    ),
    "one Gaussian under R1": gan("gaussian", "r1", 1.0, 200, solver=play("alternating", 4e-3, 2e-3)),
    "a ring of four under R1": gan(SQUARE, "r1", 0.1, 240),
    "a Gaussian on a plane in space": gan("embedded_gaussian", "r1", 0.1, 120),
    "a short run on digits": gan(
        "digits",
        "r1",
        0.1,
        160,
        generator={"kind": "mlp", "width": 16},
        discriminator={"kind": "mlp", "width": 16},
    ),
}


def first(case):
    """The case with its first seed, or start, alone."""
    raw, sweeps = case
    return {**raw, "seeds": raw.get("seeds", [0])[:1]}, {name: values[:1] for name, values in sweeps.items()}


def verdicts(case, folder):
    """The verdicts over seeds, or starts, without changes of the play and best responses: none depends on these."""
    raw, sweeps = case
    open_session(raw, sweeps, folder).train()
    members = restore_members(folder)
    return [diagnose_member(m.index, *other, _frames(folder, m.index), advise=False) for m, *other in members]


@pytest.mark.long
def test_a_diagnosis_in_full_has_the_same_verdict(tmp_path, monkeypatch):
    """Of networks; of a toy, the command below. The verdict hangs on no best response, however short its search."""
    monkeypatch.setattr(diagnose_gap, "STEPS", 10)
    (raw, sweeps), expected = BROKEN["rates of 1/2 under Adam"]
    (plain,) = verdicts(({**raw, **W4, "seeds": [0]}, sweeps), tmp_path)
    (full,) = diagnose(tmp_path, [0])
    assert findings(full.summary)[0].code == findings(plain.summary)[0].code == expected
    assert full.summary.exploitability
    assert not plain.summary.exploitability


LONG = pytest.mark.thorough("another run of its kind is among the shorter ones")
LONGER = {"rotation of the Dirac-GAN", "a Gaussian on a plane in space", "one Gaussian under R1"}


def with_long_ones_marked(cases):
    return [pytest.param(name, marks=LONG) if name in LONGER else name for name in cases]


ALL = pytest.param(lambda case: case, id="all", marks=pytest.mark.thorough("more seeds and starts"))
ONE_OR_ALL = pytest.mark.parametrize("looked_at", [pytest.param(first, id="one"), ALL])


@pytest.mark.long
@ONE_OR_ALL
@pytest.mark.parametrize("name", with_long_ones_marked(BROKEN))
def test_broken_runs_get_the_right_verdict(name, looked_at, tmp_path):
    case, expected = BROKEN[name]
    for found in verdicts(looked_at(case), tmp_path):
        assert findings(found.summary)[0].code == expected, found.sentences
        assert found.summary.kind not in ("local Nash", "local minimax")
        assert headline(found.summary)[1] != "good"


@pytest.mark.long
@ONE_OR_ALL
@pytest.mark.parametrize("name", with_long_ones_marked(HEALTHY))
def test_healthy_runs_get_none(name, looked_at, tmp_path):
    for found in verdicts(looked_at(HEALTHY[name]), tmp_path):
        assert findings(found.summary) == [], found.sentences
        if HEALTHY[name][1]:
            assert found.summary.kind == "local Nash"
            assert found.summary.play.motion == "closes in"


@pytest.mark.long
@pytest.mark.usefixtures("pictures_of_figures")
def test_the_command_prints_the_verdict_and_writes_it_and_the_page_shows_it_with_its_figures(tmp_path, monkeypatch):
    raw, sweeps = BROKEN["rotation under alternating play"][0]
    open_session(raw, sweeps, tmp_path).train()
    said = nash("diagnose", tmp_path, "--member", 1).output
    assert said.strip().endswith(str(tmp_path / "report.html"))
    said = " ".join(said.split())
    assert "member 1: play goes round the known equilibrium once in 62.8 rounds, the radius unchanged" in said
    assert "extragradient play at these rates: play closes in" in said
    assert re.search(r"played from here its distance fell to 0\.05\d", said)  # sqrt(1 - h² + h⁴) to the 600: 0.0503
    assert "extragradient 10" in said  # stable on strength 1: h < 1
    (written,) = json.loads((tmp_path / "diagnosis.json").read_text())["members"]
    assert written["findings"][0]["code"] == "rotation"
    assert written["numbers"]["rotation"] == 1
    assert (written["point"], written["play"], written["quality"]) == ("not stationary", "goes round", "open")
    check_page(tmp_path, written)
    monkeypatch.undo()  # no picture is looked at any more
    said = nash("diagnose", tmp_path, "--member", 1, "--quick", "--json").stdout
    assert json.loads(said) == json.loads((tmp_path / "diagnosis.json").read_text())["members"]
    refused = nash("diagnose", tmp_path, "--member", 9, expect=2)
    assert "members 0 to 2" in refused.output + refused.stderr
    with pytest.raises(SettingError, match="no run"):
        diagnose(tmp_path / "elsewhere", [0])


def check_page(folder: Path, written: dict[str, Any]) -> None:
    page = (folder / "report.html").read_text()
    assert "Member 1: play goes round" in page
    for one in [*written["findings"], *written["statements"]]:
        assert str(escape(one["sentence"])) in page
    drawn = re.findall(r'<figure id="figure-1\.(\d)">\s*<img src="data:image/svg\+xml;base64,([^"]+)"', page)
    assert [int(place) for place, _ in drawn] == [1, 2, 3, 4, *range(5, len(drawn) + 1)]
    for _, source in drawn:
        ElementTree.fromstring(base64.b64decode(source))
    assert "Run nashpath diagnose again" not in page
    nash("report", folder)
    assert (folder / "report.html").read_text() == page
    kept = (folder / "diagnosis.json").read_text()
    (folder / "diagnosis.json").write_text('{"members": [{"member": "x"}]}')
    with pytest.warns(FolderWarning, match="diagnosis"):
        write_report(folder)
    (folder / "diagnosis.json").write_text(kept)


def quadratic(a: float, b: float, c: float, rates: tuple[float, float], steps: int, **more: Any):
    return toy(steps, play(more.pop("kind", "alternating"), *rates, "sgd"), "quadratic", a=a, b=b, c=c, **more)[0]


KNOWN = {
    "a slow spiral in": (quadratic(0.01, 1, 0.01, (0.1, 0.1), 5), "not stationary", "closes in", {"rate": 0.999}),
    "a slower one": (quadratic(0.001, 1, 0.001, (0.1, 0.1), 5), "not stationary", "closes in", {"rate": 0.9999}),
    "xy, simultaneous: sqrt(1 + h²) a round": (
        toy(100, play("simultaneous", 0.1, 0.1, "sgd"), "bilinear")[0],
        "not stationary",
        "spirals out",
        {"rate": 1.01**0.5},
    ),
    "a soft player on its worst point beside a stiff one": (
        quadratic(200, 0, -0.1, (1e-3, 1e-3), 10, x=0.0, y=0.0),
        "no equilibrium",
        "leaves",
        {"rate": 1 + 1e-4},
    ),
    "ten units away, beside a stiff player": (
        quadratic(200, 0, 0.01, (1e-3, 1e-3), 10, x=0.0, y=10.0),
        "not stationary",
        "closes in",
        {"rate": 1 - 1e-5},
    ),
    "a minimax point under two time scales": (
        quadratic(-6, 4, 2, (0.1, 0.001), 20, x=1e-6, y=1e-6),
        "local minimax",
        "closes in",
        {},
    ),
    "the same at equal rates": (
        quadratic(-6, 4, 2, (0.01, 0.01), 20, x=0.1, y=0.1),
        "not stationary",
        "leaves",
        {},
    ),
    "a real limit cycle": (
        toy(1000, play("simultaneous", 0.05, 0.05, "sgd"), "forsaken")[0],
        "not stationary",
        "goes round",
        {},
    ),
    "the Dirac-GAN at its equilibrium under R1": (
        {**toy(200, play("alternating", 0.2, 0.2, "sgd"), "dirac")[0], "penalty": {"kind": "r1", "weight": 1.0}},
        "local Nash",
        "closes in",
        {},
    ),
    "the least-squares Dirac-GAN at rest on its line of stationary points": (
        {**toy(200, play("alternating", 0.1, 0.1, "sgd"), "dirac")[0], "objective": "least_squares"},
        "local Nash",
        "closes in",
        {"flat": 1, "centre": "a stationary point found from here"},
    ),
    "the non-saturating Dirac-GAN, slower than any exponential": (
        {**toy(1000, play("alternating", 0.1, 0.1, "sgd"), "dirac")[0], "objective": "non_saturating"},
        "not stationary",
        "closes in",
        {"slowing": True, "rounds": math.inf},
    ),
}
"""Games with known answers: the point, the play, and its rate a round where there is a formula."""


@pytest.mark.long
@pytest.mark.parametrize("name", KNOWN)
def test_games_with_known_answers(name, tmp_path):
    raw, point, motion, numbers = KNOWN[name]
    open_session(raw, {}, tmp_path).train()
    trial, train_state = restore_member(tmp_path)
    seen = diagnose_member(0, trial, train_state, advise=False).summary
    assert (seen.kind, seen.play.motion) == (point, motion)
    rate = numbers.get("rate")
    assert rate is None or seen.play.rate == pytest.approx(rate, abs=0.02 * abs(1 - rate))
    others = {name: value for name, value in numbers.items() if name != "rate"}
    assert {name: getattr(seen.play, name) for name in others} == others


@pytest.mark.long
def test_extragradient_that_small_steps_repel_is_said_between_which_it_contracts(tmp_path):
    """Weak Minty: the round is 1 − z + z² with z = hλ; smaller steps than the present ones repel, and larger ones."""
    open_session({"game": "weak_minty", "steps": 20, "device": "cpu"}, {}, tmp_path).train()
    seen = diagnose_member(0, *restore_member(tmp_path), advise=False).summary
    value = 0.5 * complex(-0.1, 0.995)
    outside = [abs(1 - h * value + (h * value) ** 2) - 1 for h in seen.windows["extragradient"]]
    assert outside == pytest.approx([0, 0], abs=1e-5)
    assert (seen.margins or {})["extragradient"] == 0
    (said,) = (one.sentence for one in statements(seen) if one.code == "stable steps")
    assert "extragradient 1.47 (play grows below 0.465, too), simultaneous none" in said


@pytest.mark.long
def test_noise_that_hides_the_point_is_said(tmp_path):
    """A young GAN on batches of one: that its mean gradient does not differ from 0 does not make it 0."""
    raw, _ = ring(steps=5, batch_size=1)
    open_session(raw, {}, tmp_path).train()
    trial, train_state = restore_member(tmp_path)
    seen = diagnose_member(0, trial, train_state, quick=True).summary
    assert seen.kind in ("undecided", "not stationary")
    if seen.kind == "undecided":
        assert seen.evidence.batches >= 64


@pytest.mark.long
def test_a_diagnosis_changes_neither_trial_nor_carry(tmp_path, monkeypatch):
    monkeypatch.setattr(diagnose_gap, "STEPS", 5)
    raw, _ = ring(steps=2, **W4)
    open_session(raw, {}, tmp_path).train()
    trial, train_state = restore_member(tmp_path)
    kept = tree_map(lambda v: v.clone(), (trial.state_dict(), train_state))
    diagnose_member(0, trial, train_state)
    for before, after in zip(leaves(kept), leaves((trial.state_dict(), train_state))):
        assert before.dtype == after.dtype
        assert (before == after).all()


def test_every_sentence_names_figures_that_exist():
    assert {name for _, figures in FINDINGS.values() for name in figures} <= set(FIGURES)


def test_samples_that_still_spread_are_not_called_collapsed():
    half, last = torch.randn(50, 2).numpy(), 3 * torch.randn(50, 2).numpy()
    assert still_grows(half, last)
    assert not still_grows(last, half)
    centres = torch.tensor([[-9.0, 0.0], [9.0, 0.0]])
    assert still_grows(abs(half), half, centres)
    assert not still_grows(half, half, centres)


@pytest.mark.parametrize(
    ("data", "labels", "said"),
    [
        ("digits", [3, 7], "around 2 of 10 classes"),
        ("digits", [5], "around 1 of 10 classes"),
        ("digits", range(10), None),
        ("clusters", [3, 7], "of 10 clusters of the data"),
        ("clusters", range(10), None),
    ],
)
def test_samples_of_two_classes_of_ten_are_said(monkeypatch, data, labels, said):
    """Real digits of some classes in place of generated ones; without labels they are counted in clusters."""
    digits = SOURCES["digits"]()
    images, classes = digits.labelled_examples()
    fake = images[torch.isin(classes, torch.tensor(list(labels)))][:SAMPLES].float()
    source = digits if data == "digits" else as_source(images)
    monkeypatch.setattr(diagnose_play, "samples", lambda *_: fake)
    summary = RunSummary("undecided", PointEvidence())
    diagnose_play.look_at_samples(SimpleNamespace(game=SimpleNamespace(data=source)), None, summary)
    found = [one.sentence for one in findings(summary) if one.code == "mode collapse"]
    assert (said in found[0]) if said else not found


def test_one_blob_of_images_is_said(monkeypatch):
    source = as_source(SOURCES["digits"]().labelled_examples()[0])
    blob = source.draw(Key(0), SAMPLES)["real"].mean(0) + 0.01 * torch.randn(SAMPLES, 1, 8, 8)
    monkeypatch.setattr(diagnose_play, "samples", lambda *_: blob)
    summary = RunSummary("undecided", PointEvidence())
    diagnose_play.look_at_samples(SimpleNamespace(game=SimpleNamespace(data=source)), None, summary)
    assert summary.modes == (1, 10)
    assert headline(summary) == ("mode collapse", "bad")


@pytest.mark.parametrize("penalised", [False, True])
def test_what_is_said_of_a_collapse_counts_modes_as_the_page_does_and_advises_what_is_not_done_yet(penalised):
    """The page counts modes that samples reach; nearest ones at any distance are more."""
    summary = RunSummary("undecided", PointEvidence(), modes=(4, 8), reached=2, penalised=penalised)
    (found,) = findings(summary)
    assert "around 4 of 8 modes (and within reach of 2)" in found.sentence
    assert ("DRAGAN from 1" in found.sentence) != penalised
    assert ("other weights of the penalty" in found.sentence) == penalised


@pytest.mark.long
@pytest.mark.parametrize("penalty", [LazyR1(2.0, interval=4), Sum(NoPenalty(), LazyR1(2.0, interval=4))])
def test_what_is_paid_now_and_then_is_diagnosed_by_its_mean_at_every_step(penalty):
    """At (0, 0) of the Dirac GAN: the eigenvalues of R1, γ/2 ± √(γ²/4 − ¼), whatever the turn."""
    game = DiracGAN(Minimax(), penalty, x=0.0, y=0.0)
    trial = Trial(game, Alternating(discriminator=SGD(0.1), generator=SGD(0.1)))
    program, found = Program([trial], [0]), []
    at = program.train_state(0)
    for _ in range(2):  # in the first turn it is paid, in the second it is not
        at = program.train_state(0)
        leading = diagnose_member(0, trial, at, quick=True).numbers["leading"]
        (seen,) = watch(program, [0], [FieldNorm(), Spectrum()])
        found.append((leading, seen))
        program.run(1)
    assert all(leaves(at.point.players)[k] == 0 for k in (0, 1))
    assert all(one == found[0] for one in found)
    assert found[0][0]["real"] == pytest.approx(1 + math.sqrt(3) / 2, rel=1e-4)


@pytest.mark.long
def test_exploitability_tells_what_the_plain_gap_hides(tmp_path):
    """Sidheekh et al.: at rest no best response leaves the point itself, Nash or not."""
    open_session(quadratic(-6, 4, 2, (0.1, 0.001), 20, x=0.0, y=0.0), {}, tmp_path).train()
    (found,) = diagnose(tmp_path)
    gaps = found.numbers["exploitability"]
    assert gaps["duality_gap"] == 0
    assert gaps["perturbed_regret.generator"] > 0.1
    assert gaps["perturbed_regret.discriminator"] < 1e-3
    (said,) = [one for one in statements(found.summary) if one.code == "exploitability"]
    assert "would have read as an equilibrium" in said.sentence
    (kind,) = [one for one in statements(found.summary) if one.code == "local minimax"]
    assert "strict" in kind.sentence
    (quick,) = diagnose(tmp_path, quick=True)
    assert quick.numbers["exploitability"] == {}


@pytest.mark.parametrize(("gain", "error"), [(-3.8e6, 1.4e6), (-1.0, 0.1), (-1e-6, 2e-6), (0.0, 0.0), (1.0, 2.0)])
def test_a_search_that_ends_below_who_stays_is_no_lower_bound(gain, error):
    readings = {"duality_gap": 0.0, "duality_gap_error": 0.0}
    readings |= {"perturbed_duality_gap": gain, "perturbed_duality_gap_error": error}
    summary = RunSummary("undecided", PointEvidence(), exploitability=readings)
    (said,) = [one.sentence for one in statements(summary) if one.code == "exploitability"]
    assert ("a lower bound" in said) == (gain >= 0)
    assert ("found no gain" in said) == (gain < 0)


def test_what_takes_long_is_asked_for_by_seconds(tmp_path):
    game, said = DiracGAN(), list[str]()
    summary = RunSummary("undecided", PointEvidence())
    for budget in (0.0, 600.0):
        look_at_gap(
            game, FunctionalGame(game), point_of(game), summary, said.append, budget, lambda who, params: params
        )
        assert bool(summary.exploitability) == bool(budget)
    assert "left out: --seconds" in said[0]
    assert "left out" not in said[1]
    for wrong in ({"seconds": -1.0}, {"seconds": 60.0, "quick": True}):
        with pytest.raises(SettingError, match="how long eigenvalues, and best responses, may take"):
            diagnose(tmp_path, **wrong)
