"""A law over kinds and mistakes: what is wrong in a method of one's own is told as such, and before it does harm.

Each case is a file with one method, and ends in a message with the method's kind, name and file, and with what to do;
no case ends in an error that nashpath does not know.
"""

import re
from pathlib import Path

import pytest
import torch

import nashpath as nash
from nashpath.core import split_buffers
from nashpath.core.own import is_own, own_fault
from nashpath.games.toys import Bilinear
from nashpath.run import SettingError, load_methods
from nashpath.run.settings.register import KINDS as KINDS_OF_TABLES
from run_folders import flags
from run_folders import nash as command

pytestmark = pytest.mark.usefixtures("own_methods")

HEAD = """
import numpy
import torch
import nashpath as nash
from torch import nn
from nashpath.core import *
from nashpath.core.hyperparameters import *
from nashpath.diagnostics import Diagnostic
from nashpath.flows import Field, Flow, Ratio
from nashpath.games.toys import ZeroSum
from nashpath.metrics import Metric
from nashpath.solvers import Constrained, WeightAveraging, price_all
from nashpath.solvers.schedules import Schedule

DOC = "One of one's own."

"""
RULES = "self, discriminator: nash.UpdateRule, generator: nash.UpdateRule"

KINDS = {
    "penalty": """
class Own(nash.Penalty):
    __doc__ = DOC
    def __init__(self, weight: NonNegative = 1.0): super().__init__(weight=weight)
    def draw(self, key, lead, shape): {draw}
    def forward(self, critic, real, fake, noise): {main}
""",
    "objective": """
class Own(nash.Objective):
    __doc__ = DOC
    def discriminator(self, real, fake): {main}
    def generator(self, fake, real=None): return -fake.mean()
""",
    "solver": f"""
class Own(nash.Solver):
    __doc__ = DOC
    draws, gradients = 1, 2
    def __init__({RULES}):
        super().__init__(discriminator=discriminator, generator=generator)
        self.n = 0
    def init(self, problem, point): {{init}}
    def step(self, problem, point, memory, batches):
        return self.play(point, price_all(problem, point, pick(batches, 0)), memory)
    def forward(self, problem, point, memory, batches): {{main}}
""",
    "rule": """
class Own(nash.UpdateRule):
    __doc__ = DOC
    def __init__(self, learning_rate: NonNegative = 1e-3): super().__init__(learning_rate)
    def forward(self, gradient, memory): {main}
""",
    "schedule": """
class Own(Schedule):
    __doc__ = DOC
    def forward(self, count): {main}
""",
    "average": """
class Own(WeightAveraging):
    __doc__ = DOC
    def __init__(self, solver: nash.Solver, player: str = "generator"): super().__init__(solver, player)
    def share(self, count): {main}
""",
    "constraint": """
class Own(Constrained):
    __doc__ = DOC
    def __init__(self, solver: nash.Solver, player: str = "discriminator"): super().__init__(solver, player)
    def project(self, params): {main}
""",
    "metric": """
class Own(Metric):
    __doc__ = DOC
    def compute(self, real, fake, rng): {main}
""",
    "diagnostic": """
class Own(Diagnostic):
    __doc__ = DOC
    readings = ("mine",)
    def __call__(self, problem, point, batches): {main}
""",
    "flow": """
class Own(Flow):
    __doc__ = DOC
    def init(self, particles, key): {init}
    def learn(self, particles, memory, batch): {draw}
    def field(self, points, particles, memory): {main}
""",
    "ratio": """
class Own(Ratio):
    __doc__ = DOC
    def log_ratio(self, points, particles, memory): {main}
""",
    "integrator": """
class Own(Hyperparameters):
    __doc__ = DOC
    def step(self, flow, particles, memory, noise=None): {main}
""",
    "game": """
class Own(ZeroSum):
    __doc__ = DOC
    def __init__(self): super().__init__([0.5], [0.5])
    def value(self, x, y): {main}
""",
    "data": """
class Own:
    __doc__ = DOC
    shape = (2,)
    def draw(self, key, count): {main}
""",
    "technique": """
def Own(game: nash.Game) -> nash.Game:
    "One of one's own."
    {main}
""",
    "generator": """
class Net(nn.Module):
    def __init__(self, latent):
        super().__init__()
        self.a = nn.Linear(latent, 2)
    def forward(self, z): {draw}
def Own(latent: int, shape: tuple[int, ...]) -> nn.Module:
    "One of one's own."
    {main}
""",
    "discriminator": """
class Own(nn.Module):
    __doc__ = DOC
    def __init__(self, shape: tuple[int, ...]):
        super().__init__()
        self.a = nn.Linear(2, 1)
    def forward(self, x): {main}
""",
}
"""A method of each kind, without the bodies of its functions."""

