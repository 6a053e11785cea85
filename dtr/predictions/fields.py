"""Single fields of anybody's prediction, read strictly: what is not plainly right is refused, and a phrase says why.

Every reader takes the value as decoded from JSON, the field's name, and the list that its phrase goes to. A blank
(missing, null) is no problem. Strings are no numbers here; the reader of free text (`dtr.predictions.answer_reader`) is
looser.
"""

from __future__ import annotations

import math
from typing import Any

from dtr.annotation import CATEGORIES, Box, Label

LTWH = ("left", "top", "width", "height")
XYXY = ("x0", "y0", "x1", "y1")

_LABELS: dict[str, Label] = {"real": "real", "fake": "fake"}
_CATEGORIES = {name.casefold(): name for name in CATEGORIES}


def read_label(value: Any, name: str, problems: list[str]) -> Label | None:
    """REAL or FAKE in any case, and nothing beside it; None = blank or anything else.

    Example:
        >>> problems = []
        >>> read_label(" Fake", "predicted_label", problems), read_label("REAL OR FAKE", "predicted_label", problems)
        ('fake', None)
        >>> problems
        ["predicted_label must be REAL or FAKE, got 'REAL OR FAKE'"]
    """
    label = _LABELS.get(value.strip().casefold()) if isinstance(value, str) else None
    if label is None and value is not None:
        problems.append(f"{name} must be REAL or FAKE, got {show(value)}")
    return label


def read_score(value: Any, name: str, problems: list[str]) -> float | None:
    """A number in [0, 1]; None = blank or refused.

    Example:
        >>> problems = []
        >>> read_score(1, "score", problems), read_score(1.5, "score", problems), problems
        (1.0, None, ['score must be a number in 0..1, got 1.5'])
    """
    number = finite(value)
    if number is not None and 0 <= number <= 1:
        return number
    if value is not None:
        problems.append(f"{name} must be a number in 0..1, got {show(value)}")
    return None


def read_time_s(value: Any, name: str, problems: list[str]) -> float | None:
    """A finite number of seconds; None = blank or refused.

    Example:
        >>> problems = []
        >>> read_time_s(2.5, "start_time", problems), read_time_s("2.5s", "start_time", problems), problems
        (2.5, None, ["start_time must be a number of seconds, got '2.5s'"])
    """
    number = finite(value)
    if number is None and value is not None:
        problems.append(f"{name} must be a number of seconds, got {show(value)}")
    return number


def read_text(value: Any, name: str, problems: list[str]) -> str | None:
    """Text without surrounding space; None = blank or refused."""
    if isinstance(value, str):
        return value.strip() or None
    if value is not None:
        problems.append(f"{name} must be text, got {show(value)}")
    return None


def read_box_px(value: Any, name: str, problems: list[str]) -> Box | None:
    """A box in pixels in any of the three written forms.

    Args:
        value: {left, top, width, height}, {x0, y0, x1, y1} or [x0, y0, x1, y1].
        name: of the field.
        problems: takes the phrase.

    Returns:
        xyxy in pixels, x0 < x1 and y0 < y1, not limited to any frame; None = blank or refused. A box that ends within
        the first pixel is refused: it is written in shares of the frame, and reading it as pixels would misplace it.

    Example:
        >>> problems = []
        >>> read_box_px({"left": 10, "top": 20, "width": 30, "height": 40}, "bbox", problems)
        (10.0, 20.0, 40.0, 60.0)
        >>> read_box_px([10, 20, 10, 40], "bbox", problems), problems
        (None, ['bbox must have x0 < x1 and y0 < y1, got [10, 20, 10, 40]'])
    """
    if value is None:
        return None
    box = _corners(value)
    if box is None:
        forms = f"{', '.join(LTWH)}; {', '.join(XYXY)}; or a list"
        problems.append(f"{name} must be four numbers in pixels ({forms}), got {show(value)}")
        return None
    if not (box[0] < box[2] and box[1] < box[3]):
        problems.append(f"{name} must have x0 < x1 and y0 < y1, got {show(value)}")
        return None
    if box[2] <= 1 and box[3] <= 1:
        problems.append(f"{name} must be in pixels, got {show(value)}, which looks like shares of the frame")
        return None
    return box


