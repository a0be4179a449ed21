"""Laws over the table of sources: what every one of them must do."""

import copy
import inspect
import json
import math
import random
import subprocess
import sys
from functools import partial

import numpy as np
import pytest
import torch
from PIL import Image
from torch.utils.data import (
    BatchSampler,
    DataLoader,
    Dataset,
    DistributedSampler,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
)

import nashpath as nash
from nashpath.core import Key
from nashpath.core.rng import generator
from nashpath.core.source import Source
from nashpath.data import SOURCES, Samples, as_source
from nashpath.run import resolve_flow, run_flow


@pytest.fixture
def build(tmp_path, monkeypatch):
    """Builds any source of the table, on small files where it needs some."""
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    pixels = np.random.default_rng(0).integers(0, 256, (5, 9, 7, 3), dtype=np.uint8)

    def folder():
        (tmp_path / "images").mkdir(exist_ok=True)
        for number, picture in enumerate(pixels):
            Image.fromarray(picture).save(tmp_path / "images" / f"{number}.png")
        return {"path": str(tmp_path / "images"), "size": 8}

    def array():
        np.save(tmp_path / "images.npy", pixels)
        return {"path": str(tmp_path / "images.npy")}

    def hub():
        parquet = pytest.importorskip("pyarrow.parquet")
        arrow = pytest.importorskip("pyarrow")
        folder()
        cells = [{"bytes": file.read_bytes()} for file in sorted((tmp_path / "images").glob("*.png"))]
        parquet.write_table(arrow.table({"image": cells}), tmp_path / "train-0.parquet")
        return {"folder": str(tmp_path), "size": 8}

    def table():
        lines = [f"{row.mean()},{'abc'[k % 3]}" for k, row in enumerate(pixels)]
        (tmp_path / "table.csv").write_text("\n".join(["mean,letter", *lines]))
        return {"path": str(tmp_path / "table.csv")}

    files = {"folder": folder, "array": array, "csv": table, "hub": hub}
    return lambda name: SOURCES[name](**files.get(name, dict)())


@pytest.mark.parametrize("name", SOURCES)
def test_a_draw_is_what_the_source_says_and_depends_on_the_seed_alone(name, build):
    source = build(name)
    assert isinstance(source, Source)
    batch, again = source.draw(Key(3), 17), build(name).draw(Key(3), 17)
    assert batch.keys() == again.keys() <= {"real", "label"}
    assert all(torch.equal(batch[key], again[key]) for key in batch)
    assert not torch.equal(batch["real"], source.draw(Key(4), 17)["real"])
    assert batch["real"].shape == (17, *source.shape)
    assert batch["real"].dtype == torch.float32
    assert batch["real"].isfinite().all()
    if len(source.shape) == 3:
        assert batch["real"].abs().max() <= 1
        assert batch["real"].min() < -0.5
        assert batch["real"].max() > 0.5


@pytest.mark.parametrize("name", SOURCES)
def test_labels_come_with_classes(name, build):
    source = build(name)
    batch = source.draw(Key(0), 500)
    assert ("label" in batch) == bool(getattr(source, "classes", 0))
    if "label" in batch:
        assert batch["label"].dtype == torch.int64
        assert batch["label"].shape == (500,)
        assert batch["label"].min() >= 0
        assert batch["label"].max() < source.classes
        real, label = source.labelled_examples(limit=20)
        assert real.shape == (20, *source.shape)
        assert label.shape == (20,)


@pytest.mark.parametrize("name", SOURCES)
def test_the_global_random_state_is_left_alone(name, build):
    before = torch.get_rng_state()
    build(name).draw(Key(0), 3)
    assert torch.equal(before, torch.get_rng_state())


@pytest.mark.parametrize("name", SOURCES)
def test_a_copy_draws_the_same(name, build):
    source = build(name)
    first = source.draw(Key(1), 4)["real"]
    assert torch.equal(copy.deepcopy(source).draw(Key(1), 4)["real"], first)


@pytest.mark.parametrize("name", SOURCES)
def test_the_docstring_has_a_summary_and_a_source(name):
    assert SOURCES.summary(name).endswith(".")
    assert len(SOURCES.summary(name)) <= 100
    assert len(SOURCES.reference(name)) > 20


@pytest.mark.parametrize("name", SOURCES)
def test_every_setting_has_a_default_so_that_the_command_line_can_offer_it(name):
    settings = inspect.signature(SOURCES[name]).parameters.values()
    assert all(s.default is not s.empty and s.annotation is not s.empty for s in settings)


