"""A flow of particles as a run folder, so that a report shows it as it shows a trained game; begun and gone on with."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from nashpath.core import Key
from nashpath.flows import simulate
from nashpath.run.engine.device import find_device
from nashpath.run.engine.interrupt import interruptible
from nashpath.run.engine.program import never
from nashpath.run.errors import SettingError
from nashpath.run.folder.checkpoint import read_meta
from nashpath.run.folder.identity import FREE, changed_settings, identity_of, other_data, since
from nashpath.run.folder.outputs import check_new
from nashpath.run.folder.places import remember_data
from nashpath.run.folder.run_folder import RunFolder
from nashpath.run.settings.flow import build_integrator, flow_rows, resolve_flow
from nashpath.run.settings.method_files import MethodFile, origins, renewed
from nashpath.run.settings.model import dotted
from nashpath.run.settings.overrides import Changes, pairs_of
from nashpath.run.training.flow_recorder import FlowRecorder
from nashpath.run.training.group import RunProgress
from nashpath.run.training.resume import (
    already_there,
    as_written,
    begins_again,
    claimed,
    device_here,
    differences,
    keep_changes,
    nothing_there,
    steps_taken,
    told,
    told_if_unfit,
)
from nashpath.run.training.session import CHECKPOINT_SECONDS


def run_flow(
    settings: Any,
    out: str | Path,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    files: Sequence[MethodFile] = (),
) -> Path:
    """Runs a flow and writes its run folder ``out``; ``settings`` come from `resolve_flow`.

    ``files`` registered methods of one's own; the folder says which. Stopped, it leaves a checkpoint (`resume_flow`).

    Rows of ``metrics.jsonl`` hold ``time``, ``step_size``, ``divergence`` (what the flow must decrease, as it sees it),
    ``dissipation`` (the rate at which that fell since the last row), ``dissipation_theory`` (the rate that theory
    gives, averaged over the same steps), ``held`` (share of particles whose move was cut), ``overshoots``; and, where
    samples are saved, ``kl`` (smoothed), ``mmd`` (squared) and ``w2`` between particles and real samples.
    """
    out = Path(out)
    store = RunFolder(out)
    if store.exists():
        raise SettingError(already_there(store))
    check_new(out)
    settings.device = str(find_device(settings.device))
    methods = origins(flow_rows(settings), files)
    with claimed(store):
        raw = settings.model_dump(mode="json")
        with interruptible(stop):  # nothing is written yet
            recorder = FlowRecorder(settings, store, methods, identity_of(raw, {}, methods, settings.device))
        store.create({**remember_data(raw, out), **({"with": methods} if methods else {})})
        recorder.restore()
        _flow(recorder, notify, stop)
        store.release()
    return out


def resume_flow(
    folder: str | Path,
    changes: Changes,
    notify: Callable[[RunProgress], None] = lambda progress: None,
    stop: Callable[[], bool] = never,
    accept_changes: bool = False,
    data_path: str | Path | None = None,
) -> Path:
    """Goes on with the flow in ``folder`` from its last checkpoint: on the CPU it equals one that was never stopped.

    ``changes`` (a mapping, or pairs) may name settings in `FREE` only; what else is, or was, changed is refused, or
    accepted, as for a training (`resume_session`). Raises `SettingError`, `CheckpointError`, or `FolderError` where
    another process writes the folder.
    """
    folder, changes = Path(folder), pairs_of(changes)
    data_path = None if data_path is None else Path(data_path)
    store = RunFolder(folder)
    if not store.exists():
        raise SettingError(nothing_there(store, "flow"))
    with claimed(store):
        raw = as_written(store, "flow", data_path)
        remembered = raw.pop("with", [])
        stored, again = read_meta(store), begins_again(store, "flow")
        with store.configured():
            settings, before = resolve_flow(changes, raw), resolve_flow((), raw)
        kept = [(key, value) for key, value in changes if key not in FREE]
        if kept and not accept_changes and resolve_flow(kept, raw).model_dump() != before.model_dump():
            said = changed_settings(*({"settings": dotted(one.model_dump())} for one in (before, settings)))
            raise SettingError(
                f"{', '.join(key for key, _ in kept)}: a resumed flow keeps its settings, except "
                f"{', '.join(sorted(_free()))} ({'; '.join(said)}); leave it out, start anew in another --out, or go "
                "on with the change: --accept-changes (the flow records it)"
            )
        settings.device = device_here(settings.device, "device" in dict(changes), stored)
        methods = renewed(remembered, flow_rows(settings))
        full = settings.model_dump(mode="json")
        about = identity_of(full, {}, methods, settings.device)
        said, other = differences(store, stored, about, accept_changes), other_data(stored.get("identity", {}), about)
        about |= since(stored, about)
        taken = steps_taken(stored, settings.steps, "flow")
        with told(), interruptible(stop):
            recorder = FlowRecorder(settings, store, methods, about)
        warnings = keep_changes(recorder, stored, taken, said, again)
        store.warn_if_unchecked()
        with told_if_unfit(store, "flow", stored, [recorder.source], said):
            recorder.restore()
        for warning in warnings:
            notify(warning)
        if store.reached() > taken:
            recorder.conclude(stopped=True)  # else this flow's own checkpoints would seem to be older ones
        if other:
            recorder.forget()
        store.create({**remember_data(full, folder), **({"with": methods} if methods else {})})
        if other:
            recorder.measure_anew()
        _flow(recorder, notify, stop)
        store.release()
    return folder


def _free() -> set[str]:
    """The settings that a resumed flow may change."""
    return FREE & set(resolve_flow(()).model_dump())


def _flow(recorder: FlowRecorder, notify: Callable[[RunProgress], None], stop: Callable[[], bool]) -> None:
    """The flow from where its folder has it to its end, or until it is stopped; what was reached is on the disk."""
    settings = recorder.settings
    key = Key(settings.seed, "draws", settings.device)
    integrator = build_integrator(settings, recorder.device)
    if recorder.state is None:
        recorder.reference()
    saved = time.perf_counter()
    for state in simulate(recorder.flow, recorder.origin, key, integrator, settings.steps, recorder.state):
        recorder.take(state)
        if recorder.logged:
            notify(recorder.progress())
        if stop():
            break
        every, waited = settings.checkpoint_every, time.perf_counter() - saved
        if state.step % every == 0 if every else waited > CHECKPOINT_SECONDS:
            recorder.checkpoint()
            saved = time.perf_counter()
    recorder.checkpoint()
    recorder.conclude(stopped=stop())
