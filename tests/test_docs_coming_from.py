"""The page for people from elsewhere: every setting of it trains, every call works, every option exists."""

import re
import shlex
from pathlib import Path

import numpy as np
import pytest
import torch
import typer.main
from PIL import Image

import nashpath as nash
from nashpath.cli import app
from nashpath.run.settings.overrides import override
from run_folders import SMALL, trained

PAGE = (Path(__file__).parent.parent / "docs" / "coming_from.md").read_text()
ROWS = [
    row.split(" | ")[1]
    for table in re.findall(r"^\| .* \| nashpath \|\n\|[-|]+\|\n((?:\|.*\n)+)", PAGE, re.MULTILINE)
    for row in table.splitlines()
]
SAID = list(dict.fromkeys(said for row in ROWS for said in re.findall(r"`([^`]+)`", row)))
SETTINGS = [said for said in SAID if said.startswith("-s ")]
CALLS = [said for said in SAID if said.startswith("nash.")]
OPTIONS = [said.split()[0] for said in SAID if said.startswith("--")]
FEW = {"latent": 4, "steps": 2, "samples": 4, "evaluation_samples": 60, "batch_size": 8, "data": "digits"}


def test_nothing_is_left_over():
    assert len(ROWS) > 60
    assert set(SAID) - {*SETTINGS, *CALLS} - {said for said in SAID if said.startswith("--")} == {"inception"}


@pytest.mark.long(first=True)
@pytest.mark.parametrize("said", SETTINGS)
def test_settings_train(said, tmp_path, monkeypatch):
    for tracker in re.findall(r"track=(\w+)", said):
        pytest.importorskip(tracker)
    monkeypatch.setenv("WANDB_MODE", "offline")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("NASHPATH_CACHE", str(tmp_path / "cache"))
    Path("photos").mkdir()
    for k in range(3):
        picture = np.random.default_rng(k).integers(0, 255, (12, 12, 3), dtype=np.uint8)
        Image.fromarray(picture).save(f"photos/{k}.png")
    assigned = [text for text in shlex.split(said) if text != "-s"]
    kept = {key: value for key, value in SMALL.items() if key not in ("generator", "discriminator")}
    raw = override({**kept, **FEW}, assigned)
    raw = {**raw, "latent": 4, "steps": 2, "batch_size": 8}
    if "mlp" not in said:
        raw = {**raw, **{who: {**_table(raw.get(who)), "width": 4} for who in ("generator", "discriminator")}}
    (member,) = trained(raw, tmp_path / "run").summary()
    assert member["outcome"] == "finished"


def _table(chosen):
    return chosen if isinstance(chosen, dict) else {"kind": chosen} if chosen else {}


@pytest.mark.parametrize("said", CALLS)
def test_calls_work(said, space):
    assert eval(said, dict(space)) is not None


@pytest.fixture(scope="module")
def space():
    generator = torch.nn.Sequential(torch.nn.Linear(16, 64), torch.nn.Unflatten(1, (1, 8, 8)))
    discriminator = torch.nn.Sequential(torch.nn.Flatten(), torch.nn.Linear(64, 1))
    images = torch.rand(20, 1, 8, 8)
    data = nash.as_source(images)

    def solver():
        return nash.Alternating(nash.Adam(1e-3), nash.Adam(1e-3))

    def game():
        return nash.GAN(torch.nn.Linear(2, 2), torch.nn.Linear(2, 1), data=nash.Ring(), latent=2)

    many = {"games": [game(), game()], "solvers": [solver(), solver()], "solver": solver()}
    return {
        "nash": nash,
        "generator": generator,
        "discriminator": discriminator,
        "images": images,
        "data": data,
        "loader": torch.utils.data.DataLoader(torch.utils.data.TensorDataset(images)),
        **many,
    }


@pytest.mark.parametrize("option", OPTIONS)
def test_options_exist(option):
    verbs = typer.main.get_command(app).commands
    assert option in {name for verb in ("train", "evaluate") for one in verbs[verb].params for name in one.opts}
