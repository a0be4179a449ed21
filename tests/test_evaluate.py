"""``nashpath evaluate`` of a run: its numbers are those of the metrics on what ``nashpath sample`` draws."""

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save

from nashpath.core import generator
from nashpath.core.math.bootstrap import interval
from nashpath.data import Digits, Ring, StackedDigits
from nashpath.metrics import METRICS, FeaturesError, MetricError
from nashpath.metrics.evaluate import compare_samples as measured
from nashpath.metrics.features import inception
from nashpath.report.tables import ends_of, protocol_lines
from nashpath.run import RunFolder, SettingError
from nashpath.run.assess import evaluate as room
from nashpath.run.assess.evaluate import EvaluationOptions, evaluate_run
from nashpath.run.assess.evaluate_parts import evaluate_part, join_evaluations
from nashpath.run.folder.run_folder import plain_json
from nashpath.run.observe.metrics import ReferenceSet, standard
from run_folders import flags, nash, small, trained


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    trained(small(data={"kind": "digits"}, steps=2, average={"kind": "ema", "decay": 0.5}), folder / "digits")
    trained(small(seeds=[0, 1], steps=2), folder / "ring", penalty__weight=[0.0, 1.0], penalty=["r1"])
    trained({"game": "bilinear", "steps": 2, "compile": "off"}, folder / "toy")
    return folder


def numbers(found, group=0):
    return {entry["name"]: entry["values"] for entry in found["groups"][group]["numbers"]}


@pytest.mark.long
def test_numbers_are_those_of_the_metrics_on_the_samples_that_sample_draws(runs, tmp_path):
    nash("sample", runs / "digits", "-n", 200, "--seed", 3, "--out", tmp_path / "fake.npz")
    fake = torch.from_numpy(np.load(tmp_path / "fake.npz")["samples"])
    names = ["fid", "kid", "prdc", "sliced_wasserstein"]
    said = nash("evaluate", runs / "digits", "--metrics", ",".join(names), "--samples", 200, "--seed", 3, "--json")
    expected = measured(Digits("train").examples(), fake, names, "digits", split="digits, train", seed=3)
    found = json.loads(said.stdout)
    raw = torch.from_numpy(np.load(tmp_path / "fake.npz")["raw"])
    of_raw = measured(Digits("train").examples(), raw, names, "digits", split="digits, train", seed=3)
    wanted = {m.name: m.value for m in expected} | {f"{m.name} (raw weights)": m.value for m in of_raw}
    assert numbers(found) == {name: [pytest.approx(value, rel=1e-9)] for name, value in wanted.items()}
    told = {key: value for key, value in found["groups"][0]["protocols"][0].items() if key != "numbers"}
    assert told == expected[0].as_dict()["protocol"]
    assert json.loads((runs / "digits" / "evaluation.json").read_text()) == found


def test_another_split_is_measured_against_and_said(runs):
    found = evaluate_run(runs / "digits", EvaluationOptions(("fid",), count=50), split="test")
    assert found["groups"][0]["protocols"][0]["split"] == "digits, test"
    assert found["groups"][0]["protocols"][0]["real"] == len(Digits("test"))
    plain = evaluate_run(runs / "digits", EvaluationOptions(count=50), split="test", out=runs / "other" / "file.json")
    assert "copies" not in numbers(plain)
    assert (runs / "other" / "file.json").exists()


def test_a_generator_that_copies_the_training_samples_is_found_out(runs, monkeypatch):
    drawn = {"train": Digits("train").examples(100), "test": Digits("test").examples(100)}
    monkeypatch.setattr(room, "_samples", lambda *args, **options: drawn["train"])
    found = numbers(evaluate_run(runs / "digits", EvaluationOptions(count=100)))
    assert found["copies"] == [1.0]
    assert found["nearest"] == [0.0]
    assert found["classes"] == [10.0]
    monkeypatch.setattr(room, "_samples", lambda *args, **options: drawn["test"])
    assert numbers(evaluate_run(runs / "digits", EvaluationOptions(count=100)))["copies"][0] < 0.05


def test_members_that_differ_by_their_seeds_share_an_interval(runs):
    wish = EvaluationOptions(count=100, most=200)
    found = evaluate_run(runs / "ring", wish)
    assert [group["members"] for group in found["groups"]] == [[0, 1], [2, 3]]
    assert [group["settings"]["penalty.weight"] for group in found["groups"]] == [0.0, 1.0]
    for group in found["groups"]:
        for entry in group["numbers"]:
            within = METRICS[entry["metric"]].limits(entry["name"])
            assert (entry["mean"], entry["low"], entry["high"]) == interval(entry["values"], within=within)
    alone = evaluate_run(runs / "ring", wish, [2])
    assert [values[0] for values in numbers(alone).values()] == [v[0] for v in numbers(found, 1).values()]


