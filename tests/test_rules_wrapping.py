"""Rules around rules say what the rule that they wrap says, whatever it is asked."""

import pytest
import torch

from nashpath.core import tree as trees
from nashpath.core.tree import leaves
from nashpath.solvers import RULES, SCHEDULES, NormClipped, Scheduled
from nashpath.solvers.base import UpdateRule

NEUTRAL = {
    "schedule": lambda rule: Scheduled(rule, SCHEDULES["linear"](steps=1000.0, hold=0.9)),
    "clipping": lambda rule: NormClipped(rule, norm=1e6),
    "clipped schedule": lambda rule: NormClipped(Scheduled(rule, SCHEDULES["constant"]()), norm=1e6),
    "scheduled clipping": lambda rule: Scheduled(NormClipped(rule, norm=1e6), SCHEDULES["constant"]()),
}
"""Wrappers that change no move of the first steps."""
ASKED = {"adaptive", "dense_learning_rate", "init", "forward", "extrapolate", "rate", "linear", "unlimited"}
"""All that a rule is asked for, of which the laws below hold."""


def same(one, other):
    ours, theirs = leaves(one), leaves(other)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs, strict=True):
        torch.testing.assert_close(torch.as_tensor(a), torch.as_tensor(b), rtol=0, atol=0)


@pytest.mark.parametrize("wrapper", NEUTRAL)
@pytest.mark.parametrize("name", RULES)
def test_a_wrapped_rule_says_what_the_rule_says(name, wrapper):
    rule = RULES[name]()
    wrapped = NEUTRAL[wrapper](rule)
    assert (wrapped.adaptive, wrapped.dense_learning_rate) == (rule.adaptive, rule.dense_learning_rate)
    assert wrapped.learning_rate is rule.learning_rate
    rng = torch.Generator().manual_seed(0)
    params = {"w": torch.randn(3, 2, generator=rng), "b": torch.randn(4, generator=rng)}
    memory, kept = rule.init(params), wrapped.init(params)
    for turn in range(6):
        gradient = {k: torch.randn(v.shape, generator=rng) for k, v in params.items()}
        step = "extrapolate" if turn % 2 else "forward"
        (move, memory), (theirs, kept) = getattr(rule, step)(gradient, memory), getattr(wrapped, step)(gradient, kept)
        same(move, theirs)
        same(rule.rate(memory), wrapped.rate(kept))
        linear, told = rule.linear(memory), wrapped.linear(kept)
        assert (linear is None) == (told is None)
        if linear is not None and told is not None:
            same((linear.decay, linear.gain, linear.scale or {}), (told.decay, told.gain, told.scale or {}))
        params = trees.add(params, move)


@pytest.mark.parametrize("name", RULES)
def test_a_rule_without_limits_moves_as_it_would_unclipped(name):
    rule = RULES[name]()
    assert rule.unlimited() is rule
    constant = SCHEDULES["constant"]()
    for wrap in (lambda r: r, lambda r: Scheduled(r, constant), lambda r: Scheduled(NormClipped(r, 2e-3), constant)):
        clipped = NormClipped(wrap(rule), norm=1e-3)
        free, params = clipped.unlimited(), {"w": torch.ones(3, 2)}
        memory, kept = rule.init(params), clipped.init(params)
        for turn in range(3):
            gradient = {"w": torch.full((3, 2), 5.0 + turn)}
            (move, memory), (theirs, kept) = rule(gradient, memory), free(gradient, kept)
            same(move, theirs)


def test_the_law_of_wrapped_rules_asks_all_that_a_rule_is_asked_for():
    public = {name for name in {**vars(UpdateRule), **UpdateRule.__annotations__} if not name.startswith("_")}
    assert public == ASKED
