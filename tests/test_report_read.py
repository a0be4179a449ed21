"""Run folders as data, and what is said about them: reading, verdict, curves, intervals, tables."""

import base64
import json
import math
import re
import warnings
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.stats import bootstrap, sem, t

import report_folders as folders
from nashpath.core.columns import TableUnits
from nashpath.core.math.bootstrap import percentile_bootstrap, values_needed
from nashpath.data import CSV
from nashpath.metrics import METRICS
from nashpath.report import RunFolderError, compare_reports, interval, load_run, write_report
from nashpath.report.animation import REACH, animation
from nashpath.report.curves import charts, strands
from nashpath.report.phrasing import amount, by_how_much, duration, number, setting, with_ends
from nashpath.report.verdict import verdict
from nashpath.run import FolderWarning, open_session
from nashpath.run.assess.evaluate_groups import over_members
from nashpath.run.folder.arrays import read_arrays
from nashpath.run.observe.snapshot import extent
from run_folders import SMALL


def test_a_folder_is_read_whole(tmp_path: Path) -> None:
    run = load_run(folders.ring_folder(tmp_path / "ring", steps=4))
    assert run.name == "ring"
    assert [m.seed for m in run.members] == [0, 1, 2]
    assert [m.diverged for m in run.members] == [False, False, True]
    assert [step for step, _ in run.frames] == [0, 250, 500, 750]
    assert run.reference["centres"].shape == (8, 2)
    assert run.config["penalty"]["weight"] == 1.0


@pytest.mark.parametrize("tail", ['{"step": 3, "mem', '{"step": 3}', "\xff", "7"])
def test_a_half_written_last_line_is_left_out(tmp_path: Path, tail: str) -> None:
    path = folders.folder(tmp_path / "run", [], [{"step": k, "member": 0, "cost.a": 1.0} for k in range(3)])
    with (path / "metrics.jsonl").open("a") as out:
        out.write(tail)
    run = load_run(path)
    assert [row["step"] for row in run.rows] == [0, 1, 2]
    assert [(m.member, m.steps) for m in run.members] == [(0, 2)]


def test_a_last_line_without_its_newline_counts_when_it_is_whole(tmp_path: Path) -> None:
    path = folders.folder(tmp_path / "run", [], [])
    (path / "metrics.jsonl").write_text('{"step": 1, "member": 0}\n{"step": 2, "member": 0}')
    assert [row["step"] for row in load_run(path).rows] == [1, 2]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    "name", ["run.json", "members.json", "config.toml", "reference.npz", "samples/step-00000000.npz"]
)
def test_a_corrupt_file_is_named_and_hides_no_other(tmp_path: Path, name: str) -> None:
    path = folders.ring_folder(tmp_path / "ring", steps=3)
    (path / name).write_bytes(b"{[ not this")
    with pytest.warns(FolderWarning, match=re.escape(name)):
        text = write_report(path).read_text()
    assert f"{path / name}: " in text
    assert '"kind":"points"' in text
    assert '"cost.discriminator"' in text


def test_a_corrupt_line_is_named_and_hides_no_other(tmp_path: Path) -> None:
    path = folders.folder(tmp_path / "run", [], [])
    lines = [b'{"step": 1, "member": 0}', b"nonsense", b"\xff\xfe", b'{"step": 2, "member": 0}', b""]
    (path / "metrics.jsonl").write_bytes(b"\n".join(lines))
    run = load_run(path)
    assert [row["step"] for row in run.rows] == [1, 2]
    assert run.notes == [f"{path / 'metrics.jsonl'}: line 2, 3: expected one JSON object with step and member"]


