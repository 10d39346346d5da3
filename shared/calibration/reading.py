"""Reads the bytes of a stored calibration, and takes nothing for granted.

The file lies where anybody may write: every part is held to its type, its range and its name
before `store` hands it on.
"""

from __future__ import annotations

import json
from typing import Any, NoReturn

from shared.backend import ELEMENTARY
from shared.calibration.measured import DTYPES, Calibration, Machine, Measured

FORMAT = "isograd calibration"
SCHEMA = 1
LONGEST_TEXT = 200


class Damaged(Exception):
    """A file is not what `store.save` writes; the message says in what."""


def parsed(content: bytes) -> Calibration:
    """Turn the bytes of a file into a calibration.

    Raises
    ------
    Damaged
        At the first thing amiss.
    """
    return _calibration(_data(content))


def _data(content: bytes) -> Any:
    def refuse(constant: str) -> NoReturn:
        raise ValueError(f"{constant} is no JSON")

    try:
        return json.loads(content.decode(), parse_constant=refuse)
    except (ValueError, RecursionError) as error:
        raise Damaged("it is not JSON") from error


def _calibration(data: Any) -> Calibration:
    if not isinstance(data, dict) or data.get("format") != FORMAT:
        raise Damaged("it is no calibration")
    schema = data.get("schema")
    if type(schema) is not int or schema != SCHEMA:
        raise Damaged(f"it is not of schema {SCHEMA}, which this version reads")
    _require_keys(data, {"format", "schema", "machine", "measured"})
    machine = _machine(data["machine"])
    measured = tuple(_measured(one) for one in _list(data["measured"], "measured"))
    figures = {(one.framework, one.dtype, one.function) for one in measured}
    if len(figures) < len(measured):
        raise Damaged("it holds a figure twice")
    if len({(one.framework, one.version) for one in measured}) > len({f[0] for f in figures}):
        raise Damaged("it names two versions of one framework")
    return Calibration(machine, measured)


def _machine(data: Any) -> Machine:
    _require_keys(data, {"system", "processor", "cpu_features"})
    features = _list(data["cpu_features"], "cpu_features")
    return Machine(
        _text(data["system"], "system"),
        _text(data["processor"], "processor"),
        tuple(_text(one, "cpu_features") for one in features),
    )


def _measured(data: Any) -> Measured:
    _require_keys(data, set(Measured.__dataclass_fields__))
    samples = data["samples"]
    if type(samples) is not int or samples < 1:
        raise Damaged("'samples' is no number of samples")
    return Measured(
        _text(data["framework"], "framework"),
        _text(data["version"], "version"),
        _one_of(DTYPES, data["dtype"], "dtype"),
        _one_of(ELEMENTARY, data["function"], "function"),
        _error(data["ulps"], "ulps"),
        _error(data["units"], "units"),
        _number(data["at"], "at"),
        samples,
    )


def _require_keys(data: Any, keys: set[str]) -> None:
    if not isinstance(data, dict) or set(data) != keys:
        raise Damaged(f"expected an object with {', '.join(sorted(keys))}")


def _list(data: Any, name: str) -> list[Any]:
    if not isinstance(data, list):
        raise Damaged(f"{name!r} is no list")
    return data


def _text(data: Any, name: str) -> str:
    """Require a text that may be printed: it may come to stand in a remark."""
    if not isinstance(data, str) or len(data) > LONGEST_TEXT or not data.isprintable():
        raise Damaged(f"{name!r} is no plain text")
    return data


def _one_of(names: tuple[str, ...], data: Any, name: str) -> str:
    if not isinstance(data, str) or data not in names:
        raise Damaged(f"{name!r} is none of {', '.join(names)}")
    return data


def _error(data: Any, name: str) -> float:
    """Require the size of an error; an infinite one is written in letters."""
    if data == "Infinity":
        return float("inf")
    number = _number(data, name)
    if number < 0:
        raise Damaged(f"{name!r} is negative")
    return number


def _number(data: Any, name: str) -> float:
    """Require a finite float, which JSON writes with a point or an exponent; 1e999 is none."""
    if type(data) is not float or abs(data) == float("inf"):
        raise Damaged(f"{name!r} is no finite number")
    return data
