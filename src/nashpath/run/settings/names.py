"""Which names settings have, and what is said of one that does not exist.

Settings are refused by their names first, all of them at once, and only then by their values. Names need no PyTorch:
`Names` of the package's own tables are kept with the command, which refuses a slip of the pen before it imports any
room, by the same function and so in the same words.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from nashpath.run.errors import SettingError
from nashpath.run.settings.overrides import Raw
from nashpath.spelling import did_you_mean

DEFAULTS = {
    "game": "gan",
    "data": "ring",
    "objective": "non_saturating",
    "penalty": "none",
    "technique": "none",
    "solver": "alternating",
    "solver.generator": "adam",
    "solver.discriminator": "adam",
    "solver.generator.schedule": "constant",
    "solver.discriminator.schedule": "constant",
    "constraint": "none",
    "average": "none",
}
"""The method chosen where the settings name none; networks depend on the data (`resolve`)."""

SHARED = frozenset({"batch_size", "latent", "latent_distribution"})
"""Game arguments at the top level of the settings, because nearly every game has them."""


@dataclass(frozen=True)
class Names:
    """The settings of a run, by name."""

    general: list[str]
    """Those that belong to no method."""
    kinds: dict[str, str]
    """By the place where a method is chosen (``solver.generator``), the word for such a method (``rule``)."""
    rows: dict[str, dict[str, list[str]]]
    """By that place and by the method's name, its settings; among them the places inside it."""
    usual: dict[str, str]
    """By place, the method that is chosen where none is named."""
    played: dict[str, dict[str, str]]
    """By game, the methods that it is played with where none is named, by place."""

    @property
    def top(self) -> list[str]:
        """The names at the top level, in the order in which they are listed."""
        return [*self.general, *(path for path in self.rows if "." not in path)]

    def chosen(self, raw: Raw, path: str) -> tuple[Any, str | None]:
        """``(settings, method)`` at a place; no method where neither the settings nor defaults name one.

        Raises `SettingError` for one that does not exist.
        """
        given: Any = raw
        for key in path.split("."):
            given = given.get(key, {}) if isinstance(given, Mapping) else {}
        kind = named(path, given, self.kinds[path], list(self.rows[path]))
        return given, self._usual(raw, path) if kind is None else kind

    def _usual(self, raw: Raw, path: str) -> str | None:
        if path != "game" and self.played:
            own = self.played.get(self.chosen(raw, "game")[1] or "", {})
            return own.get(path, self.usual.get(path))
        return self.usual.get(path)

    def places(self, raw: Raw) -> list[str]:
        """The dotted paths of all settings under the methods that are chosen (or the usual ones)."""
        tops = [path for path in self.rows if "." not in path]
        return [*self.general, *(place for path in tops for place in self._inside(path, raw.get(path, {})))]

    def _inside(self, path: str, given: Any) -> list[str]:
        inner: Mapping[str, Any] = given if isinstance(given, Mapping) else {"kind": given}
        kind = inner.get("kind", self.usual.get(path, "mlp"))
        found: list[str] = []
        for name in self.rows[path].get(kind, []) if isinstance(kind, str) else []:
            place = f"{path}.{name}"
            found += self._inside(place, inner.get(name, {})) if place in self.rows else [place]
        return found


def named(path: str, chosen: Any, noun: str, known: list[str]) -> str | None:
    """The method that is named at a place, if one is. Raises `SettingError` for what is none of them."""
    if isinstance(chosen, Mapping) and "kind" not in chosen:
        return None
    kind = chosen["kind"] if isinstance(chosen, Mapping) else chosen
    if not isinstance(kind, str):
        raise SettingError(f"{path}: expected the name of a {noun}, got {shown(chosen)}. Known: {_list(known)}")
    if kind not in known:
        raise SettingError(f"{path}: no {noun} is called {kind!r}.{did_you_mean(kind, known)} Known: {_list(known)}")
    return kind


