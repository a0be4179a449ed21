"""What settings reached for the same price: budgets, intervals and names computed by hand; then through the command."""

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

import report_folders as folders
from nashpath.core import Key
from nashpath.games import GAMES, TOYS
from nashpath.report import compare_reports, equal_cost, equal_cost_text, interval, load_run, write_report
from nashpath.report.animation import animation
from nashpath.report.compare import _context
from nashpath.report.curves import axes, charts, strands
from nashpath.report.phrasing import number
from nashpath.run import resume_session
from run_folders import nash, trained


def race(path: Path, rates: tuple[int, ...] = (2, 6), seeds: int = 4, gone: tuple[int, ...] = ()) -> Path:
    """Settings that pay ``rates`` gradients a step and k·10 ms a step (k = 1, 2, …), evaluated at steps 0, 10, …, 30.

    The metric of setting k, seed s at step t is 100 k + 10 s + t/10; members in ``gone`` stopped at step 10.
    """
    members, rows = [], []
    for k, rate in enumerate(rates):
        for seed in range(seeds):
            m, lost = k * seeds + seed, k * seeds + seed in gone
            outcome = "diverged: generator at step 11" if lost else "finished"
            told = {"member": m, "seed": seed, "settings": {"solver": "abc"[k]}, "outcome": outcome}
            members.append({**told, "steps": 10 if lost else 30, "metrics": {"fid": 0.0}})
            for step in range(0, 31, 10):
                own = min(step, 10) if lost else step
                cost = {"gradients": own * rate, "train_seconds": step * (k + 1) / 100}
                rows.append({"step": step, "member": m, **cost, "fid": 100 * (k + 1) + 10 * seed + own / 10})
                rows.append({"step": step, "member": m, **cost, "seconds": 0.0, "cost.generator": 1.0})
    return folders.folder(path, members, rows)


def texts(table: Any) -> list[list[str]]:
    return [[cell.text for cell in row] for row in table.rows]


def spread(values: list[float]) -> str:
    mean, low, high = interval(values)
    return f"{number(mean)} [{number(low)}, {number(high)}]"


def test_the_budget_is_the_largest_cost_at_which_all_were_evaluated(tmp_path: Path) -> None:
    gradients, seconds = equal_cost(strands(load_run(race(tmp_path / "run"))))
    assert (gradients.cost, gradients.budget) == ("gradients", 60)  # 30 steps of 2; the other reaches 180
    assert gradients.headers == ["Settings", "Members", "Evaluated at", "FID ↓"]
    assert [heading.text for heading in gradients.headings] == gradients.headers
    assert "less is better" in gradients.headings[-1].meaning
    less = "solver = b, less solver = a"
    assert texts(gradients) == [
        ["solver = a", "4", "60", spread([103, 113, 123, 133])],  # step 30
        ["solver = b", "4", "60", spread([201, 211, 221, 231])],  # step 10
        [less, "4 pairs", "–", "98"],  # the seeds differ, and their differences do not
    ]
    assert gradients.rows[0][3].value == 118
    assert gradients.caption.endswith("a member, the most that all settings reached.")
    assert (seconds.cost, seconds.budget) == ("train_seconds", 0.2)  # at 0.3, of 30 steps of 10 ms, only one was
    assert texts(seconds) == [
        ["solver = a", "4", "0.2", spread([102, 112, 122, 132])],
        ["solver = b", "4", "0.2", spread([201, 211, 221, 231])],  # 20 ms a step: step 10
        [less, "4 pairs", "–", "99"],
    ]
    assert "evaluated, within 5 %; they reached 0.3." in seconds.caption


