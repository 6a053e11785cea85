"""Annotators' raw tags → the nine categories, tolerant of case, wording, punctuation and common misspellings.

A tag is read by its head phrase: what follows "(e.g. …" only illustrates, and holds words of other categories
("overlap background distortion (e.g. because of object movement)").
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from typing import NamedTuple

from dtr.annotation import CATEGORIES

_RULES: tuple[tuple[tuple[str, ...], str | None], ...] = (
    # First match wins; a plainer order gets the traps wrong.
    ((r"none of the (above|categories)", r"^none$", r"^n ?a$", r"^others?$"), None),
    # "overlap background distortion" is the background's: before merging ("overlap") and object distortion.
    (
        (
            r"backgr?ound.*(disto|warp|rippl|deform|overlap|morph|bend)",
            r"(disto|warp|rippl|deform|overlap).*backgr?ound",
        ),
        "Background Distortion",
    ),
    ((r"diss?ap+e?ar", r"vanish", r"missing object"), "Object Disappearance"),
    # Before the trajectory of things that do move.
    (
        (r"unexpected(ly)? mo", r"mov\w* (of|for|by) (still|static|itself)", r"(still|static) \w+ mov"),
        "Unexpected Move",
    ),
    # "appearance" only as a phrase: an object's changed appearance is no new object.
    (
        (r"redund", r"\bextra", r"\bduplicat", r"\badditional", r"\bappear(s|ing|ance of)\b", r"sudden(ly)? appear"),
        "Redundant Object",
    ),
    ((r"split+(ing|s)?\b", r"\bdivid", r"\bseparat"), "Object Splitting"),
    ((r"\bmerg", r"\bfus(e|es|ed|ing|ion)\b", r"\bblend"), "Object Merging"),
    ((r"\bblur", r"\bdefocus", r"\blos\w+ (of )?(detail|definition)"), "Sudden Blurring"),
    # Minor reasons of the paper, known and outside the nine; "colour distortion" distorts no object.
    ((r"\blight", r"\bshadow", r"\breflect", r"\bcolou?r"), None),
    ((r"disto", r"\bdefor?m", r"\bshape", r"\bmelt", r"\bbend", r"\bwarp", r"\bmorph"), "Object Distortion"),
    (
        (r"\bmotion", r"\bmove", r"\bmoving", r"\btraject", r"\bpath", r"smooth", r"\bjerk"),
        "Object Trajectory",
    ),
    ((r"\bliquid", r"\bfluid", r"\bwater", r"\btextur", r"\bflicker", r"\bminor"), None),
)

_COMPILED = tuple((re.compile("|".join(patterns)), category) for patterns, category in _RULES)
_EXACT = {name.casefold(): name for name in CATEGORIES}


class TagReading(NamedTuple):
    """What one raw tag says: a category; None for a known tag outside the nine; `known` False for any other tag."""

    category: str | None
    known: bool


def read_tag(raw: str) -> TagReading:
    """Read one raw tag.

    Example:
        >>> read_tag("overlap background distortion (e.g. because of object movement)").category
        'Background Distortion'
        >>> read_tag("None of the above, but I've written in the explanations")
        TagReading(category=None, known=True)
        >>> read_tag("bad vibes")
        TagReading(category=None, known=False)

    Source: DeeptraceReward (arXiv 2509.22646), Figure 4 and the annotators' checklist.
    """
    phrase = _head_phrase(raw)
    if phrase in _EXACT:
        return TagReading(_EXACT[phrase], True)
    for pattern, category in _COMPILED:
        if pattern.search(phrase):
            return TagReading(category, True)
    return TagReading(None, False)


def read_tags(raw_tags: Iterable[str]) -> tuple[frozenset[str] | None, tuple[str, ...]]:
    """Categories that a trace's tags name, and the tags that fit none.

    Returns:
        categories: None = not annotated (no tag, or only unknown ones); empty = only tags outside the nine.
        unknown: tags without a reading, as written.

    Example:
        >>> read_tags([]), read_tags(["None of the above"]), read_tags(["bad vibes"])
        ((None, ()), (frozenset(), ()), (None, ('bad vibes',)))
    """
    readings = [(raw, read_tag(raw)) for raw in raw_tags if raw.strip()]
    unknown = tuple(raw for raw, reading in readings if not reading.known)
    known = [reading.category for _, reading in readings if reading.known]
    if not known:
        return None, unknown
    return frozenset(category for category in known if category is not None), unknown


def _head_phrase(raw: str) -> str:
    """Lower case, plain spaces, no punctuation, and without the "(e.g. …" illustration unless nothing else is there."""
    text = unicodedata.normalize("NFKC", raw).casefold()
    head = re.split(r"[(\[]|\be\.? ?g\b\.?|\bsuch as\b", text, maxsplit=1)[0]
    kept = head if re.search(r"\w", head) else text
    return " ".join(re.sub(r"[\W_]+", " ", kept).split())