def check_names(raw: Raw, names: Names) -> None:
    """Refuses what is no setting and no method. Raises `SettingError`; of settings, for all of them at once."""
    for key in raw:
        if "." in key:
            raise SettingError(in_quotes(key))
        if key not in names.top:
            raise SettingError(
                f"{key}: no such setting.{nearest(key, names.top, names, raw)} Known: {_list(names.top)}"
            )
    found = {path: names.chosen(raw, path) for path in names.rows}
    faults = [
        in_quotes(f"{path}.{key}") if "." in key else unknown(f"{path}.{key}", kind, names, raw)
        for path, (given, kind) in found.items()
        if kind is not None and isinstance(given, Mapping)
        for key in given
        if key not in names.rows[path][kind]
    ]
    if faults:
        raise SettingError("\n".join(faults))


def in_quotes(key: str) -> str:
    """What is said of a dotted key that was given as one name."""
    return f"{key}: its dots stand in quotes, which makes one name of it; leave the quotes out: {key} = …"


def unknown(key: str, kind: str, names: Names, raw: Raw) -> str:
    """What is said of a setting that the method at its place has not."""
    path, _, name = key.rpartition(".")
    known = names.rows[path][kind]
    if known != ["kind"]:
        return f"{key}: no such setting.{nearest(key, known, names, raw)} Known here: {_list(known)}"
    having = [other for other, settings in names.rows[path].items() if name in settings]
    hint = f"; choose one that has it, such as {path}={having[0]} (of {_list(having)})" if having else ""
    near = "" if having else did_you_mean(name, sorted({one for row in names.rows[path].values() for one in row}))
    return f"{key}: no such setting. {path}={kind} has none{hint}.{near} Known here: kind"


def _list(names: list[str]) -> str:
    return ", ".join(names)


ALIASES = {
    "lr": "learning_rate",
    "learning": "learning_rate",
    "momentum": "b1",
    "beta1": "b1",
    "beta2": "b2",
    "eps": "epsilon",
    "lr_d": "solver.discriminator.learning_rate",
    "d_lr": "solver.discriminator.learning_rate",
    "lr_g": "solver.generator.learning_rate",
    "g_lr": "solver.generator.learning_rate",
    "n_critic": "discriminator_steps",
    "n_disc": "discriminator_steps",
    "d_steps": "discriminator_steps",
    "critic_steps": "discriminator_steps",
    "ema_decay": "average.decay",
    "ema_beta": "average.decay",
    "bs": "batch_size",
    "batch": "batch_size",
    "epochs": "steps",
    "iterations": "steps",
    "iters": "steps",
    "max_iters": "steps",
    "seed": "seeds",
    "z_dim": "latent",
    "nz": "latent",
    "noise_dim": "latent",
    "hidden_dim": "width",
    "ngf": "generator.width",
    "ndf": "discriminator.width",
    "spectral_norm": "discriminator.norm=spectral",
    "amp": "precision",
    "fp16": "precision",
    "dataset": "data",
    "loss": "objective",
    "model": "generator",
    "optimizer": "rule",
    "optimiser": "rule",
    "optim": "rule",
    "regulariser": "penalty",
    "regularizer": "penalty",
    "lambda": "weight",
    "gamma": "weight",
    "gp": "penalty",
    "gp_weight": "penalty.weight",
    "gp_lambda": "penalty.weight",
    "lambda_gp": "penalty.weight",
    "tensorboard": "track=tensorboard",
    "logger": "track",
    "report_to": "track",
}
"""What other programs call settings: the name of a setting, wherever it stands, or its whole key."""


def nearest(key: str, known: list[str], names: Names, raw: Raw) -> str:
    """A hint at what was meant: the setting of that name (or of its usual other name) elsewhere, else the nearest.

    The name of a method, or the word for its kind, is a hint at the settings that choose it.
    """
    name = key.rpartition(".")[2]
    meant = ALIASES.get(name, name)
    places = [place for place in names.places(raw) if meant in (place, place.rpartition(".")[2])]
    if not places:  # the word for a kind of method: where such a one is chosen
        places = [path for path, noun in names.kinds.items() if noun == meant]
    if not places and name in ALIASES:
        places = [meant]
    if not places:
        places = [f"{path}={name}" for path, rows in names.rows.items() if name in rows]
    return f" Did you mean {' or '.join(places[:4])}?" if places else did_you_mean(name, known)


def shown(given: Any) -> str:
    """A value in the words of Python, as far as that is short."""
    try:
        text = repr(given)
    except (ValueError, RecursionError):  # an integer of thousands of digits
        return "a number of many digits"
    return text if len(text) <= 200 else f"{text[:160]}… ({len(text)} characters)"
