"""The data set inside a PyTorch DataLoader, where the loader hands out just its items."""

from typing import Any

from torch.utils.data import BatchSampler, DataLoader, Dataset, IterableDataset, RandomSampler, SequentialSampler
from torch.utils.data import default_collate as usual_collate

SUBSET = (
    "batches are drawn by the key, each sample as often as any other: give torch.utils.data.Subset(data, indices) with "
    "the numbers of the samples that are meant (in it as often as they are to be drawn)"
)


def dataset_of(loader: "DataLoader[Any]") -> "Dataset[Any]":
    """What a loader loads. Its batch size, order and workers are left out, since batches are drawn by the key.

    Raises `ValueError` for what makes other samples than the items of the data set, each as often as any other: a
    sampler, batches or a ``collate_fn`` of one's own.
    """
    data: Any = loader.dataset
    if isinstance(data, IterableDataset):
        return data
    kind = f"the DataLoader of {type(data).__name__}"
    if type(loader).__iter__ is not DataLoader.__iter__:
        raise ValueError(
            f"{kind} is a {type(loader).__name__}, which makes batches in its own way: give its data set itself, and "
            "put what is done to samples there"
        )
    if loader.batch_sampler is None:
        raise ValueError(
            f"{kind} has batch_size=None, so an item is a batch or is taken as it is: give a data set whose items are "
            "one sample each, by itself"
        )
    if type(loader.batch_sampler) is not BatchSampler:
        raise ValueError(f"{kind} has a batch_sampler ({type(loader.batch_sampler).__name__}), and {SUBSET}")
    order: Any = loader.batch_sampler.sampler
    if type(order) not in (SequentialSampler, RandomSampler):
        raise ValueError(f"{kind} has a sampler ({type(order).__name__}), and {SUBSET}")
    if order.data_source is not data and len(order.data_source) != len(data):
        raise ValueError(
            f"{kind} has a sampler of {len(order.data_source)} samples, and the data set has {len(data)}; {SUBSET}"
        )
    if loader.collate_fn is not usual_collate:
        name = getattr(loader.collate_fn, "__name__", type(loader.collate_fn).__name__)
        raise ValueError(
            f"{kind} has a collate_fn ({name}), which is not called here: put what it does to samples into the data "
            "set, in __getitem__ or as its transform"
        )
    return data
