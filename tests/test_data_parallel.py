"""One GAN on several processes is the GAN of one: two and three of them, joined by gloo, beside one with whole batches.

Steps are of plain descent: the first step of Adam is the sign of a gradient, and hides what its size is.
"""

import json
import multiprocessing
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from torch.func import vmap

from nashpath.core import Key
from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.core.tree import leaves, tree_map
from nashpath.games import OBJECTIVES, PENALTIES
from nashpath.metrics.features import as_extractor, extract
from nashpath.run import SettingError
from nashpath.run.engine.data_parallel import Ranks, Spread, joined, several
from nashpath.run.engine.program import Program
from nashpath.run.engine.step import begin, hyperparameters_of, make_step
from nashpath.run.observe.shared import SharedSamples
from nashpath.run.observe.snapshot import samples
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.model import TABLES
from nashpath.run.settings.resolve import resolve
from nashpath.solvers import SOLVERS
from quick_python import process_of

STACKED = ("alternating", "extragradient", "consensus", "svre", "anchored", "runge_kutta")
"""Solvers of every kind of reading: in turns, twice, with second derivatives, of all data, from before, at stages."""
CASES = {2: [("solver", k) for k in STACKED]}
CASES[3] = (
    [("solver", k) for k in SOLVERS] + [("objective", k) for k in OBJECTIVES] + [("penalty", k) for k in PENALTIES]
)
"""By the number of processes."""
BATCHES_MATTER = {"mmd_gaussian", "mmd_rational_quadratic", "dragan", "dragan_centred"}
"""Rows whose gradient is known (measured by others, too) to be no mean over samples: they must be announced."""


def trial_of(path, kind, seed=0, batch_size=12):
    """A tiny GAN of this row in float64, played by plain descent."""
    raw = {"batch_size": batch_size, "latent": 3, "steps": 4, path: kind}
    for who in ("generator", "discriminator"):  # smooth, so that a slope depends on where it is taken
        raw |= {who: "mlp", f"{who}.width": 5, f"{who}.depth": 1, f"{who}.activation": "tanh", f"solver.{who}": "sgd"}
    raw |= {"data": "digits"} if kind == "svre" else {}
    torch.set_default_dtype(torch.float64)
    try:
        return build_trial(resolve({}, raw), seed).double()
    finally:
        torch.set_default_dtype(torch.float32)


def given(trial, seed):
    batch = trial.game.draw(Key(seed), (trial.solver.draws,))
    batch = tree_map(lambda v: v.double() if v.is_floating_point() else v, batch)
    return begin(trial), hyperparameters_of(trial), batch


def away(found, whole, before):
    """The largest difference of players' parameters, as a share of the largest move."""
    moves = [(w - b).abs().max() for w, b in zip(leaves(whole.point.players), leaves(before.point.players))]
    misses = [(f - w).abs().max() for f, w in zip(leaves(found.point.players), leaves(whole.point.players))]
    return float(torch.stack(misses).max() / torch.stack(moves).max())


def measure(path, kind, ranks, stacks):
    """How far steps of several processes are from those of one, by the way they run, and what is announced.

    Stacks of every solver are traced as they are compiled; without a stack one solver is, for the others are of the
    same sums.
    """
    trial = trial_of(path, kind)
    spread, members = Spread(ranks, trial), [given(trial, 0)]
    members += [given(trial_of(path, kind, 1), 1)] if stacks else []
    alone, step = make_step(trial), make_step(trial, spread=spread)
    whole = [alone(*member)[0] for member in members]
    found = {"eager": away(step(*members[0])[0], whole[0], members[0][0])}
    ways = {"stacked": vmap(step)} if stacks else {}
    if stacks and not spread.differentiates():
        ways["compiled and stacked"] = as_one_graph(vmap(step), backend="traced")
    if stacks and kind == "alternating":
        found["compiled"] = away(as_one_graph(step, backend="traced")(*members[0])[0], whole[0], members[0][0])
    for name, way in ways.items():
        states = way(*tree_map(lambda *own: torch.stack(own), *members))[0]
        each = [tree_map(lambda v, i=i: v[i], states) for i in range(len(members))]
        found[name] = max(away(e, w, m[0]) for e, w, m in zip(each, whole, members))
    return found, sorted(spread.differences()), spread.differentiates()


