"""What ``device=auto`` means, and the variable that it obeys."""

import json

import pytest
import torch

from nashpath.report.verdict import run_facts
from nashpath.run import SettingError, open_session
from nashpath.run.engine.device import find_device, hardware, processor, tf32_products
from run_folders import flags, nash, small


@pytest.fixture
def gpus(monkeypatch):
    """Two GPUs that PyTorch finds."""
    monkeypatch.setattr(torch.cuda, "is_available", lambda: True)
    monkeypatch.setattr(torch.cuda, "device_count", lambda: 2)


@pytest.mark.parametrize(
    ("variable", "expected"),
    [(None, "cuda"), ("", "cuda"), ("auto", "cuda"), ("cpu", "cpu"), ("cuda", "cuda"), ("cuda:1", "cuda:1")],
)
def test_auto_obeys_the_variable(gpus, monkeypatch, variable, expected):
    monkeypatch.delenv("NASHPATH_DEVICE", raising=False)
    if variable is not None:
        monkeypatch.setenv("NASHPATH_DEVICE", variable)
    assert find_device("auto") == torch.device(expected)


def test_a_run_says_on_what_processor_and_what_gpu(gpus, monkeypatch, original):
    monkeypatch.setattr(torch.cuda, "get_device_name", lambda device: f"GPU {torch.device(device).index}")
    vectors = torch.backends.cpu.get_cpu_capability()
    assert hardware("cuda:1") == {"processor": f"{processor()} ({vectors})", "gpu": "GPU 1"}
    facts = json.loads((original / "run.json").read_text())
    assert facts["processor"] == hardware("cpu")["processor"]
    assert dict(run_facts(facts))["processor"] == facts["processor"]


def test_a_device_that_was_asked_for_is_not_overruled(gpus, monkeypatch):
    monkeypatch.setenv("NASHPATH_DEVICE", "cpu")
    assert find_device("cuda:1") == torch.device("cuda:1")


@pytest.mark.parametrize("wrong", ["gpu", "meta", "cuda:2", "nonsense:1"])
def test_a_wrong_value_is_refused_and_the_variable_named(gpus, monkeypatch, wrong):
    monkeypatch.setenv("NASHPATH_DEVICE", wrong)
    with pytest.raises(SettingError, match=f"^NASHPATH_DEVICE: .*{wrong}"):
        find_device("auto")
    with pytest.raises(SettingError, match=f"^device: .*{wrong}"):
        find_device(wrong)


def test_without_a_gpu_the_variable_is_named(monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    monkeypatch.setenv("NASHPATH_DEVICE", "cuda")
    with pytest.raises(SettingError, match=r"^NASHPATH_DEVICE: cuda was asked for, but PyTorch finds no usable GPU"):
        find_device("auto")


def test_a_run_says_so_too_and_leaves_no_folder(monkeypatch, tmp_path):
    monkeypatch.setenv("NASHPATH_DEVICE", "gpu")
    said = nash("train", *flags(), "--out", tmp_path / "run", expect=2).stderr
    assert "NASHPATH_DEVICE" in said
    assert "use auto, cpu, cuda or cuda:N" in " ".join(said.split())
    assert not (tmp_path / "run").exists()


def test_a_run_writes_down_the_device_that_auto_was(monkeypatch, tmp_path):
    monkeypatch.setenv("NASHPATH_DEVICE", "cpu")
    open_session(small(), {}, tmp_path / "run")
    assert 'device = "cpu"' in (tmp_path / "run" / "config.toml").read_text()


def test_tf32_is_refused_where_there_is_no_such_unit(tmp_path):
    with pytest.raises(SettingError, match="precision: tf32 is a rounding of CUDA's"):
        open_session(small(precision="tf32", device="cpu"), {}, tmp_path / "run")
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("wanted", [True, False])
def test_tf32_is_allowed_within_a_step_alone(wanted):
    def now():
        return torch.backends.cuda.matmul.fp32_precision, torch.backends.cudnn.conv.fp32_precision

    before = now()
    with pytest.raises(ZeroDivisionError), tf32_products(wanted):  # noqa: PT012
        assert now() == (("tf32", "tf32") if wanted else before)
        raise ZeroDivisionError
    assert now() == before
    assert before[0] != "tf32"
