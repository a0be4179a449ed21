"""Ctrl-C in what is long: compiling, reading data, a cell of a reproduction, and the processes that these start."""

import json
import multiprocessing
import os
import resource
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from nashpath.core.torch_compat.one_graph import as_one_graph
from nashpath.data import Ring
from nashpath.report import page
from nashpath.run.engine import program
from nashpath.run.engine.interrupt import Interrupted, descendants, end, interruptible, uninterrupted
from nashpath.run.engine.program import Program
from nashpath.run.settings.build import build_trial
from nashpath.run.settings.resolve import resolve
from nashpath.studies import runner, workers
from nashpath.studies.find import edition
from nashpath.studies.plan import plan_cells
from nashpath.studies.workers import lone_workers, worker_pool
from run_folders import assert_same_run, flags, members, nash

SLEEP = ("sleep", "60")
OWN = Path(__file__).parents[1] / "examples" / "own_study.py"
DIES = """
import os, signal
from nashpath.studies import Experiment, Size, Strip, Study

def measure(cell, size):
    if cell["k"] == 1:
        os.kill(os.getpid(), signal.SIGKILL)
    yield {"seed": 0, "v": 1.0}

CELLS = [{"k": 0}, {"k": 1}]
ONE = Experiment("one", "a", measure, {"quick": Size(1, 1)}, CELLS, [Strip("t", y="v", by=("k",))])
STUDY = Study("dies", "T", "P", [ONE], [])
"""


def runs(pid):
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def gone(pid, seconds=10.0):
    end = time.monotonic() + seconds
    while runs(pid) and time.monotonic() < end:
        time.sleep(0.01)
    return not runs(pid)


@pytest.fixture
def asked():
    """A handler that notes a stop, as that of the commands."""
    found = []
    before = signal.signal(signal.SIGINT, lambda number, frame: found.append(number))
    yield found
    signal.signal(signal.SIGINT, before)


def test_a_block_is_left_at_once_and_what_it_started_is_ended(asked):
    answer = signal.getsignal(signal.SIGINT)
    other = subprocess.Popen(SLEEP)
    shell, own = None, []
    with pytest.raises(Interrupted), interruptible(lambda: bool(asked)):  # noqa: PT012
        shell = subprocess.Popen(["sh", "-c", "sleep 60 & wait"])
        while len(descendants(shell.pid)) < 1:
            time.sleep(0.01)
        own = [shell.pid, *descendants(shell.pid)]
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)
    assert all(gone(pid) for pid in own)
    assert runs(other.pid)  # was there before
    for process in (other, shell):
        process.kill()
        process.wait()
    assert signal.getsignal(signal.SIGINT) is answer
    assert len(asked) == 1


def test_what_fails_of_the_signal_is_the_stop_and_what_fails_otherwise_is_not(asked):
    with pytest.raises(ZeroDivisionError), interruptible(lambda: bool(asked)):
        raise ZeroDivisionError
    with pytest.raises(Interrupted), interruptible(lambda: bool(asked)):  # noqa: PT012
        asked.append(signal.SIGINT)  # the compiler died of it before this process heard it
        raise RuntimeError("g++ died with signal 2")


def test_a_signal_that_asks_for_no_stop_does_not_cut(asked):
    with interruptible(lambda: False):
        signal.raise_signal(signal.SIGINT)
    assert len(asked) == 1


def test_a_program_inside_hands_the_stop_of_a_block_around_it_on(asked, monkeypatch):
    """A cell of a reproduction, and the choice of how to run, train with no stop of their own."""

    def compiled(step):
        def take(*given):
            signal.raise_signal(signal.SIGINT)
            return step(*given)

        return take

    monkeypatch.setattr(program, "as_one_graph", compiled)
    one = Program([build_trial(resolve({"batch_size": 4}), 0)], [0], compiled=True)
    with pytest.raises(Interrupted), interruptible(lambda: bool(asked)):
        one.run(3)
    assert one.taken == 0


def test_a_block_does_not_begin_where_a_stop_was_asked_for_before(asked):
    begun = []
    with pytest.raises(Interrupted), interruptible(lambda: True):
        begun.append(1)
    assert begun == []


def test_helpers_of_a_compiler_outlive_an_error_of_the_block(asked):
    helpers = []
    with pytest.raises(ZeroDivisionError), interruptible(lambda: False):  # noqa: PT012
        helpers.append(subprocess.Popen(SLEEP))
        raise ZeroDivisionError
    assert runs(helpers[0].pid)
    helpers[0].kill()
    helpers[0].wait()


