"""An exported generator: the run's own samples, from one file, with a card; bad files end in one sentence."""

import subprocess
import sys
from dataclasses import replace
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import save_file

import nashpath
from nashpath.run import CheckpointError, SettingError
from nashpath.run.assess import export
from run_folders import nash, small, trained

PYTHON = sys.executable
"""One that has imported nothing."""


@pytest.fixture(scope="module")
def run(tmp_path_factory):
    """Two members on a standardised table, with averages; the table is gone."""
    place = tmp_path_factory.mktemp("exported")
    np.save(place / "t.npy", np.random.default_rng(0).normal(5000, 1000, (40, 3)))
    data = {"kind": "array", "path": str(place / "t.npy"), "scale": "standard"}
    trained(small(steps=3, seeds=[0, 1], data=data, average="ema"), place / "run")
    (place / "t.npy").unlink()
    return place / "run"


@pytest.mark.usefixtures("quick_python")
def test_safetensors_come_back_as_the_member(run, tmp_path):
    file = tmp_path / "g.safetensors"
    said = nash("export", run, "--member", 1, "--to", file, "--licence", "CC0")
    assert "fresh process" in said.stderr
    found, own = nashpath.load(file), nashpath.load(run, 1)
    assert torch.equal(found.sample(6, seed=3), own.sample(6, seed=3))
    assert (found.seed, found.steps, found.averaged, found.units) == (1, 3, True, own.units)
    with pytest.raises(SettingError, match="without its discriminator"):
        _ = found.discriminator
    with pytest.raises(SettingError, match="one member"):
        nashpath.load(file, 1)
    card = (tmp_path / "g.safetensors.md").read_text()
    for told in ("CC0", "averaged weights", "member 1, seed 1", "units of the data", "Not measured", "Not diagnosed"):
        assert told in card
    assert str(run.parent) not in card + file.read_bytes().decode("latin1")


@pytest.mark.usefixtures("quick_python")
@pytest.mark.usefixtures("quick_python", "own_methods")
def test_a_network_of_one_s_own_is_exported_and_found_again(tmp_path):
    file = tmp_path / "mine.py"
    file.write_text(
        "import nashpath\nfrom torch import nn\n\n\n@nashpath.register('generator', 'exported_line')\n"
        'def exported_line(latent: int, shape: tuple[int, ...]):\n    """A line.\n\n    Reference: none.\n    """\n'
        "    return nn.Linear(latent, shape[0])\n"
    )
    nashpath.run.load_methods(str(file))
    raw = {"data": "ring", "steps": 2, "generator": "exported_line", "samples": 4, "evaluation_samples": 60}
    trained({**raw, "compile": "off", "threads": 1}, tmp_path / "run")
    for ending in ("safetensors", "pt2"):
        said = nash("export", tmp_path / "run", "--to", tmp_path / f"g.{ending}")
        assert "fresh process" in said.stderr


@pytest.mark.long
def test_a_program_needs_pytorch_alone(run, tmp_path):
    file = tmp_path / "g.pt2"
    nash("export", run, "--to", file)
    lines = (tmp_path / "g.pt2.md").read_text().split("```")[1].removeprefix("python\n")
    assert lines.count("\n") <= 5
    tail = (
        "\nassert samples.shape == (16, 3) and samples.mean() > 3000\nimport sys\nassert 'nashpath' not in sys.modules"
    )
    subprocess.run([PYTHON, "-W", "ignore", "-c", lines + tail], cwd=tmp_path, check=True)
    assert str(run.parent).encode() not in file.read_bytes()


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_a_model_needs_onnx_runtime_alone(run, tmp_path):
    file = tmp_path / "g.onnx"
    said = nash("export", run, "--member", 1, "--to", file)
    assert "torchvision" not in said.stderr
    lines = (tmp_path / "g.onnx.md").read_text().split("```")[1].removeprefix("python\n")
    assert lines.count("\n") <= 5
    tail = (
        "\nassert samples.shape == (16, 3) and samples.mean() > 3000\nimport sys\n"
        "assert 'torch' not in sys.modules and 'nashpath' not in sys.modules"
    )
    subprocess.run([PYTHON, "-W", "ignore", "-c", lines + tail], cwd=tmp_path, check=True)
    assert str(run.parent).encode() not in file.read_bytes()
    assert b"site-packages" not in file.read_bytes()