EXTREME = {
    "a seed of 70 bits": ("members.json", {"seed": 2**70}),
    "a seed of 400 digits": ("members.json", {"seed": 10**400}),
    "steps of 400 digits": ("members.json", {"steps": 10**400}),
    "a metric of 400 digits": ("members.json", {"metrics": {"modes": 10**400, "high_quality": 0.93}}),
    "settings that are a list": ("members.json", {"settings": [1]}),
    "a cost of 400 digits": ("metrics.jsonl", {"step": 5, "member": 0, "cost.generator": 10**400}),
    "a step of 400 digits": ("metrics.jsonl", {"step": 10**400, "member": 0, "cost.generator": 1}),
    "costs of 1e308": ("metrics.jsonl", {"step": 5, "member": 0, "cost.generator": 1.7e308, "cost.x": -1.7e308}),
    "a cost that is a list": ("metrics.jsonl", {"step": 5, "member": 0, "cost.generator": [1, 2]}),
    "facts of other kinds": ("run.json", {"wall_seconds": "long", "warnings": 3, "versions": [1]}),
    "an odd evaluation": ("evaluation.json", {"groups": [{"members": 3}, 7]}),
    "an odd diagnosis": ("diagnosis.json", {"members": [{"member": 0}, None]}),
    "numbers nested too deep": ("run.json", "deep"),
    "settings of 5,001 digits": ("config.toml", "a = " + "1" * 5001),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", EXTREME)
def test_extreme_numbers_never_cost_the_page(tmp_path: Path, case: str) -> None:
    path = folders.ring_folder(tmp_path / "ring", steps=3)
    name, change = EXTREME[case]
    file = path / name
    if change == "deep":
        file.write_text("[" * 100_000)
    elif isinstance(change, str):
        file.write_text(change)
    elif name == "metrics.jsonl":
        with file.open("a") as out:
            out.writelines(json.dumps({**change, "step": change["step"]}) + "\n" for _ in range(3))
    elif name == "members.json":
        first, *others = json.loads(file.read_text())
        file.write_text(json.dumps([first | change, *others]))
    else:
        file.write_text(json.dumps((json.loads(file.read_text()) if file.exists() else {}) | change))
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FolderWarning)
        text = write_report(path).read_text()
    assert '"kind":"points"' in text
    assert '"cost.discriminator"' in text
    assert "seed 1" in text


ARRAYS = {
    "strings": np.array(["a", "b"]),
    "another shape": np.zeros((5, 7, 3)),
    "nothing": np.zeros((0, 2)),
    "one number": np.array(3.0),
    "complex": np.zeros((4, 2), complex),
    "large": np.full((4, 2), 1e308),
}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("case", ARRAYS)
@pytest.mark.parametrize("name", ["samples/step-00000250.npz", "samples/step-00000000.npz", "reference.npz"])
def test_arrays_of_other_kinds_never_cost_the_page(tmp_path: Path, case: str, name: str) -> None:
    path = folders.ring_folder(tmp_path / "ring", steps=4)
    stored = dict(np.load(path / name))
    np.savez(path / name, **{**stored, ("real" if name == "reference.npz" else "m0"): ARRAYS[case]})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", FolderWarning)
        text = write_report(path).read_text()
    assert '"kind":"points"' in text
    assert '"cost.discriminator"' in text


