"""The recipes of pictures raced at equal time: the table of ``docs/choose.md`` "Recipes", and which is the default.

Every recipe (`nashpath list recipe`) trains on each data set for the same CPU time of steps, on one thread, uncompiled;
rates are measured first, all in turn, and each run planned for as many steps as fit, so that schedules end with it.
What it reached is the Fréchet distance of its (averaged) samples to real ones, in the features of a classifier of that
data set. The best of a data set has the lowest mean over seeds; where the 95 % interval of its lead over others
(differences seed by seed) holds 0, the simplest of them is taken, the one with the fewest settings.

Beside them stands a loop of PyTorch's own, as its DCGAN tutorial has it (``loop``): the networks of the recipe
``dcgan`` with stock batch normalisation, its costs, Adam with its rates, epochs of shuffled batches of 64, for the same
time.

A stopped race goes on where it was: each training is kept below --out, with what was measured of it in each kind of
features. Data sets that are not raced now keep what the last record has of them. With --write the record becomes that
of the package (``race.json``), and the page is written.

    python benchmarks/recipes.py [--seconds 75] [--seeds 3] [--data mnist cifar10] [--only dcgan r3gan]
        [--features mnist=mnist cifar10=auto] [--samples 5000] [--rounds 6] [--out runs/recipes] [--records FOLDER]
        [--loop] [--write] [--smallest]

The data are found below the folder that NASHPATH_DATA names.
"""

import argparse
import copy
import json
import shutil
import tempfile
import time
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.data import DataLoader, TensorDataset

from nashpath.core.math.bootstrap import interval
from nashpath.metrics.features import FEATURES
from nashpath.networks.activations import Rectifier
from nashpath.networks.batch_norm import BatchNorm
from nashpath.run import EvaluationOptions, evaluate_run, open_session
from nashpath.run.engine.step import begin
from nashpath.run.folder.run_folder import machine
from nashpath.run.settings.recipe import RACE, Recipe, recipes
from sizes import parse

ROOT = Path(__file__).parent.parent
PAGE = ROOT / "docs" / "choose.md"
MARKS = ("<!-- made by benchmarks/recipes.py -->\n", "<!-- end of recipes -->\n")
DATA: Mapping[str, Mapping[str, Any]] = {
    "mnist": {"kind": "mnist", "size": 32},
    "cifar10": {"kind": "cifar10"},
    "digits": {"kind": "digits"},
}
"""What is raced on; MNIST at 32 pixels, which all networks take."""
TIMED = 2
"""Steps of each recipe in a round in which rates are measured."""
REALS = 10_000
LOOP = "loop"


def plain(data: str, recipe: Recipe, seed: int, steps: int) -> dict[str, Any]:
    """The settings of one run: those of the recipe, as many steps as fit, and one look at the end."""
    fixed = {"threads": 1, "device": "cpu", "compile": "off", "stack": "off", "sample_every": steps}
    return {**recipe.settings, "data": dict(DATA[data]), "seeds": [seed], "steps": steps, **fixed}


def rates(data: str, names: list[str], chosen: argparse.Namespace) -> dict[str, float]:
    """Steps a CPU-second of each recipe, kept with the race: that of the fastest of several interleaved rounds.

    Other work on the machine only slows, and slows all of them: what counts is that rates are of one moment.
    """
    note = chosen.out / data / "rates.json"
    settings = {name: {} if name == LOOP else recipes()[name].settings for name in names}
    known = json.loads(note.read_text()) if note.exists() else {}
    if not all(known.get(name, {}).get("settings") == settings[name] for name in names):
        programs: dict[str, Any] = {}
        with tempfile.TemporaryDirectory() as folder:
            for name in names:
                if name == LOOP:
                    programs[name] = Loop(data, 0, Path(folder) / name)
                else:
                    session = open_session(plain(data, recipes()[name], 0, 1_000_000), {}, Path(folder) / name)
                    programs[name] = session.groups[0].program
                programs[name].run(2)
        best = dict.fromkeys(names, 0.0)
        for _ in range(chosen.rounds):
            for name, program in programs.items():
                before = program.busy
                program.run(TIMED)
                best[name] = max(best[name], TIMED / max(program.busy - before, 1e-9))
        known = {name: {"rate": best[name], "settings": settings[name]} for name in names}
        note.parent.mkdir(parents=True, exist_ok=True)
        note.write_text(json.dumps(known, indent=1) + "\n")
    return {name: known[name]["rate"] for name in names}