def test_onnx_without_its_packages_says_what_to_install(run, tmp_path, monkeypatch):
    monkeypatch.setattr(export, "find_spec", lambda name: None if name == "onnxscript" else object())
    said = nash("export", run, "--to", tmp_path / "g.onnx", expect=2).stderr
    assert "needs onnxscript: pip install 'nashpath[export]'" in said


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
@pytest.mark.parametrize("ending", sorted(export.ENDINGS))
@pytest.mark.parametrize("network", ["dcgan", "resnet", "salimans_mlp", "mixture"])
def test_every_ending_takes_every_kind_of_generator(tmp_path, ending, network):
    changes: dict[str, Any] = {"game": {"kind": "mixture", "generators": 2}}
    if network != "mixture":
        changes = {"data": {"kind": "stacked_digits"}, "generator": {"kind": network}, "discriminator": {"kind": "mlp"}}
        changes["generator"] |= {} if network == "salimans_mlp" else {"width": 4}
    trained(small(steps=1, **changes), tmp_path / "run")
    nash("export", tmp_path / "run", "--to", tmp_path / f"g{ending}")
    assert (tmp_path / f"g{ending}").stat().st_size > 1000


@pytest.mark.usefixtures("quick_python")
def test_where_samples_differ_nothing_is_written(run, tmp_path, monkeypatch):
    other = export.ENDINGS[".safetensors"]
    wrong = replace(other, write=lambda _, told: other.write(nashpath.load(run, 1), told))
    monkeypatch.setitem(export.ENDINGS, ".safetensors", wrong)
    file = tmp_path / "out" / "g.safetensors"
    assert "from the run's" in nash("export", run, "--to", file, expect=2).stderr
    assert not file.parent.exists()


@pytest.mark.long
def test_every_export_has_a_card_of_its_own(run, tmp_path):
    """Of one stem in two formats; a card of the same file is written anew, and a text of one's own stays."""
    own = tmp_path / "g.md"
    own.write_text("mine")
    kept: dict[str, str] = {}
    for name, member in (("g.safetensors", 0), ("g.pt2", 1), ("h.pt2", 0)):
        said = nash("export", run, "--member", member, "--to", tmp_path / name).stdout.splitlines()
        assert said == [str(tmp_path / name), str(tmp_path / f"{name}.md")]
        kept[name] = (tmp_path / f"{name}.md").read_text()
        assert f"# {name}\n" in kept[name]
    assert {name: (tmp_path / f"{name}.md").read_text() for name in kept} == kept
    assert own.read_text() == "mine"
    nash("export", run, "--member", 1, "--to", tmp_path / "h.pt2")
    assert "member 1" in (tmp_path / "h.pt2.md").read_text()


REFUSED = {
    "an ending": (("run", "--to", "g.pkl"), "the ending says"),
    "a member": (("run", "--to", "g.pt2", "--member", 9), "members 0 to 1"),
    "a folder": (("none", "--to", "g.pt2"), "holds no run"),
    "another text": (("run", "--to", "own.pt2"), "which is something else"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_cannot_be_exported_is_said_in_one_sentence(run, tmp_path, monkeypatch, case):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "own.pt2.md").write_text("mine")
    arguments, told = REFUSED[case]
    said = nash("export", *(run if one == "run" else one for one in arguments), expect=2).stderr
    assert told in said
    assert len(said.strip().splitlines()) == 1
    assert sorted(file.name for file in tmp_path.iterdir()) == ["own.pt2.md"]


def test_damaged_and_foreign_files_are_refused(run, tmp_path):
    told = {"sha256": "", **export.recorded(run, 0, nashpath.load(run, 0))}
    whole = export.safetensors_bytes(nashpath.load(run, 0), told)
    flipped = bytearray(whole)
    flipped[-3] ^= 64
    cases = {"cut": whole[: len(whole) // 2], "flipped": bytes(flipped), "text": b"hello", "empty": b""}
    for name, content in cases.items():
        (tmp_path / name).write_bytes(content)
        with pytest.raises(CheckpointError, match="damaged"):
            nashpath.load(tmp_path / name)
    save_file({"weight": torch.zeros(2)}, tmp_path / "foreign")
    with pytest.raises(CheckpointError, match="no generator that nashpath export wrote"):
        nashpath.load(tmp_path / "foreign")