@pytest.mark.long(first=True)
@pytest.mark.parametrize(("number", "late"), [(signal.SIGINT, False), (signal.SIGTERM, True)])
def test_a_program_that_is_compiled_is_left_and_resumed_bit_for_bit(tmp_path, monkeypatch, number, late):
    """The compiler is a child that sleeps; the signal comes before the step is taken, or just after it was."""
    monkeypatch.setattr(program, "as_one_graph", partial(as_one_graph, backend="traced"))
    settings = flags("compile=on", "steps=8", "checkpoint_every=4")
    nash("train", *settings, "--out", tmp_path / "whole")
    real, started = Program._step_all, []

    def compiling(self, *given):
        if late:
            real(self, *given)
        started.append(subprocess.Popen(SLEEP))
        signal.raise_signal(number)
        started[0].wait()

    with monkeypatch.context() as patch:
        patch.setattr(Program, "_step_all", compiling)
        result = nash("train", *settings, "--out", tmp_path / "cut")
    assert "stopped at step 0; continue with" in " ".join(result.stderr.split())
    assert started[0].wait(10) == -signal.SIGKILL
    assert members(tmp_path / "cut")[0]["steps"] == 0
    nash("train", "--resume", "--out", tmp_path / "cut")
    assert_same_run(tmp_path / "cut", tmp_path / "whole")


def test_reading_data_is_left_and_nothing_is_written(tmp_path, monkeypatch):
    def prepare(self, progress=None):
        signal.raise_signal(signal.SIGINT)
        time.sleep(60)

    monkeypatch.setattr(Ring, "prepare", prepare, raising=False)
    result = nash("train", *flags("steps=2"), "--out", tmp_path / "run", expect=130)
    assert "stopped before anything was written" in result.stderr
    assert list(tmp_path.iterdir()) == []


@pytest.mark.long(first=True)
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
@pytest.mark.parametrize("verb", ["train", "flow"])
def test_a_page_that_takes_long_is_left_and_written_later(tmp_path, monkeypatch, verb, number):
    def draw(run):
        signal.raise_signal(number)
        time.sleep(60)

    few = ("data=ring", "steps=2", "particles=20", "ratio.warm_up=2")
    own = flags("steps=2") if verb == "train" else [part for one in few for part in ("-s", one)]
    before = signal.getsignal(number)
    with monkeypatch.context() as patch:
        patch.setattr(page, "_write", draw)
        result = nash(verb, *own, "--out", tmp_path / "run", expect=130)
    assert signal.getsignal(number) is before
    assert f"its page is written by: nashpath report {tmp_path / 'run'}" in result.stderr
    assert members(tmp_path / "run")[0]["outcome"] == "finished"
    nash("report", tmp_path / "run")
    assert (tmp_path / "run" / "report.html").stat().st_size > 1000


def test_a_cell_is_left_in_one_process_and_the_others_are_kept(tmp_path, monkeypatch):
    command = ("reproduce", OWN, "--quick", "-s", "seeds=1", "-s", "steps=2", "--workers", 1, "--out")
    real, cells = runner.measure_cell, []

    def measured(*given):
        cells.append(given)
        if len(cells) == 2:
            signal.raise_signal(signal.SIGINT)
            time.sleep(60)
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(runner, "measure_cell", measured)
        nash(*command, tmp_path / "out", expect=130)
    study = next((tmp_path / "out").rglob("study.json"))
    assert json.loads(study.read_text())["status"] == "stopped"
    assert len(list(study.parent.glob("cells/*.json"))) == 1
    nash(*command, tmp_path / "out")
    assert json.loads(study.read_text())["status"] == "finished"


def test_an_interrupted_plan_ends_its_processes_and_begins_no_other():
    begun = []
    with pytest.raises(KeyboardInterrupt), lone_workers(2) as call:  # noqa: PT012
        begun += [call(time.sleep, 60) for _ in range(5)]
        while len(multiprocessing.active_children()) < 2:
            time.sleep(0.01)
        raise KeyboardInterrupt
    assert not multiprocessing.active_children()
    assert [future.cancelled() for future in begun] == [False, False, True, True, True]


def test_workers_are_ended_with_what_they_started():
    with worker_pool(1) as pool:
        pool.submit(subprocess.run, SLEEP)
        while not (found := [pid for pid in descendants(os.getpid()) if "sleep" in name(pid)]):
            time.sleep(0.05)
    assert gone(found[0])


PARENT = """
import os, pathlib, sys, time
from nashpath.run.training.jobs import PartedJob, run_in_processes
from nashpath.studies.workers import worker_pool
if __name__ == "__main__":
    with worker_pool(1) as pool:
        print(pool.submit(os.getpid).result(), flush=True)
        pool.submit(time.sleep, 60)
        run_in_processes(PartedJob(pathlib.Path(sys.argv[1]), 1, (), python=sys.argv[2]), print, lambda: False)
"""


@pytest.mark.long
@pytest.mark.skipif(sys.platform != "linux", reason="who is whose child is asked of /proc")
def test_what_a_killed_command_started_ends_with_it(tmp_path):
    """Workers of a reproduction, with their server, and parts: else they would go on, and hold what they write."""
    (tmp_path / "parent.py").write_text(PARENT)
    (tmp_path / "part").write_text("#!/bin/sh\nexec sleep 60\n")
    (tmp_path / "part").chmod(0o755)
    line = [sys.executable, tmp_path / "parent.py", tmp_path / "run", tmp_path / "part"]
    with subprocess.Popen(line, stdout=subprocess.PIPE, text=True) as parent:
        worker = int(parent.stdout.readline())
        while not any("sleep" in name(pid) for pid in descendants(parent.pid)):
            time.sleep(0.05)
        started = descendants(parent.pid)
        assert worker in started
        parent.kill()
    assert [pid for pid in started if not gone(pid)] == []


