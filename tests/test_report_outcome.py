"""What became of a game, in one line: a law over paths, samples and settings whose answer is known."""

import json
import math
import re
from collections import Counter
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pytest
from scipy.stats import ttest_ind, ttest_rel
from typer.testing import CliRunner

import report_folders as folders
from nashpath.cli import app
from nashpath.games.toys import TOYS
from nashpath.games.toys.base import PointKind
from nashpath.report import compare_reports, load_run, report_and_headline, run_headline
from nashpath.report.curves import Strand, strands
from nashpath.report.headline import ranking
from nashpath.report.outcome import Outcome, together
from nashpath.report.read import ReportMember, _Reader
from nashpath.run import restore_member
from run_folders import trained

ROUNDS = 400


def spiral(
    path: Path, rate: float, every: int = 2, angle: float = 0.1, members: int = 1, kind: str = "local Nash"
) -> Path:
    """A toy's path about its known point, which is not the origin, the same for all members."""
    centre = np.array([0.3, -0.2])
    spots = [rate**k * np.array([np.cos(angle * k), np.sin(angle * k)]) for k in range(0, ROUNDS + 1, every)]
    every_member = range(members)
    away = [float(np.hypot(*spot)) for spot in spots]
    rows = [{"step": k * every, "member": m, "distance": far} for k, far in enumerate(away) for m in every_member]
    end = {"outcome": "finished", "steps": ROUNDS, "metrics": {"distance": away[-1]}, "known_point": kind}
    folders.folder(path, [{"member": m, "seed": m} | end for m in every_member], rows, {"shape": None})
    np.savez(path / "reference.npz", equilibrium=centre)
    for k, spot in enumerate(spots):
        saved = {f"p{m}": centre + spot for m in every_member}
        np.savez(path / "samples" / f"step-{k * every:08d}.npz", **saved)
    return path


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("rate", "said", "tone"),
    [
        (1.005, "spirals out from the equilibrium", "bad"),
        (1.0, "goes round the equilibrium", "open"),
        (0.98, "closed in on the equilibrium", "good"),
        (0.999, "is closing in on the equilibrium", "open"),
    ],
)
def test_a_path_about_a_known_equilibrium_is_told_by_its_turns(tmp_path: Path, rate: float, said: str, tone: str):
    found = run_headline(load_run(spiral(tmp_path / "run", rate)))
    assert said in found.text
    assert found.tone == tone
    if "turn of" in found.text:
        assert f"{rate ** (20 * math.pi):.4g} times a turn of 62.8 rounds" in found.text


@pytest.mark.parametrize(("every", "angle"), [(8, 0.1), (2, 0.9)])
def test_turns_are_not_counted_on_a_path_with_too_few_points(tmp_path: Path, every: int, angle: float):
    found = run_headline(load_run(spiral(tmp_path / "run", 1.01, every, angle)))
    assert "turn" not in found.text
    assert (found.text.partition(":")[0], found.tone) == ("went away from the equilibrium", "bad")


def test_a_path_with_too_few_points_to_decide_says_so(tmp_path: Path):
    found = run_headline(load_run(spiral(tmp_path / "run", 0.999, every=8)))
    assert found.text.endswith("by a path of every 8th round, which may hide turns: nashpath diagnose plays on")
    assert found.short == "undecided"


@pytest.mark.parametrize(("gradient", "rests"), [(1e-9, True), (0.5, False), (None, False)])
def test_rest_is_a_path_that_stays_where_no_gradient_moves_it(tmp_path: Path, gradient: float | None, rests: bool):
    """A path that comes back to one point whenever it is looked at has stayed there only if nothing moves it."""
    path = spiral(tmp_path / "run", 1.0, every=8, angle=math.pi / 4)
    if gradient is not None:
        with (path / "metrics.jsonl").open("a") as rows:
            for step, norm in ((0, 1.0), (ROUNDS, gradient)):
                rows.write(json.dumps({"step": step, "member": 0, "gradient_norm.generator": norm}) + "\n")
    found = run_headline(load_run(path))
    assert found.text.startswith("came to rest away from the equilibrium" if rests else "1 from the equilibrium")
    assert found.tone == "open"


