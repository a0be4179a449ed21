"""The computing environment of a result: versions, platform, threads."""

import platform
from importlib.metadata import version
from typing import Any

import torch

import nashpath


def machine() -> dict[str, Any]:
    """The facts of this machine and these libraries that a run folder records."""
    versions = {"nashpath": nashpath.__version__} | {name: version(name) for name in ("torch", "numpy")}
    return {
        "versions": {**versions, "python": platform.python_version()},
        "platform": f"{platform.system()} {platform.machine()}",
        "threads": torch.get_num_threads(),
    }