def test_a_worker_has_the_environment_of_now_and_draws_of_its_own(monkeypatch):
    """Also where the server whose forks workers are began with another: it serves every pool of a process."""
    said, drawn = [], []
    for word in ("then", "now"):
        monkeypatch.setenv("NASHPATH_TEST_WORD", word)
        with lone_workers(1) as call:
            said.append(call(os.getenv, "NASHPATH_TEST_WORD").result())
            drawn += [call(eval, "__import__('numpy').random.random()").result() for _ in range(2)]
    monkeypatch.delenv("NASHPATH_TEST_WORD")
    with worker_pool(1) as pool:
        said.append(pool.submit(os.getenv, "NASHPATH_TEST_WORD").result())
    assert said == ["then", "now", None]
    assert len(set(drawn)) == 4


@pytest.mark.long
def test_a_stop_is_not_kept_waiting_by_what_workers_import(tmp_path):
    """The server whose forks they are is ended while it begins, and the next pool begins another."""
    end(workers._servers())
    began = time.monotonic()
    runner.reproduce(str(OWN), "quick", tmp_path, workers=2, stop=lambda: True)
    stopped = time.monotonic()
    assert json.loads((tmp_path / "study.json").read_text())["status"] == "stopped"
    assert not list(filter(runs, workers._servers()))
    with worker_pool(1) as pool:
        assert pool.submit(abs, -1).result() == 1
    assert stopped - began < time.monotonic() - stopped  # a third of it on a quiet machine, and on a busy one


def test_a_worker_that_is_killed_is_its_cells_error_and_a_plan_goes_on(tmp_path):
    """Out of memory, say: the cell is failed, not lost, and nobody waits for it."""
    study = tmp_path / "dies.py"
    study.write_text(DIES)
    began = time.monotonic()
    runner.reproduce(str(study), "quick", tmp_path / "r", workers=2)
    record = json.loads((tmp_path / "r" / "study.json").read_text())
    assert record["status"] == "failed"
    assert "the worker died" in record["failed"]["one k=1"]
    task = runner.Task(str(study), "quick", {}, edition(str(study)))
    costs = plan_cells(task, workers=1)
    assert [cost.known for cost in costs] == ["whole", ""]
    assert costs[1].error == "ChildProcessError: the process died (out of memory?)"
    assert time.monotonic() - began < 60


def name(pid):
    try:
        return Path(f"/proc/{pid}/comm").read_text()
    except OSError:
        return ""


@pytest.mark.long
def test_the_real_compiler_is_left_within_two_seconds(tmp_path):
    """SIGINT to the whole process group, as Ctrl-C sends it. Seconds are those of work: this machine may be busy."""
    command = [sys.executable, "-m", "nashpath", "train", *flags("compile=on"), "--out", str(tmp_path / "run")]
    surroundings = {**os.environ, "TORCHINDUCTOR_CACHE_DIR": str(tmp_path / "compiled")}
    process = subprocess.Popen(
        command,
        env=surroundings,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
        preexec_fn=partial(signal.signal, signal.SIGINT, signal.SIG_DFL),
    )
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    while not (tmp_path / "run" / "samples" / "step-00000000.npz").exists():  # after it the first step is compiled
        assert process.poll() is None
        time.sleep(0.02)
    time.sleep(1.0)
    fields = Path(f"/proc/{process.pid}/stat").read_text().rpartition(")")[2].split()
    spent = sum(map(int, fields[11:13])) / os.sysconf("SC_CLK_TCK")
    os.killpg(process.pid, signal.SIGINT)
    _, said = process.communicate(timeout=60)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    work = after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime - spent
    assert process.returncode == 0, said
    assert "Traceback" not in said
    assert "Exception ignored" not in said
    assert "stopped at step 0; continue with" in " ".join(said.split())
    assert json.loads((tmp_path / "run" / "run.json").read_text())["status"] == "stopped"
    assert work < 2.0
    with pytest.raises(ProcessLookupError):  # nobody is left in its group
        os.killpg(process.pid, 0)


def test_ctrl_c_waits_for_the_end_of_imports():
    """As a notebook does: it is raised after the block, and answered as before from then on."""
    before, done = signal.default_int_handler, []

    def work():
        with uninterrupted():
            os.kill(os.getpid(), signal.SIGINT)
            os.kill(os.getpid(), signal.SIGINT)
            done.append("imported")
        done.append("beyond")

    given = signal.signal(signal.SIGINT, before)  # a background job ignores it
    try:
        with pytest.raises(KeyboardInterrupt):
            work()
        assert done == ["imported"]
        assert signal.getsignal(signal.SIGINT) is before
    finally:
        signal.signal(signal.SIGINT, given)
