"""The Hub: pinned, read from parquet, and plain about what is missing. Nothing here touches a network."""

import importlib
import sys
from io import BytesIO
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from nashpath.data import CIFAR10, MNIST, SVHN, Hub
from nashpath.data.base import DataWarning
from nashpath.data.shards import check_complete

REVISION = "0123456789abcdef0123456789abcdef01234567"
PIXELS = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)


def encoded(pixels: np.ndarray) -> bytes:
    file = BytesIO()
    Image.fromarray(pixels).save(file, format="PNG")
    return file.getvalue()


@pytest.fixture
def local(tmp_path, monkeypatch):
    """A stand-in for a repository: two parquet files for training, one for testing."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    (tmp_path / "repo" / "data").mkdir(parents=True)
    for name, rows in {"train-0": range(3), "train-1": range(3, 5), "test-0": range(1)}.items():
        cells = [{"bytes": encoded(PIXELS[row]), "path": None} for row in rows]
        table = arrow.table({"image": cells, "label": list(rows)})
        parquet.write_table(table, tmp_path / "repo" / "data" / f"{name}.parquet")
    return tmp_path / "repo"


def client(monkeypatch, download):
    monkeypatch.setitem(sys.modules, "huggingface_hub", SimpleNamespace(snapshot_download=download))


def test_a_local_copy_is_read(local):
    real, label = Hub(folder=str(local), size=8, label_column="label").labelled_examples()
    assert np.allclose(real, PIXELS.transpose(0, 3, 1, 2) / 127.5 - 1, atol=1e-6)
    assert label.tolist() == [0, 1, 2, 3, 4]
    assert len(Hub(folder=str(local), files="*test*.parquet", size=8)) == 1


@pytest.mark.unchecked("stands in for a module")
def test_the_pinned_revision_is_what_is_fetched(local, monkeypatch):
    asked = {}

    def download(repo, **options):
        asked.update(options, repo=repo)
        return str(local)

    client(monkeypatch, download)
    assert len(Hub("owner/name", REVISION, size=8)) == 5
    assert (asked["repo"], asked["revision"], asked["repo_type"]) == ("owner/name", REVISION, "dataset")
    assert asked["allow_patterns"] == ["*train*.parquet"]


@pytest.mark.unchecked("stands in for a module")
def test_without_a_network_it_says_what_to_do(local, monkeypatch):
    def download(repo, **options):
        raise OSError("Name or service not known")

    client(monkeypatch, download)
    source = Hub("owner/name", REVISION)
    with pytest.raises(ConnectionError, match=r"owner/name at 0123.*Name or service.*offline, .*folder="):
        source.prepare()


@pytest.mark.parametrize("revision", ["", "main", "v1.0", REVISION[:7]])
def test_a_revision_that_can_move_is_refused(revision):
    with pytest.raises(ValueError, match=r"commit hash \(40 hex digits\).*datasets/owner/name/commits"):
        Hub("owner/name", revision)


def test_a_missing_or_odd_repository_name_is_refused():
    with pytest.raises(ValueError, match="give the data set as owner/name"):
        Hub("", REVISION)


def test_a_missing_extra_says_what_to_install(monkeypatch):
    def absent(name):
        raise ModuleNotFoundError(name)

    monkeypatch.setattr(importlib, "import_module", absent)
    with pytest.raises(ImportError, match=r"needs pyarrow.*pip install 'nashpath\[hub\]'"):
        Hub("owner/name", REVISION)


def test_unknown_patterns_and_columns_list_what_is_there(local):
    with pytest.raises(ValueError, match=r"no parquet file matches '\*valid\*'.*data/test-0\.parquet"):
        Hub(folder=str(local), files="*valid*").prepare()
    with pytest.raises(ValueError, match=r"no column 'img'; its columns: image, label"):
        Hub(folder=str(local), column="img").prepare()
    with pytest.raises(FileNotFoundError, match="there is no folder"):
        Hub(folder=str(local / "gone"))._filled()


@pytest.fixture
def written(tmp_path, monkeypatch):
    """Writes parquet files into a folder of their own, each of a table's columns or of plain bytes; the folder."""
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))

    def write(**files) -> str:
        for name, given in files.items():
            file = tmp_path / "copy" / f"{name}.parquet"
            file.parent.mkdir(exist_ok=True)
            if isinstance(given, bytes):
                file.write_bytes(given)
            else:
                parquet.write_table(arrow.table(given), file)
        return str(tmp_path / "copy")

    return write


def pictures(count: int) -> list[bytes]:
    return [encoded(PIXELS[k % len(PIXELS)]) for k in range(count)]


@pytest.mark.filterwarnings("ignore:.*classes have no sample")
@pytest.mark.filterwarnings("ignore:.*no sample of class 5 could be read")
def test_cells_without_a_picture_are_left_out_and_named(written):
    folder = written(train={"image": [encoded(PIXELS[0]), None, encoded(PIXELS[2])], "label": [4, 5, 6]})
    with pytest.warns(UserWarning, match=r"1 of 3 images .*\n  train\.parquet row 1 \(holds no picture: null\)"):
        _, label = Hub(folder=folder, label_column="label", size=8).labelled_examples()
    assert label.tolist() == [4, 6]