NUMBERS = [
    (name, p.name, p.annotation)
    for name, row in SOURCES.items()
    for p in inspect.signature(row).parameters.values()
    if p.annotation is float or getattr(p.annotation, "__origin__", None) is float
]
"""The real numbers that shape data."""


def ends(annotation):
    """The least and the largest value of an annotated number; NaN where it has none."""
    about = getattr(annotation, "__metadata__", ())
    return [next((getattr(one, name) for one in about if hasattr(one, name)), math.nan) for name in ("ge", "le")]


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("name", "number", "annotation"), NUMBERS)
def test_data_are_numbers_of_single_precision_and_flows_end_at_both_ends_of_every_setting(
    name, number, annotation, tmp_path
):
    """``data.deviation=1e308`` ended flows in an error that said nothing of it."""
    assert not any(map(math.isnan, ends(annotation))), "a number without an end"
    for end in ends(annotation):
        data = {"kind": name, number: end}
        if name == "gaussian":
            data = {"kind": name, "covariance_xy": 0.0} | ({number: end} if number != "covariance_xy" else {})
        source = SOURCES[name](**{key: value for key, value in data.items() if key != "kind"})
        assert source.draw(Key(0), 64)["real"].double().square().float().isfinite().all()
        if len(source.shape) == 1:
            raw = {"data": data, "particles": 8, "steps": 2, "evaluation_samples": 8, "samples": 4, "device": "cpu"}
            learnt = {"ratio": {"kind": "discriminator", "warm_up": 4}}
            for more in [learnt, {"flow": "svgd"}][: 1 + hasattr(source, "log_density")]:
                folder = run_flow(resolve_flow([], raw | more), tmp_path / f"{number}{end}{[*more]}")
                assert json.loads((folder / "run.json").read_text())["status"] == "finished"


def test_as_source_takes_sources_tensors_and_arrays_and_nothing_else():
    ring = SOURCES["ring"]()
    assert as_source(ring) is ring
    points = torch.randn(30, 5, generator=generator(0))
    for given in (points, points.numpy(), points.bfloat16()):
        source = as_source(given)
        assert source.shape == (5,)
        assert isinstance(source, Samples)
        assert torch.allclose(source.examples(), points, atol=0.02)
    with pytest.raises(TypeError, match=r"got str.*Array\(path\)"):
        as_source("data.npy")


class Items(Dataset):
    """A data set of PyTorch's by a function of the item's number."""

    def __init__(self, item, count=12):
        self.item, self.count = item, count

    def __len__(self):
        return self.count

    def __getitem__(self, index):
        return self.item(index)


class Stream(IterableDataset):
    def __iter__(self):
        return iter([torch.zeros(2)])


def test_as_source_takes_data_sets_of_torch_and_their_loaders():
    images, labels = torch.rand(12, 1, 4, 4, generator=generator(0)), torch.arange(12) % 3
    bare, pairs = TensorDataset(images), TensorDataset(images, labels)
    numbered = Items(lambda k: (images[k].numpy(), int(labels[k])))
    expected = as_source(images).draw(Key(0), 40)["real"]
    for given in (bare, pairs, numbered, DataLoader(pairs, batch_size=3, shuffle=True), Subset(pairs, range(12))):
        state = torch.get_rng_state()
        source = as_source(given)
        assert torch.equal(state, torch.get_rng_state())
        drawn = source.draw(Key(0), 40)
        assert torch.equal(drawn["real"], expected)
        assert ("label" in drawn) == (source.classes == 3) == (given is not bare)


ITEMS = {
    "pictures": (lambda k: ("picture", 0), TypeError, "a tuple of str, int; .* need a transform to tensors"),
    "tables": (lambda k: {"image": torch.zeros(2)}, TypeError, "item 0 of Items is a dict"),
    "soft labels": (lambda k: (torch.zeros(2), torch.rand(3)), TypeError, "a tuple of Tensor, Tensor"),
    "broken": (lambda k: {}[k], TypeError, r"item 0 of Items cannot be taken \(KeyError: 0\)"),
    "flips": (lambda k: torch.rand(2), ValueError, "Items changes its samples at random.*nash.diff_augment"),
    "python flips": (lambda k: torch.full((2,), random.random()), ValueError, "changes its samples"),
    "sizes": (lambda k: torch.zeros(2 + k % 2), ValueError, r"several shapes, \(2,\) and \(3,\)"),
}