@pytest.mark.long(first=True)
@pytest.mark.parametrize("kind", [*get_args(PointKind), "", "damaged"])
@pytest.mark.parametrize("rate", [1.005, 1.0, 0.98, 1.05])
def test_only_what_is_an_equilibrium_is_called_one(tmp_path: Path, rate: float, kind: str):
    """Of every kind of known point, and of every way about it; closing in on no equilibrium is not good news."""
    found = run_headline(load_run(spiral(tmp_path / "run", rate, angle=0.1 if rate < 1.05 else 0.9, kind=kind)))
    assert ("the equilibrium" in found.text) == (kind == "local Nash")
    assert ("no equilibrium" in found.text) == (kind == "neither")
    if kind in ("neither", "") and rate < 1:
        assert found.tone == "bad"
    if kind in ("neither", "") and rate > 1:
        assert found.tone == "open"


@pytest.mark.long(first=True)
@pytest.mark.parametrize("name", TOYS)
def test_a_member_records_of_which_kind_its_known_point_is(tmp_path: Path, name: str):
    (member,) = trained({"game": name, "steps": 2}, tmp_path / "run").summary()
    trial, _ = restore_member(tmp_path / "run")
    assert member["known_point"] == trial.game.truth[0].kind
    assert load_run(tmp_path / "run").members[0].known_point == member["known_point"]


def test_a_weight_that_takes_the_equilibrium_away_is_heard_of(tmp_path: Path):
    raw = {"game": "quadratic", "steps": 60, "solver": {"kind": "simultaneous"}}
    raw["game"] = {"kind": "quadratic", "a": -1.0, "b": 0.0, "c": 1.0, "x": 0.0}
    (member,) = trained(raw, tmp_path / "run").summary()
    assert member["known_point"] == "neither"
    found = run_headline(load_run(tmp_path / "run"))
    assert found.text.startswith("closed in on a stationary point that is no equilibrium")
    assert found.tone == "bad"
    (member,) = trained({"game": "dirac", "penalty": "wgan_gp", "steps": 2}, tmp_path / "dirac").summary()
    assert member["known_point"] == ""


@pytest.mark.long
def test_seeds_of_a_game_without_randomness_are_no_evidence(tmp_path: Path):
    """All members of a setting end alike: an interval over them has no length, and says nothing of other starts."""
    given = ["train", "-s", "game=bilinear", "-s", "steps=30", "--seeds", "0:3", "-s", "compile=off", "--quiet"]
    told = CliRunner().invoke(
        app, [*given, "--sweep", "solver=simultaneous,extragradient", "--out", str(tmp_path / "run")]
    )
    assert told.exit_code == 0, told.output
    text = run_headline(load_run(tmp_path / "run")).text
    assert text.startswith("undecided between")
    assert text.endswith("of 3 members against 3, all alike: seeds change nothing here; other starts would decide")


class Counted(list):
    """Rows that count how often they are gone through."""

    passes = 0

    def __iter__(self):
        self.passes += 1
        return super().__iter__()


@pytest.mark.long
@pytest.mark.parametrize(
    "made",
    [lambda path, m: spiral(path, 1.005, members=m), lambda path, m: folders.ring_folder(path, steps=3, members=m)],
    ids=["toy", "generators"],
)
def test_a_page_of_many_members_goes_through_the_rows_and_files_as_often_as_one_of_few(tmp_path, monkeypatch, made):
    """Ten thousand members are ten thousand times the work of one, not its square."""
    read, arrays, work = _Reader.rows, _Reader.arrays, []

    def counted(self, name):
        work.append(Counted(read(self, name)))
        return work[-1]

    monkeypatch.setattr(_Reader, "rows", counted)
    opened = Counter()
    monkeypatch.setattr(_Reader, "arrays", lambda self, name: opened.update([len(work)]) or arrays(self, name))
    for members in (3, 30):
        report_and_headline(made(tmp_path / str(members), members))
    few, many = work
    assert 1 <= few.passes == many.passes
    assert 3 <= opened[1] == opened[2]