GOOD = {
    "penalty": {"main": "return critic(real).square().mean()", "draw": "return {}"},
    "solver": {"init": "return super().init(problem, point)"},
    "flow": {"main": "return Field(-points)", "init": "return {}", "draw": "return memory"},
    "generator": {"main": "return Net(latent)", "draw": "return self.a(z)"},
}
"""Bodies that are right, where a case says nothing."""

GLOBAL = "draws from the global random state"
IN_PLACE = "changes in place what it is given"
CARRIED = "no checkpoint could hold"

MISTAKES = {
    kind: {
        "raises": ({"main": "return 1 / 0"}, "ZeroDivisionError: division by zero"),
        "gives nothing": ({"main": "return None"}, "None"),
    }
    for kind in KINDS
}
MISTAKES["penalty"] |= {
    "a price a sample": ({"main": "return critic(real)"}, "not a scalar tensor"),
    "a float": ({"main": "return critic(real).mean().item()"}, "returns a float"),
    "no slope": ({"main": "return critic(real).mean().detach()"}, "does not depend on the parameters of the player"),
    "no critic": ({"main": "return real.mean()"}, "does not depend on the parameters of the player"),
    "global": ({"main": "return critic(real + torch.randn_like(real)).mean()"}, GLOBAL),
    "in place": ({"main": "real.mul_(0.5); return critic(real).mean()"}, IN_PLACE),
    "noise of no batch": ({"draw": "return {'u': key.normal((3,))}"}, "whose shape begins with lead"),
    "no noise": ({"draw": "return None"}, "not a dict of tensors"),
    "global noise": ({"draw": "return {'u': torch.randn(*lead, *shape)}"}, GLOBAL),
}
MISTAKES["objective"] |= {
    "a cost a sample": ({"main": "return fake - real"}, "not a scalar tensor"),
    "no slope": ({"main": "return real.mean().detach()"}, "does not depend on the parameters of the player"),
}
FIRST = "point.players['generator'][next(iter(point.players['generator']))]"
STEP = "p, m, i = self.step(problem, point, memory, batches); "
INNER = "{who: {k: %s for k, v in own.items()} for who, own in p.players.items()}"
MISTAKES["solver"] |= {
    "two of three": ({"main": STEP + "return p, m"}, "not three: (point, memory, info)"),
    "no info": ({"main": STEP + "return p, m, {}"}, "info without cost.discriminator"),
    "other shapes": ({"main": STEP + f"return Point({INNER % 'v.sum()'}, p.state), m, i"}, "is float32 of shape ()"),
    "one player": ({"main": STEP + "return Point({'generator': p.players['generator']}, p.state), m, i"}, "is gone"),
    "a new entry": ({"main": STEP + "return p, {**m, 'more': torch.zeros(1)}, i"}, f"{CARRIED}: memory.more is new"),
    "an entry that grows": (
        {
            "init": "return {**super().init(problem, point), 'h': torch.zeros(1)}",
            "main": STEP + "return p, {**m, 'h': torch.cat([memory['h'], torch.zeros(1)])}, i",
        },
        f"{CARRIED}: memory.h was float32 of shape (1,), and is float32 of shape (2,)",
    ),
    "another kind of number": (
        {
            "init": "return {**super().init(problem, point), 'h': torch.zeros(1)}",
            "main": STEP + "return p, {**m, 'h': memory['h'].double()}, i",
        },
        f"{CARRIED}: memory.h was float32",
    ),
    "a number of Python's": (
        {"init": "return {**super().init(problem, point), 'h': 0}", "main": STEP + "return p, m, i"},
        "whose h is an int, not a tensor",
    ),
    "global": ({"main": STEP + f"return Point({INNER % '(v + torch.randn_like(v))'}, p.state), m, i"}, GLOBAL),
    "in place": ({"main": f"{FIRST}.add_(1); {STEP}return p, m, i"}, IN_PLACE),
    "another batch": (
        {"main": "return self.play(point, price_all(problem, point, pick(batches, 1)), memory)"},
        "IndexError",
    ),
}
MISTAKES["rule"] |= {
    "the move alone": ({"main": "return gradient"}, "not a pair (move, memory)"),
    "no move": ({"main": "return {}, memory"}, "is gone"),
    "a new entry": ({"main": "return gradient, {'m': gradient}"}, CARRIED),
}
MISTAKES["metric"] |= {
    "a number alone": ({"main": "return 1.0"}, "not a dict of numbers by name"),
    "a tensor": ({"main": "return {'mine': torch.tensor(1.0)}"}, "float(...)"),
    "a number of NumPy's": ({"main": "return {'mine': numpy.float32(1)}"}, "float(...)"),
    "text": ({"main": "return {'mine': 'good'}"}, "float(...)"),
    "none": ({"main": "return {'mine': None}"}, "float(...)"),
    "no number": ({"main": "return {}"}, "no number"),
    "not a number": ({"main": "return {'mine': float('nan')}"}, "is nan, of real samples"),
    "another's name": ({"main": "return {'sliced_wasserstein': 0.0}"}, "give it another name"),
    "a column's name": ({"main": "return {'step': 0.0}"}, "'step'"),
    "global": ({"main": "return {'mine': float(torch.rand(()))}"}, GLOBAL),
    "in place": ({"main": "real.values.mul_(0); return {'mine': 1.0}"}, IN_PLACE),
}
MISTAKES["diagnostic"] |= {
    "undeclared": ({"main": "return {'other': torch.tensor(1.0)}"}, "none of its readings (mine)"),
    "a vector": ({"main": "return {'mine': torch.ones(3)}"}, "one number a reading"),
    "a float": ({"main": "return {'mine': 1.0}"}, "a float"),
    "in place": ({"main": FIRST + ".add_(1); return {'mine': torch.tensor(1.0)}"}, IN_PLACE),
    "in place, unseen": ({"main": FIRST + ".data.add_(1); return {'mine': torch.tensor(1.0)}"}, IN_PLACE),
}
MISTAKES["flow"] |= {
    "a velocity alone": ({"main": "return -points"}, "not a nashpath.flows.Field"),
    "another shape": ({"main": "return Field(points.sum())"}, "a tensor of shape () as velocity"),
    "global": ({"main": "return Field(torch.randn_like(points))"}, GLOBAL),
    "a number of Python's": ({"init": "return {'h': 0}"}, "whose h is an int"),
    "a new entry": ({"draw": "return {'h': particles}"}, CARRIED),
}
MISTAKES["ratio"] |= {"one of two": ({"main": "return points.sum(1)"}, "not a pair (d, gradient of d)")}
MISTAKES["data"] |= {
    "samples alone": ({"main": "return key.normal(count, 2)"}, 'not {"real": samples}'),
    "another name": ({"main": "return {'x': key.normal(count, 2)}"}, "a dict of x"),
    "another shape": ({"main": "return {'real': key.normal(count, 3)}"}, "shape (4, 2)"),
    "another count": ({"main": "return {'real': key.normal(7, 2)}"}, "shape (7, 2)"),
    "doubles": ({"main": "return {'real': key.normal(count, 2).double()}"}, "torch.float64"),
    "an array": ({"main": "return {'real': numpy.ones((count, 2))}"}, "ndarray"),
    "not finite": ({"main": "return {'real': key.normal(count, 2) / 0}"}, "not finite"),
    "global": ({"main": "return {'real': torch.randn(count, 2)}"}, GLOBAL),
}
DROPOUT = "game.discriminator = nn.Sequential(nn.Dropout(0.5), game.discriminator); return game"
MISTAKES["technique"] |= {"dropout": ({"main": DROPOUT}, "nashpath.networks.Dropout")}
MISTAKES["generator"] |= {
    "another shape": ({"main": "return nn.Linear(latent, 3)"}, "the data needs"),
    "a function": ({"main": "return lambda z: z"}, "a function"),
    "doubles": ({"draw": "return self.a(z).double()"}, "torch.float64"),
    "global": ({"draw": "return self.a(z) + torch.randn(len(z), 2)"}, GLOBAL),
    "raises late": ({"draw": "return self.b(z)"}, "has no attribute 'b'"),
}

