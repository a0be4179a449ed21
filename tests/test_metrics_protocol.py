"""Protocols of numbers, and the cache of what is slow."""

import json
import os
from pathlib import Path

import pytest
import torch
from torch import nn

import nashpath as nash
from nashpath.core.cache import cache_folder, remembered
from nashpath.data import Digits
from nashpath.metrics import (
    Measurement,
    MetricError,
    ProtocolError,
    as_extractor,
    evaluate_samples,
    real_sample,
)
from nashpath.metrics.features import DigitsFeatures, Function, Network

REAL = Digits("train").examples(150)
FAKE = Digits("test").examples(120)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    return tmp_path / "cache" / "metrics"


def fid(real=REAL, fake=FAKE, features="digits", **rest) -> Measurement:
    return evaluate_samples(real, fake, ["fid"], features, **rest)[0]


def test_equal_protocols_compare():
    good, bad = fid(split="train"), fid(fake=-FAKE, split="train")
    assert good < bad
    assert bad > good
    assert bad - good == bad.value - good.value
    assert good >= fid(split="train") >= good


OTHERWISE = {
    "fake": {"fake": FAKE[:100]},
    "real": {"real": REAL[:140]},
    "features": {"features": "pixels"},
    "split": {"split": "test"},
    "reference": {"real": REAL.flip(0)},
    "digest": {"features": Network(nn.Flatten(), "digits")},
}


@pytest.mark.parametrize("field", OTHERWISE)
def test_other_protocols_do_not_and_the_difference_is_named(field: str):
    with pytest.raises(ProtocolError, match=rf"\b{field}: "):
        _ = fid() < fid(**OTHERWISE[field])


def test_other_metrics_and_settings_do_not_compare():
    names = ["precision_recall"]
    one = evaluate_samples(REAL, FAKE, names)
    other = evaluate_samples(REAL, FAKE, names, settings={"precision_recall": {"neighbours": 5}})
    with pytest.raises(ProtocolError, match="settings: 'neighbours=3', not 'neighbours=5'"):
        _ = one[0] - other[0]
    with pytest.raises(ProtocolError, match="name: 'precision', not 'recall'"):
        _ = one[0] - one[1]


def test_a_measurement_survives_json_and_reads_well():
    found = fid(split="train")
    assert Measurement.from_dict(json.loads(json.dumps(found.as_dict()))) == found
    assert "120 fake against 150 real, digits features; biased upward" in str(found)


def test_prdc_is_a_group_and_order_is_kept():
    found = [m.name for m in evaluate_samples(REAL, FAKE, ["prdc", "kid", "density_coverage"])]
    assert found == ["precision", "recall", "density", "coverage", "kid", "kid_error"]


def test_a_number_does_not_depend_on_its_company():
    alone = evaluate_samples(REAL, FAKE, ["sliced_wasserstein"], seed=3)
    together = evaluate_samples(REAL, FAKE, ["ms_ssim", "sliced_wasserstein"], seed=3)
    assert alone[0] == together[-1]
    assert alone[0].value != evaluate_samples(REAL, FAKE, ["sliced_wasserstein"], seed=4)[0].value


