"""What users meet: the names at the top level, `load`, `evaluate`, `diagnose`, and no import below a room."""

import ast
import inspect
import json
import re
import subprocess
import sys
import warnings
from importlib.metadata import PackageNotFoundError
from pathlib import Path

import numpy as np
import pytest
import torch
from typer.testing import CliRunner

import nashpath as nash
from nashpath.cli import app
from nashpath.core import Table
from nashpath.data import SOURCES
from nashpath.games import GAMES, IDEALS, OBJECTIVES, PENALTIES, TECHNIQUES, TOYS
from nashpath.metrics import METRICS, Measurement, MetricError, evaluate_samples
from nashpath.networks import DISCRIMINATORS, GENERATORS
from nashpath.run import SettingError, resolve_flow, restore_member, resume_flow, run_flow
from nashpath.run.folder.run_folder import machine, plain_json
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import AVERAGES, CONSTRAINTS, RULES, SCHEDULES, SOLVERS
from run_folders import small, trained

ROOT = Path(__file__).parent.parent
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
EXAMPLES = sorted((ROOT / "examples").glob("*.py"))
SUB_ROOMS = {
    "core.tree",
    "games.ideal",
    "games.objectives",
    "games.penalties",
    "games.techniques",
    "games.toys",
    "solvers.optim",
    "solvers.rules",
    "solvers.schedules",
}
"""What is below a room and for users all the same."""


def code_of(path: Path) -> str:
    """The Python of a page's blocks, or of a file."""
    if path.suffix == ".py":
        return path.read_text()
    return "\n".join(re.findall(r"^```python\n(.*?)^```$", path.read_text(), re.MULTILINE | re.DOTALL))


def too_deep(code: str) -> list[str]:
    """The modules of the package that are imported and are neither the top level, nor a room, nor a sub-room."""
    found = []
    for node in ast.walk(ast.parse(code)):
        if isinstance(node, ast.ImportFrom):
            found.append(node.module or "")
        elif isinstance(node, ast.Import):
            found += [one.name for one in node.names]
    inside = [name.partition(".")[2] for name in found if name.split(".")[0] == "nashpath"]
    return [name for name in inside if name.count(".") > 0 and name not in SUB_ROOMS]


@pytest.mark.parametrize("path", [pytest.param(path, id=path.name) for path in [*PAGES, *EXAMPLES]])
def test_pages_and_examples_import_from_rooms(path):
    assert too_deep(code_of(path)) == []


def test_an_import_below_a_room_is_seen():
    assert too_deep("from nashpath.run.assess.load import load") == ["run.assess.load"]
    assert too_deep("def f():\n    import nashpath.solvers.base") == ["solvers.base"]
    assert too_deep("import nashpath\nfrom nashpath.core import tree\nfrom nashpath.solvers.optim import OGDA") == []


def test_the_package_alone_imports_no_torch():
    code = "import sys, nashpath; nashpath.__version__; dir(nashpath); print('torch' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"


def declared(file: str) -> dict[str, str]:
    """Name by name, where an ``__init__.py`` that imports lazily tells type checkers that it comes from."""
    tree = ast.parse(Path(file).read_text())
    (block,) = [node for node in tree.body if isinstance(node, ast.If) and ast.unparse(node.test) == "TYPE_CHECKING"]
    found = {one.name: node.module for node in block.body if isinstance(node, ast.ImportFrom) for one in node.names}
    return {name: module or "" for name, module in found.items()}


def test_type_checkers_see_what_is_there():
    homes = declared(nash.__file__)
    assert set(homes) == set(nash.__all__)
    for name, module in homes.items():
        if module == "nashpath":
            assert getattr(nash, name) is sys.modules[f"nashpath.{name}"]
        else:
            assert getattr(nash, name) is getattr(sys.modules[module], name), name
            assert name in sys.modules[module].__all__, name
    with pytest.raises(AttributeError, match="Wrong"):
        _ = nash.Wrong