CHOSEN = {
    "rule": "solver.generator",
    "schedule": "solver.generator.schedule",
    "metric": "metrics",
    "diagnostic": "diagnostics",
}
FLOWS = ("flow", "ratio", "integrator")
CASES = [(kind, mistake) for kind, cases in MISTAKES.items() for mistake in cases]


def written(folder: Path, kind: str, **bodies: str) -> Path:
    """A file that registers a method of this kind with these bodies."""
    bodies = {"main": "raise AssertionError", "init": "return {}", "draw": "return {}", **GOOD.get(kind, {}), **bodies}
    text = KINDS[kind]
    for name, body in bodies.items():
        text = text.replace(f"{{{name}}}", body)
    (folder / "own.py").write_text(f"{HEAD}{text}\nnash.register({kind!r}, 'mine', Own)\n")
    return folder / "own.py"


def used(kind: str, file: Path, expect: int, *more: str):
    """The command that uses it."""
    key = CHOSEN.get(kind, kind)
    chosen = f'{key}=["mine"]' if kind in ("metric", "diagnostic") else f"{key}=mine"
    if kind in FLOWS:
        small = ("particles=20", "steps=3", "samples=5", "evaluation_samples=10")
        line = ["flow", *(part for one in small for part in ("-s", one)), "-s", chosen]
    else:
        few = ("steps=3", "compile=off", *more, chosen)  # `flags` has settings of the networks, and of a GAN
        own = [part for one in few for part in ("-s", one)]
        own = own if kind in ("generator", "discriminator", "game") else flags("real_samples=50", *few)
        line = ["train", *own]
    return command(*line, "--with", file, "--out", file.parent / "run", expect=expect)


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("kind", "mistake"), CASES, ids=[f"{kind}: {mistake}" for kind, mistake in CASES])
def test_a_mistake_in_ones_own_method_is_told_as_such(kind, mistake, tmp_path):
    bodies, words = MISTAKES[kind][mistake]
    said = " ".join(used(kind, written(tmp_path, kind, **bodies), 2).stderr.split())
    assert words in said
    assert "please report" not in said
    assert f"{'data set' if kind == 'data' else kind} mine" in said
    assert "own.py:" in said
    saved = re.search(r"its traceback is in (\S+nashpath-own-method-\S+)", said)
    if saved:
        assert "Error: " in Path(saved[1]).read_text()
        Path(saved[1]).unlink()


