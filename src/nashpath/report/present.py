"""What of a diagnosis or an evaluation is of the step that its members are at now: nothing else answers for them."""

from dataclasses import replace
from typing import Any

from nashpath.report.phrasing import listed, number
from nashpath.report.read import Run
from nashpath.run.folder.checkpoint import checkpoint_step
from nashpath.run.folder.run_folder import CHECKPOINT

AGAIN = {"diagnosis": "Run nashpath diagnose again.", "evaluation": "Run nashpath evaluate again."}
"""What makes an outdated part of a page one of the present."""


def step_now(run: Run, member: int) -> int | None:
    """The step that a member is at now, as far as the folder says; of one that is still going, that of its last row."""
    one = next((m for m in run.members if m.member == member), None)
    if one is None or run.info.get("status") != "running" or one.diverged:
        return None if one is None else one.steps
    last = max((row["step"] for row in run.rows_of.get(member, [])), default=0)
    return max(last, one.steps or 0)


def gone_on(run: Run, what: str, members: list[Any], steps: list[Any]) -> list[tuple[int, int, int]]:
    """``(member, step, step now)`` of those of ``members``, assessed at these steps, that are at another one now.

    Of an assessment (``what``: diagnosis, evaluation) of other data than the present ones that is every one.
    """
    found = [(m, step, step_now(run, m)) for m, step in zip(members, steps) if isinstance(step, int)]
    return [(m, step, now) for m, step, now in found if now is not None and (now != step or what in run.outlived)]


def _may_be_later(run: Run, gone: list[tuple[int, int, int]]) -> bool:
    """Whether the checkpoint, which is what is assessed, may be of a later step than these assessments."""
    step = checkpoint_step(run.folder / CHECKPOINT)
    return not step or step > max(made for _, made, now in gone if made != now)


def note_of(run: Run, gone: list[tuple[int, int, int]], what: str) -> str:
    """``"Made at step 30; the member has gone on to step 1,500 since. Run ... again."``; empty of nothing."""
    if not gone:
        return ""
    if not any(step != now for _, step, now in gone):
        return f"Made before the run went on with other data at step {listed(steps_of(gone, 1))}. {AGAIN[what]}"
    made, now = (steps_of(gone, k) for k in (1, 2))
    who = "the member has" if len(gone) == 1 else f"{len(gone):,} members have"
    since = f"Made at step {listed(made)}; {who} gone on to step {listed(now)} since"
    if _may_be_later(run, gone):
        return f"{since}. {AGAIN[what]}"
    return f"{since}, and the checkpoint has not, so there is nothing later to assess yet."


def steps_of(gone: list[tuple[int, int, int]], which: int) -> list[str]:
    """The steps that members were assessed at (1), or are at now (2), in their order."""
    return [f"{number(step)}" for step in sorted({one[which] for one in gone})]


def of_entry(run: Run, entry: Any) -> list[tuple[int, int, int]]:
    """`gone_on` of the member of an entry of a diagnosis."""
    return gone_on(run, "diagnosis", [entry.get("member")], [entry.get("step")]) if isinstance(entry, dict) else []


def of_group(run: Run, group: Any) -> list[tuple[int, int, int]]:
    """`gone_on` of the members of an evaluation's group."""
    members, steps = (group.get(key) or [] for key in ("members", "steps")) if isinstance(group, dict) else ([], [])
    return gone_on(run, "evaluation", members, steps)


def at_present(run: Run) -> Run:
    """A run without the diagnoses and evaluations of earlier steps."""
    groups = run.evaluation.get("groups")
    groups = groups if isinstance(groups, list) else []
    kept = [entry for entry in run.diagnosis if not of_entry(run, entry)]
    left = [group for group in groups if not of_group(run, group)]
    if len(kept) == len(run.diagnosis) and len(left) == len(groups):
        return run
    return replace(run, diagnosis=kept, evaluation={**run.evaluation, "groups": left})


def outdated_diagnosis(run: Run) -> str:
    """Where the diagnosis is, if it is of an earlier step; empty where a part of it is of the present, or none is."""
    if not run.diagnosis or at_present(run).diagnosis:
        return ""
    return note_of(run, [gone for entry in run.diagnosis for gone in of_entry(run, entry)], "diagnosis")
