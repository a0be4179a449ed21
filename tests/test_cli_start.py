"""The command's first moments: what is said without PyTorch, and Ctrl-C while it is imported."""

import importlib.util
import json
import signal
import subprocess
import sys

import pytest
from typer.testing import CliRunner

from nashpath.cli import app, index
from nashpath.cli.console import LARGEST_SIZE
from nashpath.cli.index import GROUP, INDEX
from nashpath.core.arguments import INFINITE, SWEPT
from nashpath.core.hyperparameters import SIZE
from nashpath.run import SettingError
from nashpath.run.settings import method_files, values
from nashpath.run.settings.flow import flow_names, resolve_flow
from nashpath.run.settings.model import setting_names
from nashpath.run.settings.overrides import assign
from nashpath.run.settings.resolve import resolve

VERBS = [command.name or command.callback.__name__ for command in app.registered_commands]
SAID_AT_ONCE = [
    (["--help"], 0, "Measure the claims of a paper again"),
    (["--version"], 0, "nashpath "),
    *[([verb, "--help"], 0, "Usage:") for verb in [*VERBS, "features"]],
    (["trian"], 2, "No such command 'trian'"),
    (["train", "--stepps", "3"], 2, "No such option"),
    (["sample", "run", "-n", "0"], 2, "Invalid value"),
    (["train", "-s", "steps"], 2, "error: -s 'steps' is not of the form key=value, such as -s penalty.weight=1"),
    (["train", "--sweep", "=3"], 2, "error: --sweep '=3' is not of the form key=value"),
    (["flow", "-s", "steps"], 2, "error: -s 'steps' is not of the form key=value"),
    (["train", "nowhere.toml"], 2, "error: nowhere.toml: no such file"),
    (["train", "examples/ring.toml"], 2, "no such file; nashpath examples ring --to examples writes it"),
    (["flow", "nowhere.toml"], 2, "error: nowhere.toml: no such file"),
    (["evaluate"], 2, "error: give a run folder, or both --real and --fake"),
    (["evaluate", "run", "--size", "8"], 2, "error: --size is for samples made elsewhere"),
    (["evaluate", "run", "--member", "x"], 2, "error: --member x: expected a number, or all"),
    (["reproduce", "monoflow", "--quick", "--full"], 2, "error: --quick, --real and --full exclude each other"),
    (["sample", "run", "--out", "a.jpg"], 2, "error: --out a.jpg: write a picture"),
    (["list"], 0, "settings of every run"),
    (["list", "penalty"], 0, "dragan"),
    (["list", "rule"], 0, "-s solver.generator=NAME and -s solver.discriminator=NAME; a flow: -s rule=NAME"),
    (["list", "study"], 0, "monoflow"),
    (["reproduce"], 2, "give a study"),
    (["plan"], 2, "give a study"),
    (["explain", "mode", "collapse"], 0, "diagnostics: mode collapse"),
    (["examples"], 0, "ring.toml Three weights of DRAGAN"),
    (["examples", "ring", "--to", "mine"], 0, "mine/ring.toml"),
    (["examples", "rng"], 2, "error: no example is called 'rng'. Did you mean 'ring'?"),
]

REFUSED = [
    ["train", "-s", "penalty.weigth=1"],
    ["train", "-s", "penalty=r1", "-s", "penalty.weigth=1", "-s", "average=ema", "-s", "average.deca=1"],
    ["train", "-s", "penalty=r1", "-s", "penalty.weigth=1", "-s", "steps=-1"],
    ["train", "-s", "steps=abc"],
    ["train", "-s", "steps=1.5", "-s", "penalty.weight=-1", "-s", "penalty=r1", "-s", "batch_size=0"],
    ["train", "-s", "solver.generator.b1=1", "-s", "solver.generator.schedule=linear", "-s", "compile=maybe"],
    ["train", "-s", "solver.generator.schedule=linear", "-s", "solver.generator.schedule.warmup=x"],
    ["train", "-s", "precision=fp61"],
    ["train", "-s", "penalty=r1", "-s", "penalty.weight=nan"],
    ["train", "-s", "steps=true", "-s", "compile=true"],
    ["train", "-s", "data=ring", "-s", "data.modes=many", "-s", "average=ema", "-s", "average.decay=2"],
    ["train", "-s", "seeds=[-1, 2, -3]"],
    ["train", "-s", "track_project="],
    ["train", "--sweep", "penalty.weight=1,-10", "-s", "penalty=r1"],
    ["train", "worse.toml"],
    ["flow", "-s", "particles=0", "-s", "h=lgit", "-s", "rule.learning_rate=fast"],
    ["train", "-s", "penalty=nonsense"],
    ["train", "-s", "penalty=[1]"],
    ["train", "-s", "penalty.kind=3"],
    ["train", "-s", "generator=5"],
    ["train", "-s", "lr=0.1"],
    ["train", "-s", "dragan=1"],
    ["train", "-s", "game=bilinear", "-s", "solver.n_critic=3"],
    ["train", "-s", "solver.generator=adm"],
    ["train", "-s", "solver.generator=sgd", "-s", "solver.generator.b1=0.5"],
    ["train", "-s", "solver.generator.schedule.x=0.5"],
    ["train", "-s", "steps=1", "-s", "penalty.weight.x=1"],
    ["train", "-s", "seeds=3:1"],
    ["train", "--seeds", "0,0"],
    ["train", "--sweep", "penalty=none,r1", "-s", "penalty.wieght=1"],
    ["train", "--sweep", "penalty=none,r9"],
    ["train", "--sweep", "steps=1,2"],
    ["train", "--sweep", "steps=1", "--sweep", "steps=1"],
    ["train", "--sweep", "penalty.weight=1,10,1"],
    ["train", "bad.toml"],
    ["train", "bad.toml", "-s", "penalty=nothing"],
    ["flow", "-s", "rul=adam"],
    ["flow", "-s", "flow=mmdd"],
    ["flow", "-s", "flow=mmd", "-s", "flow.bandwith=1"],
    ["flow", "-s", "lr=1"],
]