def generator_folder(path: Path, first: dict[str, float], last: dict[str, float], real: dict[str, float]) -> Path:
    rows = [{"step": 0, "member": 0, **first}, {"step": 9, "member": 0, **last}]
    end = {"member": 0, "seed": 0, "outcome": "finished", "steps": 9, "metrics": last}
    folders.folder(path, [end], rows)
    np.savez(path / "reference.npz", **{f"real.{key}": value for key, value in real.items()})
    return path


@pytest.mark.parametrize(
    ("last", "said", "tone"),
    [
        ({"modes": 0, "high_quality": 0.0}, "0 of 8 modes: the generator has not found the data", "bad"),
        ({"modes": 3, "high_quality": 0.9}, "3 of 8 modes: most of the data is never generated", "bad"),
        (
            {"modes": 7, "high_quality": 0.95},
            "7 of 8 modes; high quality ↑ 95 % (real against real 100 %; 10 %",
            "open",
        ),
        ({"modes": 8, "high_quality": 0.5}, "8 of 8 modes", "open"),
        ({"modes": 8, "high_quality": 0.95}, "8 of 8 modes", "good"),
    ],
)
def test_modes_are_told_of_how_many_and_good_means_that_real_samples_are_near(
    tmp_path: Path, last: dict[str, float], said: str, tone: str
):
    start, real = {"modes": 1.0, "high_quality": 0.1}, {"modes": 8.0, "high_quality": 1.0}
    found = run_headline(load_run(generator_folder(tmp_path / "run", start, last, real)))
    assert found.text.startswith(said)
    assert found.tone == tone


@pytest.mark.parametrize(
    ("fid", "tone"), [(310.0, "bad"), (300.0, "bad"), (200.0, "open"), (40.0, "open"), (9.0, "good")]
)
def test_a_number_of_images_is_told_beside_the_start_and_real_ones(tmp_path: Path, fid: float, tone: str):
    found = run_headline(load_run(generator_folder(tmp_path / "run", {"fid": 300.0}, {"fid": fid}, {"fid": 5.0})))
    assert f"FID ↓ {fid:g} (real against real 5; 300 at the start)" in found.text
    assert found.tone == tone


def arms_folder(path: Path, arms: dict[str, dict[int, Any]], key: str = "fid") -> Path:
    members = [
        {"member": 0, "seed": seed, "settings": {"penalty": arm}, "steps": 9}
        | {"outcome": "finished" if value is not None else "diverged: generator at step 4", "metrics": {key: value}}
        for arm, values in arms.items()
        for seed, value in values.items()
    ]
    return folders.folder(path, [one | {"member": m} for m, one in enumerate(members)], [])


def said_of(path: Path, arms: dict[str, dict[int, Any]], key: str = "fid") -> Outcome:
    parts = strands(load_run(arms_folder(path, arms, key)))
    found = ranking(parts, [Outcome("done", "open")] * len(parts), [])
    assert found is not None
    return found


def test_the_better_setting_is_named_with_the_interval_over_pairs(tmp_path: Path):
    seeds = np.random.default_rng(0).normal(size=8)  # far apart: only pairs can tell a difference of 0.1
    arms = {"none": dict(enumerate(seeds)), "r1": dict(enumerate(seeds - 0.1 + 0.01 * np.arange(8) % 0.03))}
    found = said_of(tmp_path / "run", arms)
    assert found.text.startswith("penalty = r1 is better than penalty = none: FID ↓ ")
    assert "over 8 paired seeds" in found.text
    more = said_of(tmp_path / "more", arms, "inception_score")
    assert more.text.startswith("penalty = none is better than penalty = r1")


def test_one_seed_decides_nothing(tmp_path: Path):
    assert said_of(tmp_path / "one", {"none": {0: 3.0}, "r1": {0: 1.0}}).text.startswith(
        "undecided between penalty = r1"
    )


