"""The same features through other people's libraries: 1e-6 relative, for random and for degenerate features.

They are in the extra ``metrics-oracles``, and skipped without.
"""

import sys
from importlib import import_module
from importlib.machinery import ModuleSpec
from importlib.util import find_spec
from types import ModuleType

import pytest
import torch

from nashpath.core import generator
from nashpath.metrics import FID, KID, DensityCoverage, InceptionScore, PrecisionRecall
from nashpath.metrics.features.inception import prepared
from nashpath.metrics.features.inception_network import InceptionNetwork
from nashpath.metrics.ms_ssim import similarity


def drawn(seed: int, count: int, width: int, rank: int) -> torch.Tensor:
    rng = generator(seed)
    mixing = torch.randn(rank, width, generator=generator(7), dtype=torch.double)
    shift = torch.randn(width, generator=rng, dtype=torch.double) / 3
    return torch.randn(count, rank, generator=rng, dtype=torch.double) @ mixing + shift


FEATURES = {
    "random": (drawn(0, 400, 16, 16), drawn(1, 300, 16, 16)),
    "wide": (drawn(0, 40, 64, 64), drawn(1, 30, 64, 64)),
    "low rank": (drawn(0, 300, 16, 3), drawn(1, 300, 16, 3)),
    "collapsed": (drawn(0, 300, 16, 16), drawn(1, 1, 16, 16) + 1e-3 * drawn(2, 200, 16, 16)),
    "shifted": (drawn(0, 300, 16, 16), drawn(1, 300, 16, 16) + 100),
}


@pytest.fixture(params=FEATURES)
def pair(request: pytest.FixtureRequest) -> tuple[torch.Tensor, torch.Tensor]:
    return FEATURES[request.param]


class StandIn(ModuleType):
    """Any name below it is a class, or a stand-in."""

    def __getattr__(self, name: str) -> type:
        if name.startswith("__"):
            raise AttributeError(name)
        return type(name, (), {})


@pytest.fixture
def fidelity(monkeypatch: pytest.MonkeyPatch):
    """Imports a module of torch-fidelity; for torchvision, which it imports for its data sets, a stand-in serves."""
    pytest.importorskip("tqdm")
    if find_spec("torch_fidelity") is None:
        pytest.skip("torch-fidelity is not installed")
    parts = [StandIn("torchvision")]
    for name in ("datasets", "models", "transforms", "transforms.functional"):
        parts.append(StandIn(f"torchvision.{name}"))
    for part in parts:
        part.__spec__, part.__path__ = ModuleSpec(part.__name__, None), []
        monkeypatch.setitem(sys.modules, part.__name__, part)
    parts[3].functional = parts[4]
    for name, part in zip(("datasets", "models", "transforms"), parts[1:]):
        setattr(parts[0], name, part)
    return lambda module: import_module(f"torch_fidelity.{module}")


def test_fid_is_torch_fidelitys(pair, fidelity):
    theirs = fidelity("metric_fid")
    stats = [theirs.fid_features_to_statistics(part) for part in pair]
    expected = theirs.fid_statistics_to_metric(*stats, verbose=False)["frechet_inception_distance"]
    assert FID()(*pair)["fid"] == pytest.approx(expected, rel=1e-6)


def test_fid_is_torchmetrics(pair):
    theirs = pytest.importorskip("torchmetrics.image.fid")
    (a, b), (s, t) = [part.mean(0) for part in pair], [part.T.cov() for part in pair]
    assert FID()(*pair)["fid"] == pytest.approx(float(theirs._compute_fid(a, s, b, t)), rel=1e-6)


def test_kid_is_torch_fidelitys(pair, fidelity):
    theirs = fidelity("metric_kid")
    x, y = pair
    x, y = x[: len(y)], y[: len(x)]
    expected = theirs.kid_features_to_metric(x, y, kid_subsets=1, kid_subset_size=len(x), verbose=False)
    assert KID()(x, y)["kid"] == pytest.approx(expected["kernel_inception_distance_mean"], rel=1e-6)


def test_kid_is_torchmetrics(pair):
    theirs = pytest.importorskip("torchmetrics.image.kid")
    x, y = pair
    x, y = x[: len(y)], y[: len(x)]
    assert KID()(x, y)["kid"] == pytest.approx(float(theirs.poly_mmd(x, y)), rel=1e-6)


def test_precision_and_recall_are_torch_fidelitys(pair, fidelity):
    theirs = fidelity("metric_prc")
    real, fake = pair
    precision, recall = theirs.calculate_precision_recall_full(fake, real, 3)
    found = PrecisionRecall()(real, fake)
    assert (found["precision"], found["recall"]) == (
        pytest.approx(precision, rel=1e-6),
        pytest.approx(recall, rel=1e-6),
    )


def test_all_four_are_prdcs(pair, capsys: pytest.CaptureFixture):
    theirs = pytest.importorskip("prdc")
    real, fake = pair
    expected = theirs.compute_prdc(real.numpy(), fake.numpy(), 5)
    capsys.readouterr()  # it prints
    found = {**PrecisionRecall(5)(real, fake), **DensityCoverage(5)(real, fake)}
    assert found == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize("scale", [0.1, 1.0, 30.0])
def test_inception_score_is_torch_fidelitys(scale: float, fidelity):
    theirs = fidelity("metric_isc")
    logits = scale * torch.randn(503, 10, generator=generator(0))
    expected = theirs.isc_features_to_metric(logits, splits=10, shuffle=False)
    found = InceptionScore().scores(logits)
    assert float(found.mean()) == pytest.approx(expected["inception_score_mean"], rel=1e-6)
    assert float(found.std(correction=0)) == pytest.approx(expected["inception_score_std"], rel=1e-6)


def test_structural_similarity_is_torchmetrics():
    """Theirs reflects the images at their border; away from it they are equal."""
    theirs = pytest.importorskip("torchmetrics.functional.image")
    x = torch.rand(3, 3, 21, 21, generator=generator(0), dtype=torch.double) * 2 - 1
    y = (x + 0.3 * torch.randn(x.shape, generator=generator(1), dtype=torch.double)).clamp(-1, 1)
    _, full = theirs.structural_similarity_index_measure(x + 1, y + 1, data_range=2.0, return_full_image=True)
    expected = full[..., 5:-5, 5:-5].flatten(1).mean(1)
    assert similarity(x, y).numpy() == pytest.approx(expected.numpy(), rel=1e-6)


def test_inception_is_torch_fidelitys_on_random_weights(tmp_path, fidelity):
    theirs = fidelity("feature_extractor_inceptionv3")
    network = InceptionNetwork().eval()
    rng = generator(0)
    for name, tensor in network.state_dict().items():
        if tensor.is_floating_point():
            drawn = torch.randn(tensor.shape, generator=rng)
            tensor.copy_(drawn.abs() + 0.5 if "bn" in name else drawn / max(1, tensor[0].numel()) ** 0.5)
    torch.save(network.state_dict(), tmp_path / "weights.pth")
    reference = theirs.FeatureExtractorInceptionV3(
        "inception", ["2048", "logits_unbiased"], feature_extractor_weights_path=str(tmp_path / "weights.pth")
    )
    images = torch.randint(0, 256, (2, 3, 32, 40), generator=rng, dtype=torch.uint8)
    with torch.no_grad():
        expected = reference(images)
        found = network(prepared(images / 127.5 - 1))
    for ours, other in zip(found, expected):
        assert other.std() > 0
        assert torch.allclose(ours, other, rtol=1e-4, atol=1e-5 * float(other.abs().max()))
