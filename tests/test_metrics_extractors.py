"""Feature extractors: the digits' classifier, any network, exported programs, and Inception with its weights."""

import hashlib
from pathlib import Path

import pytest
import torch
from torch import nn

from nashpath.core import Key, generator
from nashpath.core.cache import cache_folder
from nashpath.data import Digits, StackedDigits
from nashpath.metrics import FEATURES, FeaturesError, MetricError, evaluate_samples, real_sample
from nashpath.metrics.features import CIFAR10Features, DigitsFeatures, Exported, Function, as_extractor, extract
from nashpath.metrics.features import inception as inception_module
from nashpath.metrics.features.cifar10 import from_eight_bits, in_eight_bits
from nashpath.metrics.features.inception import check_weights, corner_bilinear, prepared
from nashpath.metrics.features.inception_network import InceptionNetwork

REAL = Digits("train").examples(150)
FAKE = Digits("test").examples(120)


@pytest.fixture(autouse=True)
def own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))


def test_digits_features_know_digits():
    images, labels = Digits("test").labelled_examples()
    outputs = extract(DigitsFeatures(), images)
    assert outputs.logits is not None
    assert (outputs.logits.argmax(1) == labels).float().mean() > 0.985
    assert torch.linalg.matrix_rank(outputs.features.double().T.cov(), hermitian=True) == 32
    assert outputs.features.abs().max() < 0.999  # not saturated


def test_digits_features_take_other_sizes_and_channels():
    larger = nn.functional.interpolate(FAKE, (28, 28), mode="bilinear")
    small, large = extract(DigitsFeatures(), FAKE).features, extract(DigitsFeatures(), larger).features
    assert nn.functional.cosine_similarity(small, large).mean() > 0.9
    stacked = StackedDigits("test").draw(Key(0), 30)["real"]
    outputs = extract(DigitsFeatures(), stacked)
    assert outputs.logits is None
    expected = [extract(DigitsFeatures(), stacked[:, i : i + 1]).features for i in range(3)]
    assert torch.allclose(outputs.features, torch.cat(expected, 1), atol=1e-6)
    with pytest.raises(MetricError, match="features='pixels'"):
        evaluate_samples(torch.zeros(5, 2), torch.zeros(5, 2), ["fid"], "digits")


def test_weights_in_eight_bits_are_within_half_a_step():
    weights = {"conv.weight": torch.randn(5, 3, 3, 3, generator=generator(0)), "norm.weight": torch.tensor([0.5, -2.0])}
    found = from_eight_bits(in_eight_bits(weights))
    step = weights["conv.weight"].flatten(1).abs().amax(1).view(-1, 1, 1, 1) / 127
    assert ((found["conv.weight"] - weights["conv.weight"]).abs() <= 0.51 * step).all()
    assert torch.equal(found["norm.weight"], weights["norm.weight"])
    assert found.keys() == weights.keys()


def test_cifar10_features_take_grey_and_other_sizes():
    assert extract(CIFAR10Features(), FAKE).features.shape == (120, 64)
    with pytest.raises(FeaturesError, match="1 or 3 channels, not of 2"):
        extract(CIFAR10Features(), FAKE.expand(-1, 2, -1, -1))


def test_a_trained_collapsed_or_noisy_sample_ranks_as_it_should():
    """Real digits beat noise and collapse in every metric of the digits' features."""
    noise = torch.rand(FAKE.shape, generator=generator(0)) * 2 - 1
    collapsed = FAKE[:1] + 0.05 * torch.randn(FAKE.shape, generator=generator(1))
    names = ["fid", "kid", "inception_score", "prdc", "sliced_wasserstein", "fid_infinity"]
    reals = real_sample(REAL, "digits")
    scores = [{m.name: m.value for m in evaluate_samples(reals, fake, names)} for fake in (FAKE, noise, collapsed)]
    good, *bad = scores
    for worse in bad:
        for name in ("fid", "kid", "fid_infinity", "sliced_wasserstein"):
            assert good[name] < 0.6 * worse[name]
        for name in ("inception_score", "recall", "coverage"):
            assert good[name] > 1.5 * worse[name]
    assert good["precision"] > 10 * bad[0]["precision"]


class Dropping(nn.Module):
    def __init__(self):
        super().__init__()
        self.body = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.BatchNorm1d(6), nn.Dropout(0.5))

    def forward(self, x):
        return self.body(x)


