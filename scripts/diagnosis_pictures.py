"""The pictures of ``docs/diagnostics.md``: one a verdict, each of a run that `nashpath diagnose` gives that verdict.

python scripts/diagnosis_pictures.py [docs/figures]
"""

import sys
import tempfile
from pathlib import Path
from typing import Any

import matplotlib
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from nashpath.diagnostics import findings
from nashpath.report.diagnosis_figures import FIGURES, STYLE, DiagnosisData
from nashpath.run import open_session
from nashpath.run.assess.diagnose import Diagnosis, diagnose


def toy(
    kind: str, steps: int, rates: tuple[float, float], solver: str = "alternating", **numbers: Any
) -> dict[str, Any]:
    return {"game": {"kind": kind, **numbers}, "steps": steps, "solver": play(solver, *rates, "sgd"), "compile": "off"}


def play(solver: str, rate_d: float, rate_g: float, rule: str = "adam", **more: Any) -> dict[str, Any]:
    rates = {"discriminator": rate_d, "generator": rate_g}
    return {"kind": solver, **{who: {"kind": rule, "learning_rate": rate} for who, rate in rates.items()}, **more}


def ring(steps: int, solver: dict[str, Any], **more: Any) -> dict[str, Any]:
    small = {"latent": 4, "batch_size": 32, "generator": {"width": 8}, "discriminator": {"width": 8}}
    return {
        "data": "ring",
        "steps": steps,
        "solver": solver,
        "compile": "off",
        "log_every": 1000,
        "sample_every": 1000,
        **small,
        **more,
    }


REST = {"x": 0.0, "y": 0.0}
SLOW = (0.1, 0.1)
RUNS: dict[str, tuple[str, str, dict[str, Any]]] = {
    "local Nash": ("point", "evidence", toy("quadratic", 1, SLOW, **REST)),
    "local minimax": ("point", "evidence", toy("minimax_not_nash", 1, (0.1, 0.01), **REST)),
    "no equilibrium": ("point", "evidence", toy("quadratic", 1, SLOW, a=-1.0, b=0.1, c=1.0, **REST)),
    "not stationary": ("point", "evidence", toy("quadratic", 1, SLOW)),
    "undecided": ("point", "evidence", ring(60, play("alternating", 1e-5, 1e-5), batch_size=2)),
    "closes in": ("play", "path", toy("quadratic", 1, SLOW)),
    "goes round": ("play", "path", toy("bilinear", 1, SLOW)),
    "spirals out": ("play", "path", toy("bilinear", 1, (0.03, 0.03), "simultaneous")),
    "leaves": ("play", "path", toy("quadratic", 1, (0.01, 0.01), a=-1.0, b=0.1, c=1.0)),
    "stays": ("play", "path", toy("quadratic", 1, SLOW, a=0.0, b=0.0, c=0.0)),
    "still moving": ("play", "path", ring(120, play("alternating", 5e-3, 3e-3), penalty="r1")),
    "diverged": ("finding", "magnitudes", toy("saddle", 60, (1e3, 1e3), "simultaneous")),
    "step too large": ("finding", "steps", toy("quadratic", 20, (3.0, 3.0), "simultaneous", a=1.0, b=0.1, c=1.0)),
    "discriminator too strong": (
        "finding",
        "logits",
        ring(120, play("alternating", 4e-2, 1e-4, discriminator_steps=3), objective="minimax"),
    ),
    "mode collapse": ("finding", "samples", ring(150, play("alternating", 1e-4, 1e-2))),
}
"""By verdict: what it is about, the figure that shows it, and the run."""


def verdict(found: Diagnosis, about: str) -> str:
    """What the diagnosis says of the point, of the play, or finds wrong first."""
    if about == "finding":
        return next((one.code for one in findings(found.summary)), "nothing")
    return found.summary.kind if about == "point" else found.summary.play.motion


def draw(found: Diagnosis, name: str, file: Path) -> None:
    seen, picture = DiagnosisData(found.arrays, found.numbers), FIGURES[name]
    with matplotlib.rc_context(STYLE):
        figure = Figure(figsize=(picture.width * 0.8, 2.3), layout="constrained")
        FigureCanvasAgg(figure)
        picture.draw(figure, seen)
        figure.savefig(file, dpi=80, metadata={"Software": None})


def main(target: Path = Path("docs/figures")) -> None:
    for name, (about, figure, raw) in RUNS.items():
        with tempfile.TemporaryDirectory() as folder:
            open_session({"stack": "off", **raw}, {}, Path(folder) / "run").train()
            (found,) = diagnose(Path(folder) / "run", quick=True)
        said = verdict(found, about)
        if said != name:
            raise ValueError(f"the run for {name!r} was found to be {said!r}: {found.sentences}")
        draw(found, figure, target / f"verdict-{name.replace(' ', '-')}.png")
        print(f"{name}: {found.sentences[0 if about == 'finding' else -1][:100]}")


if __name__ == "__main__":
    main(*map(Path, sys.argv[1:]))
