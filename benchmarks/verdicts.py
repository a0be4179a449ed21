"""How often `nashpath diagnose` is right, on random games whose truth is computed another way (`verdict_cases`).

Prints one row a kind of game: verdicts that are right, undecided and wrong, on what the point is and on what the play
does there; then every case that was wrong. Those that are not right are named on the way. With --out the tables are
written to a file as well; with --rows each answer is kept in a file as it comes, and a second call goes on from there.

    python benchmarks/verdicts.py [--cases 1200] [--workers 2] [--out verdicts.md] [--rows verdicts.jsonl]
        [--solvers unrolled …] [--smallest]
"""

import argparse
import itertools
import json
import sys
import warnings
from collections import Counter
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack
from multiprocessing import get_context
from pathlib import Path

import torch

from nashpath.run.assess.diagnose import diagnose_member
from sizes import parse
from verdict_cases import KINDS, PLAYED, random_case, solver_of

QUESTIONS = ("point", "play")
ANSWERS = ("right", "undecided", "wrong")


def ask(seed: int) -> tuple[str, bool, dict[str, str], str]:
    """The case's kind, whether it is without noise, the answer to each question, and all of it in words."""
    torch.set_num_threads(1)
    warnings.simplefilter("ignore")
    case = random_case(seed)
    quick = not case.play  # where the truth of the play is not certain, it need not be played for long
    said = diagnose_member(0, case.trial, case.state, quick=quick, advise=False).summary
    found = {"point": said.kind, "play": said.play.motion}
    truth = {"point": case.point, "play": case.play}
    answers = {
        question: "right"
        if found[question] in truth[question]
        else "undecided"
        if "undecided" in found[question]
        else "wrong"
        for question in QUESTIONS
        if truth[question]
    }
    told = f"{case.name}: " + "; ".join(f"{q} {found[q]}, truth {sorted(truth[q])}" for q in answers)
    return case.name.split()[1], case.noiseless, answers, told


def tables(asked: list[tuple[str, bool, dict[str, str], str]]) -> str:
    """The confusion tables, and what was wrong."""
    counts: Counter[tuple[str, bool, str, str]] = Counter()
    for kind, noiseless, answers, _ in asked:
        for question, answer in answers.items():
            counts[kind, noiseless, question, answer] += 1
    lines = []
    for noiseless, title in ((True, "Exact gradients"), (False, "Noisy gradients")):
        lines += [f"## {title}", "", "| game | " + " | ".join(f"{q}: {a}" for q in QUESTIONS for a in ANSWERS) + " |"]
        lines.append("|---|" + "---|" * 6)
        for kind in (*KINDS, "all"):
            kinds = KINDS if kind == "all" else (kind,)
            row = [sum(counts[k, noiseless, q, a] for k in kinds) for q in QUESTIONS for a in ANSWERS]
            lines.append(f"| {kind} | " + " | ".join(map(str, row)) + " |")
        lines.append("")
    unsure = [told for _, noiseless, answers, told in asked if noiseless and "undecided" in answers.values()]
    lines += ["## Undecided with exact gradients", "", *(f"- {told}" for told in unsure), ""] if unsure else []
    wrong = [told for _, _, answers, told in asked if "wrong" in answers.values()]
    lines += ["## Wrong", "", *(f"- {told}" for told in wrong)] if wrong else [f"Wrong: 0 of {len(asked)} games."]
    return "\n".join(lines) + "\n"


if __name__ == "__main__":
    parser = argparse.ArgumentParser()
    parser.add_argument("--cases", type=int, default=1200)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--out", type=Path)
    parser.add_argument("--rows", type=Path)
    parser.add_argument("--solvers", nargs="+", choices=PLAYED, help="only games that these play")
    chosen = parse(parser, cases=1, workers=1)
    asked = []
    if chosen.rows and chosen.rows.exists():
        asked = [tuple(json.loads(line)) for line in chosen.rows.read_text().splitlines()]
    every = itertools.count(chosen.first)
    wanted = (seed for seed in every if not chosen.solvers or solver_of(seed) in chosen.solvers)
    seeds = list(itertools.islice(wanted, chosen.cases))[len(asked) :]
    with ExitStack() as stack:
        each = map
        if chosen.workers > 1:
            each = stack.enter_context(ProcessPoolExecutor(chosen.workers, mp_context=get_context("spawn"))).map
        for answer in each(ask, seeds):
            asked.append(answer)
            if chosen.rows:
                with chosen.rows.open("a") as rows:
                    rows.write(json.dumps(answer) + "\n")
            if set(answer[2].values()) - {"right"}:
                print(f"[{len(asked)} of {chosen.cases}] {answer[3]}", file=sys.stderr, flush=True)
    said = tables(asked)
    print(said)
    if chosen.out:
        chosen.out.write_text(said)