@pytest.mark.parametrize("what", ITEMS)
def test_a_data_set_whose_items_are_no_samples_is_refused_by_name(what: str):
    item, kind, said = ITEMS[what]
    with pytest.raises(kind, match=said):
        as_source(Items(item))


class OwnLoader(DataLoader):
    def __iter__(self):
        return (batch[:2] for batch in super().__iter__())


class OwnSampler(RandomSampler):
    def __iter__(self):
        return iter(range(3))


EVENS = range(0, 12, 2)
LOADERS = {
    "a subset": ({"sampler": SubsetRandomSampler(EVENS)}, r"sampler \(SubsetRandomSampler\).*Subset\(data, indices"),
    "weights": ({"sampler": WeightedRandomSampler([1.0] * 12, 12)}, r"sampler \(WeightedRandomSampler\).*Subset"),
    "numbers": ({"sampler": [0, 3]}, r"sampler \(list\).*Subset"),
    "shares": ({"sampler": DistributedSampler(range(12), 2, 0)}, r"sampler \(DistributedSampler\).*Subset"),
    "a sampler of one's own": ({"sampler": OwnSampler(range(12))}, r"sampler \(OwnSampler\).*Subset"),
    "the first": ({"sampler": SequentialSampler(range(5))}, "sampler of 5 samples, and the data set has 12; .*Subset"),
    "batches": ({"batch_sampler": [[0, 1], [2]]}, r"batch_sampler \(list\).*Subset"),
    "batches of a subset": (
        {"batch_sampler": BatchSampler(SubsetRandomSampler(EVENS), 2, False)},
        r"sampler \(SubsetRandomSampler\).*Subset",
    ),
    "none": ({"batch_size": None}, "batch_size=None.*one sample each"),
    "crops": ({"collate_fn": lambda batch: torch.stack(batch)[..., :2]}, r"collate_fn \(<lambda>\).*__getitem__"),
    "parts": ({"collate_fn": partial(default_collate)}, r"collate_fn \(partial\).*__getitem__"),
}


@pytest.mark.parametrize("what", LOADERS)
def test_a_loader_that_makes_other_samples_is_refused_with_what_to_give(what: str):
    given, said = LOADERS[what]
    data = TensorDataset(torch.rand(12, 1, 4, 4, generator=generator(0)))
    with pytest.raises(ValueError, match=f"the DataLoader of TensorDataset has a? ?{said}"):
        as_source(DataLoader(data, **{"batch_size": 4, **given} if "batch_sampler" not in given else given))
    with pytest.raises(ValueError, match="is a OwnLoader, which makes batches in its own way"):
        as_source(OwnLoader(data))


@pytest.mark.parametrize(
    "given",
    [
        {"shuffle": True, "drop_last": True},
        {"sampler": RandomSampler(range(12), replacement=True, num_samples=5)},
        {"batch_sampler": BatchSampler(SequentialSampler(range(12)), 5, True)},
        {"collate_fn": default_collate, "generator": torch.Generator()},
    ],
)
def test_a_loader_that_hands_out_its_items_is_its_data_set(given):
    data = TensorDataset(torch.rand(12, 1, 4, 4, generator=generator(0)))
    assert torch.equal(as_source(DataLoader(data, **given)).examples(), as_source(data).examples())


def test_a_data_set_without_items_by_number_or_with_too_many_is_refused_by_name():
    for given in (Stream(), DataLoader(Stream())):
        with pytest.raises(TypeError, match=r"Stream has no items by number.*torch.stack\(list"):
            as_source(given)
    for empty in (Items(lambda k: torch.zeros(2), 0), TensorDataset(torch.zeros(0, 2))):
        with pytest.raises(ValueError, match="is empty: it holds no sample"):
            as_source(empty)
    with pytest.raises(ValueError, match="more than 1 GiB in memory; give the folder"):
        as_source(Items(lambda k: torch.zeros(9000), 10**6))


def masked(**options):
    return np.ma.masked_array(np.ones((4, 2), np.float32), **options)


def quantized():
    return torch.quantize_per_tensor(torch.ones(4, 2), 0.1, 0, torch.quint8)


