"""Settings are read off the methods themselves: a constructor argument with a default is a setting.

So a new method is a file and a row in a table, and the command line, the config file and their errors know it.
"""

import inspect
import types
from collections.abc import Callable, Mapping
from functools import cache
from types import MappingProxyType
from typing import Annotated, Any, Literal, Union, get_args, get_origin, get_type_hints

from annotated_types import BaseMetadata
from pydantic import AllowInfNan, BaseModel, Field, ValidationInfo, create_model, field_validator

from nashpath.core import Table
from nashpath.core.arguments import INFINITE, SWEPT, fault
from nashpath.run.settings.names import Names
from nashpath.run.settings.values import PLAIN, STRICT, ValueKinds, no_truth_value, written


def as_its_buffer_holds_it(cls: type[BaseModel], value: Any, info: ValidationInfo) -> Any:
    """A validator: a number that becomes a buffer is inside its bounds also when it is rounded to 32 bits."""
    marks = cls.model_fields[info.field_name or ""].metadata
    if SWEPT in marks and isinstance(value, int | float):
        wrong = fault(value, Annotated[(float, *marks)])
        if wrong:
            raise ValueError(f"a number that is {wrong}")
    return value


class Method(BaseModel):
    """The settings of one method; ``kind`` is its name in its table."""

    model_config = STRICT
    kind: str


def settable(annotation: Any) -> Any:
    """The part of an argument's annotation that a text file can hold, or None if there is none."""
    if annotation in PLAIN:
        return annotation
    origin = get_origin(annotation)
    if origin is Literal:
        return annotation
    if origin is Annotated:
        base, *marks = get_args(annotation)
        return annotation if base in PLAIN and marks else None
    if origin in (Union, types.UnionType):
        return next((kind for part in get_args(annotation) if (kind := settable(part)) is not None), None)
    return None


def is_swept(annotation: Any) -> bool:
    """Whether an argument becomes a buffer, so that a sweep over it shares one program."""
    return get_origin(annotation) is Annotated and SWEPT in get_args(annotation)


def unsettable(method: Callable[..., Any]) -> list[str]:
    """The arguments that have a default but that no text file can hold. Raises `NameError` for unknown annotations."""
    hints = get_type_hints(method.__init__ if inspect.isclass(method) else method, include_extras=True)
    defaults = [p.name for p in inspect.signature(method).parameters.values() if p.default is not p.empty]
    return [name for name in defaults if settable(hints.get(name)) is None]


def required(method: Callable[..., Any]) -> list[str]:
    """The arguments without a default, which the builder must give."""
    collecting = (inspect.Parameter.VAR_POSITIONAL, inspect.Parameter.VAR_KEYWORD)
    parameters = inspect.signature(method).parameters.values()
    return [p.name for p in parameters if p.default is p.empty and p.kind not in collecting]


@cache
def arguments(method: Callable[..., Any]) -> dict[str, tuple[Any, Any]]:
    """``{name: (annotation, default)}`` of a method's settings, in the order of its constructor."""
    target = method.__init__ if inspect.isclass(method) else method
    hints = get_type_hints(target, include_extras=True)
    found = {}
    for name, parameter in inspect.signature(method).parameters.items():
        kind = settable(hints.get(name))
        if parameter.default is not inspect.Parameter.empty and kind is not None:
            found[name] = (kind, parameter.default)
    return found


def accepts(method: Callable[..., Any]) -> set[str]:
    """All argument names of a method's constructor."""
    return set(inspect.signature(method).parameters)


def model(table: Table, name: str, skip: frozenset[str] = frozenset(), **nested: tuple[Any, Any]) -> type[Method]:
    """The pydantic model of one row of a table, with ``nested`` fields added and ``skip`` left out."""
    fields: dict[str, Any] = {"kind": (Literal[name], name)}
    for argument, (annotation, default) in arguments(table[name]).items():
        if argument not in skip and argument not in nested:
            marks = [m for m in get_args(annotation)[1:] if isinstance(m, BaseMetadata) or m in (SWEPT, INFINITE)]
            marks += [AllowInfNan(True)] * (INFINITE in marks)
            kept = Annotated[(get_args(annotation)[0], *marks)] if marks else annotation
            fields[argument] = (kept, Field(default))
    plain = [argument for argument in fields if argument != "kind"]
    checks: dict[str, Any] = {}
    if plain:
        checks["numbers"] = field_validator(*plain, mode="before")(no_truth_value)
        checks["held"] = field_validator(*plain, mode="after")(as_its_buffer_holds_it)
    called = f"{table.kind.title().replace(' ', '')}.{name}"
    fields |= nested
    return create_model(called, __base__=Method, __validators__=checks, **fields)


def choice(table: Table, skip: frozenset[str] = frozenset(), **nested: tuple[Any, Any]) -> Any:
    """The type "one of this table's methods", told apart by ``kind``."""
    models = tuple(model(table, name, skip, **nested) for name in table)
    return models[0] if len(models) == 1 else Annotated[Union[models], Field(discriminator="kind")]  # noqa: UP007


def models_of(annotation: Any) -> list[type[BaseModel]]:
    """The models in a field's annotation."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return [annotation]
    return [model for part in get_args(annotation) for model in models_of(part)]


def names_of(
    model: type[BaseModel],
    tables: Mapping[str, Table],
    usual: Mapping[str, str],
    played: Mapping[str, dict[str, str]] = MappingProxyType({}),
) -> Names:
    """The names of all settings of a model, whose methods are chosen from ``tables`` (by place)."""
    rows: dict[str, dict[str, list[str]]] = {}

    def look(model: type[BaseModel], before: str) -> None:
        for name, field in model.model_fields.items():
            options = models_of(field.annotation)
            if options and before + name not in rows:
                rows[before + name] = {one.model_fields["kind"].default: list(one.model_fields) for one in options}
                for one in options:
                    look(one, f"{before}{name}.")

    look(model, "")
    general = [name for name in model.model_fields if name not in rows]
    kinds = {path: tables[path].kind for path in tables}
    return Names(general, kinds, {path: rows[path] for path in tables}, dict(usual), dict(played))


def values_of(model: type[BaseModel], names: Names) -> ValueKinds:
    """What each setting of a model takes, by place and method, as far as plain data say it."""
    found: ValueKinds = {"": {"": _written(model, names.general)}}

    def look(model: type[BaseModel], before: str) -> None:
        for name, field in model.model_fields.items():
            for one in models_of(field.annotation):
                plain = [own for own in one.model_fields if own != "kind" and f"{before}{name}.{own}" not in names.rows]
                found.setdefault(before + name, {})[one.model_fields["kind"].default] = _written(one, plain)
                look(one, f"{before}{name}.")

    look(model, "")
    return found


def _written(model: type[BaseModel], plain: list[str]) -> dict[str, Any]:
    fields = {name: model.model_fields[name] for name in plain}
    return {name: written(field.annotation, tuple(field.metadata)) for name, field in fields.items()}


def swept_paths(settings: BaseModel, prefix: str = "") -> set[str]:
    """The dotted paths of all settings that are numbers (buffers) in this model, nested ones included."""
    paths = set()
    for name, field in type(settings).model_fields.items():
        value = getattr(settings, name)
        if isinstance(value, BaseModel):
            paths |= swept_paths(value, f"{prefix}{name}.")
        elif SWEPT in field.metadata:
            paths.add(prefix + name)
    return paths