def test_a_zip_bomb_is_refused_by_its_declared_size(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("nashpath.run.folder.arrays.LARGEST", 10_000)
    np.savez_compressed(tmp_path / "bomb.npz", large=np.zeros(10_000), small=np.ones(2))
    found, wrong = read_arrays(tmp_path / "bomb.npz")
    assert list(found) == ["small"]
    assert "'large' cannot be read (declares 80,128 bytes" in wrong[0]


def test_what_is_no_run_folder_is_refused(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError, match="nowhere"):
        load_run(tmp_path / "nowhere")
    with pytest.raises(RunFolderError, match="not a run folder"):
        load_run(tmp_path)
    with pytest.raises(ValueError, match="nothing to compare"):
        compare_reports([], tmp_path / "out.html")


def test_the_verdict_says_what_the_data_say(tmp_path: Path) -> None:
    tone, said = verdict(load_run(folders.ring_folder(tmp_path / "ring", steps=2, members=5)))
    assert tone == "bad"
    assert said == [
        "8 of 8 modes in 2 of 5 members, 7 of 8 modes in 2 of 5 members and diverged in 1 of 5 members.",
        "4 of 5 members finished 3,000 steps.",
        "1 member left the finite numbers and stopped there: member 4 (seed 4; discriminator at step 412).",
        "Modes covered: 7.5 of 8 on average (worst 7).",
        "High quality: 93 % on average (93 % to 93 %).",
    ]
    tone, said = verdict(load_run(folders.toy_folder(tmp_path / "toy")))
    assert tone == "open"
    assert said[1:3] == [
        "0 of 2 members finished, after 199 steps.",
        "The run was stopped before its last step; it can be resumed.",
    ]


def test_a_cost_that_stands_still_is_told_and_one_that_moves_is_not(tmp_path: Path) -> None:
    rows = [
        {"step": k, "member": m, "cost.discriminator": float(min(k, 20) if m else k), "cost.generator": np.sin(k)}
        for k in range(40)
        for m in range(2)
    ]
    _, said = verdict(load_run(folders.folder(tmp_path / "run", [], rows)))
    still = [sentence for sentence in said if "stood still" in sentence]
    assert len(still) == 1
    assert still[0].startswith("Cost of the discriminator stood still at the end in 1 of 2 members")


def test_curves_are_medians_and_bands_over_members_of_equal_settings(tmp_path: Path) -> None:
    values = [[5.0, 1.0, 3.0], [2.0, None, 8.0]]
    rows = [
        {"step": 10, "member": 3 * s + m, "cost.a": v} for s, three in enumerate(values) for m, v in enumerate(three)
    ]
    members = [{"member": m, "seed": m % 3, "settings": {"w": m // 3}} for m in range(6)]
    parts = strands(load_run(folders.folder(tmp_path / "run", members, rows)))
    assert [part.label for part in parts] == ["w = 0", "w = 1"]
    (chart,) = charts(parts)
    assert (chart["title"], chart["family"], chart["steps"]) == ("Cost of the a", "Costs", [10])
    assert chart["series"] == [
        {"strand": 0, "low": [1.0], "middle": [3.0], "high": [5.0]},
        {"strand": 1, "low": [2.0], "middle": [5.0], "high": [8.0]},
    ]


def test_five_members_get_quartiles_and_long_curves_are_pooled(tmp_path: Path) -> None:
    rows = [{"step": k, "member": m, "fid": float(m)} for k in range(1200) for m in range(5)]
    (chart,) = charts(strands(load_run(folders.folder(tmp_path / "run", [{"member": m} for m in range(5)], rows))))
    assert chart["pooled"] == 3
    assert len(chart["steps"]) == 400
    assert chart["steps"][-1] == 1199
    assert {(s["low"][9], s["middle"][9], s["high"][9]) for s in chart["series"]} == {(1.0, 2.0, 3.0)}


def test_interval_agrees_with_scipy() -> None:
    values = np.random.default_rng(0).gamma(2.0, size=16)
    theirs = bootstrap((values,), np.mean, method="percentile", n_resamples=20_000, random_state=1).confidence_interval
    mean, *ends = percentile_bootstrap(values.tolist(), resamples=20_000)
    assert mean == pytest.approx(values.mean())
    assert ends == pytest.approx([theirs.low, theirs.high], abs=0.02)
    student = t.interval(0.95, 15, values.mean(), sem(values))
    assert interval(values.tolist(), resamples=20_000)[1:] == pytest.approx(
        (min(ends[0], student[0]), max(ends[1], student[1]))
    )
    assert np.isnan(interval([3.0])[1:]).all()


def test_points_survive_the_packing(tmp_path: Path) -> None:
    path = folders.folder(tmp_path / "run", [{"member": 0}], [])
    points = np.array([[0.5, -1.0], [1.9, 3.1], [-7.0, 1e9]])
    level = np.linspace(-40, 7, 25).reshape(5, 5)
    folders.save(path, 0, m0=points, level0=level, extent=[-1, 3, 0, 4])
    made = animation(load_run(path))
    assert made is not None
    (frame,) = made["frames"][0]
    back = np.frombuffer(base64.b64decode(frame["points"]), "<i2").reshape(-1, 2) / 32767 * REACH * 2 + [1, 2]
    np.testing.assert_allclose(back[:2], points[:2], atol=3e-4)
    np.testing.assert_allclose(back[2], [-7, 2 + 2 * REACH], atol=3e-4)
    share = (np.frombuffer(base64.b64decode(frame["levels"]), "<i2").reshape(5, 5) + 32767.0) / 65534
    np.testing.assert_allclose(
        np.sinh(frame["low"] + share * (frame["high"] - frame["low"])), level, rtol=2e-3, atol=1e-3
    )


@pytest.mark.parametrize("place", [(0.0, 0.0), (3.0, -1e9), (1e-30, 7.0)])
@pytest.mark.parametrize("saved", [True, False])
def test_one_point_has_a_picture_in_its_middle(tmp_path: Path, place: tuple[float, float], saved: bool) -> None:
    """A table of one row; also in folders whose square was saved without an area."""
    real = np.array([place])
    assert extent(torch.tensor([place]))[0] < extent(torch.tensor([place]))[1]
    path = folders.folder(tmp_path / "run", [{"member": 0}], [])
    square = {"extent": np.array([place[0], place[0], place[1], place[1]], np.float32)} if saved else {}
    folders.save(path, 0, m0=np.concatenate([real, real + 0.5]), level0=np.zeros((5, 5)), **square)
    np.savez(path / "reference.npz", real=real)
    made = animation(load_run(path))
    assert made is not None
    left, right, down, up = made["extent"]
    assert right - left == up - down >= 2
    first = np.frombuffer(base64.b64decode(made["frames"][0][0]["points"]), "<i2").reshape(-1, 2)[0]
    np.testing.assert_allclose(first, 0, atol=1)


@pytest.mark.long
@pytest.mark.parametrize("kind", ["points", "noise images"])
def test_sixteen_members_and_many_frames_stay_below_three_megabytes(tmp_path: Path, kind: str) -> None:
    rng = np.random.default_rng(0)
    path = folders.folder(tmp_path / "run", [{"member": m} for m in range(16)], [])
    shape = (512, 2) if kind == "points" else (64, 3, 16, 16)
    for step in range(45):
        arrays = {f"m{m}": rng.normal(size=shape) for m in range(16)}
        folders.save(path, step, **arrays, **{f"level{m}": rng.normal(size=(48, 48)) for m in range(16)})
    made = animation(load_run(path))
    assert made is not None
    assert len(json.dumps(made)) < 2_700_000
    assert made["steps"][0] == 0
    assert made["steps"][-1] == 44


@pytest.mark.parametrize(("dimensions", "said"), [(1, "one coordinate"), (3, "3 coordinates")])
def test_points_of_other_dimensions_have_a_film(tmp_path: Path, dimensions: int, said: str) -> None:
    path = folders.folder(tmp_path / "run", [{"member": 0}], [])
    folders.save(path, 0, m0=np.random.default_rng(0).normal(size=(20, dimensions)))
    made = animation(load_run(path))
    assert made is not None
    assert made["kind"] == "points"
    assert said in made["said"]


@pytest.mark.parametrize(
    ("kinds", "plane", "axes"),
    [
        ("number text number number", [0, 3], ["n0", "n2"]),
        ("text number", [2], ["n1", ""]),
        ("text text", [0, 2], ["t0 = a", "t1 = a"]),
    ],
)
def test_of_a_table_columns_of_numbers_are_drawn(tmp_path: Path, kinds: str, plane: list[int], axes: list[str]) -> None:
    rng, header, columns = np.random.default_rng(0), [], []
    for place, kind in enumerate(kinds.split()):
        header.append(f"{kind[0]}{place}")
        columns.append([str(v) for v in (rng.choice(["a", "b"], 30) if kind == "text" else rng.normal(size=30))])
    (tmp_path / "t.csv").write_text("\n".join(map(",".join, [header, *zip(*columns)])))
    data = CSV(str(tmp_path / "t.csv"))
    assert isinstance(data.units, TableUnits)
    real, known = data.examples().numpy(), json.dumps(data.units.plain()).encode()
    path = folders.folder(tmp_path / "run", [{"member": 0}], [])
    folders.save(path, 0, m0=real)
    np.savez(path / "reference.npz", real=real, columns=np.frombuffer(known, np.uint8))
    made = animation(load_run(path))
    assert made is not None
    assert made["axes"] == axes
    assert all(name in made["said"] for name in axes)
    alone = folders.folder(tmp_path / "alone", [{"member": 0}], [])
    folders.save(alone, 0, m0=real[:, plane])
    np.savez(alone / "reference.npz", real=real[:, plane])
    other = animation(load_run(alone))
    assert other is not None
    assert other["frames"] == made["frames"]


def test_a_comparison_shows_what_differs_and_intervals(tmp_path: Path) -> None:
    members = [
        {"member": m, "seed": m, "outcome": "finished", "steps": 9, "metrics": {"fid": float(m)}} for m in range(4)
    ]
    one = folders.folder(tmp_path / "one", members, [], {"name": "one"}, penalty={"kind": "r1"})
    two = folders.folder(tmp_path / "two", members[:1], [], {"name": "two"}, penalty={"kind": "r2"})
    text = compare_reports([one, two], tmp_path / "compare.html").read_text()
    mean, low, high = interval([0.0, 1.0, 2.0, 3.0])
    assert f"{number(mean)} [{number(max(low, 0))}, {number(high)}] (n = 4)" in text
    assert "0 (n = 1)" in text
    assert re.findall(r'<button type="button">(.*?)</button>', text)[:3] == ["Run", "penalty.kind", "Finished"]


@pytest.mark.parametrize("error", [0.05, 0.025])
@pytest.mark.parametrize("deviation", [0.01, 0.05, 0.3])
def test_the_seeds_that_would_decide_are_the_fewest(deviation: float, error: float) -> None:
    """Of few values Student's quantile falls faster than the root: two far apart, of one size, may need but a third."""
    away = 0.0625
    needed = values_needed(deviation, away, error)
    halves = {n: t.ppf(1 - error / 2, n - 1) * deviation / np.sqrt(n) for n in (needed - 1, needed) if n > 1}
    assert halves[needed] < away
    assert all(half >= away for n, half in halves.items() if n < needed)
    assert (needed == 3) == (deviation == 0.01)


BOUNDED = {
    **dict.fromkeys(("marginal_gap", "marginal_worst"), (0.0, 1.0)),  # the largest difference of two shares
    **dict.fromkeys(("correlation_gap", "correlation_worst"), (0.0, 2.0)),  # of two correlations
    **dict.fromkeys(("ms_ssim", "ms_ssim_real"), (0.0, 1.0)),  # products of likenesses, negative ones taken as 0
    "mmd": (-2.0, 2.0),  # of a kernel from 0 to 1
    "inception_score": (1.0, math.inf),  # the exponential of a divergence
    **dict.fromkeys(("mmd_error", "mmd_bandwidth", "kid_error"), (0.0, math.inf)),
}
NUMBERS = {number: metric for metric, row in METRICS.items() for number in row.numbers}


@pytest.mark.parametrize("key", sorted(NUMBERS))
@pytest.mark.parametrize("top", [None, 3.0])
def test_no_interval_leaves_where_its_number_can_lie(key: str, top: float | None) -> None:
    row = METRICS[NUMBERS[key]]
    least, most = BOUNDED.get(key, (-math.inf if row.signed else 0.0, 1.0 if key in row.shares else math.inf))
    begin = max(least, 0.0)
    values = [begin, begin + 0.5, begin + 1.0]
    mean, low, high = interval(values)
    assert low < begin < begin + 1 < high
    low, high = max(low, least), min(high, most, top or math.inf)
    entry = {"name": key, "metric": NUMBERS[key], "values": [*values, None], "counted": [True, True, True, False]}
    assert over_members(entry | ({"top": top} if top else {})) == {
        "mean": mean,
        "low": low,
        "high": high,
    }
    said = f"{amount(key, mean)} [{amount(key, low)}, {amount(key, high)}]"
    tops = {key: top} if top else {}
    assert with_ends(key, interval(values), tops=tops) == said
    assert top or with_ends(f"{key}@digits", interval(values)) == said
    assert "[-" in with_ends(key, interval([0.0, 0.5, 1.0]), by_how_much), "a difference may be negative"


def test_only_estimates_that_can_be_negative_are_signed() -> None:
    """Two estimates without bias, one continued to endless samples, a likeness of pictures."""
    assert {name for name, row in METRICS.items() if row.signed} == {"kid", "mmd", "fid_infinity", "ms_ssim"}


def test_numbers_times_and_settings_are_worded() -> None:
    assert [number(v) for v in (3000, 0.93456, 1234.56, 1e-7, float("nan"), None, True, "x")] == [
        *("3,000", "0.9346", "1,235", "1e-07", "–", "–", "True", "x")
    ]
    assert [duration(v) for v in (4.24, 59.97, 151.2, 7500, None)] == [
        "4.2 s",
        "1 min 0 s",
        "2 min 31 s",
        "2 h 5 min",
        "–",
    ]
    assert [setting(v) for v in ([0, 1, 2], [0, 2], 0.1, "a")] == ["0:3", "0, 2", "0.1", "a"]


def test_raw_weights_have_a_film_beside_averaged_ones(tmp_path: Path) -> None:
    raw = {**SMALL, "data": "ring", "average": "ema", "steps": 4, "sample_every": 2, "seeds": [0, 1]}
    open_session(raw, {}, tmp_path / "run").train()
    film = animation(load_run(tmp_path / "run"))
    assert film is not None
    assert [one["label"].split(" · ")[-1] for one in film["members"]] == [
        "seed 0",
        "seed 1",
        "raw weights",
        "raw weights",
    ]
    assert all(len(frame) == 4 and None not in frame for frame in film["frames"])
    assert film["frames"][-1][0]["points"] != film["frames"][-1][2]["points"]
