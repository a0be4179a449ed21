"""A law over all files of a run folder and all verbs: no damage ends in a traceback, or in a number that nobody doubts.

Each verb works on what is undamaged (its result is that of the whole folder), or ends with a message that names the
file, or says in its output what it left out. ``NASHPATH_FAULTS=N`` asks for N damages (`make faults`).
"""

import json
import os
import random
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
from typer.testing import CliRunner

from nashpath.cli import app
from nashpath.report import diagnosis
from nashpath.report.diagnosis_figures import data_uri
from run_folders import flags, nash, rows, tensors

DAMAGES = int(os.environ.get("NASHPATH_FAULTS", "12"))
OWN = Path(__file__).parents[2] / "examples" / "own_study.py"
IGNORED = ("report.html",)
"""What is written only."""
RUN_VERBS = ("resume", "sample", "evaluate", "report", "diagnose")


def truncated(rng, file, other):
    file.write_bytes(file.read_bytes()[: rng.randrange(max(1, file.stat().st_size))])


def flipped(rng, file, other):
    content = bytearray(file.read_bytes())
    content[rng.randrange(len(content))] ^= 1 << rng.randrange(8)
    file.write_bytes(content)


def deleted(rng, file, other):
    file.unlink()


def swapped(rng, file, other):
    if other.exists():
        shutil.copy(other, file)
    else:
        flipped(rng, file, other)


def replaced(rng, file, other):
    file.write_bytes(rng.choice([b"mine\n", b"", b"\xff\xfe\x00", b"{}", b"[" * 5000, os.urandom(300)]))


KINDS = (truncated, flipped, deleted, swapped, replaced)


def command(*arguments):
    result = CliRunner().invoke(app, [str(one) for one in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), repr(result.exception)
    return result.exit_code, result.output + (result.stderr or "")


def resume(folder):
    status, said = command("train", "--resume", "--out", folder, "-s", "steps=24", "--quiet")
    return status, said, None if status else ({k: v.tobytes() for k, v in tensors(folder).items()}, rows(folder))


def sample(folder):
    out = folder.parent / "samples.npz"
    out.unlink(missing_ok=True)
    status, said = command("sample", folder, "-n", 5, "--out", out)
    return status, said, None if status else {k: v.tobytes() for k, v in np.load(out).items()}


def evaluate(folder):
    status, said = command("evaluate", folder, "--samples", 32, "--metrics", "modes")
    return status, said, None if status else json.loads((folder / "evaluation.json").read_text())["groups"]


def diagnose(folder):
    status, said = command("diagnose", "--quick", folder)
    return status, said, None if status else json.loads((folder / "diagnosis.json").read_text())["members"]


def report(folder):
    status, said = command("report", folder)
    return status, said, None if status else (folder / "report.html").read_text()


def reproduce(folder):
    status, said = command(
        *(
            "reproduce",
            OWN,
            "--quick",
            "-s",
            "seeds=1",
            "-s",
            "steps=2",
            "--workers",
            1,
            "--quiet",
            "--out",
            folder.parent,
        )
    )
    if status:
        return status, said, None
    found = json.loads((folder / "study.json").read_text())["claims"]
    return status, said, ([json.loads(f.read_text())["rows"] for f in sorted((folder / "cells").iterdir())], found)


VERBS = {"resume": resume, "sample": sample, "evaluate": evaluate, "diagnose": diagnose, "report": report}
VERBS |= {"reproduce": reproduce}


def study_folder(root):
    return root / "study" / "penalty-on-the-ring"


@pytest.fixture(scope="module", autouse=True)
def _pictures_of_equal_data_drawn_once():
    """The same data give the same bytes (`data_uri`), and most damages leave a diagnosis as it was."""
    real, drawn = data_uri, {}

    def once(draw, seen, width):
        arrays = sorted((name, a.dtype.str, a.shape, a.tobytes()) for name, a in seen.arrays.items())
        key = repr((draw.__name__, width, arrays, seen.numbers))
        if key not in drawn:
            drawn[key] = real(draw, seen, width)
        return drawn[key]

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(diagnosis, "data_uri", once)
        yield


@pytest.fixture(scope="module")
def wholes(tmp_path_factory):
    """By kind: a folder, another of its kind, and the verbs that read it."""
    root = tmp_path_factory.mktemp("wholes")
    few = ("particles=50", "steps=8", "samples=20", "evaluation_samples=20", "discriminator.width=4")
    for at, seed in enumerate((0, 5)):
        nash("train", *flags("checkpoint_every=8"), "--seeds", f"{seed}:{seed + 2}", "--out", root / f"run{at}")
        evaluate(root / f"run{at}")
        flow = [part for one in (*few, f"seed={seed}") for part in ("-s", one)]
        nash("flow", *flow, "--out", root / f"flow{at}")
        reproduce(study_folder(root / f"study{at}"))
    nash("diagnose", "--quick", root / "run0")
    shutil.copytree(root / "study0", root / "study")
    return {
        "run": (root / "run0", root / "run1", RUN_VERBS),
        "flow": (root / "flow0", root / "flow1", ("report",)),
        "study": (study_folder(root / "study0"), study_folder(root / "study1"), ("reproduce", "report")),
    }


def copied(whole, place):
    shutil.rmtree(place, ignore_errors=True)
    return shutil.copytree(whole, place / "x" / whole.name)


def plain(result, folder):
    """The result without what depends on where the folder lies and when it was made."""
    text = repr(result).replace(str(folder), "")
    return re.sub(r"\d{4}-\d\d-\d\dT[\d:+]+|\d+(\.\d+)? (s|min)\b|\"?seconds\"?: [\d.]+", "", text)


@pytest.mark.long
def test_no_damage_is_passed_over_in_silence(wholes, tmp_path):
    rng, right, cases = random.Random(int(os.environ.get("NASHPATH_FAULTS_SEED", "0"))), {}, []
    failed = []
    for kind, (whole, _, verbs) in wholes.items():
        files = sorted(f for f in whole.rglob("*") if f.is_file() and f.name not in IGNORED)
        samples = [f for f in files if f.parent.name == "samples"]
        files = [f for f in files if f not in samples[1:-1]]  # first and last stand for the others
        cases += [(kind, file.relative_to(whole).as_posix(), verb) for file in files for verb in verbs]
    rng.shuffle(cases)
    for trial in range(DAMAGES):
        kind, name, verb = cases[trial % len(cases)]
        whole, other, _ = wholes[kind]
        if (kind, verb) not in right:
            folder = copied(whole, tmp_path / "right")
            status, said, result = VERBS[verb](folder)
            assert status == 0, said
            right[kind, verb] = plain(result, folder)
        folder, damage = copied(whole, tmp_path / "damaged"), rng.choice(KINDS)
        damage(rng, folder / name, other / name)
        told = f"trial {trial}: {damage.__name__} {kind}/{name}, then {verb}"
        try:
            status, said, result = VERBS[verb](folder)
        except Exception as error:
            failed.append(f"{told}: {error!r}")
            continue
        silent = Path(name).name not in said and (status != 0 or plain(result, folder) != right[kind, verb])
        if silent or "Traceback" in said or status not in (0, 1, 2):
            failed.append(f"{told}: status {status}, {said[-300:]!r}")
    assert not failed, "\n".join(failed)
