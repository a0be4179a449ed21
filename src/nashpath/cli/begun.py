"""What train, search and flow begin with: settings of a file, or a recipe for data in its place."""

from pathlib import Path
from typing import Any

from nashpath.cli.console import ProgressBar
from nashpath.spelling import as_argument


def settings_or_recipe(
    config: Path | None, recipe: str, texts: list[str], sweep: list[str], live: ProgressBar
) -> dict[str, Any]:
    """The settings of a file, or what a recipe begins with for data in its place (`_begun`)."""
    raw = _begun(config, recipe, texts, sweep, live)
    return settings_in(config) if raw is None else raw


def _begun(
    config: Path | None, recipe: str, texts: list[str], sweep: list[str], live: ProgressBar
) -> dict[str, Any] | None:
    """The settings of a recipe, where data are given in place of settings, or one is asked for; says which, and why."""
    from nashpath.run import RunProgress, SettingError
    from nashpath.run.settings.begin import begin_with_data, data_at
    from nashpath.run.settings.overrides import override

    _refuse_run(config)
    data = data_at(config) if config else None
    if data is None:
        if config and config.suffix != ".toml" and not _is_toml(config):
            raise SettingError(
                f"{config}: neither settings (a TOML file) nor data that can be read: a folder of pictures, a .csv, "
                ".tsv, .npy or .npz file"
            )
        if config and recipe:
            raise SettingError(f"--recipe is for data; {config} has settings of its own: leave one of them out")
        if not recipe:
            return None
        data = override({"data": "ring"}, texts)["data"]
        data = {"kind": data} if isinstance(data, str) else data
    elif any(text.partition("=")[0].strip() == "data" for text in texts):
        raise SettingError(f"{config} is data, and -s data= names others: leave one of them out")
    largest = 0 if config is None else _largest_side()
    begun = begin_with_data(
        data,
        recipe,
        texts,
        sweep,
        largest,
        lambda done, total: live(RunProgress(done, total, 0, 0, {}, 0.0, "reading the data")),
    )
    for one in begun.why:
        live.say(one)
    return begun.settings


def settings_in(config: Path | None) -> dict[str, Any]:
    """The settings of a file, whose places and methods are found as seen from there; none of none.

    Raises `SettingError`, also where a file of methods is not there, or was changed, and how data are given instead.
    """
    from nashpath.run import SettingError
    from nashpath.run.folder.places import find_data
    from nashpath.run.folder.settings_file import read_toml
    from nashpath.run.settings.begin import data_at
    from nashpath.run.settings.method_files import begin_with

    _refuse_run(config)
    if config and config.suffix != ".toml" and (data := data_at(config)) is not None:
        options = {"data" if key == "kind" else f"data.{key}": str(value) for key, value in data.items()}
        given = " ".join(f"-s {as_argument(f'{key}={value}')}" for key, value in options.items())
        raise SettingError(f"{config} is data, where settings are expected (a TOML file): give it as {given}")
    raw = find_data(read_toml(config), config.parent) if config else {}
    begin_with(raw.get("with", []))
    return raw


def _refuse_run(config: Path | None) -> None:
    """Raises `SettingError` where a run or a flow is given in place of settings: how it is gone on with."""
    from nashpath.run import RunFolder, SettingError
    from nashpath.run.settings.flow import is_flow

    if not config or not RunFolder(config).exists():
        return
    folder = as_argument(config)
    if is_flow(RunFolder(config).read_config()):
        raise SettingError(f"{config} is a flow: nashpath flow --resume --out {folder} continues it")
    raise SettingError(
        f"{config} is a run: nashpath train --resume --out {folder} continues it; nashpath evaluate, diagnose and "
        "sample read it"
    )


def _is_toml(file: Path) -> bool:
    """Whether a file of another ending is one of settings nevertheless."""
    from nashpath.run import SettingError
    from nashpath.run.folder.settings_file import read_toml

    try:
        read_toml(file)
    except SettingError:
        return False
    return True


def _largest_side() -> int:
    """The side that larger pictures are scaled down to where nobody says one."""
    import torch

    return 64 if torch.cuda.is_available() else 32