def test_a_count_in_python_is_said_of_a_solver_by_name(tmp_path):
    """It may do no harm, so the run goes on; compiled it would be the first step's for ever, and is refused."""
    body = f"self.n += 1; {STEP}return p, m, i"
    file = written(tmp_path, "solver", main=body)
    assert "warning: solver mine, own.py:" in (said := used("solver", file, 0).stderr)
    assert "n changes from step to step, and is no part of its memory" in said


def test_the_rooms_own_methods_are_not_held():
    """Contracts wrap registered classes alone: nothing of the package pays for them."""
    for table in KINDS_OF_TABLES.values():
        for method in table.values():
            held = [name for base in getattr(method, "__mro__", ()) for name, f in vars(base).items() if is_held(f)]
            assert not held
            assert not is_own(method)


def is_held(function) -> bool:
    return hasattr(function, "__held__")


@pytest.mark.parametrize("late", [1, 5])
def test_what_is_carried_keeps_its_form_also_where_no_name_is_registered(late):
    """A program compares what steps leave with what they were given, of any solver and at any step."""

    class Grows(nash.Simultaneous):
        taken = 0

        def forward(self, problem, point, memory, batches):
            moved, kept, info = super().forward(problem, point, memory, batches)
            Grows.taken += 1
            return moved, {**kept, "more": torch.zeros(1)} if Grows.taken == late else kept, info

    with pytest.raises(SettingError, match=r"Grows: memory\.more is new, after step .*no checkpoint"):
        nash.train(Bilinear(), Grows(nash.SGD(0.1), nash.SGD(0.1)), steps=late, log_every=1)


