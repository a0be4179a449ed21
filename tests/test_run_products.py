"""oneDNN is used only where it is exact, and the setting is put back."""

import pytest
import torch

from nashpath.run.engine import program
from nashpath.run.engine.onednn import EXACT, float32_matmul, onednn_is_exact
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve


def test_products_inside_are_those_of_float32():
    a, b = torch.randn(8, 48, 96), torch.randn(8, 96, 33)
    scale = torch.bmm(a.double().abs(), b.double().abs())
    with float32_matmul(True):
        inside = torch.bmm(a, b)
    assert ((inside - torch.bmm(a.double(), b.double())).abs() / scale).max() < EXACT


def test_the_setting_is_put_back_and_not_touched_unasked():
    setting = torch.backends.mkldnn.matmul
    before = setting.fp32_precision
    with float32_matmul(False):
        assert setting.fp32_precision == before
    with float32_matmul(True):
        assert (setting.fp32_precision == "bf16") == onednn_is_exact()
    assert setting.fp32_precision == before


def test_the_environment_can_forbid_it(monkeypatch):
    monkeypatch.setattr("nashpath.run.engine.onednn.onednn_is_exact", lambda: True)
    seen = {}
    for value in ("off", "on", ""):
        monkeypatch.setenv("NASHPATH_ONEDNN", value)
        with float32_matmul(True):
            seen[value] = torch.backends.mkldnn.matmul.fp32_precision == "bf16"
    assert seen == {"off": False, "on": True, "": True}


def test_a_library_that_rounds_is_not_used(monkeypatch):
    monkeypatch.setattr("nashpath.run.engine.onednn._error", lambda shape, rng: 4e-3)
    onednn_is_exact.cache_clear()
    try:
        assert not onednn_is_exact()
        with float32_matmul(True):
            assert torch.backends.mkldnn.matmul.fp32_precision != "bf16"
    finally:
        onednn_is_exact.cache_clear()


@pytest.mark.parametrize(
    ("mode", "enough", "asked"), [("stacked", 1, True), ("stacked", -1, False), ("looped", 1, False)]
)
def test_small_stacks_and_single_members_do_not_ask_for_it(monkeypatch, mode, enough, asked):
    trial = build_trial(resolve({"generator": {"width": 4}, "discriminator": {"width": 4}, "batch_size": 4}), 0)
    size = sum(v.numel() for v in trial.parameters())
    monkeypatch.setattr(program, "WORK", 3 * size + (enough < 0))
    seen = []
    real = float32_matmul
    monkeypatch.setattr(program, "float32_matmul", lambda wanted: (seen.append(wanted), real(wanted))[1])
    program.Program([trial] * 3, range(3), mode).run(1)
    assert set(seen) == {asked}