@pytest.mark.parametrize("lone", [1, 2, 3])
@pytest.mark.parametrize("gap", [0.0, 1.0])
@pytest.mark.parametrize("gone", [(), (0,)])
def test_what_is_decided_behind_settings_of_one_seed_is_said(
    tmp_path: Path, lone: int, gap: float, gone: tuple[int, ...]
):
    """The two settings of eight seeds are apart by the gap in each pair, up to a hundredth; none lost fewer is better.

    What comes before them is undecided, since one seed decides nothing.
    """
    slow = {k: v + gap + 0.01 * (-1) ** k for k, v in WHOLE.items()}
    singles = {f"one{k}": {0: 0.1 * k} for k in range(lone)}
    text = said_of(tmp_path / "run", {**singles, "r1": lost(WHOLE, *gone), "none": slow}).text
    assert text.startswith("undecided between penalty = one0")
    decided = "; decided is that penalty = r1 is better than penalty = none: "
    assert (decided in text) == (gap > 0 and not gone)
    if decided in text:
        assert ", difference -1 [" in text
        assert "over 8 paired seeds" in text


WHOLE = {k: 3.0 + 0.1 * k + 0.01 * (k % 3) for k in range(8)}
"""The numbers of a setting of which no member diverged."""


def lost(values: dict[int, float], *seeds: int) -> dict[int, float | None]:
    return {seed: None if seed in seeds else value for seed, value in values.items()}


@pytest.mark.parametrize("gone", [(3,), (0, 1), (1, 2, 3, 4, 5, 6)])
def test_what_diverged_more_often_is_not_called_better(tmp_path: Path, gone: tuple[int, ...]):
    """However much better its other members are: a member that diverged is worse than any number."""
    found = said_of(tmp_path / "run", {"none": WHOLE, "r1": lost({k: v - 2 for k, v in WHOLE.items()}, *gone)})
    told = f"penalty = r1 ({len(gone)} of 8 members diverged)"
    assert found.text.startswith(f"undecided between penalty = none and {told}: FID ↓ ")
    assert (found.tone, "difference 2" in found.text) == ("open", True)
    if len(gone) == 1:
        assert "penalty = r1 has the better number where it did not diverge" in found.text


def test_values_and_their_difference_are_of_the_same_members(tmp_path: Path):
    """Those left of b are better than the mean of a, and worse than a's members of the same seeds."""
    a = dict(enumerate([0.10, 0.11, 0.12, 0.13, 0.9, 0.95, 0.9, 0.92]))
    b = lost(dict(enumerate([0.2, 0.212, 0.219, 0.231] + [0.2] * 4)), 4, 5, 6, 7)
    text = said_of(tmp_path / "run", {"a": a, "b": b}).text
    assert text.startswith(
        "penalty = a is better than penalty = b (4 of 8 members diverged): FID ↓ 0.115 against 0.2155"
    )
    assert "difference -0.1005 [" in text
    more = said_of(tmp_path / "more", {"a": a, "b": b, "c": {k: v + 0.5 + 0.01 * (k % 3) for k, v in a.items()}}).text
    assert "is better than penalty = b (4 of 8 members diverged) and 1 more" in more
    assert "0.115 against 0.2155" in more


def test_a_setting_of_which_every_member_diverged_is_named(tmp_path: Path):
    none_left, better = lost(WHOLE, *WHOLE), {k: v - 1 + 0.01 * (k % 2) for k, v in WHOLE.items()}
    alone = said_of(tmp_path / "alone", {"none": WHOLE, "r1": none_left})
    assert alone.text == "only penalty = none reached the end; penalty = r1 diverged in all 8 members; with it done"
    three = said_of(tmp_path / "three", {"none": WHOLE, "r1": none_left, "r2": better}).text
    assert three.startswith("penalty = r2 is better than penalty = none: FID")
    assert "; penalty = r1 diverged in all 8 members; with it done" in three
    few = said_of(tmp_path / "few", {"none": {0: 3.0}, "r1": {0: None}, "r2": {0: 2.0}}).text
    assert few.endswith("more seeds would decide; penalty = r1 diverged in its only member")