def pace(path: Path, looks: list[int], slower: list[float]) -> list[Any]:
    """Members of one method at equal steps, of which setting k takes so many times the seconds; FID is 100 − step."""
    members, rows = [], []
    for m, factor in enumerate(slower * 2):
        told = {"member": m, "seed": m // len(slower), "settings": {"solver": "abc"[m % len(slower)]}}
        members.append({**told, "outcome": "finished", "steps": looks[-1], "metrics": {"fid": 0.0}})
        for step in looks:
            cost = {"gradients": step, "train_seconds": step * factor}
            rows.append({"step": step, "member": m, **cost, "fid": 100.0 - step})
    return equal_cost(strands(load_run(folders.folder(path, members, rows))))


LOOKS = {"often": list(range(0, 101, 10)), "seldom": [0, 80, 100], "twice": [0, 100], "unevenly": [0, 50, 70, 72, 100]}


@pytest.mark.parametrize("slower", [1.0, 1.04, 1.06, 1.15, 1.25, 1.4, 2.0, 5.0])
@pytest.mark.parametrize("looks", LOOKS)
def test_a_difference_is_one_at_equal_cost_or_none_is_given(tmp_path: Path, looks: str, slower: float) -> None:
    """By all pairs of evaluations: the largest cost that two within 5 % have, in the latter half of what is shared."""
    steps = LOOKS[looks]
    gradients, seconds = pace(tmp_path / "run", steps, [1.0, slower])
    assert texts(gradients)[2][2:] == ["–", "0"]
    within = [
        (max(a, b * slower), a, b)
        for a in steps
        for b in steps
        if 50 <= max(a, b * slower) <= 100
        and min(a, b * slower) >= 0.95 * max(a, b * slower)
        and a == max(s for s in steps if s <= max(a, b * slower))
        and b == max(s for s in steps if s * slower <= max(a, b * slower))
    ]
    told = texts(seconds)[2][2:]
    if within:
        cost, a, b = max(within)
        assert seconds.budget == pytest.approx(cost)
        assert told == ["–", number(float(a - b))]
        assert seconds.rows[0][3].value == 100 - a
    else:
        assert seconds.budget == 100
        assert told == ["costs more than 5 % apart", "–"]
        assert "evaluate oftener (sample_every" in seconds.caption


LATE = [(0, 100), (0, 94, 100), (0, 50, 96, 100), tuple(range(0, 101, 7))]


@pytest.mark.parametrize("gone", [False, True])
@pytest.mark.parametrize("looks", LATE)
@pytest.mark.parametrize("rates", [(1, 1, 3), (1, 2, 2), (2, 3, 5), (1, 1, 1)])
def test_no_number_was_measured_far_below_the_cost_that_it_is_told_at(
    tmp_path: Path, rates: tuple[int, ...], looks: tuple[int, ...], gone: bool
) -> None:
    """Numbers of a row are those of its evaluations within 5 % of the budget, by each number's own; FID is seldom."""
    members, rows = [], []
    for m in range(6):
        lost = gone and m == 4
        told = {"member": m, "seed": m % 2, "settings": {"solver": "abc"[m // 2]}, "metrics": {"fid": 0.0, "kid": 0.0}}
        members.append({**told, "outcome": "diverged: generator at step 1" if lost else "finished"})
        for step in (0,) if lost else looks:
            row = {"step": step, "member": m, "gradients": step * rates[m // 2], "kid": float(step * rates[m // 2])}
            rows.append(row | ({"fid": row["kid"]} if step in looks[::2] else {}))
    (table,) = equal_cost(strands(load_run(folders.folder(tmp_path / "run", members, rows))))
    for row in table.rows[:3]:
        for one in row[3:5]:  # each number is the cost that it was measured at
            assert one.value is None or one.value >= 0.95 * table.budget or (gone and row[0].text == "solver = c")
    for row in table.rows[3:]:
        assert all(one.text.startswith("–") or abs(one.value) <= 0.05 * table.budget for one in row[3:5]) or gone
    left_out = any("of 2 have one" in one.text for row in table.rows[:3] for one in row[3:5])
    assert left_out == ("is left out: evaluate oftener" in table.caption) or gone


def test_members_that_were_never_trained_are_not_compared(tmp_path: Path) -> None:
    """Two that diverged before their first step count where they stopped, and differ by their first weights alone."""
    members, rows = [], []
    for m in range(6):
        told = {"member": m, "seed": m % 2, "settings": {"solver": "abc"[m // 2]}, "steps": 9, "metrics": {"fid": 0.0}}
        members.append({**told, "outcome": "finished" if m > 3 else "diverged: generator at step 1"})
        rows += [
            {"step": step, "member": m, "gradients": step, "fid": float(m)} for step in ((0, 9) if m > 3 else (0,))
        ]
    (table,) = equal_cost(strands(load_run(folders.folder(tmp_path / "run", members, rows))))
    assert [row[2:4] for row in texts(table)[3:4]] == [["evaluated too early", "–"]]


def test_settings_whose_costs_are_near_keep_their_difference_where_those_of_others_are_not(tmp_path: Path) -> None:
    _, seconds = pace(tmp_path / "run", [0, 80, 100], [1.0, 1.15, 1.0])
    assert [row[2:] for row in texts(seconds)[3:]] == [["costs more than 5 % apart", "–"], ["–", "0"]]


def test_ways_that_a_run_settles_by_itself_are_no_settings_that_differ(tmp_path: Path) -> None:
    """They change no numbers; one that is swept was asked for."""

    def told(k: int, **swept: Any) -> Path:
        ways = {"stack": ("on", "off")[k], "compile": ("off", "on")[k], "threads": k + 1, "batch_size": 32 + k}
        member = {"member": 0, "seed": 0, "settings": swept, "outcome": "finished", "steps": 1, "metrics": {}}
        return folders.folder(tmp_path / f"{len(list(tmp_path.iterdir()))}", [member], [], **ways)

    for swept, headers in (({}, ["batch_size"]), ({"threads": 1}, ["threads", "batch_size"])):
        runs = [load_run(told(k, **swept and {"threads": k + 1})) for k in range(2)]
        assert _context(runs, tmp_path / "c.html")["headers"][:-3] == ["Run", *headers]


def test_those_that_diverged_count_and_are_named_and_do_not_limit_the_budget(tmp_path: Path) -> None:
    gradients, _ = equal_cost(strands(load_run(race(tmp_path / "run", gone=(1,)))))
    assert gradients.budget == 60
    assert gradients.headers[-1] == "Diverged"
    first, second, less = texts(gradients)
    assert less[3:] == [spread([98, 100, 98, 98]), ""]
    assert first == [
        "solver = a",
        "4",
        "60",
        spread([103, 111, 123, 133]),
        "1: member 1 (seed 1; generator at step 11)",
    ]
    assert second[-1] == "0"


def test_a_setting_that_diverged_whole_keeps_its_line(tmp_path: Path) -> None:
    gradients, _ = equal_cost(strands(load_run(race(tmp_path / "run", seeds=2, gone=(0, 1)))))
    assert gradients.budget == 180
    first, second, _ = texts(gradients)
    assert first[2:] == [
        "20",
        spread([101, 111]),
        "2: member 0 (seed 0; generator at step 11) and member 1 (seed 1; generator at step 11)",
    ]
    assert second[2:] == ["180", spread([203, 213]), "0"]
    assert "all settings that did not diverge reached" in gradients.caption


def test_where_all_diverged_each_counts_where_it_stopped(tmp_path: Path) -> None:
    gradients, _ = equal_cost(strands(load_run(race(tmp_path / "run", seeds=2, gone=(0, 1, 2, 3)))))
    assert [row[2:4] for row in texts(gradients)[:2]] == [["20", spread([101, 111])], ["60", spread([201, 211])]]
    assert "all diverged" in gradients.caption


def test_a_metric_without_a_number_is_told_not_replaced_by_an_earlier_one(tmp_path: Path) -> None:
    path = race(tmp_path / "run", seeds=2)
    rows = [json.loads(line) for line in (path / "metrics.jsonl").read_text().splitlines()]
    for row in rows:
        if row["member"] == 0 and row["step"] == 30 and "fid" in row:
            row["fid"] = None
    (path / "metrics.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    gradients, _ = equal_cost(strands(load_run(path)))
    assert texts(gradients)[0][3] == "113 (1 of 2 have one)"


def test_nothing_is_said_of_one_setting_or_of_costs_that_were_not_recorded(tmp_path: Path) -> None:
    lone = race(tmp_path / "lone", rates=(2,))
    assert equal_cost(strands(load_run(lone))) == []
    assert equal_cost_text([lone]) == ""
    assert "At equal cost" not in write_report(lone).read_text()
    old = folders.digits_folder(tmp_path / "old")
    assert equal_cost(strands(load_run(old))) == []
    assert list(axes(strands(load_run(old)))) == ["step"]


def test_runs_are_compared_under_their_names_on_the_page_and_as_text(tmp_path: Path) -> None:
    one, two = race(tmp_path / "one", rates=(2,)), race(tmp_path / "two", rates=(4,))
    page = compare_reports([one, two], tmp_path / "compare.html").read_text()
    said = equal_cost_text([one, two])
    assert "At 40 gradient evaluations a member" in page
    assert "At 40 gradient evaluations a member" in said
    lines = [line for line in said.splitlines() if line.startswith("ring")]
    names = ["ring (one): solver = a", "ring (two): solver = a", "ring (two): solver = a, less ring (one): solver = a"]
    assert [line.split("  ")[0] for line in lines] == names * 2
    assert lines[1].endswith(spread([101, 111, 121, 131]))  # 10 steps of 4


def test_curves_know_what_each_setting_had_cost_at_each_step(tmp_path: Path) -> None:
    parts = strands(load_run(race(tmp_path / "run", gone=(0,))))
    assert list(axes(parts)) == ["step", "gradients", "train_seconds"]
    fid = next(chart for chart in charts(parts) if chart["key"] == "fid")
    assert [one["at"] for one in fid["series"]] == [
        {"gradients": [0, 20, 40, 60], "train_seconds": [0, 0.1, 0.2, 0.3]},
        {"gradients": [0, 60, 120, 180], "train_seconds": [0, 0.2, 0.4, 0.6]},
    ]
    assert {chart["key"] for chart in charts(parts)} == {"fid", "cost.generator"}


def test_a_film_has_members_of_every_setting_and_the_equilibrium(tmp_path: Path) -> None:
    path = race(tmp_path / "run", rates=(2, 4, 6), seeds=8)
    folders.save(path, 0, **{f"p{m}": [m, -m] for m in range(24)})
    np.savez(path / "reference.npz", equilibrium=np.ones(2))
    made = animation(load_run(path))
    assert made is not None
    shown = [one["strand"] for one in made["members"]]
    assert [shown.count(k) for k in range(3)] == [6, 5, 5]
    assert made["strands"] == ["solver = a", "solver = b", "solver = c"]
    assert made["equilibrium"] == [1, 1]


@pytest.mark.parametrize("name", TOYS)
def test_no_player_wants_to_leave_the_equilibrium_that_a_toy_names(name: str) -> None:
    """To first order; the tolerance is for the place of `forsaken`, known to 16 digits."""
    game = GAMES[name]().double()
    for who, place in game.equilibrium.items():
        value = game.get_submodule(who).value
        value.data = torch.as_tensor(place, dtype=value.dtype).expand_as(value).clone()
    batch = {k: v.double() if torch.is_tensor(v) else v for k, v in game.draw(Key(0)).items()}
    for who in game.players:
        (slope,) = torch.autograd.grad(game(who, batch), game.get_submodule(who).value)
        assert slope.abs().max() < 1e-15


H = 0.3
SGD = {"kind": "sgd", "learning_rate": H}
SOLVERS = ["simultaneous", "alternating", "extragradient"]


@pytest.mark.long
def test_the_command_compares_solvers_at_equal_cost(tmp_path: Path) -> None:
    out = tmp_path / "run"
    rules = [part for who in ("generator", "discriminator") for part in ("-s", f"solver.{who}=sgd")]
    rules += [part for who in ("generator", "discriminator") for part in ("-s", f"solver.{who}.learning_rate={H}")]
    chosen = ["--sweep", f"solver={','.join(SOLVERS)}", "--seeds", "0:2", "-s", "steps=30", "-s", "compile=off"]
    nash("train", "--out", out, "-s", "game=bilinear", *rules, *chosen, "--quiet")
    said = nash("report", out).output
    assert "At 60 gradient evaluations a member" in said
    assert said.rstrip().endswith("report.html")
    table = {line.split()[2]: line.split() for line in said.split("\n\n")[1].splitlines()[1:]}
    for solver, factor, steps in (
        ("simultaneous", math.sqrt(1 + H**2), 30),
        ("extragradient", math.sqrt(1 - H**2 + H**4), 15),
    ):
        assert table[solver][3:5] == ["2", "60"]
        assert float(table[solver][5]) == pytest.approx(math.sqrt(2) * factor**steps, rel=1e-3)
    assert "seconds of training a member" in said
    page = (out / "report.html").read_text()
    assert "At equal cost" in page
    made = animation(load_run(out))
    assert made is not None
    assert made["strands"] == [f"solver = {solver}" for solver in SOLVERS]
    assert len(made["paths"]) == 6


def test_time_goes_on_after_a_resume_and_gradients_count_products(tmp_path: Path) -> None:
    raw = {"game": "bilinear", "compile": "off", "steps": 10, "sample_every": 10, "log_every": 5}
    trained({**raw, "solver": {"kind": "consensus", "generator": SGD, "discriminator": SGD}}, tmp_path / "run")
    before = load_run(tmp_path / "run").rows[-1]
    assert before["gradients"] == 10 * (2 + 2)
    resume_session(tmp_path / "run", [("steps", 20)]).train()
    after = load_run(tmp_path / "run").rows[-1]
    assert (after["step"], after["gradients"]) == (20, 80)
    assert after["train_seconds"] > before["train_seconds"] > 0
