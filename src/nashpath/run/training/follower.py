"""A process that trains beside the leading one: the same steps, on its part of each batch, and its part of the samples
that are looked at; it writes nothing."""

from pathlib import Path

import torch

from nashpath.run.engine.data_parallel import Ranks, Spread
from nashpath.run.engine.device import find_device, precision_of
from nashpath.run.engine.program import Program
from nashpath.run.folder.places import find_data
from nashpath.run.observe.shared import SharedSamples
from nashpath.run.settings.members import plan
from nashpath.run.settings.method_files import recall
from nashpath.run.training.assemble import build_trials


def follow(ranks: Ranks) -> None:
    """Does what the leader tells until that ends. Raises `RanksError` where a process is gone.

    It builds members from the settings that the leader has settled, and takes their training states from it.
    """
    about = ranks.hear()
    if about is None:
        return
    folder = Path(about["folder"])
    raw = find_data(about["config"], folder)
    recall(raw.pop("with", []), folder)
    members = {member.index: member for member in plan(raw, raw.pop("sweep", {}))}
    settings = next(iter(members.values())).settings
    device = find_device(settings.device.split(":")[0])  # the one that belongs to this process is the current one
    torch.set_num_threads(settings.threads or 1)
    programs: list[Program] = []
    for one in about["programs"]:
        own = [members[index] for index in one["members"]]
        trials, seeds = build_trials(own, device), [member.seed for member in own]
        precision, spread = precision_of(settings.precision, device), Spread(ranks, trials[0])
        program = Program(trials, seeds, one["mode"], one["compiled"], precision, spread=spread)
        program.taken = one["taken"]
        program.share()
        programs.append(program)
    shared = SharedSamples(ranks, programs)
    while (told := ranks.hear()) is not None:
        if "steps" in told:
            programs[told["program"]].run(told["steps"])
        elif "meet" in told:
            ranks.meet()
        else:
            shared.answer(told)