def test_settings_that_no_number_compares_are_told_one_by_one(tmp_path: Path):
    """Members of several settings are not counted as if they were of one."""
    run = arms_folder(tmp_path / "run", {"none": {0: 3.0, 1: 3.0}, "r1": {0: None, 1: None}}, "cost.generator")
    text = run_headline(load_run(run)).text
    assert re.fullmatch(r"penalty = none: all 2 members: finished; penalty = r1: all 2 members: diverged", text)
    all_gone = arms_folder(tmp_path / "gone", {"none": {0: None}, "r1": {0: None}})
    assert run_headline(load_run(all_gone)).text.startswith("all 2 members: diverged")


@pytest.mark.parametrize(("seeds", "decided"), [(2, False), (5, False), (6, True), (12, True)])
@pytest.mark.parametrize("key", ["fid", "modes"])
def test_differences_without_spread_are_decided_by_their_signs(tmp_path: Path, seeds: int, decided: bool, key: str):
    """2 · 2⁻ⁿ ≤ .05 from 6 pairs on: what is the same in two pairs says nothing about the third."""
    a = {k: 8.0 if key == "modes" else 3.0 + 0.25 * k for k in range(seeds)}
    text = said_of(tmp_path / "run", {"none": a, "r1": {k: v - 1 for k, v in a.items()}}, key).text
    assert ("is better than" in text) == decided
    assert ("more seeds would decide" in text) == (not decided)
    assert f"difference {1 if key == 'modes' else -1} over {seeds} paired seeds, the same in each" in text
    assert "[" not in text


def test_what_is_equal_up_to_rounding_is_not_better(tmp_path: Path):
    a = dict(enumerate([0.1, 0.2, 0.3, 0.45, 0.7, 0.8, 0.85]))
    for name, b in (
        ("constant", {k: v + 1e-16 for k, v in a.items()}),
        ("single", {k: v * (1 + 1e-7 * (1 + k % 2)) for k, v in a.items()}),
        ("equal", dict(a)),
    ):
        text = said_of(tmp_path / name, {"none": a, "r1": b}).text
        assert text.startswith("undecided between"), text
        assert "would decide" not in text


def test_copies_are_no_evidence_whatever_the_number(tmp_path: Path):
    """Seeds change nothing in a game without randomness, by any number that is not a count."""
    text = said_of(tmp_path / "run", {a: dict.fromkeys(range(8), v) for a, v in (("none", 0.97), ("r1", 0.52))}).text
    assert text.endswith("of 8 members against 8, all alike: seeds change nothing here; other starts would decide")


@pytest.mark.parametrize(("key", "sign"), [("fid", -1), ("cost.generator", 1), ("cost.generator", -1)])
def test_what_was_sought_is_what_is_compared(tmp_path: Path, key: str, sign: int):
    """By a search's objective alone, whatever the settings name first and whether or not it has a better side."""
    rows = {s: {"modes": 8.0, key: 1.0 + 0.1 * s} for s in range(4)}
    better = {s: {"modes": 4.0, key: 1.0 + 0.11 * s + sign} for s in range(4)}
    members = [
        {"member": 4 * k + s, "seed": s, "settings": {"penalty": f"p{k}"}, "outcome": "finished", "metrics": row}
        for k, arm in enumerate((rows, better))
        for s, row in arm.items()
    ]
    run = load_run(folders.folder(tmp_path / "run", members, [], metrics=["modes"]))
    assert "modes" in run_headline(run).text
    text = run_headline(run, {key: sign}).text
    assert text.startswith("penalty = p1 is better than penalty = p0: ")
    assert "modes" not in text


