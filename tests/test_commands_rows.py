"""Every row of every table of methods, trained from the command line at its smallest size.

The rows come from the tables, so a new method is tried as soon as it is listed.
"""

import json
import math

import pytest

from nashpath.games import IDEALS
from nashpath.games.toys import TOYS
from nashpath.run.settings.model import TABLES
from nashpath.solvers import RULES
from run_folders import members, nash, rows

ROWS = [(path, kind) for path, table in TABLES.items() if path != "data" for kind in table]
"""All methods but the data sets, which have tests of their own (three need a user's files)."""

LABELLED = ("semi_supervised", "conditional")
IMAGES = ("dcgan", "resnet", "r3gan", "virtual_dcgan", "salimans_conv", "diff_augment", "ada", *LABELLED)
FINITE = ("svre",)
EVERY = {"steps": 2, "log_every": 1, "compile": "off", "stack": "on"}
SMALL = {"batch_size": 4, "latent": 3, "samples": 2, "evaluation_samples": 16, "sample_every": 2}
NARROW = {"generator.width": 4, "discriminator.width": 4}


def smallest(path: str, kind: str) -> dict[str, object]:
    """The smallest settings under which a row has something to do: the ring, or digits where it needs these."""
    if path == "game" and (kind in TOYS or kind in IDEALS):
        return {**EVERY, path: kind}
    data = "digits" if kind in (*IMAGES, *FINITE) else "ring"
    return {**EVERY, **SMALL, **NARROW, "data": data, path: kind}


def train(folder, **settings: object) -> dict:
    """The line of JSON that the command prints for two seeds."""
    given = [part for key, value in settings.items() for part in ("-s", f"{key}={value}")]
    return json.loads(nash("train", *given, "--seeds", "0:2", "--json", "--quiet", "--out", folder).stdout)


REST = pytest.mark.thorough("every row takes steps in test_law_alias, and every table has rows here")
BY_TABLE = [[row for row in ROWS if row[0] == path] for path in dict.fromkeys(path for path, _ in ROWS)]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("path", "kind"),
    [pytest.param(*row, marks=REST if place % 3 else ()) for rows in BY_TABLE for place, row in enumerate(rows)],
)
def test_every_row_trains_from_the_command_line(path, kind, tmp_path):
    told = train(tmp_path / "run", **smallest(path, kind))
    assert [m["seed"] for m in told["members"]] == [0, 1]
    for member in told["members"]:
        assert (member["outcome"], member["steps"]) == ("finished", 2)
        assert len(member["costs"]) == 2
        assert all(math.isfinite(cost) for cost in member["costs"].values())
    assert [m["outcome"] for m in members(tmp_path / "run")] == ["finished"] * 2
    assert (tmp_path / "run" / "report.html").stat().st_size > 1000


@pytest.mark.long
def test_few_labels_are_tested_on_held_out_digits_with_averaged_weights(tmp_path):
    """With decay 0 the average is the present discriminator, with a larger one it is not."""
    settings = {**EVERY, **SMALL, "data": "digits", "game": "semi_supervised", "steps": 40, "sample_every": 40}
    settings |= {"batch_size": 16}
    begun, after = {}, {}
    for decay in (0.0, 0.9999999):
        folder = tmp_path / str(decay)
        told = train(folder, **settings, **{"average.decay": decay})
        after[decay] = [m["metrics"]["test_error"] for m in told["members"]]
        begun[decay] = [row["test_error"] for row in rows(folder) if row["step"] == 0 and "test_error" in row]
    assert begun[0.0] == begun[0.9999999]
    assert after[0.0] != after[0.9999999]
    assert sum(after[0.0]) < sum(begun[0.0]) - 0.4


def test_digits_that_hold_nothing_back_have_no_test_error(tmp_path):
    settings = {**EVERY, **SMALL, **NARROW, "data": "digits", "data.split": "all", "game": "semi_supervised"}
    told = train(tmp_path / "run", **settings)
    assert all("test_error" not in m["metrics"] for m in told["members"])


@pytest.mark.long
@pytest.mark.usefixtures("traced")
def test_a_compiled_sweep_may_have_any_number_of_programs(tmp_path):
    """Here traced but not compiled further."""
    rules = list(RULES)[:5]
    given = ["-s", "game=bilinear", "-s", "steps=1", "-s", "compile=on", "--sweep", "solver.discriminator=sgd,momentum"]
    nash("train", *given, "--sweep", f"solver.generator={','.join(rules)}", "--quiet", "--out", tmp_path / "run")
    assert [m["outcome"] for m in members(tmp_path / "run")] == ["finished"] * 10