def test_a_network_is_used_in_evaluation_mode_and_left_as_it_was():
    network = Dropping()
    network.body[3].eval()
    before = {k: v.clone() for k, v in network.state_dict().items()}
    extractor = as_extractor(network)
    assert torch.equal(extractor(FAKE).features, extractor(FAKE).features)
    assert network.training
    assert not network.body[3].training
    assert all(torch.equal(v, before[k]) for k, v in network.state_dict().items())
    assert extractor.name == "Dropping"
    with torch.no_grad():
        network.body[1].weight[0, 0] += 1
    assert as_extractor(network).digest != extractor.digest


@pytest.mark.long
@pytest.mark.filterwarnings("ignore:The given buffer is not writable")  # torch 2.11, of its own archive
def test_an_exported_program_is_an_extractor(tmp_path: Path):
    network = nn.Sequential(nn.Flatten(), nn.Linear(64, 6), nn.Tanh()).eval()
    batch = torch.export.Dim("batch", min=1)
    program = torch.export.export(network, (FAKE[:3],), dynamic_shapes=({0: batch},))
    torch.export.save(program, tmp_path / "mine.pt2")
    extractor = as_extractor(str(tmp_path / "mine.pt2"))
    assert isinstance(extractor, Exported)
    assert extractor.name == "mine"
    with torch.no_grad():
        assert torch.allclose(extract(extractor, FAKE).features, network(FAKE))


BAD_FEATURES = {
    "no features are called 'incepton'": "incepton",
    "no such file": "missing.pt2",
    "must return features": Function(lambda x: None),
    "one row of features for each sample": Function(lambda x: x.flatten(1)[:1]),
    "put pt_inception-2015-12-05-6726825d.pth there": "inception",
}


@pytest.mark.parametrize("message", BAD_FEATURES)
def test_features_that_cannot_be_used_say_so(message: str):
    with pytest.raises(FeaturesError, match=message):
        evaluate_samples(REAL, FAKE, ["fid"], BAD_FEATURES[message])


def test_weights_that_are_not_the_published_ones_are_never_loaded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    file = tmp_path / "weights.pth"
    file.write_bytes(b"something else")
    monkeypatch.setattr(torch, "load", lambda *a, **k: pytest.fail("was read"))
    with pytest.raises(FeaturesError, match="not the published file"):
        FEATURES["inception"](file)
    monkeypatch.setattr(inception_module, "URL", file.as_uri())
    with pytest.raises(FeaturesError, match="not the published file"):
        inception_module.download_inception()
    assert not list(cache_folder().iterdir())


@pytest.mark.long
def test_right_weights_are_downloaded_once_and_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    network = InceptionNetwork().eval()
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    digest = hashlib.sha256((tmp_path / "weights.pth").read_bytes()).hexdigest()
    monkeypatch.setattr(inception_module, "SHA256", digest)
    monkeypatch.setattr(inception_module, "URL", (tmp_path / "weights.pth").as_uri())
    file = inception_module.download_inception()
    monkeypatch.setattr(inception_module, "URL", "file:///gone")
    assert inception_module.download_inception() == file
    check_weights(file)
    outputs = as_extractor("inception")(FAKE[:1])
    assert outputs.features.shape == (1, 2048)
    assert outputs.logits is not None
    assert outputs.logits.shape == (1, 1008)


def test_inception_counts_its_published_parameters():
    """23,851,784 + 8 extra classes: 1,008 instead of 1,000 outputs, and no auxiliary head; torchvision publishes
    27,161,264 for 1,000 classes with a head of 3,326,696."""
    network = InceptionNetwork()
    assert sum(p.numel() for p in network.parameters()) == 27_161_264 - 3_326_696 + 8 * 2049


@pytest.mark.parametrize("side", [1, 8, 32, 299, 400])
def test_corner_resize_by_hand(side: int):
    line = torch.rand(side, generator=generator(0))
    expected = []
    for i in range(299):
        position = i * side / 299
        low = int(position)
        high = min(low + 1, side - 1)
        expected.append(line[low] + (position - low) * (line[high] - line[low]))
    assert torch.allclose(corner_bilinear(side) @ line, torch.stack(expected), atol=1e-4)


def test_inception_sees_bytes_and_grey_as_three_channels():
    white = prepared(torch.ones(1, 1, 8, 8))
    assert white.shape == (1, 3, 299, 299)
    assert torch.allclose(white, torch.tensor(127 / 128))
    assert torch.equal(prepared(torch.full((1, 3, 8, 8), 1e-4)), prepared(torch.zeros(1, 3, 8, 8) + 2e-4))