@pytest.mark.long
def test_no_setting_is_said_to_be_ahead_where_all_are_equal():
    """Eight equal settings, 300 times: at most .05 promised for all pairs together; 27 is beyond the .999 quantile."""
    rng, false = np.random.default_rng(5), 0
    for _ in range(300):
        parts = [
            Strand(
                f"s{k}", {}, [ReportMember(s, s, outcome="finished", metrics={"fid": v}) for s, v in enumerate(row)], []
            )
            for k, row in enumerate(rng.normal(size=(8, 8)))
        ]
        found = ranking(parts, [Outcome("done", "open")] * 8, [])
        assert found is not None
        false += "ahead of" in found.text or "is better" in found.text
    assert false <= 27


@pytest.mark.long(first=True)
@pytest.mark.parametrize("paired", [True, False])
def test_what_is_called_better_is_so_by_a_t_test_and_seldom_where_nothing_differs(tmp_path: Path, paired: bool):
    """Three equal settings, four seeds each, 100 times. A t-test at .05/2 agrees with each "better"; at most 12 of 100
    are called so (.05 is promised; 12 is beyond the .999 quantile of that)."""
    rng, called = np.random.default_rng(1), 0
    for trial in range(100):
        values = rng.normal(size=(3, 4))
        arms = {f"a{k}": dict(enumerate(row, 0 if paired else 10 * k)) for k, row in enumerate(values)}
        found = said_of(tmp_path / f"{trial}", arms)
        assert ("paired" in found.text) == paired
        if "is better" in found.text:
            called += 1
            best, *others = sorted(values.tolist(), key=np.mean)
            if "decided is that" in found.text:  # not the best one, but the second against the last
                best, *others = others
            for other in others:
                test = ttest_rel(best, other) if paired else ttest_ind(best, other, equal_var=False)
                assert test.pvalue < 0.05 / 2
    assert called <= 12


def test_members_are_counted_and_the_worst_gives_the_tone():
    good, bad = Outcome("8 of 8; fid 3", "good", "8 of 8 modes"), Outcome("diverged: generator", "bad", "diverged")
    assert together([good, good]) == Outcome("all 2 members: 8 of 8 modes", "good")
    assert together([good, bad, good]) == Outcome(
        "8 of 8 modes in 2 of 3 members and diverged in 1 of 3 members", "bad"
    )


@pytest.mark.long
def test_the_command_ends_with_what_became_of_the_game(tmp_path: Path):
    args = ["train", "-s", "game=bilinear", "-s", "steps=400", "--out", str(tmp_path / "run"), "--json", "--quiet"]
    told = json.loads(CliRunner().invoke(app, [*args, "-s", "solver=simultaneous"]).stdout)
    assert told["quality"] == "bad"
    assert told["headline"].startswith("spirals out from the equilibrium")
    assert told["headline"][1:] in (tmp_path / "run" / "report.html").read_text()


def test_a_comparison_begins_with_the_better_run_and_shows_differences_over_pairs(tmp_path: Path):
    one = arms_folder(tmp_path / "a", {"none": {k: 3.0 + 0.1 * k for k in range(4)}})
    two = arms_folder(tmp_path / "b", {"r1": {k: 1.0 + 0.11 * k for k in range(4)}})
    page = compare_reports([one, two], tmp_path / "both.html").read_text()
    assert "is better than" in page
    assert "from the first, 4 paired seeds" in page
    assert "FID ↓" in page


OTHER_GROUND = {
    "data.kind": ({"data": "ring"}, {"data": "grid"}),
    "data.modes": ({"data.modes": 4}, {"data.modes": 8}),
    "features": ({"features": "digits"}, {"features": "pixels"}),
    "evaluation_samples": ({"evaluation_samples": 100}, {"evaluation_samples": 2000}),
}


