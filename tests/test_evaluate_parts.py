"""An evaluation in parts is that of the whole run, and damaged, missing or other parts are refused."""

import json
import shutil
from pathlib import Path

import pytest
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.run import EvaluationOptions, FolderWarning, SettingError, evaluate_part, evaluate_run, join_evaluations
from nashpath.run.assess.evaluate_parts import evaluating, evaluation_folder

WISH = EvaluationOptions(("sliced_wasserstein", "modes"), count=64)


def command(*arguments):
    return CliRunner().invoke(app, list(map(str, arguments)))


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    """A run of three seeds at two rates, one of which diverges at once."""
    out = tmp_path_factory.mktemp("evaluated") / "run"
    given = ["-s", "data=ring", "-s", "steps=3", "-s", "compile=off", "-s", "evaluation_samples=64", "-s", "samples=16"]
    given += ["-s", "checkpoint_every=1"]
    given += ["-s", "solver.generator=sgd", "--sweep", "solver.generator.learning_rate=0.01,1e38", "--seeds", "0:3"]
    assert command("train", *given, "--out", out).exit_code == 0
    return out


@pytest.fixture
def run(trained, tmp_path):
    return Path(shutil.copytree(trained, tmp_path / "run"))


MORE = pytest.mark.thorough("two parts, and as many as members, are tested")


@pytest.mark.long
@pytest.mark.parametrize("count", [pytest.param(1, marks=MORE), 2, pytest.param(4, marks=MORE), 6])
def test_parts_together_are_the_whole(run, count):
    for k in range(1, count + 1):
        evaluate_part(run, f"{k}/{count}", WISH)
    found = join_evaluations(run)
    joined = json.loads((run / "evaluation.json").read_text())
    whole = evaluate_run(run, WISH)
    assert joined == json.loads((run / "evaluation.json").read_text())
    assert [group["members"] for group in found["groups"]] == [[0, 1, 2], [3, 4, 5]]
    assert whole["groups"][1]["failed"]  # those that diverged are named, and hide nobody
    assert not evaluation_folder(run).exists()


@pytest.mark.usefixtures("quick_python")
def test_all_parts_by_one_command(run):
    result = command("evaluate", run, "--metrics", "modes", "--samples", "64", "--on", "processes", "--parts", "2")
    assert result.exit_code == 0, result.output
    assert result.stdout.strip().splitlines()[-1].endswith("report.html")
    joined = json.loads((run / "evaluation.json").read_text())
    assert command("evaluate", run, "--metrics", "modes", "--samples", "64").exit_code == 0
    assert joined == json.loads((run / "evaluation.json").read_text())


def test_one_command_at_a_time_does_and_joins_the_parts(run):
    """The one that ends first takes the parts away; the other is refused, and leaves nothing behind."""
    given = ("evaluate", run, "--metrics", "modes", "--samples", "64", "--on", "processes", "--parts", "2")
    with evaluating(run):
        for line in (given, ("gather", run / "evaluation")):
            refused = command(*line)
            assert refused.exit_code == 2, refused.output
            assert "evaluation: this process is writing" in " ".join(refused.output.split())
    assert not evaluation_folder(run).exists()


def test_parts_made_by_hand_are_gathered(run):
    for part in ("1/2", "2/2"):
        result = command("evaluate", run, "--metrics", "modes", "--samples", "64", "--part", part)
        assert result.exit_code == 0, result.output
    result = command("gather", run / "evaluation")
    assert result.exit_code == 0, result.output
    assert [group["members"] for group in json.loads((run / "evaluation.json").read_text())["groups"]] == [
        [0, 1, 2],
        [3, 4, 5],
    ]


def test_a_part_that_is_there_is_kept_and_one_of_another_wish_is_not(run):
    place = evaluate_part(run, "1/2", WISH)
    before = place.stat().st_mtime_ns
    evaluate_part(run, "1/2", WISH)
    assert place.stat().st_mtime_ns == before
    evaluate_part(run, "1/2", EvaluationOptions(("modes",), count=64))
    assert place.stat().st_mtime_ns != before


def test_a_damaged_checkpoint_is_passed_over_as_by_the_whole_evaluation(run):
    with open(run / "checkpoint.safetensors", "r+b") as file:
        file.truncate(100)
    for part in ("1/2", "2/2"):
        with pytest.warns(FolderWarning, match="the one before it is used"):
            evaluate_part(run, part, WISH)
    join_evaluations(run)
    joined = json.loads((run / "evaluation.json").read_text())
    with pytest.warns(FolderWarning):
        evaluate_run(run, WISH)
    assert joined == json.loads((run / "evaluation.json").read_text())


def test_what_cannot_be_joined_is_refused_with_what_to_do(run):
    with pytest.raises(SettingError, match=r"has no parts; measure them with: nashpath evaluate .* --part I/N"):
        join_evaluations(run)
    place = evaluate_part(run, "1/2", WISH)
    with pytest.raises(SettingError, match="part 2/2 is missing; measure it with --part 2/2"):
        join_evaluations(run)
    evaluate_part(run, "2/2", EvaluationOptions(WISH.metrics, count=65, seed=1))
    given = f"--samples {WISH.count} --seed {WISH.seed}"
    told = f"part 2/2 was measured with --samples 65 --seed 1, and part 1/2 with {given}; .*: {given} --part 2/2$"
    with pytest.raises(SettingError, match=told):
        join_evaluations(run)
    evaluate_part(run, "2/2", WISH)
    evaluate_part(run, "1/3", WISH)
    with pytest.raises(SettingError, match="has parts of 2 and of 3"):
        join_evaluations(run)
    content = place.read_bytes()
    for damaged in (content[:-30], content.replace(b"0", b"1", 1), b"[]", b"null", b"\xff"):
        place.write_bytes(damaged)
        with pytest.raises(SettingError, match="is not as it was written; remove it, and measure it again with --part"):
            join_evaluations(run, 2)
    with pytest.raises(SettingError, match="part 1/7 of 6 members is empty"):
        evaluate_part(run, "1/7", WISH)
    with pytest.raises(SettingError, match="--part 3: expected I/N"):
        evaluate_part(run, "3", WISH)


@pytest.mark.parametrize(
    ("given", "told"),
    [
        (["--part", "1/2", "--member", "0"], "--member is for all members at once"),
        (["--on", "processes", "--part", "1/2"], "leave out 1/2"),
        (["--on", "elsewhere"], "expected processes, slurm or ray"),
        (["--parts", "2"], "expected processes, slurm or ray"),
        (["--on", "ray", "--sbatch", "--time=1"], "--sbatch is for --on slurm"),
    ],
)
def test_what_does_not_go_together_is_refused(run, given, told):
    result = command("evaluate", run, *given)
    assert result.exit_code == 2
    assert told in " ".join(result.output.split())
