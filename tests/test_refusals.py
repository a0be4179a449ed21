"""What cannot be read or was not foreseen ends in one paragraph: it names the key, the file, or the saved traceback."""

import re
import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from nashpath.cli import faults
from nashpath.run import SettingError
from nashpath.run.folder.settings_file import read_toml
from nashpath.run.settings.overrides import parse_overrides
from nashpath.run.settings.resolve import resolve
from run_folders import nash


def refusal(result) -> str:
    assert result.exit_code == 2
    assert result.stderr.startswith("error: ")
    return result.stderr.removeprefix("error: ").strip()


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("lr=1", "lr: no such setting. Did you mean solver.discriminator.learning_rate or solver.generator"),
        (
            "learning_rate=1",
            "learning_rate: no such setting. Did you mean solver.discriminator.learning_rate or",
        ),
        (
            "solver.learning_rate=1",
            "solver.learning_rate: no such setting. Did you mean solver.discriminator.learn",
        ),
        (
            "solver.generator.lr=1",
            "solver.generator.lr: no such setting. Did you mean solver.discriminator.learn",
        ),
        ("epochs=3", "epochs: no such setting. Did you mean steps?"),
        ("batch=3", "batch: no such setting. Did you mean batch_size?"),
        ("n_critic=5", "n_critic: no such setting. Did you mean solver.discriminator_steps?"),
        ("beta1=.5", "beta1: no such setting. Did you mean solver.discriminator.b1 or solver.generator.b1?"),
        ("gp_weight=1", "gp_weight: no such setting. Did you mean penalty.weight?"),
        ("lr_g=1", "lr_g: no such setting. Did you mean solver.generator.learning_rate?"),
        ("ema=.9", "ema: no such setting. Did you mean average=ema?"),
        ("adam=1", "adam: no such setting. Did you mean solver.generator=adam or solver.discriminator=adam?"),
        ("z_dim=3", "z_dim: no such setting. Did you mean latent?"),
        ("modes=3", "modes: no such setting. Did you mean data.modes?"),
        (
            "penalty.weight=1",
            "penalty.weight: no such setting. penalty=none has none; choose one that has it, such",
        ),
        (
            "average.decay=.9",
            "average.decay: no such setting. average=none has none; choose one that has it, such",
        ),
        (
            "data.modes=0x" + "f" * 9000,
            "data.modes: expected less than or equal to 2147483647, got a number of man",
        ),
    ],
)
def test_a_setting_that_does_not_exist_hints_at_the_one_that_was_meant(text, message):
    with pytest.raises(SettingError) as found:
        resolve({}, dict(parse_overrides([text])))
    assert message in str(found.value)


def test_a_sweep_of_a_method_that_was_not_chosen_says_to_choose_one(tmp_path):
    result = nash("train", "--sweep", "penalty.weight=1,2", "--out", tmp_path / "run", expect=2)
    assert "choose one that has it, such as penalty=wgan_gp" in refusal(result)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("a = " + "[" * 1000 + "]" * 1000, "a: nested more than 32 deep"),
        ("penalty = " + "[{a=" * 40 + "1" + "}]" * 40, "penalty: nested more than 32 deep"),
        (".".join("a" * 500) + " = 1", "a: nested more than 32 deep"),
        ("steps = 3\nlatent = " + "7" * 5001, "latent: Exceeds the limit"),
        ("steps = 3\nlatent = 0x" + "f" * 5001, "latent: Exceeds the limit"),
        ("[sweep.penalty]\nweight = [1, 0b" + "1" * 20_000 + "]", "weight: Exceeds the limit"),
    ],
    ids=["deep list", "deep tables", "long key", "many digits", "hexadecimal", "binary, swept"],
)
def test_toml_that_python_cannot_hold_is_refused_by_file_and_key(tmp_path, text, words):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    with pytest.raises(SettingError, match=f"^{re.escape(str(file))}: {words}"):
        read_toml(file)


@pytest.mark.parametrize(
    ("text", "key"),
    [
        ('"penalty.weight" = 3', "penalty.weight"),
        ('penalty = "r1"\n"penalty.weight" = 3', "penalty.weight"),
        ('[solver]\nkind = "alternating"\n"generator.learning_rate" = 0.1', "solver.generator.learning_rate"),
        ('"data.nothing" = 3', "data.nothing"),
    ],
)
def test_a_dotted_key_in_quotes_is_refused_with_what_to_do(tmp_path, text, key):
    file = tmp_path / "mine.toml"
    file.write_text(text)
    words = f"{key}: its dots stand in quotes, which makes one name of it; leave the quotes out: {key} = "
    assert words in nash("train", file, "--out", tmp_path / "run", expect=2).stderr
    with pytest.raises(SettingError, match=re.escape(words)):
        resolve(read_toml(file), {})


