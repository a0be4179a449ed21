"""Numbers, times and settings in words a person reads."""

import math
from typing import Any

INITIALS = ("fid", "kid", "ms", "ssim", "kl", "js", "mmd")
"""Words of keys that are written in capitals."""


def number(value: Any) -> str:
    """Four significant digits, thousands separated; a dash for what is missing or not finite."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return "–" if value is None else str(value)
    if not math.isfinite(value):
        return "–"
    if float(value).is_integer() and abs(value) < 1e12:
        return f"{int(value):,}"
    return f"{value:,.1f}" if 1e4 <= abs(value) < 1e12 else f"{value:,.4g}"


def duration(seconds: Any) -> str:
    """Seconds as ``"2 h 5 min"``, ``"2 min 31 s"`` or ``"4.2 s"``."""
    if not isinstance(seconds, int | float) or not math.isfinite(seconds):
        return "–"
    if seconds < 59.95:
        return f"{seconds:.1f} s"
    minutes, rest = divmod(round(seconds), 60)
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if hours else f"{minutes} min {rest} s"


def setting(value: Any) -> str:
    """A setting as text; a run of whole numbers as ``"0:16"``."""
    if isinstance(value, list):
        whole = len(value) > 2 and all(type(v) is int for v in value)
        if whole and value == list(range(value[0], value[0] + len(value))):
            return f"{value[0]}:{value[-1] + 1}"
        return ", ".join(setting(v) for v in value)
    return f"{value:g}" if isinstance(value, float) else str(value)


def settings_label(settings: dict[str, Any]) -> str:
    """``"penalty.weight = 0.1, steps = 10"``; empty when nothing is set."""
    return ", ".join(f"{key} = {setting(value)}" for key, value in settings.items())


def count(many: int, noun: str) -> str:
    """``"1 member"``, ``"2 members"``."""
    return f"{many:,} {noun}" if many == 1 else f"{many:,} {noun}s"


def listed(words: list[str], most: int = 4) -> str:
    """``"a, b and c"``; beyond ``most`` the rest is counted."""
    if len(words) > most:
        words = [*words[:most], f"{len(words) - most} more"]
    return words[0] if len(words) == 1 else ", ".join(words[:-1]) + " and " + words[-1]


def title(key: str) -> str:
    """``"gradient_norm.generator"`` as ``"Gradient norm of the generator"``; ``"fid"`` as ``"FID"``."""
    what, _, whose = key.replace("_", " ").partition(".")
    what = " ".join(word.upper() if word in INITIALS else word for word in what.split(" "))
    return (what[:1].upper() + what[1:]) + (f" of the {whose}" if whose else "")
