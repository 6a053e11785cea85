"""Reads a language model's text as an answer: label, box, times, explanation.

Read in this order, each field from the first place that has it: JSON (fenced or among prose), tags
(`<answer>`, `<coordinates>`, `<start_time>` …), and the sentences of DeeptraceReward ("FAKE. … at [x0, y0, x1, y1]
starting T seconds. … because …", "REAL. …"). Boxes are absolute pixels, times are seconds. What can be meant in two
ways is refused, not guessed: "REAL or FAKE" is no label, two different boxes are no box. Words other than REAL and FAKE
("authentic", "AI-generated", true, false) are no label.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from dtr.annotation import Box, Label
from dtr.predictions.answer_json import find_objects
from dtr.predictions.fields import read_box_px, read_score, read_text, read_time_s, show, to_shares

FIELDS: dict[str, tuple[str, ...]] = {
    "label": ("label", "predicted_label", "answer", "prediction", "verdict", "classification"),
    "score": ("fake_probability", "probability_fake", "fake_score"),
    "box": ("bbox", "coordinates", "box", "bounding_box", "bbox_2d"),
    "onset": ("start_time", "start", "onset"),
    "offset": ("end_time", "end", "offset"),
    "explanation": ("explanation", "reason", "reasoning"),
}
"""Names of JSON keys and tags by field; the first one present counts."""

_KEYS = frozenset(name for names in FIELDS.values() for name in names)
_TAG = re.compile(rf"<(/?)({'|'.join(sorted(_KEYS))})>", re.IGNORECASE)

# Every repetition is bounded, so that no text takes more than time in proportion to its length.
_NUMBER = r"[-+]?\d{1,12}(?:\.\d{0,12})?"
_SECONDS = rf"({_NUMBER})\s{{0,9}}s(?:ec(?:ond)?s?)?\b"
_PLAIN = re.compile(rf"\s{{0,9}}({_NUMBER})\s{{0,9}}")
_TIME = re.compile(rf"\s{{0,9}}(?:{_SECONDS}|({_NUMBER}))\s{{0,9}}", re.IGNORECASE)
_FOUR = re.compile(r"[\s\[\]().,\d+-]{1,200}")
_PROSE = {
    "box": re.compile(rf"[\[(]\s{{0,9}}{_NUMBER}(?:\s{{0,9}},\s{{0,9}}{_NUMBER}){{3}}\s{{0,9}}[\])]"),
    "onset": re.compile(rf"\bstart(?:s|ing)?(?:\s(?:at|from|time))?\s?[:=]?\s{{1,9}}{_SECONDS}", re.IGNORECASE),
    "offset": re.compile(rf"\bend(?:s|ing)?(?:\s(?:at|time))?\s?[:=]?\s{{1,9}}{_SECONDS}", re.IGNORECASE),
}

_WORD = r"(REAL|FAKE)\b"
_OPEN, _SHUT = r"[\s>#*_\"'`(\[]{0,9}", r"[*_\"'`)\]}]{0,4}"
_STOP = r"(?=\s{0,9}(?:[.,:;!)\]<]|\Z)|[ \t]{0,9}[\r\n]|\s{1,9}(?:[-–—(]|because\b|at\b))"
_SUBJECT = r"(?:this|(?:the|this)\s(?:video|clip|footage|image))"
_NAMED = r"(?:answer|(?:predicted_)?label|prediction|verdict|classification|conclusion)"
_STATEMENTS = (
    # A line that begins with the word in capitals; the whole text, or a whole line, in any case.
    re.compile(rf"^{_OPEN}{_WORD}{_SHUT}{_STOP}", re.MULTILINE),
    re.compile(rf"\A{_OPEN}{_WORD}{_SHUT}(?=\s{{0,9}}(?:[.:!]|\Z)|[ \t]{{0,9}}[\r\n])", re.IGNORECASE),
    re.compile(rf"^{_OPEN}{_WORD}{_SHUT}[.!]?[ \t]{{0,9}}$", re.IGNORECASE | re.MULTILINE),
    # "Answer: FAKE", also out of JSON that was cut off; "This video is fake."
    re.compile(rf"\b{_NAMED}[\"'*_`]{{0,4}}\s{{0,9}}(?:is)?[:=]?{_OPEN}{_WORD}{_SHUT}{_STOP}", re.IGNORECASE),
    re.compile(rf"\b{_SUBJECT}\sis\s(?:a\s)?{_WORD}(?:\s(?:video|clip|one)\b)?{_SHUT}{_STOP}", re.IGNORECASE),
)
# "FAKE, REAL." or "FAKE, not REAL": the other word right behind, as a word of its own.
_ECHO = re.compile(
    rf"[\s.,/|:;*\"')\]-]{{0,9}}(?:(?:or|and|vs|not)\b)?[\s\"'*(\[]{{0,9}}{_WORD}{_SHUT}\s{{0,9}}(?:[.,;:!?]|\Z)",
    re.IGNORECASE,
)
_BLANKS = frozenset({"", "none", "null", "n/a", "-"})
_EDGES = " \t\r\n.,:;!-–—*_\"'`)]}"

Tier = dict[str, list[Any]]
"""Values by field, as found in one of the places."""


@dataclass(frozen=True)
class ReadAnswer:
    """What a text says.

    Attributes:
        label: None = none, or not a plain one.
        fake_score: stated probability of fake in [0, 1].
        box_px: xyxy in pixels, not clipped to the frame.
        box: the same in [0, 1] of the frame; None without a frame size.
        onset_s: seconds; offset_s: seconds. Both as stated, in whatever order.
        explanation: the model's words.
        problems: what could not be used, a phrase each.
    """

    label: Label | None = None
    fake_score: float | None = None
    box_px: Box | None = None
    box: Box | None = None
    onset_s: float | None = None
    offset_s: float | None = None
    explanation: str | None = None
    problems: tuple[str, ...] = ()


def read_answer(
    text: str, *, width: float | None = None, height: float | None = None, duration_s: float | None = None
) -> ReadAnswer:
    """Read one answer.

    Of several JSON answers the last one counts, and if their labels differ there is no label. What a reasoning model
    writes before `</think>` is not part of the answer. A time after the end of the video is kept, and named.

    Args:
        text: what the model wrote.
        width, height: pixels of the frame the box is stated for; None = unknown.
        duration_s: of the video; None = unknown.

    Example:
        >>> said = read_answer("FAKE. The arm at [8, 8, 32, 24] starting 1.5 seconds bends.", width=64, height=48)
        >>> said.label, said.onset_s, said.box
        ('fake', 1.5, (0.125, 0.16666666666666666, 0.5, 0.5))
        >>> read_answer('{"label": "REAL", "fake_probability": 0.1}').fake_score
        0.1
        >>> read_answer("REAL or FAKE").problems
        ('no label found in the text',)
    """
    text = _without_thoughts(text)
    problems: list[str] = []
    said = [_from_json(text), _from_tags(text)]
    label, explanation = _label(text, said, problems)
    if label == "fake":
        said.append(_from_prose(text))

    onset_s = read_time_s(_loose_number(_one("onset", said, problems), _TIME), "onset", problems)
    offset_s = read_time_s(_loose_number(_one("offset", said, problems), _TIME), "offset", problems)
    for name, time_s in (("onset", onset_s), ("offset", offset_s)):
        if None not in (time_s, duration_s) and time_s > duration_s:  # type: ignore[operator]
            problems.append(f"{name} of {time_s:g} s is after the end of the video ({duration_s:g} s); kept as it is")
    box_px = read_box_px(_loose_box(_one("box", said, problems)), "box", problems)
    return ReadAnswer(
        label=label,
        fake_score=read_score(_loose_number(_one("score", said, problems), _PLAIN), "fake probability", problems),
        box_px=box_px,
        box=to_shares(box_px, width, height, "box", problems) if width and height else None,
        onset_s=onset_s,
        offset_s=offset_s,
        explanation=read_text(_one("explanation", said, problems), "explanation", problems) or explanation,
        problems=tuple(problems),
    )


def _without_thoughts(text: str) -> str:
    """The text behind `</think>`; one whose thoughts were cut off holds no answer behind `<think>`."""
    behind = text.rpartition("</think>")
    return behind[2] if behind[1] else text.partition("<think>")[0]


def _from_json(text: str) -> Tier:
    """Fields of the last answer, and the labels of all."""
    found: Tier = {}
    for said in find_objects(text, _KEYS):
        labels = found.get("label", [])
        found = {name: [value] for name in FIELDS if (value := _first(said, FIELDS[name])) is not None}
        found["label"] = labels + found.get("label", [])
    return found


def _first(said: dict[str, Any], names: Iterable[str]) -> Any:
    return next((said[name] for name in names if said.get(name) is not None), None)


def _from_tags(text: str) -> Tier:
    """What stands between each opening tag and its closing one; a tag that is not closed says nothing."""
    found: Tier = {}
    fields = {name: field for field, names in FIELDS.items() for name in names}
    opened: tuple[str, int] | None = None
    for tag in _TAG.finditer(text):
        name = tag.group(2).casefold()
        if not tag.group(1):
            opened = (name, tag.end())
        elif opened is not None and opened[0] == name:
            content = text[opened[1] : tag.start()].strip()
            found.setdefault(fields[name], []).extend([content] if content.casefold() not in _BLANKS else [])
            opened = None
    if "explanation" in found:
        found["explanation"] = ["\n".join(found["explanation"])]
    return found


def _from_prose(text: str) -> Tier:
    """The place and times in the sentences of a FAKE answer."""
    found: Tier = {}
    for name, pattern in _PROSE.items():
        for match in pattern.finditer(text):
            value = match.group(0) if name == "box" else match.group(1)
            if value not in found.setdefault(name, []):
                found[name].append(value)
            if len(found[name]) > 1:
                break
    return found


def _one(name: str, tiers: Iterable[Tier], problems: list[str]) -> Any:
    """The value of the first place that states any; None = not stated, or stated in ways that differ."""
    values = next((tier[name] for tier in tiers if tier.get(name)), [])
    if any(value != values[0] for value in values):
        problems.append(f"{name} is stated more than once and differs: {show(values[0])} and others")
        return None
    return values[0] if values else None


def _label(text: str, tiers: Iterable[Tier], problems: list[str]) -> tuple[Label | None, str | None]:
    """The label, and the words that follow it if it was stated in a sentence."""
    stated = next((tier["label"] for tier in tiers if tier.get("label")), None)
    if stated is None:
        return _stated(text, problems)
    answers = [_stated(v, []) if isinstance(v, str) else (None, None) for v in stated]
    label, explanation = answers[-1]
    if label is None:
        problems.append(f"label must be REAL or FAKE, got {show(stated[-1])}")
    elif any(other != label for other, _ in answers):
        problems.append("label is stated more than once and differs")
        return None, None
    return label, explanation


def _stated(text: str, problems: list[str]) -> tuple[Label | None, str | None]:
    """The one label that the text states outright, and what follows it (or, if nothing does, what is before it)."""
    first: re.Match[str] | None = None
    labels: set[str] = set()
    for pattern in _STATEMENTS:
        for match in pattern.finditer(text):
            labels.add(match.group(1).casefold())
            if echo := _ECHO.match(text, match.end()):
                labels.add(echo.group(1).casefold())
            if len(labels) > 1:
                problems.append("the text states both REAL and FAKE")
                return None, None
            first = match if first is None or match.start() < first.start() else first
    if first is None:
        problems.append("no label found in the text")
        return None, None
    words = text[first.end() :].strip(_EDGES) or text[: first.start()].strip(_EDGES)
    is_code = "</" in words or '":' in text  # tags, or JSON that could not be read: no sentence
    return ("fake" if "fake" in labels else "real"), None if is_code else words or None


def _loose_number(value: Any, pattern: re.Pattern[str]) -> Any:
    """The number in a text that holds nothing else; other values as they are, for the strict reader to judge."""
    if not isinstance(value, str):
        return value
    if value.strip().casefold() in _BLANKS:
        return None
    match = pattern.fullmatch(value)
    return value if match is None else float(next(group for group in match.groups() if group))


def _loose_box(value: Any) -> Any:
    """The numbers of a box written as text; other values as they are."""
    if not isinstance(value, str):
        return value
    if value.strip().casefold() in _BLANKS:
        return None
    return [float(n) for n in re.findall(_NUMBER, value)] if _FOUR.fullmatch(value) else value