def to_shares(
    box_px: Box | None, width: float | None, height: float | None, name: str, problems: list[str]
) -> Box | None:
    """A box in pixels as shares of the frame, not clipped; None = no box, or no frame size.

    Example:
        >>> to_shares((32.0, 0.0, 96.0, 48.0), 64, 48, "bbox", [])
        (0.5, 0.0, 1.5, 1.0)
    """
    if box_px is None:
        return None
    if not width or not height:
        problems.append(f"{name} cannot be placed: frame size unknown (the annotation states no width and height)")
        return None
    x0, y0, x1, y1 = box_px
    return x0 / width, y0 / height, x1 / width, y1 / height


def read_numbers(value: Any, count: int) -> tuple[float, ...] | None:
    """A list of exactly so many finite numbers; None = it is not that.

    Example:
        >>> read_numbers([1, 2.5], 2), read_numbers([1, True], 2), read_numbers("12", 2)
        ((1.0, 2.5), None, None)
    """
    if not isinstance(value, list | tuple) or len(value) != count:
        return None
    numbers = [finite(v) for v in value]
    return None if None in numbers else tuple(v for v in numbers if v is not None)


def read_categories(value: Any, problems: list[str]) -> dict[str, float]:
    """Category scores by the category's name; a list of names gives each a score of 1; empty = not said.

    Example:
        >>> problems = []
        >>> read_categories({"object merging": 0.4, "Bad Vibes": 1}, problems), read_categories(["Object Merging"], [])
        ({'Object Merging': 0.4}, {'Object Merging': 1.0})
        >>> problems
        ["unknown category 'Bad Vibes'"]
    """
    if value is None:
        return {}
    if isinstance(value, list) and all(isinstance(name, str) for name in value):
        value = dict.fromkeys(value, 1.0)
    if not isinstance(value, dict):
        problems.append(f"categories must be scores by name or a list of names, got {show(value)}")
        return {}
    found: dict[str, float] = {}
    for written, number in value.items():
        name = _CATEGORIES.get(written.strip().casefold())
        if name is None:
            problems.append(f"unknown category {show(written)}")
            continue
        score = read_score(number, f"score of {name}", problems)
        if score is not None:
            found[name] = score
    return found


def finite(value: Any) -> float | None:
    """A JSON number as a finite float; None = anything else (true and "1" are none)."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    try:
        number = float(value)
    except OverflowError:  # an integer of hundreds of digits
        return None
    return number if math.isfinite(number) else None


def printable(text: str) -> str:
    """Text that any terminal or file can take: what cannot be printed (controls, lone surrogates) becomes U+FFFD.

    Example:
        >>> printable("a b\\x1b[2J") == "a b\\ufffd[2J"
        True
    """
    return "".join(c if c.isprintable() else "\ufffd" for c in text)


def show(value: Any) -> str:
    """A value for a message: one line, cut to a readable length.

    Example:
        >>> show("a" * 100)[-4:], len(show("a" * 100))
        ('aaa…', 60)
    """
    if isinstance(value, str):
        value = value[:60]
    elif isinstance(value, list | tuple):
        value = value[:20]
    try:
        text = repr(value) if not isinstance(value, int) or -1e18 < value < 1e18 else "a number of many digits"
    except ValueError:  # Python refuses to write an integer of thousands of digits, wherever it stands inside
        text = f"a {type(value).__name__} with a number of many digits"
    return text if len(text) <= 60 else text[:59] + "…"


def _corners(value: Any) -> Box | None:
    if isinstance(value, dict):
        if all(key in value for key in LTWH):
            ltwh = read_numbers([value[key] for key in LTWH], 4)
            # The sums go through the check below too: two finite numbers can add up to infinity.
            value = None if ltwh is None else (ltwh[0], ltwh[1], ltwh[0] + ltwh[2], ltwh[1] + ltwh[3])
        else:
            value = [value.get(key) for key in XYXY]
    numbers = read_numbers(value, 4)
    return None if numbers is None else (numbers[0], numbers[1], numbers[2], numbers[3])
