"""A law over every row of every table: arguments out of their bounds, or of a wrong kind, are refused where given."""

import inspect
import math
import pickle
from typing import Annotated, Literal, get_args, get_origin, get_type_hints

import numpy as np
import pytest
import torch
from annotated_types import Ge, Gt, Le, Lt
from torch import nn

import nashpath as nash
from nashpath.core import Count, Decay, Fraction, Game, NonNegative, Point, Positive, Source, checks_arguments
from nashpath.core.arguments import fault
from nashpath.games.toys import Bilinear
from nashpath.run.settings.register import KINDS
from nashpath.solvers import EMA, Scheduled, UpdateRule

ROWS = [(kind, name) for kind, table in KINDS.items() for name in table]


def hints_of(method) -> dict:
    target = method.__init__ if inspect.isclass(method) else method
    return {k: v for k, v in get_type_hints(target, include_extras=True).items() if k != "return"}


def beyond(annotation) -> list:
    """Values that the annotation excludes: just outside each bound, and of wrong kinds."""
    if get_origin(annotation) is Annotated:
        base, *marks = get_args(annotation)
        step = (lambda v, way: v + way) if base is int else (lambda v, way: float(np.nextafter(v, way * math.inf)))
        out = [step(m.ge, -1) for m in marks if isinstance(m, Ge)] + [m.gt for m in marks if isinstance(m, Gt)]
        out += [step(m.le, 1) for m in marks if isinstance(m, Le)] + [m.lt for m in marks if isinstance(m, Lt)]
        return [*out, *beyond(base)]
    if annotation is int:
        return [1.5, "3", None, True, torch.tensor(3.0)]
    if annotation is float:
        return [math.nan, "0.5", None, True, 1j]
    if annotation is bool:
        return [1, "yes", None]
    if annotation is str:
        return [3, None, ["a"]]
    if get_origin(annotation) is Literal:
        return ["no such choice", None, object()]
    if isinstance(annotation, type) and annotation is not object and annotation.__module__ != "builtins":
        return ["by name", 3, annotation, object()]
    return []


def asked(kind: str, name: str) -> list[tuple[str, object]]:
    """Every argument of a row that can be wrong, with a wrong value."""
    return [(k, bad) for k, hint in hints_of(KINDS[kind][name]).items() for bad in beyond(hint)]


def test_there_is_much_to_refuse():
    assert sum(len(asked(kind, name)) for kind, name in ROWS) > 1000


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize(("kind", "name"), ROWS, ids=lambda part: part)
def test_each_argument_out_of_its_bounds_is_refused_by_name(kind: str, name: str):
    method = KINDS[kind][name]
    required = {p.name: p for p in inspect.signature(method).parameters.values() if p.default is p.empty}
    for argument, bad in asked(kind, name):
        # What else is required is left to the check of this one: a wrong argument is seen before anything is built.
        others = {k: fitting(hints_of(method).get(k)) for k in required if k not in (argument, "numbers")}
        with pytest.raises((ValueError, TypeError), match=rf"{argument} is .*it must be "):
            method(**others, **{argument: bad})


@pytest.mark.parametrize(("kind", "name"), ROWS, ids=lambda part: part)
def test_an_argument_that_does_not_exist_is_refused_with_the_nearest_that_does(kind: str, name: str):
    method = KINDS[kind][name]
    parameters = inspect.signature(method).parameters.values()
    known = [p.name for p in parameters if p.kind not in (p.VAR_POSITIONAL, p.VAR_KEYWORD)]
    wrong = f"{known[-1]}_x" if known else "weight"
    said = rf"unexpected keyword argument '{wrong}'" if known else "unexpected keyword argument|takes no arguments"
    with pytest.raises(TypeError, match=said) as told:
        method(**{wrong: 1})
    assert all(f" Did you mean {near!r}?" in str(told.value) for near in known[-1:])
    assert all(name in str(told.value) for name in known)