# What is refused where it is registered


def refused(text: str, folder: Path, kind: str = "penalty") -> str:
    (folder / "own.py").write_text(f"{HEAD}{text}\nnash.register({kind!r}, 'mine', Own)\n")
    with pytest.raises(SettingError) as caught:
        load_methods(folder / "own.py")
    return str(caught.value)


PENALTY = KINDS["penalty"].replace("{draw}", "return {}").replace("{main}", "return critic(real).mean()")
UNWRITTEN = {
    "no forward": (PENALTY.split("    def forward")[0], "penalty", "has no forward(critic, real, fake, noise)"),
    "no draw's arguments": (
        PENALTY.replace("key, lead, shape", "key"),
        "penalty",
        "draw(key) must take (key, lead, shape)",
    ),
    "arguments": (
        PENALTY.replace(", fake, noise", ""),
        "penalty",
        "forward(critic, real) must take (critic, real, fake",
    ),
    "default": (PENALTY.replace("= 1.0", "= -1.0"), "penalty", "the default of weight is -1.0; it must be at least 0"),
    "no buffer": (
        PENALTY.replace("super().__init__(weight=weight)", "super().__init__(); self.weight = weight"),
        "penalty",
        "the number 'weight' is kept as weight, no buffer",
    ),
    "no network": (
        "class Own(nn.Module):\n    __doc__ = DOC\n    def __init__(self, shape): pass",
        "discriminator",
        "has no forward",
    ),
    "no share": (KINDS["average"].split("    def share")[0], "average", "has no share(count)"),
    "no field": ("class Own(Flow):\n    __doc__ = DOC", "flow", "has no field(points, particles, memory)"),
    "three of four": (
        "class Own(Metric):\n    __doc__ = DOC\n    def compute(self, real, fake): pass",
        "metric",
        "must take (real, fake, rng)",
    ),
    "data": (
        "class Own:\n    __doc__ = DOC\n    shape = (2,)\n    def draw(self, key): pass",
        "data",
        "must take (key, count)",
    ),
}


@pytest.mark.parametrize("case", UNWRITTEN)
def test_what_can_be_told_of_a_class_is_told_where_it_is_registered(case, tmp_path):
    text, kind, words = UNWRITTEN[case]
    assert words in refused(text, tmp_path, kind)


def test_every_kind_has_its_numbers_handed_to_super(tmp_path):
    """Rule 2 holds of solvers, averages and constraints as of all else: a number by its name becomes a buffer."""
    for kind, given in (("solver", RULES), ("penalty", "self"), ("rule", "self, learning_rate: NonNegative = 0.1")):
        names = [part.split(":")[0].strip() for part in given.split(",")[1:]]
        handed = "".join(f", {name}={name}" for name in names)
        base = {"solver": "nash.Solver", "penalty": "nash.Penalty", "rule": "nash.UpdateRule"}[kind]
        text = (
            f"class Own({base}):\n    __doc__ = DOC\n"
            f"    def __init__({given}, phi: Positive = 1.5): super().__init__(phi=phi{handed})\n"
            "    def forward(self, a, b, c=None, d=None): return a\n"
        )
        (tmp_path / f"{kind}.py").write_text(f"{HEAD}{text}\nnash.register({kind!r}, 'mine', Own)\n")
        load_methods(tmp_path / f"{kind}.py")
        own = KINDS_OF_TABLES[kind]["mine"]
        rules = {"discriminator": nash.SGD(0.1), "generator": nash.SGD(0.1)} if kind == "solver" else {}
        assert split_buffers(own(**rules, phi=2.5))[0]["phi"] == 2.5


def test_an_error_that_is_raised_from_itself_has_no_other_cause():
    error = SettingError("two sizes")
    error.__cause__ = error
    assert own_fault(error) == ""
