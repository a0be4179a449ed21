"""Exported generators on the Hugging Face Hub: `push` puts one there, `fetched` brings one back."""

import importlib
import json
import re
from pathlib import Path
from types import ModuleType
from typing import Any

import tomli_w

from nashpath.core.errors import first_line
from nashpath.run.errors import SettingError

PREFIX = "hub:"
"""Begins what `nashpath.load` takes from the Hub: ``hub:owner/name``, or ``hub:owner/name@revision``."""
NAME = re.compile(r"[\w.-]+/[\w.-]+")
FRONT = """\
---
library_name: nashpath
tags:
- gan
{licence}---

"""
"""What the Hub reads of a card."""
TO_LOG_IN = "log in with a token that may write: hf auth login, or set HF_TOKEN"


def check_name(repo: str) -> None:
    """Raises `SettingError` for what names no repository, and `ImportError` without the extra ``hub``."""
    if not NAME.fullmatch(repo):
        raise SettingError(f"--push {repo!r}: give the repository as owner/name")
    _hub()


def push(file: Path, card: str, told: dict[str, Any], repo: str, public: bool = False) -> str:
    """Puts an exported file into the repository ``repo`` (made where there is none), as one commit; its address.

    Beside the file lie its ``card``, as README.md, and ``settings.toml``, from which ``nashpath train`` makes it again
    where the data are. A repository that is made is private unless it is to be ``public``; one that is there stays as
    it is. Raises `SettingError` where the Hub refuses, and `ConnectionError` where it does not answer.
    """
    hub, licence = _hub(), told.get("licence", "")
    front = FRONT.format(licence=f"license: other\nlicense_name: {json.dumps(licence)}\n" if licence else "")
    settings = tomli_w.dumps(told["settings"]).encode()
    contents = {file.name: str(file), "README.md": (front + card).encode(), "settings.toml": settings}
    operations = [hub.CommitOperationAdd(path_in_repo=name, path_or_fileobj=held) for name, held in contents.items()]
    try:
        api = hub.HfApi(library_name="nashpath")
        api.create_repo(repo_id=repo, repo_type="model", private=not public, exist_ok=True)
        made = api.create_commit(
            repo_id=repo, operations=operations, commit_message=f"{file.name}, by nashpath export", repo_type="model"
        )
    except Exception as error:  # the client raises its own, its transport's and the system's errors
        raise _said(error, f"--push {repo}", f"; {file} is written all the same", TO_LOG_IN) from error
    return str(made.commit_url)


def fetched(name: str) -> Path:
    """The ``.safetensors`` file of a repository ``hub:owner/name[@revision]``, downloaded once.

    Raises `SettingError` for another name, where the Hub refuses, and where there is not one such file;
    `ConnectionError` where it does not answer.
    """
    repo, _, revision = name.removeprefix(PREFIX).partition("@")
    if not NAME.fullmatch(repo):
        raise SettingError(f"{name}: give the repository as {PREFIX}owner/name, or {PREFIX}owner/name@revision")
    hub = _hub()
    try:
        place = Path(hub.snapshot_download(repo, revision=revision or None, allow_patterns=["*.safetensors"]))
    except Exception as error:  # as above
        cure = "check the names; a private repository needs a login: hf auth login, or HF_TOKEN"
        raise _said(error, name, "", cure) from error
    found = sorted(file.relative_to(place).as_posix() for file in place.rglob("*.safetensors"))
    if len(found) != 1:
        told = f"holds {', '.join(found)}; download the one that is meant" if found else "holds no .safetensors file"
        raise SettingError(f"{name}: {told} (nashpath export --to FILE.safetensors --push makes one of one file)")
    return place / found[0]


def _said(error: Exception, where: str, kept: str, cure: str) -> Exception:
    """An error of the client's in a sentence: refused, which has a ``cure``, or another one; and what is ``kept``."""
    status = getattr(getattr(error, "response", None), "status_code", None)
    first = first_line(error)
    if status is not None or "Token" in type(error).__name__:
        number = f" ({status})" if status else ""
        return SettingError(f"{where}: the Hugging Face Hub refused{number}: {first}{kept}; {cure}")
    return ConnectionError(
        f"{where}: the Hugging Face Hub did not answer as it should ({type(error).__name__}: {first}){kept}"
    )


def _hub() -> ModuleType:
    try:
        return importlib.import_module("huggingface_hub")
    except ImportError as error:
        raise ImportError(
            "the Hugging Face Hub needs huggingface_hub, which is not installed; run: pip install 'nashpath[hub]'"
        ) from error