def test_a_rate_by_its_usual_name_is_refused_with_ours():
    for name, rule in KINDS["rule"].items():
        with pytest.raises(TypeError, match=rf"{rule.__name__}: unexpected .* 'lr'. Did you mean 'learning_rate'\?"):
            rule(lr=2e-4)
        assert "learning_rate" in inspect.signature(rule).parameters, name
    with pytest.raises(TypeError, match=r"train: unexpected keyword argument 'step'. Did you mean 'steps'\?"):
        nash.train(Bilinear(), nash.Simultaneous(nash.SGD(0.1), nash.SGD(0.1)), step=3)


def fitting(annotation):
    """A value that passes for the annotation's kind, so that the check gets to the argument in question."""
    if get_origin(annotation) is Annotated:
        return 1 if get_args(annotation)[0] is int else 0.5
    simple = {int: 1, float: 0.5, bool: False, str: "a", nn.Module: nn.Linear(2, 2), Source: nash.Ring()}
    if annotation in simple:
        return simple[annotation]
    if annotation is UpdateRule:
        return nash.SGD(0.1)
    if isinstance(annotation, type) and issubclass(annotation, nash.Solver):
        return nash.Simultaneous(nash.SGD(0.1), nash.SGD(0.1))
    if annotation in (torch.Tensor, Game, Point):
        return {torch.Tensor: torch.zeros(1), Game: Bilinear(), Point: Point({}, {})}[annotation]
    if isinstance(annotation, type):
        return object.__new__(annotation)
    return (2,) if get_origin(annotation) is tuple else {} if "Mapping" in str(annotation) else len


@pytest.mark.parametrize("value", [0.0, 1.0, -1.0, 1e39, -1e39, 5e-324, math.inf, -math.inf, math.nan, 10**400, -0.0])
def test_a_number_is_held_to_its_bounds_as_its_buffer_will_hold_it(value):
    for annotation, inside in {
        NonNegative: lambda v: v >= 0,
        Positive: lambda v: v > 0,
        Fraction: lambda v: 0 <= v <= 1,
        Decay: lambda v: 0 <= v < 1,
    }.items():
        with np.errstate(over="ignore", under="ignore"):
            held = float(np.float32(min(max(float(value) if abs(value) < 1e300 else math.inf, -math.inf), math.inf)))
        assert (fault(value, annotation) == "") == bool(math.isfinite(held) and inside(held)), annotation


def test_a_decay_that_rounds_to_one_is_refused():
    with pytest.raises(ValueError, match=r"b2 is 0.99999999999; it must be at least 0 and less than 1, also when"):
        nash.Adam(b2=0.99999999999)


@pytest.mark.unchecked("hands over wrong kinds on purpose")
def test_each_refusal_says_what_to_give_instead():
    game = {"generator": nn.Linear(4, 2), "discriminator": nn.Linear(2, 1), "data": nash.Ring(), "latent": 4}
    with pytest.raises(TypeError, match=r"data is a tensor.*nashpath.as_source\(x\) makes one of a tensor"):
        nash.GAN(**game | {"data": torch.randn(9, 2)})
    with pytest.raises(TypeError, match=r"objective is 'hinge'; it must be an Objective object, not its name"):
        nash.GAN(**game, objective="hinge")
    with pytest.raises(TypeError, match=r"penalty is the class R1; it must be an object: give an instance, R1\(...\)"):
        nash.GAN(**game, penalty=nash.R1)
    with pytest.raises(TypeError, match=r"generator is a torch Adam; it must be an UpdateRule object; .*nashpath.Adam"):
        nash.Alternating(nash.Adam(), torch.optim.Adam(nn.Linear(1, 1).parameters()))
    with pytest.raises(TypeError, match=r"give an instance, Ring\(...\)"):
        nash.GAN(**game | {"data": nash.Ring})
    with pytest.raises(ValueError, match=r"batch_size is 0; it must be at least 1"):
        nash.GAN(**game, batch_size=0)
    with pytest.raises(ValueError, match=r"EMA: decay is 2.0; it must be at least 0 and less than 1"):
        EMA(nash.Alternating(nash.Adam(), nash.Adam()), decay=2.0)