def two_settings(folder: Path, settings: tuple[dict, dict], sweep: bool, **config: Any) -> list[Path]:
    """One run that sweeps two settings, or two runs, with three seeds of each; the second is far better."""
    members = [
        {
            "member": 3 * k + s,
            "seed": s,
            "outcome": "finished",
            "steps": 9,
            "metrics": {"sliced_wasserstein": 5.0 - 4 * k + 0.1 * s * (1 + k)},
        }
        for k in (0, 1)
        for s in range(3)
    ]
    if sweep:
        given = [one | {"settings": settings[place // 3]} for place, one in enumerate(members)]
        return [folders.folder(folder / "run", given, [], **config)]
    parts = []
    for k, own in enumerate(settings):
        nested = {"data": {"kind": "ring"}} | config
        for key, value in own.items():
            first, _, rest = key.partition(".")
            nested |= {
                first: {"kind": value} if key == "data" else {**nested.get(first, {}), rest: value} if rest else value
            }
        parts.append(folders.folder(folder / f"run{k}", members[3 * k : 3 * k + 3], [], {"name": f"r{k}"}, **nested))
    return parts


@pytest.mark.parametrize("sweep", [True, False])
@pytest.mark.parametrize("key", OTHER_GROUND)
def test_numbers_of_other_data_samples_or_features_are_not_held_against_each_other(tmp_path, key, sweep):
    """A ring is nearer than a grid by nothing that the method did."""
    runs = two_settings(tmp_path, OTHER_GROUND[key], sweep)
    np.savez(runs[0] / "reference.npz", real=np.zeros((9, 2), np.float32), centres=np.zeros((8, 2), np.float32))
    page = compare_reports(runs, tmp_path / "c.html").read_text()
    assert f"not compared: they differ in {key} (" in page
    assert "is better than" not in page
    assert "from the first" not in page
    if sweep:
        assert f"differ in {key} (" in run_headline(load_run(runs[0])).text
        assert load_run(runs[0]).reference == {}  # real samples are of the first member's data


@pytest.mark.parametrize("sweep", [True, False])
@pytest.mark.parametrize("settings", [{"penalty.weight": 1.0}, {"data.device_bytes": 5}, {"game.labels": 20}])
def test_what_leaves_the_samples_as_they_are_is_compared(tmp_path, settings, sweep):
    runs = two_settings(
        tmp_path, (settings, {key: value + 1 for key, value in settings.items()}), sweep, game={"kind": "gan"}
    )
    assert "is better than" in compare_reports(runs, tmp_path / "c.html").read_text()


def test_data_are_the_same_where_their_files_are_wherever_they_lie(tmp_path):
    one, two = {"files": 3, "names": "a", "sample": "b"}, {"files": 3, "names": "a", "sample": "c"}
    config = {"data": {"kind": "folder", "path": "here"}}
    runs = [
        load_run(folders.folder(tmp_path / f"{k}", [], [], {"data": files}, **config))
        for k, files in enumerate((one, one, two))
    ]
    runs[1].config["data"]["path"] = "there"
    assert runs[0].ground({}) == runs[1].ground({}) != runs[2].ground({})


def test_a_setting_that_an_older_run_lacks_sets_it_not_apart(tmp_path):
    now = two_settings(tmp_path, ({"data.modes": 8}, {"data.modes": 8}), False)
    text = (now[0] / "config.toml").read_text()
    (now[0] / "config.toml").write_text(text.replace("modes = 8", "modes = 8\nwidth = 0"))
    assert "width" in (now[0] / "config.toml").read_text()
    assert "is better than" in compare_reports(now, tmp_path / "c.html").read_text()


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ([9.0, 1.0, 1.3, 1.5, 1.4], True),
        ([9.0, 1.0, 1.3, 1.1, 1.4], False),  # nearly as good again
        ([9.0, 5.0, 3.0, 1.0, 1.4], False),  # too few looks since
        ([9.0, 5.0, 3.0, 2.0, 1.0], False),
    ],
)
def test_a_number_that_was_better_before_is_said(tmp_path: Path, values: list[float], said: bool):
    rows = [{"step": 10 * k, "member": 0, "sliced_wasserstein": value} for k, value in enumerate(values)]
    end = {"member": 0, "seed": 0, "outcome": "finished", "steps": 40, "metrics": {"sliced_wasserstein": values[-1]}}
    folders.folder(tmp_path / "run", [end], rows)
    found = run_headline(load_run(tmp_path / "run"))
    assert ("1 at step 10, and worse by a quarter or more ever since" in found.text) == said