def test_names_of_run_are_those_that_type_checkers_see():
    homes = declared(nash.run.__file__)
    assert set(homes) == set(nash.run.__all__)
    assert [n for n, module in homes.items() if getattr(nash.run, n) is not getattr(sys.modules[module], n)] == []
    assert set(homes) <= set(dir(nash.run))
    with pytest.raises(AttributeError, match="Wrong"):
        _ = nash.run.Wrong


AT_THE_TOP = (OBJECTIVES, PENALTIES, GENERATORS, DISCRIMINATORS, SOURCES, SOLVERS, RULES, SCHEDULES, METRICS)


@pytest.mark.parametrize("table", AT_THE_TOP, ids=lambda table: table.kind)
def test_every_method_that_a_gan_is_made_of_is_at_the_top_level(table: Table):
    missing = [name for name, method in table.items() if getattr(nash, method.__name__, None) is not method]
    assert missing == []


@pytest.mark.parametrize("table", [TECHNIQUES, AVERAGES, CONSTRAINTS], ids=lambda table: table.kind)
def test_so_are_techniques_and_what_wraps_a_solver(table: Table):
    shown = [method for name, method in table.items() if name != "none"]
    assert [method for method in shown if getattr(nash, method.__name__, None) is not method] == []


def test_so_are_games_but_those_with_rooms_of_their_own():
    for name in set(GAMES) - set(TOYS) - set(IDEALS):
        assert getattr(nash, GAMES[name].__name__) is GAMES[name]


