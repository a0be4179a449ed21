"""Which values settings take, and what is said of one that does not fit.

What a field of a model says of its value (its type, its bounds, its choices) is kept with the command as plain data,
beside the names (`names`), so that a wrong value is refused without PyTorch too: the field is made again from the
data, and what it says of a value is put into words by the same function as in the run.
"""

import json
import re
import struct
from collections.abc import Iterator, Mapping
from functools import cache
from typing import Annotated, Any, Literal, get_args, get_origin

import annotated_types
from pydantic import AllowInfNan, BaseModel, ConfigDict, ValidationError, ValidationInfo, create_model, field_validator

from nashpath.run.errors import SettingError
from nashpath.run.settings.names import Names, shown
from nashpath.run.settings.overrides import Raw
from nashpath.spelling import did_you_mean

STRICT = ConfigDict(extra="forbid", allow_inf_nan=False)
PLAIN = (bool, int, float, str)
SWEPT = "swept"
"""What `nashpath.core.arguments.SWEPT` is (a test): the mark of a number that is held in 32 bits."""
INFINITE = "infinite"
"""What `nashpath.core.arguments.INFINITE` is (a test): the mark of a number that may be infinite."""

ValueKinds = dict[str, dict[str, dict[str, Any]]]
"""By the place of a method and its name, what each of its settings takes, as `written` has it; at ``""``, ``""`` the
settings that belong to no method."""


class _NotSaid(Exception):
    """A value of which only the run knows whether it fits."""


def no_truth_value(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """A validator: ``true`` is not the number 1; it is ``on`` where that may be chosen."""
    kind = cls.model_fields[info.field_name or ""].annotation
    if isinstance(value, bool) and {"on", "off"} <= set(get_args(kind)):
        return "on" if value else "off"
    if isinstance(value, bool) and kind in (int, float):
        raise ValueError("a number" if kind is float else "a whole number")
    return value


def sentence(key: str, fault: Mapping[str, Any]) -> str:
    """What one of pydantic's faults says of the value of a setting."""
    given, expected = fault["input"], fault["msg"].removeprefix("Input should be ").removeprefix("Value error, ")
    near = did_you_mean(given, re.findall("'(.*?)'", expected)) if isinstance(given, str) else ""
    return f"{key}: expected {expected}, got {shown(given)}.{near}"


def written(annotation: Any, marks: tuple[Any, ...] = ()) -> dict[str, Any] | None:
    """A type and its marks as plain data; None where they say more than that (functions that look at the value)."""
    found: dict[str, Any]
    if get_origin(annotation) is Annotated:
        base, *inner = get_args(annotation)
        return written(base, (*inner, *marks))
    if annotation in PLAIN:
        found = {"type": annotation.__name__}
    elif get_origin(annotation) is Literal:
        found = {"choices": list(get_args(annotation))}
    elif get_origin(annotation) is list:
        found = {"list": written(get_args(annotation)[0])}
    else:
        return None
    for mark in marks:
        bound = _BOUNDS.get(type(mark))
        if bound is None and mark not in (SWEPT, INFINITE, AllowInfNan(True)):
            return None
        found |= {bound: getattr(mark, bound)} if bound else {mark: True} if isinstance(mark, str) else {}
    return found if found.get("list", found) else None


_BOUNDS = {
    getattr(annotated_types, name): {"MinLen": "min_length", "MaxLen": "max_length"}.get(name, name.lower())
    for name in ("Ge", "Gt", "Le", "Lt", "MinLen", "MaxLen")
}


def _read(kind: Mapping[str, Any]) -> Any:
    """The annotation that was `written`."""
    base: Any = {one.__name__: one for one in PLAIN}.get(kind.get("type", ""))
    if "choices" in kind:
        base = Literal[tuple(kind["choices"])]
    if "list" in kind:
        base = list[_read(kind["list"])]
    marks = [mark(kind[bound]) for mark, bound in _BOUNDS.items() if bound in kind]
    marks += [AllowInfNan(True)] * (INFINITE in kind)
    return Annotated[(base, *marks)] if marks else base


def check_values(raw: Raw, names: Names, values: ValueKinds) -> None:
    """Refuses values that do not fit, all of them at once, in the order of the settings. Raises `SettingError`.

    The names are those of settings (`check_names`). Nothing is said where one of the values is of a kind that only
    the run can judge: it will, and of all.
    """
    try:
        faults = [
            *(fault for name in names.general if name in raw for fault in _refused(name, raw[name], values[""][""])),
            *(fault for path in names.rows if "." not in path for fault in _inside(path, raw, names, values)),
        ]
    except _NotSaid:
        return
    if faults:
        raise SettingError("\n".join(faults))


def _inside(path: str, raw: Raw, names: Names, values: ValueKinds) -> Iterator[str]:
    """What is wrong with the settings of the method that is chosen at a place, and at the places inside it."""
    given, method = names.chosen(raw, path)
    if not isinstance(given, Mapping):
        return
    for name in names.rows[path].get(method or "", []):
        place = f"{path}.{name}"
        if place in names.rows:
            yield from _inside(place, raw, names, values)
        elif name in given and name != "kind":
            yield from _refused(place, given[name], values[path][method or ""])


@cache
def _model(name: str, kind: str) -> type[BaseModel]:
    """A model of one setting of a kind, as JSON; made once for all points of a sweep."""
    fields: dict[str, Any] = {name: (_read(json.loads(kind)), ...)}
    checks: dict[str, Any] = {"numbers": field_validator(name, mode="before")(no_truth_value)}
    return create_model("Value", __config__=STRICT, __validators__=checks, **fields)


def _refused(key: str, value: Any, kinds: Mapping[str, Any]) -> Iterator[str]:
    """What is wrong with one value. Raises `_NotSaid`."""
    name = key.rpartition(".")[2]
    kind = kinds[name]
    if kind is None or ("list" in kind and not isinstance(value, list)):  # of other things the run may make a list
        raise _NotSaid
    model = _model(name, json.dumps(kind))
    try:
        held = getattr(model(**{name: value}), name)
    except ValidationError as error:
        above = key.removesuffix(name)
        yield from (sentence(above + ".".join(map(str, fault["loc"])), fault) for fault in error.errors())
        return
    if SWEPT in kind:
        try:
            model(**{name: struct.unpack("f", struct.pack("f", held))[0]})
        except (OverflowError, ValidationError):
            raise _NotSaid from None