IN_ONE_PROCESS = """
import json, sys
from typer.testing import CliRunner
from nashpath.cli import app, index

for arguments in json.loads(sys.argv[1]):
    result = CliRunner().invoke(app, arguments)
    heavy = [name for name in ("torch", "numpy", "nashpath.core", "nashpath.run.settings.model") if name in sys.modules]
    print(json.dumps([result.exit_code, " ".join(result.output.split()), heavy]))
"""


@pytest.mark.long
def test_help_and_what_is_wrong_with_the_command_line_are_said_without_pytorch(tmp_path):
    asked = json.dumps([arguments for arguments, _, _ in SAID_AT_ONCE])
    command = [sys.executable, "-c", IN_ONE_PROCESS, asked]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    found = [json.loads(line) for line in done.stdout.splitlines()]
    assert len(found) == len(SAID_AT_ONCE)
    for (arguments, code, words), (status, said, heavy) in zip(SAID_AT_ONCE, found):
        assert (status, heavy) == (code, []), (arguments, said)
        assert words in said, (arguments, said)


@pytest.mark.long
def test_wrong_settings_are_refused_without_pytorch_in_the_words_of_the_run(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "bad.toml").write_text(
        'penalty = {kind = "r1", wieght = 1}\n[sweep]\nobjective = ["minimax", "hinge"]\n'
    )
    (tmp_path / "worse.toml").write_text('steps = "ten"\ngame = {kind = "gan"}\n[solver]\ndiscriminator_steps = 0\n')
    command = [sys.executable, "-c", IN_ONE_PROCESS, json.dumps(REFUSED)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    for arguments, line in zip(REFUSED, done.stdout.splitlines(), strict=True):
        status, said, heavy = json.loads(line)
        run = CliRunner().invoke(app, arguments)  # here the rooms are imported
        assert (status, said, heavy) == (run.exit_code, " ".join(run.output.split()), []), arguments
        assert status == 2
    assert sorted(file.name for file in tmp_path.iterdir()) == ["bad.toml", "worse.toml"]


def test_names_are_not_judged_early_where_methods_may_come_from_outside(tmp_path, monkeypatch):
    monkeypatch.delitem(sys.modules, "nashpath.run.settings.register")
    assert index.shipped_index(None)
    assert index.shipped_index([tmp_path / "own.py"]) is None
    with pytest.raises(SettingError, match="no penalty is called 'own'"):
        index.check_known("train", None, ["penalty=own"], [], None)
    index.check_known("train", None, ["penalty=own"], [], [tmp_path / "own.py"])
    (tmp_path / "own.toml").write_text('with = ["own.py"]\n')
    index.check_known("train", tmp_path / "own.toml", ["penalty=own"], [], None)
    monkeypatch.setattr(index, "entry_points", lambda group: [group])
    index.check_known("train", None, ["penalty=own"], [], None)


@pytest.mark.long
def test_the_lists_that_need_no_pytorch_are_those_of_the_tables():
    found = subprocess.run(
        [
            sys.executable,
            "-c",
            "import json; from nashpath.cli.list_methods import described; print(json.dumps(described()))",
        ],
        capture_output=True,
        text=True,
        check=True,
    )
    assert json.loads(INDEX.read_text(encoding="utf-8")) == json.loads(found.stdout), "run make index"
    assert GROUP == method_files.GROUP


@pytest.mark.long
def test_methods_from_outside_are_listed(tmp_path):
    (tmp_path / "own.py").write_text(OWN)
    command = [sys.executable, "-m", "nashpath", "list", "penalty", "--with", "own.py"]
    done = subprocess.run(command, capture_output=True, text=True, check=True, cwd=tmp_path)
    assert "Nothing at all" in done.stdout
    assert "dragan" in done.stdout


OWN = """
from nashpath.games.penalties import PENALTIES
import nashpath

class Nothing(PENALTIES["none"]):
    '''Nothing at all.'''

nashpath.register("penalty", "nothing_at_all", Nothing)
"""


def test_the_help_of_the_command_has_the_first_line_of_every_verb(tmp_path):
    done = subprocess.run([sys.executable, "-m", "nashpath", "--help"], capture_output=True, text=True, check=True)
    said = " ".join(done.stdout.replace("│", " ").split())
    for command in app.registered_commands:
        assert command.callback.__doc__.splitlines()[0] in said


def test_what_the_help_says_without_the_rooms_is_what_they_say():
    assert LARGEST_SIZE == SIZE
    assert (values.SWEPT, values.INFINITE) == (SWEPT, INFINITE)


REFUSED_BY_THE_RUN = """
import sys
from typer.testing import CliRunner
from nashpath.cli import app, index

result = CliRunner().invoke(app, ["train", "-s", "penalty=r1", "-s", "penalty.weight=1e300"])
assert "penalty.weight: expected a number that is at most 3.4e+38" in result.output, result.output
print("torch._dynamo" in sys.modules)
"""


@pytest.mark.long
def test_a_refused_setting_does_not_import_pytorch_s_compiler(tmp_path):
    """It takes as long again as PyTorch itself; a dispatch mode imports it, unless it says that it need not."""
    done = subprocess.run(
        [sys.executable, "-c", REFUSED_BY_THE_RUN], capture_output=True, text=True, check=True, cwd=tmp_path
    )
    assert done.stdout == "False\n"


LEFT = """
import gc, sys
{before}
sys.argv = ["nashpath", "--version"]
from nashpath.__main__ import entry
try:
    entry()
finally:
    print(gc.get_freeze_count() > 0)
"""


@pytest.mark.long(first=True)
@pytest.mark.parametrize(
    ("before", "frozen"),
    [
        ("import types", True),
        ("import types; sys.modules['triton._C.libtriton'] = types.ModuleType('libtriton')", False),
        pytest.param(
            "import torch, triton._C.libtriton",
            False,
            marks=pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="PyTorch without Triton"),
        ),
    ],
    ids=["alone", "a stand-in for Triton", "Triton"],
)
def test_leaving_is_quick_and_says_nothing(before, frozen):
    """Triton 3.9, which PyTorch's CUDA builds import, lists at exit what the garbage collector has not freed."""
    command = [sys.executable, "-c", LEFT.format(before=before)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert (done.stdout.splitlines()[1:], done.stderr) == ([str(frozen)], "")


INTERRUPTED = """
import importlib.abc, os, signal, sys, time

class Interrupts(importlib.abc.MetaPathFinder):
    def find_spec(self, name, path=None, target=None):
        if name == "torch":
            try:
                os.kill(os.getpid(), signal.SIGINT)
                time.sleep(0.1)
            except KeyboardInterrupt:
                raise ImportError("a part of torch is missing")

sys.meta_path.insert(0, Interrupts())
signal.signal(signal.SIGINT, signal.default_int_handler)
from nashpath.__main__ import entry
entry()
"""


@pytest.mark.long(first=True)
@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("arguments", [["list", "dragan"], ["train", "--quiet"], ["features", "list"]], ids=" ".join)
def test_ctrl_c_while_pytorch_is_imported_says_nothing(tmp_path, arguments):
    command = [sys.executable, "-c", INTERRUPTED, *arguments]
    done = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (128 + signal.SIGINT, "", "")
    assert list(tmp_path.iterdir()) == []


def _refusal(of, *given) -> str:
    try:
        of(*given)
    except (SettingError, OSError) as error:  # also of a folder that is not there
        return str(error)
    return ""


@pytest.mark.long
@pytest.mark.parametrize(
    ("verb", "run", "names", "least"),
    [("train", resolve, setting_names(), 500), ("flow", lambda raw: resolve_flow([], raw), flow_names(), 150)],
)
def test_a_value_of_any_setting_of_any_method_is_refused_early_as_the_run_refuses_it(verb, run, names, least):
    takes, found = json.loads(INDEX.read_text(encoding="utf-8"))[verb]["values"], 0
    for path, methods in takes.items():
        for method, name in [(method, name) for method, settings in methods.items() for name in settings]:
            for value in ("text", True, -1.5):
                raw = assign({}, [(f"{path}.kind", method), (f"{path}.{name}", value)] if path else [(name, value)])
                early, late = _refusal(values.check_values, raw, names, takes), _refusal(run, raw)
                assert early in ("", late), raw
                found += bool(early)
    assert found > least
