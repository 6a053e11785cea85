"""Reads single fields of annotation rows: strings for numbers, blanks for missing, everything else named as wrong."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from dtr.data.problems import Problem, ProblemLog

Row = Mapping[str, Any]


@dataclass(frozen=True)
class RowReader:
    """One row, where it stands, and the log that its defects go to.

    Attributes:
        row: the decoded JSON object.
        where: "file:row".
        video_id: for messages; "" until known.
        log: takes the problems.
    """

    row: Row
    where: str
    video_id: str
    log: ProblemLog

    def lost(self, kind: str, message: str) -> None:
        """Record (or raise) a defect because of which a field is not used."""
        self.log.lost(Problem(kind, self.where, self.video_id, message))

    def mended(self, kind: str, message: str) -> None:
        """Record a defect that was mended."""
        self.log.mended(Problem(kind, self.where, self.video_id, message))

    def is_blank(self, key: str) -> bool:
        """Whether a field is missing, null, an empty container or a blank string."""
        value = self.row.get(key)
        return value is None or (isinstance(value, str) and not value.strip()) or value in ([], {})

    def text(self, key: str) -> str | None:
        """A string field without surrounding space; None = blank."""
        if self.is_blank(key):
            return None
        value = self.row[key]
        if not isinstance(value, str):
            self.lost("wrong_type", f"{key} must be text, got {_show(value)}")
            return None
        return value.strip()

    def path(self, key: str) -> str | None:
        """A text field that can name a file; None = blank, or recorded as none."""
        value = self.text(key)
        if value is None or "\0" not in value:
            return value
        self.lost("wrong_type", f"{key} must name a file, got {_show(value)}")
        return None

    def number(self, key: str, *, above: float | None = None) -> float | None:
        """A finite number, perhaps written as a string; None = blank.

        Args:
            key: field name.
            above: the number must be greater than this.
        """
        if self.is_blank(key):
            return None
        return self.as_number(key, self.row[key], above=above)

    def as_number(self, name: str, value: Any, *, above: float | None = None) -> float | None:
        """`value` as a finite number; None, with the defect recorded, where it is none."""
        number = to_number(value)
        if number is None:
            self.lost("wrong_type", f"{name} must be a number, got {_show(value)}")
        elif not math.isfinite(number):
            self.lost("not_finite", f"{name} must be a finite number, got {_show(value)}")
        elif above is not None and not number > above:
            self.lost("out_of_range", f"{name} must be above {above:g}, got {_show(value)}")
        else:
            return number
        return None

    def whole(self, key: str, *, above: float | None = None) -> int | None:
        """A whole number, perhaps written as a string or as 512.0; None = blank."""
        number = self.number(key, above=above)
        if number is None or number.is_integer():
            return None if number is None else int(number)
        self.lost("wrong_type", f"{key} must be a whole number, got {_show(self.row[key])}")
        return None

    def texts(self, key: str) -> tuple[str, ...] | None:
        """A list of strings without blank ones; None = wrong type, recorded."""
        if self.is_blank(key):
            return ()
        value = self.row[key]
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.lost("wrong_type", f"{key} must be a list of strings, got {_show(value)}")
            return None
        return tuple(item.strip() for item in value if item.strip())


def to_number(value: Any) -> float | None:
    """A JSON value as float; None = not a number (booleans are none).

    Example:
        >>> to_number("24.0"), to_number(7), to_number(True), to_number("wide")
        (24.0, 7.0, None, None)
    """
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        return float(value)
    except (ValueError, OverflowError):
        return None


def _show(value: Any) -> str:
    """A value for a message, cut to a readable length."""
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "…"
