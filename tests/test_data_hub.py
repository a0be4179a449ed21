"""The Hub: pinned, read from parquet, and plain about what is missing. Nothing here touches a network."""

import importlib
import sys
from io import BytesIO
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from nashpath.data import Hub

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


@pytest.mark.filterwarnings("ignore:.*classes have no sample")
def test_cells_without_a_picture_are_left_out_and_named(tmp_path, monkeypatch):
    arrow, parquet = pytest.importorskip("pyarrow"), pytest.importorskip("pyarrow.parquet")
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    table = arrow.table({"image": [encoded(PIXELS[0]), None, encoded(PIXELS[2])], "label": [4, 5, 6]})
    parquet.write_table(table, tmp_path / "train.parquet")
    with pytest.warns(UserWarning, match=r"1 of 3 images .*\n  train\.parquet row 1 \("):
        _, label = Hub(folder=str(tmp_path), label_column="label", size=8).labelled_examples()
    assert label.tolist() == [4, 6]