def test_real_features_are_kept_by_content_and_extractor(own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    first = fid()
    kept = sorted(path.name.split("-")[0] for path in own_cache.iterdir())
    assert kept == ["features", "moments"]
    calls = []
    plain = DigitsFeatures.__call__
    monkeypatch.setattr(DigitsFeatures, "__call__", lambda self, x: calls.append(len(x)) or plain(self, x))
    assert fid() == first
    assert calls == [len(FAKE)]  # the reals came from disk
    fid(real=REAL + 0.01)
    assert calls == [120, 150, 120]
    assert not [path for path in own_cache.iterdir() if path.suffix != ".safetensors"]


def test_a_real_sample_is_extracted_once_and_need_not_be_kept(own_cache: Path):
    calls = []
    reals = real_sample(REAL, Function(lambda x: calls.append(len(x)) or x.flatten(1), "mine"))
    for _ in range(3):
        evaluate_samples(reals, FAKE, ["fid", "kid"])
    assert calls == [150, 120, 120, 120]
    assert not own_cache.exists()  # a bare function has no hash


@pytest.mark.parametrize("damage", [b"", b"not tensors", b"\xff" * 100])
def test_a_damaged_file_is_made_anew(own_cache: Path, damage: bytes):
    first = fid()
    for path in own_cache.iterdir():
        path.write_bytes(damage)
    assert fid() == first
    assert all(path.stat().st_size > 100 for path in own_cache.iterdir())


def test_a_killed_writer_leaves_no_half_file(own_cache: Path, monkeypatch: pytest.MonkeyPatch):
    def killed(written: int) -> None:
        assert len(list(own_cache.iterdir())) == 1
        raise KeyboardInterrupt

    monkeypatch.setattr(os, "fsync", killed)
    with pytest.raises(KeyboardInterrupt):
        remembered("key", lambda: {"x": torch.ones(2)})
    assert list(own_cache.iterdir()) == []


def test_a_byte_of_kept_statistics_that_is_another_has_them_made_anew(own_cache: Path):
    """Whichever: of numbers, names, shapes, or of the hash itself; and a file that was kept under another key."""
    known = {"mean": torch.tensor([1.5, -2.0]), "root": torch.tensor(3.0, dtype=torch.double), "n": torch.zeros(0)}
    made: list[int] = []

    def make() -> dict[str, torch.Tensor]:
        made.append(1)
        return known

    def right() -> bool:
        found = remembered("key", make)
        return found.keys() == known.keys() and all(torch.equal(found[name], v) for name, v in known.items())

    assert right()
    assert right()
    assert len(made) == 1
    (file,) = own_cache.rglob("*.safetensors")
    whole = file.read_bytes()
    for at in range(len(whole)):
        made.clear()
        file.write_bytes(whole[:at] + bytes([whole[at] ^ 1]) + whole[at + 1 :])
        assert right()
        assert made or whole[at : at + 1] == b" "  # a header may hold other blanks
    file.write_bytes(whole)
    file.rename(file.with_name("other.safetensors"))
    made.clear()
    remembered("other", make)
    assert made


def test_a_folder_that_cannot_be_written_is_no_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    (tmp_path / "file").write_text("in the way")
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "file"))
    assert torch.equal(remembered("key", lambda: {"x": torch.ones(2)})["x"], torch.ones(2))
    monkeypatch.delenv("NASHPATH_CACHE")
    assert cache_folder() == Path(os.path.expanduser("~")) / ".cache" / "nashpath"


UNITS = {
    "one half in bytes": (lambda x: x, lambda x: ((x + 1) * 127.5).byte()),
    "bytes": (lambda x: ((x + 1) * 127.5).byte(),) * 2,
    "from 0 to 1": (lambda x: (x + 1) / 2,) * 2,
    "from 0 to 255": (lambda x: (x + 1) * 127.5,) * 2,
    "channels last": (lambda x: x, lambda x: x.expand(-1, 3, -1, -1).permute(0, 2, 3, 1)),
}
WAYS = {
    "evaluate": lambda x, y: nash.evaluate(x, y, ["fid"], "digits"),
    "evaluate, an extractor": lambda x, y: nash.evaluate(x, y, ["fid"], as_extractor("digits")),
    "evaluate, a sample": lambda x, y: nash.evaluate(real_sample(x, "digits", cached=False), y, ["fid"]),
    "by the metric": lambda x, y: evaluate_samples(x, y, ["sliced_wasserstein", "fid@digits"]),
    "evaluate_samples": lambda x, y: evaluate_samples(x, y, ["fid"], "digits"),
}


@pytest.mark.filterwarnings("ignore:real samples reach")
@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("units", UNITS)
def test_images_in_other_units_than_their_features_are_measured_by_no_way(units: str, way: str):
    one, other = UNITS[units]
    with pytest.raises(MetricError, match=r"from -1 to 1|give images of one size"):
        WAYS[way](one(REAL), other(FAKE))


@pytest.mark.parametrize("value", [2.0, 255.0])
def test_images_of_one_value_beyond_the_units_of_features_are_refused(value):
    with pytest.raises(MetricError, match="features are those of images from -1 to 1"):
        evaluate_samples(torch.full((8, 1, 8, 8), value), torch.full((8, 1, 8, 8), value), ["fid"], "digits")
