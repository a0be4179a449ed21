"""What metrics cost before the first step: it is said, it can be made less, a stop cuts it, and it is paid once."""

import json

import pytest
import torch

from nashpath.data import Digits
from nashpath.metrics import KID, real_sample
from nashpath.metrics.evaluate import compare_samples
from nashpath.run import open_session, resume_session
from nashpath.run.engine.interrupt import Interrupted
from run_folders import small, trained


@pytest.fixture(autouse=True)
def own_cache(tmp_path, monkeypatch):
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


MEASURED = {"data": {"kind": "digits"}, "metrics": ["kid"], "evaluation_samples": 30}


@pytest.mark.parametrize("most", [0, 100])
def test_real_samples_are_as_many_as_asked_and_said(most, tmp_path):
    said = []
    session = open_session(small(**MEASURED, real_samples=most), {}, tmp_path / "run", notify=lambda m: said.append(m))
    session.train()
    count = most or len(Digits("train"))
    told = [moment.message for moment in said]
    assert f"measuring {count:,} real samples for kid (fewer: real_samples)" in told
    assert "measuring real samples against each other for kid" in told
    facts = json.loads((tmp_path / "run" / "run.json").read_text())
    assert [entry["real"] for entry in facts["metrics"]] == [count]


@pytest.mark.long
def test_a_stop_while_real_samples_are_compared_leaves_a_run_to_resume(tmp_path, monkeypatch):
    session = open_session(small(**MEASURED), {}, tmp_path / "run")

    def cut(stop):
        raise Interrupted

    with monkeypatch.context() as patch:
        patch.setattr(session.recorder, "write_reference", cut)
        session.stop = lambda: True
        assert session.train() == "stopped"
    assert not (tmp_path / "run" / "reference.npz").exists()
    assert resume_session(tmp_path / "run", []).train() == "finished"
    trained(small(**MEASURED), tmp_path / "whole")
    for name in ("reference.npz", "members.json"):
        assert (tmp_path / "run" / name).read_bytes() == (tmp_path / "whole" / name).read_bytes()


def test_kernels_among_real_samples_are_summed_once(monkeypatch):
    sizes = []
    plain = KID._row_sums
    monkeypatch.setattr(
        KID, "_row_sums", lambda self, x, y, *a, **k: sizes.append(len(x)) or plain(self, x, y, *a, **k)
    )
    real = real_sample(torch.randn(60, 3), "pixels", cached=False)
    fake = torch.randn(40, 3)
    first, again = (compare_samples(real, fake, ["kid", "kid"])[0].value for _ in range(2))
    assert first == again == KID()(real.values, fake)["kid"]
    assert sizes[:7] == [60, 40, 60, 40, 40, 60, 40]


def test_a_sample_is_hashed_as_at_once(monkeypatch):
    values = torch.randn(100, 7)
    whole = real_sample(values).content
    monkeypatch.setattr("nashpath.metrics.base.HASHED", 13)
    assert real_sample(values).content == whole