def test_what_is_printed_has_a_line_a_member_and_number_and_the_protocol(runs):
    said = nash("evaluate", runs / "ring", "--samples", 100, "--metrics", "modes", "--member", 0, "--member", 1).stdout
    lines = [[word for word in line.split() if word not in ("↑", "↓")] for line in said.splitlines()]
    for member in ("0", "1", "mean", "real"):
        assert any(line[:2] == ["modes", member] for line in lines)
    assert "100 generated against 10,000 real samples (ring, hash " in said
    assert "modes, high_quality, mode_kl: modes can only be found with enough samples for each" in said
    assert said.rstrip().endswith("report.html")


def test_the_report_shows_the_evaluation(runs):
    said = nash("evaluate", runs / "ring", "--samples", 100, "--metrics", "sliced_wasserstein").stdout
    text = Path(said.splitlines()[-1]).read_text(encoding="utf-8")
    assert "100 generated against 10,000 real samples (ring" in text
    assert text.index("Evaluation</h2>") < text.index("sliced_wasserstein ↓</td>")


def rewrite(folder, begins, value):
    """Fills the tensors of a checkpoint whose names begin so."""
    file = folder / "checkpoint.safetensors"
    with open(file, "rb") as stored:
        header = json.loads(stored.read(int.from_bytes(stored.read(8), "little")))["__metadata__"]
    tensors = load_file(file)
    found = [tensor.fill_(value) for name, tensor in tensors.items() if name.startswith(begins)]
    assert found
    RunFolder(folder).write_checkpoint(save(tensors, header))


@pytest.mark.long
@pytest.mark.parametrize("gone", [[1], [0, 2], [0, 1, 2]])
def test_members_that_diverged_are_named_and_count_in_no_mean(tmp_path, gone):
    """Their samples are of where they stopped; parts together say the same, and where all diverged there is no mean."""
    folder = tmp_path / "run"
    trained(small(seeds=[0, 1, 2], steps=2), folder)
    for member in gone:
        rewrite(folder, f"member{member}.diverged_player", 0)
    told = {str(member): "diverged: discriminator at step 3" for member in gone}
    wish = EvaluationOptions(("sliced_wasserstein",), count=50)
    whole = evaluate_run(folder, wish)
    (group,) = whole["groups"]
    assert group["diverged"] == told
    for entry in group["numbers"]:
        assert all(value is not None for value in entry["values"])
        sound = [value for member, value in enumerate(entry["values"]) if member not in gone]
        mean = interval(sound)[0] if sound else None
        assert (entry["mean"], entry["counted"]) == (mean, [member not in gone for member in range(3)])
        assert (ends_of(entry) == "") == (len(sound) < 2)
    for part in ("1/2", "2/2"):
        evaluate_part(folder, part, wish)
    assert json.loads(plain_json(join_evaluations(folder)["groups"])) == json.loads(plain_json(whole["groups"]))
    text = nash("evaluate", folder, "--metrics", "sliced_wasserstein", "--samples", 50).stdout
    page = (folder / "report.html").read_text()
    for member in gone:
        said = f"Member {member} diverged: discriminator at step 3: measured where it stopped, and left out of the mean"
        assert said in text
        assert said in page


def test_a_member_without_finite_samples_is_named_and_the_others_go_on(runs, tmp_path):
    folder = tmp_path / "broken"
    trained(small(seeds=[0, 1], steps=2), folder)
    rewrite(folder, "member1.point.players.generator.", float("nan"))
    (group,) = evaluate_run(folder, EvaluationOptions(("modes",), count=50))["groups"]
    assert list(group["failed"]) == ["1"]
    assert "NaN" in group["failed"]["1"]
    assert [entry["values"][1] for entry in group["numbers"]] == [None] * 3
    with pytest.raises(MetricError, match="NaN"):
        evaluate_run(folder, EvaluationOptions(("modes",), count=50), [1])
    assert "member 1: " in nash("evaluate", folder, "--metrics", "modes", "--samples", 50).stdout


REFUSED = {
    "unknown metric": (["digits", "--metrics", "fdi"], "Did you mean 'fid'"),
    "unknown features": (["digits", "--features", "digit"], "Did you mean 'digits'"),
    "no file": (["digits", "--features", "nowhere.pt2"], "nowhere.pt2: no such file"),
    "no weights": (["digits", "--features", "inception"], "download_inception()"),
    "no logits": (["digits", "--features", "pixels", "--metrics", "inception_score"], "without class logits"),
    "no labels": (["ring", "--metrics", "classes"], "needs the data's labels, classes"),
    "no training samples": (["ring", "--metrics", "memorisation"], "these data draw new ones"),
    "too few": (["digits", "--samples", "1", "--metrics", "fid"], "fid: features has 1 samples"),
    "no such member": (["digits", "--member", "7"], "members 0 to 0"),
    "no number": (["digits", "--member", "x"], "expected a number, or all"),
    "no splits": (["ring", "--split", "test"], "no splits"),
    "no such split": (["digits", "--split", "tset"], "it must be one of 'train', 'test', 'all'"),
    "copies of other samples": (["digits", "--split", "test", "--metrics", "memorisation"], "samples trained on"),
    "a toy": (["toy"], "no samples to measure"),
    "no run": (["nothing"], "holds no run"),
    "a run whose data are no file, and others": (["digits", "--real", "x"], "--real x: the data 'digits' are no file"),
    "no device": (["digits", "--device", "abacus"], "'abacus'"),
}