def test_a_file_with_a_byte_order_mark_is_read(tmp_path):
    file = tmp_path / "mine.toml"
    file.write_text('penalty = "r1"\n', encoding="utf-8-sig")
    assert read_toml(file) == {"penalty": "r1"}
    file.write_text("stepz = 3\n", encoding="utf-8-sig")
    assert "stepz: no such setting" in refusal(nash("train", file, "--out", tmp_path / "run", expect=2))


def test_a_sweep_of_a_number_that_cannot_be_shown_is_refused_by_its_key(tmp_path):
    result = nash("train", "--sweep", "latent=2,0x" + "f" * 5000, "--out", tmp_path / "run", expect=2)
    assert "sweep: latent: a number of thousands of digits" in refusal(result)


@pytest.mark.parametrize("text", ["latent=" + "7" * 5001, "latent=" + "[" * 1000 + "]" * 1000])
def test_values_that_python_cannot_hold_are_refused_by_key(text):
    with pytest.raises(SettingError, match=r"^latent: .*too long, or nested too deep"):
        parse_overrides([text])


def test_a_key_of_hundreds_of_parts_is_refused():
    with pytest.raises(SettingError, match="nested more than 32 deep"):
        resolve({}, {".".join("a" * 500): 1})


ERRORS = [
    RuntimeError("inside"),
    TypeError("x"),
    KeyError("k"),
    OverflowError("big"),
    RecursionError("deep"),
    IndexError(),
]


@pytest.mark.parametrize("error", ERRORS, ids=lambda error: type(error).__name__)
def test_an_error_that_nothing_foresaw_is_one_line_and_a_saved_traceback(tmp_path, monkeypatch, error):
    def fails(*arguments, **named):
        raise error

    monkeypatch.setattr("tempfile.tempdir", str(tmp_path))
    monkeypatch.setattr("nashpath.run.open_session", fails)
    result = nash("train", "--out", tmp_path / "run", expect=3)
    (line,) = result.stderr.strip().splitlines()
    assert line.startswith(f"error: nashpath met an error that it does not know ({type(error).__name__}: ")
    file = Path(line.rpartition(", ")[2])
    assert file.parent == tmp_path
    assert "Traceback (most recent call last)" in file.read_text()
    assert "in fails" in file.read_text()


@pytest.mark.parametrize(
    "error",
    [MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory")],
)
def test_no_memory_is_said_as_such(tmp_path, monkeypatch, error):
    def fails(*arguments, **named):
        raise error

    monkeypatch.setattr("nashpath.run.open_session", fails)
    result = nash("train", "--out", tmp_path / "run", expect=3)
    assert re.match(r"error: out of memory .*; make batch_size, widths", result.stderr)
    assert len(result.stderr.strip().splitlines()) == 1


def test_a_folder_for_tracebacks_that_cannot_be_written_hides_nothing(monkeypatch):
    monkeypatch.setattr("tempfile.tempdir", "/nowhere/at/all")
    assert "its traceback could not be saved" in faults.unforeseen(KeyError("k"))


@pytest.mark.skipif(sys.platform == "win32", reason="signals of POSIX")
@pytest.mark.parametrize("seconds", [0.15, 0.6])
def test_ctrl_c_while_python_imports_leaves_without_a_traceback(tmp_path, seconds):
    command = [
        sys.executable,
        "-m",
        "nashpath",
        "train",
        "-s",
        "steps=10000000",
        "--quiet",
        "--out",
        str(tmp_path / "r"),
    ]
    pipes: dict = {"stderr": subprocess.PIPE, "stdout": subprocess.PIPE, "text": True}
    heard = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)  # a shell's background jobs are born deaf to it
    process = subprocess.Popen(command, preexec_fn=heard, **pipes)
    try:
        time.sleep(seconds)
        process.send_signal(signal.SIGINT)
        _, said = process.communicate(timeout=30)
    finally:
        process.kill()
    assert process.returncode in (130, 0, -signal.SIGINT)  # the last: before our first line, where Python speaks
    if "Traceback" in said:  # while Python looks for the module to run
        assert process.returncode == -signal.SIGINT
        assert "nashpath/__main__.py" not in said


@pytest.fixture(scope="module")
def trained(tmp_path_factory):
    run = tmp_path_factory.mktemp("sizes") / "run"
    nash("train", "-s", "steps=1", "-s", "compile=off", "-s", "threads=1", "--out", run)
    return run


@pytest.mark.parametrize("verb", ["sample", "evaluate"])
def test_options_have_bounds_and_their_sizes_are_estimated(trained, tmp_path, monkeypatch, verb):
    monkeypatch.setattr("nashpath.run.settings.sizes.available", lambda device="cpu": 1e10)
    count = {"sample": "--count", "evaluate": "--samples"}[verb]
    out = ["--out", tmp_path / "x.npz"] if verb == "sample" else []
    said = nash(verb, trained, count, "2000000000", *out, expect=2).stderr
    assert said.startswith(f"error: {count} 2000000000: needs about ")
    for option, value in ((count, "100000000000"), ("--seed", "99999999999999999999"), ("--seed", "-1")):
        assert option in nash(verb, trained, option, value, *out, expect=2).stderr