def work(rank, size, port, out, cases):
    """One process: measures all cases with the others. Two look at stacks of all solvers, three at all rows."""
    torch.set_num_threads(1)
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port), "RANK": str(rank), "WORLD_SIZE": str(size)}
    os.environ.update(where)
    with joined() as ranks, torch.no_grad():
        found = {f"{path}.{kind}": measure(path, kind, ranks, size == 2) for path, kind in cases}
        (out / f"{rank}.json").write_text(json.dumps(found))
        (out / f"{rank}.samples").write_text(json.dumps(measure_samples(ranks)))


def measure_samples(ranks):
    """How far samples that all make, and what an extractor makes of them, are from those of one: 11 rows of a digit."""
    raw = {"data": "digits", "batch_size": 12, "latent": 3, "generator": "dcgan", "discriminator": "dcgan"}
    program = Program([build_trial(resolve({}, raw), seed) for seed in (0, 1)], [0, 1])
    shared, trial, state = SharedSamples(ranks, [program]), program.trials[1], program.train_state(1)
    if not ranks.leads:
        shared.answer(ranks.hear())
        return []
    values, seen = shared.seen(trial, state, 1, 11, ["digits"])
    alone = samples(trial, state, 1, 11)
    features = extract(as_extractor("digits"), alone)
    pairs = [(values, alone), *zip(seen["digits"], features)]
    return [float((a - b).norm() / b.norm()) for a, b in pairs]


def free_port():
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        return one.getsockname()[1]


def measured(size, out, cases=None):
    """What each of so many processes found: in its cases, and in samples."""
    as_one_graph(vmap(torch.sin), backend="traced")(trial_of("solver", "alternating").game.latents(Key(0), (2,)))
    others, port = multiprocessing.get_context("fork"), free_port()  # they need not import what the line above did
    processes = [
        others.Process(target=work, args=(rank, size, port, out, cases or CASES[size])) for rank in range(size)
    ]
    for process in processes:
        process.start()
    for process in processes:
        process.join(600)
    assert [process.exitcode for process in processes] == [0] * size
    kinds = ("json", "samples")
    return [[json.loads((out / f"{rank}.{kind}").read_text()) for rank in range(size)] for kind in kinds]


@pytest.fixture(scope="module")
def of_two(tmp_path_factory):
    return measured(2, tmp_path_factory.mktemp("two"))


@pytest.fixture(scope="module")
def of_three(tmp_path_factory):
    return measured(3, tmp_path_factory.mktemp("three"))


def is_that_of_one_or_announced(measured, path, kind):
    (ways, announced, _), *others = [rank[f"{path}.{kind}"] for rank in measured[0]]
    assert all(other[0] == ways for other in others), "processes parted"
    if kind in BATCHES_MATTER:
        assert announced
    if not announced:
        assert max(ways.values()) < 1e-5, ways


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("path", "kind"), CASES[3])
def test_a_step_of_several_processes_is_that_of_one_or_announced(of_three, path, kind):
    is_that_of_one_or_announced(of_three, path, kind)


@pytest.mark.long
@pytest.mark.parametrize("kind", STACKED)
def test_so_it_is_of_solvers_that_are_stacked_and_compiled(of_two, kind):
    is_that_of_one_or_announced(of_two, "solver", kind)


@pytest.mark.thorough("every kind of reading is among the solvers above")
def test_so_it_is_of_every_solver_that_is_stacked_and_compiled(tmp_path):
    others = [kind for kind in SOLVERS if kind not in STACKED]
    found = measured(2, tmp_path, [("solver", kind) for kind in others])
    for kind in others:
        is_that_of_one_or_announced(found, "solver", kind)


def test_few_rows_are_announced_and_solvers_that_differentiate_are_found(of_two, of_three):
    second = {"consensus", "sga", "lola", "lead", "unrolled", "cgd", "acgd"}
    second |= {"local_symplectic_surgery", "follow_the_ridge"}
    for ((leader, *_), _), asked in ((of_two, {*STACKED}), (of_three, {*SOLVERS})):
        announced = {name for name, (_, told, _) in leader.items() if told}
        assert not {name for name in announced if name.startswith("solver.")}
        differentiate = {name.split(".")[1] for name, (*_, found) in leader.items() if found}
        assert differentiate - {"runge_kutta"} == second & asked