@pytest.mark.unchecked("hands over wrong kinds on purpose")
@pytest.mark.parametrize(
    ("given", "word"),
    [
        ({"steps": -1}, "steps is -1"),
        ({"steps": 2.0}, "steps is 2.0"),
        ({"seed": 1.5}, "seed is 1.5"),
        ({"seed": None}, "seed is None"),
        ({"seed": 2**63}, "seed is 9223372036854775808"),
        ({"log_every": -1}, "log_every is -1"),
        ({"solver": nash.Simultaneous}, "solver is the class Simultaneous"),
        ({"game": "bilinear"}, "game is 'bilinear'"),
        ({"diagnostics": [nash.diagnostics.FieldNorm]}, "diagnostics is "),
        ({"compile": "auto"}, "compile is 'auto'"),
        ({"precision": "bf16"}, "precision is 'bf16'"),
        ({"precision": torch.float16}, r"precision is torch.float16; it must be torch.bfloat16.*or None.*scaled"),
        ({"precision": torch.float64}, r"precision is torch.float64; it must be torch.bfloat16"),
        ({"precision": torch.int8}, r"precision is torch.int8; it must be torch.bfloat16"),
        ({"notify": 3}, "notify is 3"),
    ],
)
def test_training_checks_what_it_is_given(given, word):
    usual = {"game": Bilinear(), "solver": nash.Simultaneous(nash.SGD(0.1), nash.SGD(0.1)), "steps": 1}
    with pytest.raises((ValueError, TypeError), match=word):
        nash.train(**usual | given)


def test_tensors_pass_where_numbers_are_swept_and_are_held_to_the_bounds():
    assert nash.SGD(torch.tensor(0.5)).learning_rate == 0.5
    with pytest.raises(ValueError, match="learning_rate is the tensor -1"):
        nash.SGD(torch.tensor(-1.0))
    for rates in (torch.tensor([0.1, 0.2]), torch.tensor([[0.1]])):
        with pytest.raises(
            TypeError, match=r"learning_rate is a tensor; it must be one number, not a tensor of shape \("
        ):
            nash.SGD(rates)
        with pytest.raises(TypeError, match="weight is a tensor; it must be one number"):
            nash.R1(rates)
    rates = torch.func.vmap(lambda rate: nash.SGD(rate).learning_rate * 2)(torch.tensor([0.1, 0.2]))
    assert torch.equal(rates, torch.tensor([0.2, 0.4]))


def test_a_cap_may_be_infinite_and_a_rate_may_not():
    assert nash.ConjugateGradient(cap=math.inf).cap == math.inf
    with pytest.raises(ValueError, match="learning_rate is inf; it must be a finite number"):
        nash.ConjugateGradient(learning_rate=math.inf)


def test_a_check_leaves_signatures_names_and_copies_as_they_were():
    assert str(inspect.signature(nash.SGD)).startswith("(learning_rate:")
    assert nash.SGD.__init__.__qualname__ == "SGD.__init__"
    assert pickle.loads(pickle.dumps(nash.SGD(0.1))).learning_rate == torch.tensor(0.1)
    assert checks_arguments(nash.train) is nash.train
    with pytest.raises(TypeError, match="unexpected keyword argument 'rate'"):
        nash.SGD(rate=3)


def test_a_method_of_ones_own_is_checked_from_its_row_on():
    class Halved(UpdateRule):
        """Half a step."""

        def __init__(self, learning_rate: NonNegative = 0.1, often: Count = 2):
            super().__init__(learning_rate)

        def forward(self, gradient, memory):
            return gradient, memory

    Halved(-1.0)
    try:
        nash.register("rule", "halved", Halved)
        with pytest.raises(ValueError, match="Halved: often is 0; it must be at least 1"):
            Halved(often=0)
    finally:
        KINDS["rule"].remove("halved")


@pytest.mark.unchecked("hands over wrong kinds on purpose")
def test_wrappers_that_have_no_row_are_checked_too():
    with pytest.raises(TypeError, match="rule is the class SGD"):
        Scheduled(nash.SGD, nash.solvers.SCHEDULES["constant"]())
    with pytest.raises(TypeError, match="penalties is the class R1"):
        nash.Sum(nash.R1(), nash.R1)
