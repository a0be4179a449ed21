"""Walks over trees: what is a node, what is a leaf, and that a walk stacks and compiles."""

from collections import OrderedDict
from typing import Any, NamedTuple

import numpy as np
import pytest
import torch
from torch.func import grad, vmap

from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import (
    SMALL,
    TreeForm,
    finite,
    leaf_norms,
    leaves,
    located_leaves,
    norm,
    tensor_leaves,
    tree_map,
)


class Pair(NamedTuple):
    first: Any
    second: Any


TREE = {"a": 1, "b": Pair(2, [3, (4, {})]), "c": {"d": {"e": 5}}, "f": None, "g": "text"}


def test_a_map_keeps_the_structure_and_calls_the_function_on_every_leaf():
    mapped = tree_map(lambda v: [v], TREE)
    assert mapped == {
        "a": [1],
        "b": Pair([2], [[3], ([4], {})]),
        "c": {"d": {"e": [5]}},
        "f": [None],
        "g": ["text"],
    }
    assert type(mapped["b"]) is Pair
    assert type(mapped["b"].second[1]) is tuple


def test_a_dict_is_matched_by_name_and_keeps_the_first_one_s_order():
    mapped = tree_map(lambda a, b: a - b, OrderedDict(x=5, y=7), {"y": 1, "x": 2})
    assert mapped == {"x": 3, "y": 6}
    assert type(mapped) is dict
    assert list(mapped) == ["x", "y"]


@pytest.mark.parametrize(
    "other",
    [{"x": 1}, {"x": 1, "y": 1, "z": 1}, {"x": 1, "z": 1}, [1, 1], 1, None],
    ids=["fewer keys", "more keys", "other keys", "list", "leaf", "None"],
)
def test_a_dict_of_another_structure_is_refused(other):
    with pytest.raises(ValueError, match="different structure: a dict of x, y beside"):
        tree_map(lambda a, b: a, {"x": 1, "y": 1}, other)


@pytest.mark.parametrize("other", [[1], [1, 1, 1], (1, 1), Pair(1, 1), {0: 1, 1: 1}, 1])
def test_a_list_of_another_structure_is_refused(other):
    with pytest.raises(ValueError, match="different structure: a list of 2 beside"):
        tree_map(lambda a, b: a, [1, 1], other)


def numbers(leaf: Any) -> bool:
    return isinstance(leaf, int)


@pytest.mark.parametrize("tree", [TREE, {}, [], 7, None, {"a": 1, "b": 2}, [1, 2], (1,), Pair(1, 2), [{}, {"a": {}}]])
def test_a_form_takes_trees_apart_and_puts_them_together_as_a_walk_does(tree):
    form = TreeForm(tree, numbers)
    told = [leaf for leaf in leaves(tree) if numbers(leaf)]
    assert form.leaves(tree) == told
    for other in (tree, tree_map(lambda leaf: -leaf if numbers(leaf) else leaf, tree)):
        made = form.filled(form.leaves(other))
        assert made == other
        assert repr(made) == repr(other)  # of the same classes, and in the same order
    assert form.leaves(tree_map(lambda leaf: "another" if not numbers(leaf) else leaf, tree)) == told


def test_a_form_finds_a_dict_s_leaves_by_name_and_keeps_no_tensor():
    form = TreeForm({"x": torch.tensor(1), "y": {"a": torch.tensor(2), "b": "kept"}})
    later = {"y": {"b": "other", "a": torch.tensor(4)}, "x": torch.tensor(3)}
    assert form.leaves(later) == tensor_leaves([later["x"], later["y"]])
    assert form.filled([5, 6]) == {"x": 5, "y": {"a": 6, "b": "kept"}}
    with pytest.raises(LookupError):
        form.leaves({"x": torch.tensor(1), "y": {"b": "kept"}})


def test_leaves_and_their_places_are_in_one_order():
    assert leaves(TREE) == [1, 2, 3, 4, 5, None, "text"]
    places = [
        ("a",),
        ("b", "first"),
        ("b", "second", 0),
        ("b", "second", 1, 0),
        ("c", "d", "e"),
        ("f",),
        ("g",),
    ]
    assert list(located_leaves(TREE)) == list(zip(places, leaves(TREE)))
    assert list(located_leaves(7)) == [((), 7)]
    assert list(located_leaves({})) == []


@pytest.mark.unchecked("compiles")
def test_a_map_stacks_and_is_one_graph():
    def double(tree):
        return tree_map(lambda a, b: torch.where(a > 0, a, b), tree, tree_map(lambda v: -2 * v, tree))

    tree = {"a": Pair(torch.tensor([1.0, -1.0]), [torch.tensor([2.0, 3.0])]), "b": {"c": (torch.tensor([-4.0, 0.0]),)}}
    torch.compiler.reset()
    traced = as_one_graph(vmap(double), "traced")
    expected = [torch.where(v > 0, v, -2 * v) for v in leaves(tree)]
    for function in (double, vmap(double), traced):
        assert type(function(tree)["a"]) is Pair
        assert all(torch.equal(a, b) for a, b in zip(leaves(function(tree)), expected, strict=True))


def test_norms_are_those_of_numpy_however_they_are_asked_for():
    rng = torch.Generator().manual_seed(0)
    tree = {"w": torch.randn(3, 2, 4, generator=rng), "b": torch.randn(3, generator=rng), "n": torch.ones(3).int()}
    by_numpy = [np.linalg.norm(tree[k]) for k in ("w", "b")]
    outside = [torch.no_grad()(leaf_norms)(tree), leaf_norms(tree)]
    for each in outside:
        np.testing.assert_allclose(each, by_numpy, rtol=1e-6)
    assert all(map(torch.equal, *outside))
    each = vmap(lambda own: torch.stack(leaf_norms(own)))(tree)
    np.testing.assert_allclose(each, [[np.linalg.norm(tree[k][i]) for k in ("w", "b")] for i in range(3)], rtol=1e-6)
    floats = {k: tree[k] for k in ("w", "b")}
    for one in (floats, tree):
        np.testing.assert_allclose(torch.no_grad()(norm)(one), np.hypot(*by_numpy), rtol=1e-6)
    large = {"w": torch.randn(SMALL, generator=rng), "b": tree["b"]}
    by_numpy = np.linalg.norm(np.concatenate([*large.values()]))
    np.testing.assert_allclose(
        torch.no_grad()(norm)(large), np.linalg.norm(np.concatenate([*large.values()])), rtol=1e-6
    )
    slope = grad(norm)(floats)["w"]
    torch.testing.assert_close(slope, floats["w"] / norm(floats))
    torch.testing.assert_close(as_one_graph(norm, "traced")(floats), norm(floats))


@pytest.mark.parametrize("odd", [float("nan"), float("inf"), -float("inf")])
def test_one_number_that_is_not_finite_is_found(odd):
    tree = {"w": torch.full((3, 2), 1e38), "none": torch.zeros(0), "whole": torch.ones(2).long(), "b": torch.zeros(4)}
    assert finite(tree)
    assert finite({})
    tree["b"][2] = odd
    assert not finite(tree)