def trained(data: str, recipe: Recipe, seed: int, seconds: float, steps: int, folder: Path) -> dict[str, Any]:
    """Trains one run anew: the steps, the CPU-seconds that they took, and what became of it."""
    if folder.exists():  # a run that was not finished
        shutil.rmtree(folder)
    session = open_session(plain(data, recipe, seed, steps), {}, folder)
    session.train()
    (member,), (group,) = session.summary(), session.groups
    found = {"seconds": seconds, "settings": recipe.settings, "steps": steps}
    return {**found, "cpu_seconds": round(group.program.busy, 2), "outcome": member["outcome"], "measured": {}}


class Loop:
    """A plain loop, as PyTorch's DCGAN tutorial has it, over the networks of the recipe ``dcgan`` for some data.

    Reference: pytorch/tutorials, ``beginner_source/dcgan_faces_tutorial.py`` (Adam at 2e-4 with b1 = 0.5, costs by
    binary cross-entropy, the fake batch of the discriminator's step used for the generator's; batches of 128 there).
    """

    def __init__(self, data: str, seed: int, folder: Path):
        recipe = recipes()["dcgan"]
        self.settings = {**plain(data, recipe, seed, 2), "average": "none"}
        self.session = open_session(self.settings, {}, folder)
        self.game = self.session.groups[0].program.trials[0].game
        self.networks = {who: stock(copy.deepcopy(getattr(self.game, who))) for who in self.game.players}
        torch.manual_seed(seed)
        self.rules = {
            who: torch.optim.Adam(network.parameters(), lr=2e-4, betas=(0.5, 0.999))
            for who, network in self.networks.items()
        }
        self.batches = self._batches(self.game.data.examples())
        self.busy = 0.0

    def _batches(self, images: Tensor) -> Iterator[Tensor]:
        loader = DataLoader(TensorDataset(images), batch_size=64, shuffle=True, drop_last=True)
        while True:
            for (real,) in loader:
                yield real

    def run(self, steps: int) -> None:
        """Takes steps; ``busy`` are the CPU-seconds of all."""
        generator, discriminator = self.networks["generator"], self.networks["discriminator"]
        price, start = nn.BCEWithLogitsLoss(), time.process_time()
        for _ in range(steps):
            real = next(self.batches)
            ones, zeros = torch.ones(len(real), 1), torch.zeros(len(real), 1)
            fake = generator(torch.randn(len(real), self.settings["latent"]))
            self.rules["discriminator"].zero_grad()
            price(discriminator(real), ones).backward()
            price(discriminator(fake.detach()), zeros).backward()
            self.rules["discriminator"].step()
            self.rules["generator"].zero_grad()
            price(discriminator(fake), ones).backward()
            self.rules["generator"].step()
        self.busy += time.process_time() - start

    def keep(self) -> str:
        """Puts its weights in the place of those of its run, so that they are measured alike; what became of them."""
        self.session.train()
        for who, network in self.networks.items():
            own = {k: v for k, v in network.state_dict().items() if "num_batches" not in k}
            getattr(self.game, who).load_state_dict(own)
        program = self.session.groups[0].program
        program.load([begin(program.trials[0])], 2, program.info())
        self.session.checkpoint()
        values = [v for network in self.networks.values() for v in network.parameters()]
        return "finished" if all(bool(v.isfinite().all()) for v in values) else "diverged"


def looped(data: str, seed: int, seconds: float, steps: int, folder: Path) -> dict[str, Any]:
    """As `trained`, by a plain loop."""
    if folder.exists():
        shutil.rmtree(folder)
    loop = Loop(data, seed, folder)
    loop.run(steps)
    outcome = loop.keep()
    found = {"seconds": seconds, "settings": {}, "steps": steps, "cpu_seconds": round(loop.busy, 2)}
    return {**found, "outcome": outcome, "measured": {}}


def stock(network: nn.Module) -> nn.Module:
    """A network with PyTorch's own batch normalisation and rectifiers, for training."""
    for name, module in list(network.named_modules()):
        if isinstance(module, BatchNorm):
            layer = nn.BatchNorm2d(module.channels, module.eps, module.momentum)
            layer.load_state_dict(module.state_dict(), strict=False)
            network.set_submodule(name, layer)
        elif isinstance(module, Rectifier):
            network.set_submodule(name, nn.LeakyReLU(module.slope) if module.slope else nn.ReLU())
    return network.train().requires_grad_(True)


