"""Finds JSON objects in a language model's text: fenced or bare, among prose, with Python's quotes or a comma too many.

One pass over the text finds balanced braces; only what holds a known key is decoded, a bounded number of times and to a
bounded depth. Nothing is evaluated. The time is linear in the text, whatever stands in it.
"""

from __future__ import annotations

import ast
import json
import re
import warnings
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

MAX_DEPTH = 16
"""Objects nested deeper are not read."""

MAX_OBJECTS = 64
"""So many objects are tried, counted from the end of the text."""

MAX_INNER = 8
"""Where an object cannot be decoded, so many of those inside it are tried, likewise."""

MAX_PYTHON_CHARS = 20_000
"""Longer objects are read as strict JSON only: Python's parser needs far more memory than the text."""

_MARKS = re.compile(r'[{}"\\]')
_CONSTANTS = {"null": None, "true": True, "false": False}


@dataclass(slots=True)
class _Region:
    """A balanced pair of braces; `height` counts the levels, itself included."""

    start: int
    end: int = 0  # one after the closing brace; 0 = not closed
    height: int = 1
    inside: list[_Region] | None = None  # a text may hold a million of them: no list where there is nothing


def find_objects(text: str, keys: Collection[str]) -> list[dict[str, Any]]:
    """Complete objects in a text that hold at least one of the keys, in order.

    Args:
        text: anything.
        keys: lower case.

    Returns:
        Objects with their keys in lower case. Those inside ``` fences, and where there are none, those of the whole
        text. An object that wraps another is looked into.

    Example:
        >>> find_objects("So: ```json\\n{'label': 'FAKE', 'bbox': null,}\\n``` Done.", {"label"})
        [{'label': 'FAKE', 'bbox': None}]
        >>> find_objects('{"answer": {"label": "REAL"}} {"other": 1} {"label": "FA', {"label"})
        [{'label': 'REAL'}]
    """
    fenced = text.split("```")[1::2]
    found = [o for part in fenced for o in _objects(part, keys)] if len(fenced) <= MAX_OBJECTS else []
    return found or _objects(text, keys)


def _objects(text: str, keys: Collection[str]) -> list[dict[str, Any]]:
    named = _named(frozenset(keys))
    if not named.search(text):
        return []
    regions = [r for r in _regions(text) if r.height <= MAX_DEPTH and named.search(text, r.start, r.end)]
    return [o for region in regions[-MAX_OBJECTS:] for o in _decoded(text, region, keys, named)]


@lru_cache(maxsize=8)
def _named(keys: frozenset[str]) -> re.Pattern[str]:
    return re.compile("|".join(rf"[\"']{re.escape(key)}[\"']" for key in sorted(keys)), re.IGNORECASE)


def _regions(text: str) -> list[_Region]:
    """The outermost balanced braces; quotes count inside of braces only."""
    opened: list[_Region] = [_Region(0)]  # the first one stands for the text
    in_string, resume = False, 0
    for mark in _MARKS.finditer(text):
        at, char = mark.start(), mark.group()
        if at < resume or (len(opened) == 1 and char != "{"):
            continue
        if char == "\\":
            resume = at + 2 if in_string else resume
        elif char == '"':
            in_string = not in_string
        elif in_string:
            continue
        elif char == "{":
            opened.append(_Region(at))
        else:
            _close(opened, at + 1)
    # Braces that were never closed are prose: what lies in them counts as outermost.
    return [region for outer in opened for region in outer.inside or ()]


def _close(opened: list[_Region], end: int) -> None:
    region = opened.pop()
    region.end = end
    if region.height > MAX_DEPTH:
        region.inside = None  # never tried: and a chain of a million must not be kept
    outer = opened[-1]
    outer.height = max(outer.height, region.height + 1)
    if outer.inside is None:
        outer.inside = [region]
    else:
        outer.inside.append(region)


def _decoded(text: str, region: _Region, keys: Collection[str], named: re.Pattern[str]) -> Iterator[dict[str, Any]]:
    part = text[region.start : region.end]
    if not named.search(part):
        return
    try:
        value = _load(part)
    except (ValueError, SyntaxError, RecursionError, MemoryError):  # MemoryError: Python's parser, on many brackets
        for inner in (region.inside or [])[-MAX_INNER:]:
            yield from _decoded(text, inner, keys, named)
        return
    yield from _with_keys(value, keys)


def _with_keys(value: Any, keys: Collection[str], depth: int = 0) -> Iterator[dict[str, Any]]:
    """Objects with a known key; one whose known key holds such an object only wraps it."""
    if depth > MAX_DEPTH:  # lists count too, and the reader of JSON allows far more of them
        return
    if isinstance(value, dict):
        lower = {str(key).casefold(): v for key, v in value.items()}
        known = [lower[key] for key in lower.keys() & keys]
        if known and not any(isinstance(v, dict) and not _keys_of(v).isdisjoint(keys) for v in known):
            yield lower
            return
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    for item in inner:
        yield from _with_keys(item, keys, depth + 1)


def _keys_of(value: dict[Any, Any]) -> set[str]:
    return {str(key).casefold() for key in value}


def _load(part: str) -> Any:
    """One object: JSON, or what Python writes for it; a key that stands twice is refused."""
    try:
        return json.loads(part, strict=False, object_pairs_hook=_unique)
    except json.JSONDecodeError:
        if len(part) > MAX_PYTHON_CHARS:
            raise
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of odd backslashes in the model's words
        return _plain(ast.parse(part, mode="eval").body)


def _plain(node: ast.expr) -> Any:
    """A literal of the syntax tree as plain JSON types; nothing is evaluated.

    Raises:
        ValueError: anything but a literal.
    """
    if isinstance(node, ast.Dict):
        names = [key.value if isinstance(key, ast.Constant) else None for key in node.keys]
        if all(isinstance(name, str) for name in names):
            return _unique([(name, _plain(v)) for name, v in zip(names, node.values, strict=True)])
    if isinstance(node, ast.List | ast.Tuple):
        return [_plain(item) for item in node.elts]
    if isinstance(node, ast.Name) and node.id in _CONSTANTS:
        return _CONSTANTS[node.id]
    if isinstance(node, ast.UnaryOp) and isinstance(node.op, ast.USub):
        number = _plain(node.operand)
        if isinstance(number, int | float) and not isinstance(number, bool):
            return -number
    if isinstance(node, ast.Constant) and isinstance(node.value, str | int | float | bool | None):
        return node.value
    raise ValueError("not a literal")


def _unique(pairs: list[tuple[Any, Any]]) -> dict[Any, Any]:
    known = dict(pairs)
    if len(known) != len(pairs):
        raise ValueError("a key stands twice")
    return known