def test_samples_and_their_features_are_made_by_all(of_two, of_three):
    for _, (away, *_) in (of_two, of_three):
        assert len(away) == 3  # values, features, logits
        assert max(away) < 1e-6


def test_what_cannot_be_spread_is_refused_with_the_key():
    with pytest.raises(SettingError, match=r"batch_size: 10 .* over 3 processes; use a multiple of 3"):
        Spread(Ranks(0, 3), trial_of("solver", "alternating", batch_size=10))
    with pytest.raises(SettingError, match="game: Bilinear has no batches to spread over 2 processes"):
        Spread(Ranks(0, 2), build_trial(resolve({}, {"game": "bilinear"}), 0))


@pytest.mark.parametrize("game", TABLES["game"])
def test_every_game_is_spread_or_refused_with_the_reason(game):
    raw = {"game": game} | ({"data": "digits"} if game in ("semi_supervised", "conditional") else {})
    trial = build_trial(resolve({}, raw), 0)
    if not hasattr(trial.game, "batch_size"):
        with pytest.raises(SettingError, match=r"game: .* has no batches to spread over 2 processes"):
            Spread(Ranks(1, 2), trial)
        return
    spread = Spread(Ranks(1, 2), trial)
    batch = trial.game.draw(Key(0), (1,))
    sizes = {v.shape[1] for v, splits in zip(leaves(batch), leaves(spread.per_sample)) if splits}
    halves = {v.shape[1] for v, splits in zip(leaves(spread.part(batch)), leaves(spread.per_sample)) if splits}
    assert halves == {size // 2 for size in sizes}


def test_one_process_is_no_several():
    assert not several({"WORLD_SIZE": "1", "RANK": "0", "MASTER_ADDR": "x", "MASTER_PORT": "1"})
    assert not several({"WORLD_SIZE": "4"})  # set by something else
    with joined({}) as ranks:
        assert ranks is None


LEFT = """
import os, time, torch
from nashpath.run.engine.data_parallel import joined, sum_over_ranks
with joined() as ranks:
    assert sum_over_ranks(torch.ones(2)).tolist() == [2, 2]
    assert ranks.leads or ranks.hear() is None
ended = time.monotonic() + 20  # a thread that was joined is listed for a moment yet
while (left := len(os.listdir("/proc/self/task"))) > 1 and time.monotonic() < ended:
    time.sleep(0.01)
assert left == 1, left
"""


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
@pytest.mark.skipif(not Path("/proc/self/task").exists(), reason="threads are read from /proc")
def test_no_thread_of_the_connection_outlives_it():
    """One that wakes while Python shuts down aborts the process, "terminate called without an active exception"."""
    where = {"MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(free_port()), "WORLD_SIZE": "2"}
    both = [
        subprocess.Popen(
            [sys.executable, "-c", LEFT], env={**os.environ, **where, "RANK": rank}, stderr=subprocess.PIPE
        )
        for rank in "01"
    ]
    assert [(one.communicate(timeout=60)[1].decode(), one.returncode) for one in both] == [("", 0), ("", 0)]


# The command, as torchrun starts it.

ARGUMENTS = ["-s", "data=ring", "-s", "batch_size=12", "-s", "compile=off", "-s", "stack=off", "-s", "threads=1"]
ARGUMENTS += ["-s", "solver.discriminator=sgd", "-s", "solver.generator=sgd", "-s", "penalty=r1"]
ARGUMENTS += ["-s", "evaluation_samples=64", "-s", "samples=16"]


def together(size, *arguments):
    launch = ["-m", "torch.distributed.run", f"--nproc-per-node={size}", f"--master-port={free_port()}", "-m"]
    return [sys.executable, *(launch if size > 1 else ["-m"]), "nashpath", "train", "--quiet", *arguments]


def trained(size, folder, *arguments):
    done = subprocess.run(together(size, "--out", str(folder), *arguments), capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip().splitlines()[-1].endswith("report.html")
    return json.loads((folder / "members.json").read_text())


def costs(members):
    return [list(member["costs"].values()) for member in members]


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_a_run_goes_on_with_any_number_of_processes(tmp_path):
    whole = trained(1, tmp_path / "one", *ARGUMENTS, "-s", "steps=60")
    trained(1, tmp_path / "many", *ARGUMENTS, "-s", "steps=20")
    for size, steps in ((2, 40), (1, 60)):
        found = trained(size, tmp_path / "many", "--resume", "-s", f"steps={steps}")
        about = json.loads((tmp_path / "many" / "run.json").read_text())
        assert ("each of 2 processes" in about["programs"][0]["reason"]) == (size == 2)
    torch.testing.assert_close(torch.tensor(costs(found)), torch.tensor(costs(whole)), rtol=1e-4, atol=1e-5)


@pytest.mark.long
@pytest.mark.usefixtures("quick_python")
def test_numbers_of_samples_are_those_of_one_process(tmp_path):
    asked = ["-s", "data=digits", "-s", 'metrics=["fid", "kid@pixels"]', "-s", "steps=4", "-s", "sample_every=2"]
    whole, found = (trained(size, tmp_path / str(size), *ARGUMENTS, *asked)[0]["metrics"] for size in (1, 2))
    assert {"fid", "kid@pixels"} < set(whole)
    assert found == pytest.approx(whole, rel=1e-3)


@pytest.mark.thorough("the same with the kill at any time, and the run beside that of one process")
def test_a_killed_process_ends_the_job_with_a_sentence_and_the_run_goes_on(tmp_path, quick_python):
    out = tmp_path / "run"
    arguments = [*ARGUMENTS, "-s", "steps=100000", "-s", "checkpoint_every=50", "--out", str(out)]
    job = subprocess.Popen(together(2, *arguments), stderr=subprocess.PIPE, text=True)
    begun = time.monotonic()
    while not (out / "checkpoint.safetensors").exists() and time.monotonic() - begun < 90:
        time.sleep(0.2)
    os.kill(process_of(quick_python, "RANK=1"), signal.SIGKILL)
    _, said = job.communicate(timeout=90)
    assert job.returncode
    assert re.search(r"error: after step \d+: another process of this run is gone", said)
    assert "rank      : 1" in said  # which one, and of what, the launcher tells
    steps = f"steps={2 * taken(out)}"
    found, whole = trained(2, out, "--resume", "-s", steps), trained(1, tmp_path / "one", *ARGUMENTS, "-s", steps)
    assert found[0]["outcome"] == "finished"
    torch.testing.assert_close(torch.tensor(costs(found)), torch.tensor(costs(whole)), rtol=1e-3, atol=1e-4)


WAITING = """
import time
from pathlib import Path
import nashpath as nash
from nashpath.metrics import Metric

@nash.register("metric", "waiting")
class Waiting(Metric):
    \"\"\"Waits for a file, at step 2.\"\"\"

    def compute(self, real, fake, rng):
        here = Path(__file__).parent
        rows = here / "run" / "metrics.jsonl"
        if rows.exists() and '"step": 2' in rows.read_text():
            (here / "begun").touch()
            while not (here / "go").exists():
                time.sleep(0.01)
        return {"waiting": 0.0}
"""


@pytest.mark.long
def test_a_leader_that_is_asked_to_stop_because_another_is_gone_says_so(tmp_path, quick_python):
    """The launcher asks it at once, perhaps between two steps, where it would only stop."""
    own, out = tmp_path / "waiting.py", tmp_path / "run"
    own.write_text(WAITING)
    asked = ["--with", str(own), "-s", 'metrics=["waiting"]', "-s", "steps=9", "-s", "sample_every=2"]
    job = subprocess.Popen(together(2, *ARGUMENTS, *asked, "--out", str(out)), stderr=subprocess.PIPE, text=True)
    while not (tmp_path / "begun").exists():
        assert job.poll() is None, job.stderr.read()
        time.sleep(0.05)
    os.kill(process_of(quick_python, "RANK=1"), signal.SIGKILL)
    said = ""
    while "stopping after this step" not in said:
        said += (line := job.stderr.readline())
        assert line, said
    (tmp_path / "go").touch()
    said += job.communicate(timeout=60)[1]
    assert "error: after step 2: another process of this run is gone" in said
    assert (out / "checkpoint.safetensors").exists()
    assert trained(2, out, "--resume")[0]["steps"] == 9


def taken(folder):
    """The steps that the run's checkpoint holds, by its rows."""
    rows = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return max(100, *(row["step"] for row in rows))