EMPTY = {
    "null": (None, "holds no picture: null"),
    "no bytes": ({"bytes": b"", "path": "a.png"}, "holds no picture: no bytes"),
    "a path alone": ({"bytes": None, "path": "a.png"}, "holds no picture: null, beside the path 'a.png'"),
    "other bytes": ({"bytes": b"xx", "path": None}, "2 bytes that are no picture"),
}


@pytest.mark.parametrize("case", EMPTY)
def test_a_cell_says_what_it_holds_in_place_of_a_picture(written, case):
    cell, said = EMPTY[case]
    whole = [{"bytes": one, "path": "b.png"} for one in pictures(2)]
    with pytest.warns(DataWarning, match="1 of 3 images") as caught:
        Hub(folder=written(train={"image": [whole[0], cell, whole[1]]}), size=8).prepare()
    (warning,) = caught
    assert str(warning.message).endswith(f"train.parquet row 1 ({said})")


@pytest.mark.parametrize("cells", [[1, 2, 3], ["a.png", "b.png"], [[b"x"], [b"y"]], [{"path": "a.png"}], [0.5]])
def test_columns_that_cannot_hold_pictures_are_named_with_what_they_hold(written, cells):
    with pytest.raises(ValueError, match=r"column 'image' of train\.parquet holds .*, not one encoded picture a row"):
        Hub(folder=written(train={"image": cells}), size=8).prepare()


def test_a_table_without_rows_says_so(written):
    arrow = pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match=r"no row is in train\.parquet"):
        Hub(folder=written(train={"image": arrow.array([], arrow.binary())}), size=8).prepare()


@pytest.mark.parametrize("left", [0, 3, 4, 100, -20, -1])
def test_a_damaged_file_among_others_is_named(written, left):
    folder = written(train={"image": pictures(3)})
    whole = (Path(folder) / "train.parquet").read_bytes()
    written(train2=whole[:left])
    with pytest.raises(ValueError, match=r"train2\.parquet: cannot be read as a parquet file .* copy it again"):
        Hub(folder=folder, size=8).prepare()


PARTS = {
    "the others": ([0], 5, "", ["1", "2", "3", "4"]),
    "the first": ([1, 2], 3, "", ["0"]),
    "one in the middle": ([0, 1, 3], 4, "", ["2"]),
    "with sums of their contents": ([0], 2, "-{}abc", ["1"]),
}


@pytest.mark.parametrize("case", PARTS)
@pytest.mark.parametrize("folder", ["", "data/"])
def test_parts_that_are_not_there_are_named(case, folder):
    """By the numbers in the names of those that are there; none is missing where all are."""
    present, total, tail, missing = PARTS[case]
    names = {k: f"{folder}train-{k:05d}-of-{total:05d}{tail.format(k)}.parquet" for k in range(total)}
    there = [names[k] for k in present] + [f"{folder}test-00000-of-00001.parquet", f"{folder}train-0.parquet"]
    with pytest.raises(ValueError, match=f"here: .* {len(missing)} more belong") as caught:
        check_complete(there, "*.parquet", "here")
    for k in missing:
        assert f"{folder}train-{int(k):05d}-of-{total:05d}" in str(caught.value)
    check_complete([*names.values(), *there], "*.parquet", "here")
    check_complete([names[present[0]]], names[present[0]], "here")  # no other was asked for


@pytest.mark.parametrize("kind", [Hub, MNIST, CIFAR10, SVHN])
def test_a_copy_with_a_missing_part_is_refused_by_each_data_set(written, kind):
    image, label = getattr(kind, "columns", ("image", "label"))
    folder = written(**{"train-00001-of-00003": {image: pictures(2), label: [0, 1]}})
    if kind is SVHN:
        (Path(folder) / "cropped_digits").mkdir()
        for file in Path(folder).glob("*.parquet"):
            file.rename(file.parent / "cropped_digits" / file.name)
    with pytest.raises(ValueError, match=r"2 more belong .*train-00000-of-00003, .*train-00002-of-00003; copy them"):
        kind(folder=folder, size=8).prepare()


@pytest.mark.parametrize("lost", [[0], [1], [2], [0, 2]])
def test_classes_without_a_readable_picture_stay_classes_and_are_named(written, lost):
    labels = [k % 3 for k in range(9)]
    cells = [b"" if label in lost else one for label, one in zip(labels, pictures(9))]
    source = Hub(folder=written(train={"image": cells, "label": labels}), size=8, label_column="label")
    with pytest.warns(DataWarning) as caught:
        source.prepare()
    assert source.class_counts().tolist() == [0 if k in lost else 3 for k in range(3)]
    assert source.classes == 3
    said = f"no sample of class{'es' * (len(lost) > 1)} {', '.join(map(str, lost))} could be read"
    assert sum(said in str(warning.message) for warning in caught) == 1


@pytest.mark.parametrize("rows", [3, 5000])
def test_moving_pictures_are_said_to_be_read_as_their_first(written, rows):
    frames = [Image.fromarray(one) for one in PIXELS[:3]]
    file = BytesIO()
    frames[0].save(file, "GIF", save_all=True, append_images=frames[1:])
    folder = written(train={"image": [file.getvalue()] * rows})
    for _ in range(2):  # decoded, and from the cache
        with pytest.warns(DataWarning, match=r"hold several pictures .*\n  train\.parquet row 0\n") as caught:
            Hub(folder=folder, size=8).prepare()
        (warning,) = caught
        assert str(warning.message).startswith("3 images in " if rows == 3 else "2000 of 2,000 images looked at in ")
