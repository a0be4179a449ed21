"""oneDNN is used only where it is exact, and the setting is put back."""

import torch

from nashpath.run.engine.onednn import EXACT, float32_matmul, onednn_is_exact


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