def measured(folder: Path, features: str, samples: int) -> dict[str, Any]:
    """The Fréchet distance of a run's samples, that of its last step's weights, and that of as many real ones."""
    options = EvaluationOptions(("fid",), features, samples, REALS)
    (group,) = evaluate_run(folder, options)["groups"]
    values = {number["name"]: number["values"][0] for number in group["numbers"]}
    real = next(number["real"] for number in group["numbers"] if number["name"] == "fid")
    return {"fid": values["fid"], "raw": values.get("fid (raw weights)"), "real": real, "samples": samples}


def cell(
    data: str, recipe: Recipe | None, seed: int, steps: int, chosen: argparse.Namespace, features: str
) -> dict[str, Any]:
    """One run of a recipe, or of the plain loop, trained and measured so far as it was not before."""
    name = LOOP if recipe is None else recipe.name
    folder, note = chosen.out / data / name / f"seed-{seed}", chosen.out / data / name / f"{seed}.json"
    known = json.loads(note.read_text()) if note.exists() else {}
    settings = {} if recipe is None else recipe.settings
    if (known.get("steps"), known.get("settings")) != (steps, settings):
        note.parent.mkdir(parents=True, exist_ok=True)
        if recipe is None:
            known = looped(data, seed, chosen.seconds, steps, folder)
        else:
            known = trained(data, recipe, seed, chosen.seconds, steps, folder)
        note.write_text(json.dumps(known, indent=1) + "\n")
    before = known["measured"].get(features, {})
    if before.get("samples") != chosen.samples:
        known["measured"][features] = measured(folder, features, chosen.samples)
        note.write_text(json.dumps(known, indent=1) + "\n")
    found = known["measured"][features]
    print(
        f"{data} {name} seed {seed}: {known['steps']} steps in {known['cpu_seconds']:.0f} CPU-seconds, "
        f"{known['outcome']}, Fréchet distance {found['fid']:.4g}",
        flush=True,
    )
    return {**{k: v for k, v in known.items() if k != "measured"}, **found, "seed": seed, "recipe": name}


def usable(data: str, asked: str) -> str:
    """Features by their name; ``auto`` are those of the data's own classifier, else Inception's, else pixels."""
    if asked != "auto":
        return asked
    if data in FEATURES:
        return data
    try:
        FEATURES["inception"]()
    except (OSError, ValueError):
        return "pixels"
    return "inception"


def told(runs: list[dict[str, Any]]) -> dict[str, Any]:
    """What each recipe reached on one data set: values by seed, mean and interval, and which was the best."""
    rows: dict[str, Any] = {}
    for name in dict.fromkeys(run["recipe"] for run in runs):
        own = sorted((run for run in runs if run["recipe"] == name), key=lambda run: run["seed"])
        values = [run["fid"] for run in own]
        mean, low, high = interval(values)
        rows[name] = {"values": values, "mean": mean, "steps": own[0]["steps"], "interval": [low, high]}
        rows[name]["cpu_seconds"] = [run["cpu_seconds"] for run in own]
        rows[name]["diverged"] = sum(run["outcome"].startswith("diverged") for run in own)
    loop = {LOOP: rows.pop(LOOP)} if LOOP in rows else {}
    lowest = min(rows, key=lambda name: rows[name]["mean"])
    near = [name for name in rows if name == lowest or undecided(rows[lowest]["values"], rows[name]["values"])]
    known = recipes()
    rows |= loop
    return {"rows": rows, "lowest": lowest, "undecided": near, "best": min(near, key=lambda name: known[name].size)}


def undecided(first: list[float], second: list[float]) -> bool:
    """Whether the interval of the mean difference, seed by seed, holds 0; of one seed it is unknown."""
    if len(first) != len(second):
        return True
    _, low, high = interval([b - a for a, b in zip(first, second)])
    return not (low > 0 or high < 0)


def table(race: Mapping[str, Any]) -> str:
    """The race as the page has it."""
    if not race:
        return "Not raced yet.\n"
    lines = ["| recipe | " + " | ".join(told_of(data, one) for data, one in race.items()) + " |"]
    lines.append("|---" * (len(race) + 1) + "|")
    for name, recipe in recipes().items():
        cells = [of_row(one["rows"].get(name), name, one) for one in race.values()]
        if recipe.kind == "pictures":
            lines.append(f"| `{name}` | " + " | ".join(cells) + " |")
    if any(LOOP in one["rows"] for one in race.values()):
        cells = [of_row(one["rows"].get(LOOP), LOOP, one) for one in race.values()]
        lines.append("| PyTorch's DCGAN loop, the networks of `dcgan` | " + " | ".join(cells) + " |")
    lines.append("| other real ones | " + " | ".join(f"{one['real']:.3g}" for one in race.values()) + " |")
    return "\n".join(lines) + "\n"


