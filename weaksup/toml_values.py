"""Values of a TOML table held against the fields of a dataclass."""

from collections.abc import Mapping
from dataclasses import fields
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

from datasets.errors import FileFormatError

_ONE = {bool: "true or false", int: "a whole number", float: "a number", str: "a text"}
_MANY = {int: "whole numbers", float: "numbers", str: "texts"}


def values_of(kind: type, table: Mapping[str, Any], path: str | Path) -> dict[str, Any]:
    """The values of a table as a dataclass has them: lists as tuples, 1 as 1.0 where it wants that.

    Parameters
    ----------
    kind
        A dataclass. Its fields are of type bool, int, float, str, a Literal of texts, tuples of
        one of these, or mappings of names to such tuples.
    table
        As it was read; fields may lack.
    path
        Its file, for errors.

    Raises
    ------
    FileFormatError
        If a key is none of the fields, or its value is not of the field's type.
    """
    types = {field.name: field.type for field in fields(kind)}
    values = {}
    for name, value in table.items():
        if name not in types:
            known = ", ".join(types)
            raise FileFormatError(path, name, f"unknown key of {kind.__name__}; known are {known}")
        try:
            values[name] = _as(types[name], value)
        except TypeError as error:
            problem = f"expected {_words(types[name])}, got {value!r}"
            raise FileFormatError(path, name, problem) from error
    return values


def _as(kind: Any, value: Any) -> Any:  # noqa: ANN401 - any type of a field
    if get_origin(kind) is tuple and type(value) is list:
        return tuple(_as(get_args(kind)[0], each) for each in value)
    if get_origin(kind) is Mapping and type(value) is dict:
        return {name: _as(get_args(kind)[1], each) for name, each in value.items()}
    expected = str if get_origin(kind) is Literal else kind
    if expected is float and type(value) is int:
        return float(value)
    if type(value) is not expected:
        raise TypeError
    return value


def _words(kind: Any) -> str:  # noqa: ANN401 - any type of a field
    if get_origin(kind) is tuple:
        return f"a list of {_MANY[get_args(kind)[0]]}"
    if get_origin(kind) is Mapping:
        return f"a table, and for each name {_words(get_args(kind)[1])}"
    return _ONE[str if get_origin(kind) is Literal else kind]