NOT_PLAIN = {
    "masked": (lambda: masked(mask=[[0, 0], [0, 1], [0, 0], [1, 0]]), "2 of its 8 numbers are masked"),
    "all masked": (lambda: masked(mask=True), "8 of its 8 numbers are masked"),
    "masked tensor": (lambda: torch.masked.masked_tensor(torch.ones(4, 2), torch.eye(4, 2) > 0), "a MaskedTensor"),
    "sparse": (lambda: torch.ones(4, 2).to_sparse(), "to_dense"),
    "sparse rows": (lambda: torch.ones(4, 2).to_sparse_csr(), "to_dense"),
    "nested": (lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)]), "samples of one size"),
    "jagged": (
        lambda: torch.nested.nested_tensor([torch.ones(2), torch.ones(3)], layout=torch.jagged),
        "samples of one size",
    ),
    "meta": (lambda: torch.ones(4, 2, device="meta"), "holds no numbers there"),
    "quantized": (quantized, "dequantize"),
}
TAKES_SAMPLES = {
    "as_source": as_source,
    "Samples": Samples,
    "labels": lambda x: Samples(np.ones((4, 2)), labels=x),
    "a data set": lambda x: as_source(Items(lambda k: x, 4)),
    "evaluate, real": lambda x: nash.evaluate(x, torch.ones(4, 2), ["sliced_wasserstein"]),
    "evaluate, fake": lambda x: nash.evaluate(torch.ones(4, 2), x, ["sliced_wasserstein"]),
    "known": lambda x: nash.evaluate(
        torch.ones(4, 2), torch.ones(4, 2), ["modes"], known={"centres": x, "deviation": 1}
    ),
}


@pytest.mark.filterwarnings("ignore::UserWarning")
@pytest.mark.parametrize("way", TAKES_SAMPLES)
@pytest.mark.parametrize("what", NOT_PLAIN)
def test_what_holds_no_number_in_some_place_is_refused_wherever_samples_are_taken(what: str, way: str):
    make, said = NOT_PLAIN[what]
    with pytest.raises(ValueError, match=said):
        TAKES_SAMPLES[way](make())


ODD_ARRAYS = {
    "a mask that hides nothing": lambda x: np.ma.masked_array(x, mask=False),
    "backwards": lambda x: np.ascontiguousarray(x[::-1])[::-1],
    "upside down": lambda x: np.ascontiguousarray(x[:, ::-1])[:, ::-1],
    "other bytes": lambda x: x.astype(">f4"),
    "long": lambda x: x.astype(np.longdouble),
    "read only": lambda x: np.frombuffer(x.tobytes(), np.float32).reshape(x.shape),
    "a matrix": np.asmatrix,
}


@pytest.mark.filterwarnings("ignore::PendingDeprecationWarning")
@pytest.mark.parametrize("what", ODD_ARRAYS)
def test_arrays_of_other_strides_and_bytes_are_what_they_hold(what: str):
    x = np.random.default_rng(0).normal(size=(6, 2)).astype(np.float32)
    odd = ODD_ARRAYS[what](x)
    for given in (odd, Items(lambda k: odd[k] if what != "a matrix" else x[k], 6)):
        assert np.array_equal(as_source(given).examples().numpy(), x)
    (expected,), (found,) = (nash.evaluate(y, x[:3], ["sliced_wasserstein"]) for y in (x, odd))
    assert found.value == pytest.approx(expected.value, rel=1e-6)


def test_labels_are_taken_from_what_holds_whole_numbers():
    x = torch.rand(4, 2)
    for labels in (
        [0, 1, 0, 1],
        (0, 1, 0, 1),
        range(4),
        [torch.tensor(0), torch.tensor(1)] * 2,
        np.array([0, 1, 0, 1]),
    ):
        assert Samples(x, labels=labels).classes == max(map(int, labels)) + 1
    for labels in ([0, 1], [0.0, 1.0, 0.0, 1.0], "0101", {0, 1}, [[0], [1, 0]], ["a", "b", "a", "b"], [None] * 4):
        with pytest.raises(ValueError, match="labels must be"):
            Samples(x, labels=labels)
    with pytest.raises(TypeError, match="a list is no tensor and no array"):
        Samples([[1.0, 2.0]])


@pytest.mark.long
def test_importing_the_room_stays_light():
    heavy = ["pandas", "sklearn", "scipy", "huggingface_hub", "pyarrow", "matplotlib", "rich"]
    probe = f"import sys, nashpath.data; print(sorted(set({heavy}) & set(sys.modules)))"
    assert subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True).stdout.strip() == "[]"