def told_of(data: str, one: Mapping[str, Any]) -> str:
    seeds = max(len(row["values"]) for row in one["rows"].values())
    return f"{data}, features `{one['features']}`, {one['seconds']:g} CPU-seconds, {seeds} seeds"


def of_row(row: Mapping[str, Any] | None, name: str, one: Mapping[str, Any]) -> str:
    if row is None:
        return "not raced"
    low, high = row["interval"]
    spread = f" ({low:.3g} to {high:.3g})" if low == low else ""
    mark = ", default" if name == one["best"] else ", undecided" if name in one["undecided"] else ""
    gone = f", {row['diverged']} diverged" if row["diverged"] else ""
    return f"{row['mean']:.3g}{spread}, {row['steps']:,} steps{gone}{mark}"


def write(race: Mapping[str, Any]) -> None:
    """Makes a race that of the package and of the page."""
    RACE.write_text(json.dumps(race, indent=1) + "\n")
    before, _, rest = PAGE.read_text().partition(MARKS[0])
    PAGE.write_text(before + MARKS[0] + table(race) + MARKS[1] + rest.partition(MARKS[1])[2])


def records(folder: Path) -> list[dict[str, Any]]:
    """All records, the newest last."""
    return [json.loads(path.read_text()) for path in sorted(folder.glob("*.json"))]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    known = [name for name, recipe in recipes().items() if recipe.kind == "pictures"]
    parser.add_argument("--seconds", type=float, default=75.0)
    parser.add_argument("--seeds", type=int, default=3)
    parser.add_argument("--data", nargs="+", choices=list(DATA), default=["mnist", "cifar10"])
    parser.add_argument("--only", nargs="+", choices=known, default=known)
    parser.add_argument("--features", nargs="+", metavar="DATA=NAME", default=[])
    parser.add_argument("--samples", type=int, default=5000)
    parser.add_argument("--rounds", type=int, default=6)
    parser.add_argument("--out", type=Path, default=ROOT / "runs" / "recipes")
    parser.add_argument("--records", type=Path, default=ROOT / "benchmarks" / "records" / "recipes")
    parser.add_argument("--loop", action="store_true", help="race PyTorch's own loop, too")
    parser.add_argument("--write", action="store_true")
    smallest = {
        "seconds": 0.01,
        "seeds": 1,
        "rounds": 1,
        "data": ["digits"],
        "samples": 80,
        "only": known[:2],
        "write": False,
        "loop": True,
    }
    places = [Path(tempfile.mkdtemp()), Path(tempfile.mkdtemp())]
    chosen = parse(parser, **smallest, out=places[0], records=places[1])
    torch.set_num_threads(1)
    asked = dict(one.split("=", 1) for one in chosen.features)
    features = {data: usable(data, asked.get(data, "auto")) for data in chosen.data}
    runs: dict[str, list[dict[str, Any]]] = {data: [] for data in chosen.data}
    names = [*chosen.only, *([LOOP] if chosen.loop else [])]
    paces = {data: rates(data, names, chosen) for data in chosen.data}
    for seed in range(chosen.seeds):
        for data in chosen.data:
            for name in names:
                steps = max(2, int(paces[data][name] * chosen.seconds))
                recipe = None if name == LOOP else recipes()[name]
                runs[data].append(cell(data, recipe, seed, steps, chosen, features[data]))
    race = {
        data: {
            "shape": list(shape_of(data)),
            "features": features[data],
            "samples": chosen.samples,
            "seconds": chosen.seconds,
            "real": runs[data][0]["real"],
            **told(runs[data]),
        }
        for data in chosen.data
    }
    for before in records(chosen.records)[-1:]:
        race, runs = {**before["race"], **race}, {**before["runs"], **runs}
    print(table(race))
    record = {"date": datetime.now(UTC).date().isoformat(), "machine": machine(), "race": race, "runs": runs}
    chosen.records.mkdir(parents=True, exist_ok=True)
    path = chosen.records / f"{datetime.now(UTC):%Y-%m-%d-%H%M}.json"
    path.write_text(json.dumps(record, indent=1) + "\n")
    print(path)
    if chosen.write:
        write(race)


def shape_of(data: str) -> tuple[int, ...]:
    """The shape of a sample."""
    from nashpath.run.settings.build import build_source
    from nashpath.run.settings.resolve import resolve

    return tuple(build_source(resolve({"data": dict(DATA[data])})).shape)


if __name__ == "__main__":
    main()