NO_SPLIT = pytest.param("no such split", marks=pytest.mark.unchecked("asks for what the annotation excludes"))


@pytest.mark.parametrize("what", [NO_SPLIT, *(what for what in REFUSED if what != "no such split")])
def test_what_cannot_be_measured_is_refused_in_one_message(runs, what):
    (name, *options), word = REFUSED[what]
    written = [path.name for path in (runs / name).glob("evaluation.json")]
    samples = [] if "--samples" in options else ["--samples", 50]
    assert word in nash("evaluate", runs / name, *samples, *options, expect=2).stderr
    assert [path.name for path in (runs / name).glob("evaluation.json")] == written


def test_standard_metrics_follow_from_what_the_data_know():
    prdc = ["precision_recall", "density_coverage"]
    assert set(standard(Ring())) == {"sliced_wasserstein", *prdc, "modes"}
    assert set(standard(Digits())) == {"fid", "kid", *prdc, "classes"}
    assert set(standard(StackedDigits())) == {"fid", "kid", *prdc, "stacked_modes"}


def test_all_modes_of_stacked_digits_are_counted():
    data = StackedDigits()
    real, labels = data.labelled_examples(3000)
    found = {m.name: m.value for m in ReferenceSet(data, ["stacked_modes"], most=10)(real)}
    assert found["stacked_modes"] == len(labels.unique())
    one = {m.name: m.value for m in ReferenceSet(data, ["stacked_modes"], most=10)(real[:1].expand(50, -1, -1, -1))}
    assert one["stacked_modes"] == 1


def test_images_need_features_and_the_message_says_which(tmp_path):
    class Photos:
        shape = (3, 64, 64)

        def draw(self, key, count):
            return {"real": torch.zeros(count, 3, 64, 64)}

    with pytest.raises(SettingError, match=r"3x64x64 .* Inception .*download_inception.*choose features cifar10"):
        ReferenceSet(Photos())
    with pytest.raises(FeaturesError):
        measured(torch.zeros(3, 3, 64, 64), torch.zeros(3, 3, 64, 64), ["fid"], features="inception")


def test_flags_and_files_choose_the_same_metrics(tmp_path):
    chosen = [*flags("metrics=fid, kid"), "-s", 'features="pixels"', "-s", "data=digits", "-s", "steps=1"]
    nash("train", *chosen, "--out", tmp_path / "run")
    assert 'features = "pixels"' in (tmp_path / "run" / "config.toml").read_text()
    nash("train", tmp_path / "run" / "config.toml", "--out", tmp_path / "again")
    facts = [json.loads((tmp_path / name / "run.json").read_text())["metrics"] for name in ("run", "again")]
    assert facts[0] == facts[1]
    assert [entry["metric"] for entry in facts[0]] == ["fid", "kid"]


def test_reals_are_measured_against_reals_and_collapse_is_read_out(runs, monkeypatch):
    reals = Digits("train").examples(400)
    found = evaluate_run(runs / "digits", EvaluationOptions(("fid", "prdc"), count=300))["groups"][0]
    by_name = {entry["name"]: entry for entry in found["numbers"]}
    assert by_name["fid"]["better"] == -1
    assert by_name["recall"]["better"] == 1
    assert by_name["fid"]["real"] < 0.2 * by_name["fid"]["values"][0]
    assert by_name["precision"]["real"] > 0.8
    alike = reals[:1] + 1e-3 * torch.randn(300, 1, 8, 8, generator=generator(0))
    monkeypatch.setattr(room, "_samples", lambda *args, **options: alike)
    collapsed = evaluate_run(runs / "digits", EvaluationOptions(("prdc",), count=300))["groups"][0]
    assert any("more alike than real ones; whether they are good" in line for line in protocol_lines(collapsed))
    assert not any("alike" in line for line in protocol_lines(found))


def test_digits_features_refuse_what_they_cannot_read():
    with pytest.raises(FeaturesError, match=r"these samples are 3x32x32: choose inception .*pixels, or a \.pt2 file"):
        measured(torch.zeros(20, 3, 32, 32), torch.zeros(20, 3, 32, 32), ["fid"], "digits")


def test_features_are_listed_and_fetched_with_a_reason_where_they_cannot_be(monkeypatch, tmp_path):
    monkeypatch.setattr(inception, "URL", (tmp_path / "nowhere").as_uri())
    assert "inception" in nash("features", "list").stdout
    said = nash("features", "fetch", expect=2)
    assert "get the file some other way and put it at" in said.stderr
    assert str(inception.kept_file()) in said.stderr
    assert not inception.kept_file().exists()


@pytest.mark.parametrize(
    ("values", "said"),
    [([0.25, 0.75], "0.1 to 0.9"), ([0.25, None, 0.75], "0.1 to 0.9"), ([0.25, None], ""), ([8.0, 8.0, 8.0], "")],
)
def test_no_interval_is_shown_of_one_value_or_of_values_that_are_all_alike(values, said):
    assert ends_of({"values": values, "low": 0.1, "high": 0.9}) == said