ROOMS = (nash, nash.data, nash.metrics, nash.report, nash.run, nash.studies)
FUNCTIONS = {
    f"{room.__name__}.{n}": f for room in ROOMS for n in room.__all__ if inspect.isfunction(f := getattr(room, n))
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_a_place_may_be_a_text_wherever_it_may_be_a_path(name: str):
    known = inspect.signature(FUNCTIONS[name]).parameters.values()
    assert [p.name for p in known if "Path" in str(p.annotation) and "str" not in str(p.annotation)] == []


def test_a_run_and_its_comparison_are_asked_for_by_texts(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    nash.open_session({"game": "bilinear", "steps": 2, "device": "cpu"}, {}, "toy").train()
    nash.resume_session("toy", {"steps": 3}).train()
    assert nash.report.compare_reports(["toy"], "page.html") == Path("page.html")
    assert restore_member("toy")[1].steps == 3


def test_the_version():
    assert re.fullmatch(r"\d+\.\d+\.\d+.*", nash.__version__)
    result = CliRunner().invoke(app, ["--version"])
    assert (result.exit_code, result.output) == (0, f"nashpath {nash.__version__}\n")


@pytest.fixture(scope="module")
def run(tmp_path_factory) -> Path:
    """Two members on the ring that keep an average."""
    folder = tmp_path_factory.mktemp("face") / "run"
    settings = {"data": "ring", "average": {"kind": "ema", "decay": 0.5}, "seeds": [0, 1], "steps": 6, "stack": "off"}
    small = {"compile": "off", "sample_every": 6, "evaluation_samples": 20, "threads": 1}
    nash.open_session({**settings, **small}, {}, folder).train()
    return folder


def test_a_loaded_member_samples_as_the_command_does(run, tmp_path):
    member = nash.load(run, 1)
    assert (member.seed, member.steps, member.outcome) == (1, 6, "finished")
    assert repr(member).startswith("<LoadedMember GAN: finished, 6 steps, seed 1, played by ")
    assert member.settings.average.decay == 0.5
    result = CliRunner().invoke(app, ["sample", str(run), "-n", "5", "--member", "1", "--out", str(tmp_path / "x.npz")])
    assert result.exit_code == 0, result.output
    np.testing.assert_array_equal(member.sample(5).numpy(), np.load(tmp_path / "x.npz")["samples"])
    assert not torch.equal(member.sample(5), member.sample(5, seed=1))
    assert member.discriminator(member.generator(torch.zeros(3, member.game.latent))).shape == (3, 1)


def test_loaded_networks_are_for_use_and_leave_the_game_alone(tmp_path):
    """Batch normalisation in training mode would make a sample depend on the others, and move what it normalises by."""
    raw = small(
        steps=3, data="digits", generator={"kind": "dcgan", "width": 2}, discriminator={"kind": "dcgan", "width": 2}
    )
    trained(raw, tmp_path / "run")
    member = nash.load(tmp_path / "run")
    before = member.sample(9, seed=1)
    latents = torch.randn(9, member.game.latent)
    whole = member.generator(latents)
    torch.testing.assert_close(member.generator(latents[:1]), whole[:1])
    assert member.discriminator(whole).shape == (9, 1)
    assert torch.equal(member.sample(9, seed=1), before)
    assert (member.generator.training, member.discriminator.training, member.game.training) == (False, False, True)


def test_averaged_and_raw_weights(run):
    trial, train_state = restore_member(run)
    averages = trial.solver.averages(train_state.memory)["generator"]
    averaged, raw = nash.load(str(run)), nash.load(str(run), averaged=False)
    for name, weight in averaged.generator.named_parameters():
        assert torch.equal(weight, averages[name])
    for name, weight in raw.generator.named_parameters():
        assert torch.equal(weight, train_state.point.players["generator"][name])
    assert any(not torch.equal(a, b) for a, b in zip(averaged.generator.parameters(), raw.generator.parameters()))


def test_what_cannot_be_loaded_or_sampled_is_said(run, tmp_path):
    with pytest.raises(SettingError, match="holds no run"):
        nash.load(tmp_path)
    with pytest.raises(SettingError, match="members 0 to 1"):
        nash.load(run, 2)
    nash.open_session({"game": "bilinear", "steps": 2}, {}, tmp_path / "toy").train()
    toy = nash.load(tmp_path / "toy")
    with pytest.raises(SettingError, match="Bilinear has no generator"):
        toy.sample(3)


def test_evaluate_a_run(run):
    found = nash.evaluate(str(run), metrics=["modes"], members=[1], count=50)
    assert {entry["metric"] for entry in found["groups"][0]["numbers"]} == {"modes"}
    assert (found["samples"], found["groups"][0]["members"]) == (50, [1])
    assert json.loads((run / "evaluation.json").read_text()) == json.loads(plain_json(found))


def test_evaluate_tensors_arrays_and_files(tmp_path):
    rng = np.random.default_rng(0)
    real, fake = (rng.normal(size=(50, 3)).astype(np.float32) for _ in range(2))
    found = nash.evaluate(real, fake, ["sliced_wasserstein"])
    assert isinstance(found[0], Measurement)
    tensors = torch.from_numpy(real), torch.from_numpy(fake)
    assert (
        found == nash.evaluate(*tensors, ["sliced_wasserstein"]) == evaluate_samples(*tensors, ["sliced_wasserstein"])
    )
    assert [one.name for one in nash.evaluate(*tensors)] == ["fid"]
    np.save(tmp_path / "real.npy", real)
    np.save(tmp_path / "fake.npy", fake)
    files = nash.evaluate(tmp_path / "real.npy", tmp_path / "fake.npy", ["sliced_wasserstein"])
    assert files["groups"][0]["numbers"][0]["values"] == pytest.approx([found[0].value])
    assert len(list(tmp_path.iterdir())) == 2


def test_evaluate_refuses_what_means_nothing(run, tmp_path):
    for given in [(torch.zeros(3, 2), "x"), ("x", torch.zeros(3, 2)), (torch.zeros(3, 2),)]:
        with pytest.raises(TypeError, match="expected a run folder, two paths, or two tensors"):
            nash.evaluate(*given)
    with pytest.raises(SettingError, match="are for runs"):
        nash.evaluate("real", "fake", members=[0])


@pytest.mark.long
def test_diagnose_all_members_or_some(tmp_path):
    rules = {player: {"learning_rate": 0.1} for player in ("generator", "discriminator")}  # two turns in few steps
    settings = {"game": "bilinear", "seeds": [0, 1], "steps": 3, "compile": "off", "solver": rules}
    nash.open_session(settings, {}, tmp_path / "run").train()
    assert [one.member for one in nash.diagnose(tmp_path / "run", quick=True)] == [0, 1]
    assert [one.member for one in nash.diagnose(str(tmp_path / "run"), [1], quick=True)] == [1]
    assert (tmp_path / "run" / "diagnosis.json").exists()


def test_a_source_folder_on_the_path_needs_no_installation(monkeypatch):
    def version(name: str) -> str:
        raise PackageNotFoundError(name)

    monkeypatch.setattr(nash, "version", version)
    assert nash.__version__ == machine()["versions"]["nashpath"] == "not installed"


def test_images_in_two_units_or_layouts_are_not_compared_in_silence():
    real, fake = torch.rand(2, 20, 1, 4, 4) * 2 - 1
    assert [m.name for m in nash.evaluate(real, fake, "fid,kid")][:2] == ["fid", "kid"]
    with pytest.raises(MetricError, match=r"generated ones torch\.uint8: give both in the same units"):
        nash.evaluate(real, ((fake + 1) * 127.5).byte())
    with pytest.raises(MetricError, match=r"a generated one \(4, 4, 1\): give images of one size"):
        nash.evaluate(real, fake.permute(0, 2, 3, 1))
    for other in ((fake + 1) / 2, (fake + 1) * 127.5):
        with pytest.raises(MetricError, match="images in two units, -1 to 1 and 0 to "):
            nash.evaluate(real, other)
    with pytest.warns(UserWarning, match="if these are images in two units"):
        nash.evaluate(real, fake / 20)
    whole = ((real + 1) * 127.5).byte()
    with pytest.warns(UserWarning, match="distances are then in units of bytes"):
        nash.evaluate(whole, whole.flip(0))
    for low, high in ((0, 1), (0, 255)):
        given = (real + 1) / 2 * (high - low) + low
        with pytest.raises(MetricError, match=r"digits features are those of images from -1 to 1: give x / 127.5 - 1"):
            nash.evaluate(given, given, features="digits")
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        nash.evaluate(real.flatten(1), 100 * fake.flatten(1))  # vectors may differ in any way
        nash.evaluate((real + 1) / 2, (0.9 * fake + 1) / 2, features=lambda x: x.flatten(1))


@pytest.mark.long
@pytest.mark.parametrize("given", [{"steps": 4}, [("steps", 4)], (["steps", 4],), {"steps": 4}.items()])
def test_changes_are_a_mapping_or_pairs(tmp_path, given):
    settings = {"game": "bilinear", "steps": 3, "compile": "off"}
    nash.open_session(settings, {}, tmp_path / "run").train()
    assert nash.resume_session(tmp_path / "run", given).train() == "finished"
    assert resolve(settings, given).steps == 4
    assert resolve_flow(given).steps == 4
    flow = {"data": "ring", "particles": 4, "steps": 2, "evaluation_samples": 4, "samples": 4, "device": "cpu"}
    folder = run_flow(resolve_flow(flow), tmp_path / "flow")
    assert resume_flow(folder, given) == folder


@pytest.mark.parametrize("given", [["steps=4"], ["steps"], [("steps", 4, 5)], [(1, 2)]])
def test_changes_of_another_form_are_named(tmp_path, given):
    nash.open_session({"game": "bilinear", "steps": 3, "compile": "off"}, {}, tmp_path / "run").train()
    with pytest.raises(SettingError, match=r'expected a mapping such as \{"steps": 100\}, or pairs'):
        nash.resume_session(tmp_path / "run", given)
