"""Names of transforms: `h264-crf35` is one, `scale-0.5+h264-crf35` a chain of two, `last-mile` a chain with a name."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from dataclasses import dataclass

from dtr.errors import ConfigError
from dtr.robustness.drawing import Badge, Caption, FilmedScreen
from dtr.robustness.transforms import (
    Blur,
    Brightness,
    Chain,
    Crop,
    Mirror,
    Noise,
    Rate,
    Recode,
    Scale,
    Speed,
    Transform,
    Unchanged,
)


@dataclass(frozen=True)
class Kind:
    """A family of transforms that a number chooses from.

    Attributes:
        make: the transform of a number.
        low, high: of the number; `low` itself is allowed only where it is above 0 or `whole`.
        whole: a whole number.
    """

    make: Callable[[float], Transform]
    low: float
    high: float
    whole: bool = False


KINDS: dict[str, Kind] = {
    "h264-crf": Kind(lambda v: Recode("h264", int(v)), 0, 51, whole=True),
    "h265-crf": Kind(lambda v: Recode("hevc", int(v)), 0, 51, whole=True),
    "vp9-crf": Kind(lambda v: Recode("vp9", int(v)), 0, 63, whole=True),
    "scale-": Kind(Scale, 0, 1),
    "fps-": Kind(Rate, 0.5, 240),
    "record-": Kind(lambda v: Rate(v, repeat=True), 0.5, 240),
    "crop-": Kind(Crop, 0.1, 1),
    "blur-": Kind(Blur, 0, 50),
    "noise-": Kind(Noise, 0, 128),
    "brightness-": Kind(Brightness, 0, 8),
    "speed-": Kind(Speed, 0.1, 10),
}
"""By the part of the name before the number."""

PLAIN: dict[str, Transform] = {
    "none": Unchanged(),
    "hflip": Mirror(),
    "caption": Caption(),
    "badge": Badge(),
    "screen": FilmedScreen(),
    "screen-recording": Chain((FilmedScreen(), Rate(30, repeat=True), Recode("h264", 30)), "screen-recording"),
    "last-mile": Chain((Recode("vp9", 36), Scale(0.5), Rate(8), Badge(), Recode("h264", 32)), "last-mile"),
}
"""By whole name."""

BASELINE = "none"

DEFAULT = (
    BASELINE,
    *("h264-crf28", "h264-crf35", "h264-crf42", "h265-crf28", "h265-crf36", "vp9-crf36", "vp9-crf48"),
    *("scale-0.5", "scale-0.25", "fps-8", "fps-4", "crop-0.8", "blur-1", "blur-3", "noise-6", "noise-15"),
    *("brightness-0.7", "brightness-1.3", "hflip", "speed-1.5", "speed-0.75", "caption", "badge"),
    *("screen-recording", "last-mile"),
)
"""What `dtr robustness` measures unless told otherwise."""


def parse(name: str) -> Transform:
    """The transform of a name.

    Raises:
        ConfigError: no such transform, or its number is out of range.

    Example:
        >>> parse("scale-0.5+h264-crf35").name, parse("hflip").mapping.box((0.0, 0.0, 0.25, 1.0))
        ('scale-0.5+h264-crf35', (0.75, 0.0, 1.0, 1.0))
    """
    parts = [_single(part) for part in name.split("+")]
    return parts[0] if len(parts) == 1 else Chain(tuple(parts))


def parse_all(names: Iterable[str]) -> tuple[Transform, ...]:
    """Transforms of names, each once, with the baseline first whether or not it is named.

    Raises:
        ConfigError: as for `parse`.

    Example:
        >>> [t.name for t in parse_all(["hflip", "crop-.80", "hflip"])]
        ['none', 'hflip', 'crop-0.8']
    """
    found = {t.name: t for t in (parse(name) for name in (BASELINE, *names))}
    return tuple(found.values())


def _single(name: str) -> Transform:
    if name in PLAIN:
        return PLAIN[name]
    prefix = next((p for p in KINDS if name.startswith(p)), None)
    if prefix is None:
        known = ", ".join([*(f"{p}N" for p in KINDS), *PLAIN])
        raise ConfigError(f"expected a transform ({known}, or some joined by +), got '{name}'; see --help")
    kind, text = KINDS[prefix], name.removeprefix(prefix)
    value = _number(text)
    above = kind.low <= value if kind.whole or kind.low > 0 else kind.low < value
    if not (above and value <= kind.high) or (kind.whole and value != int(value)):
        what = "a whole number" if kind.whole else "a number"
        start = "from" if kind.whole or kind.low > 0 else "above"
        raise ConfigError(f"expected {what} {start} {kind.low:g} to {kind.high:g} behind '{prefix}', got '{name}'")
    return kind.make(value)


def _number(text: str) -> float:
    """NaN, which no range holds, for what is no number."""
    try:
        return float(text)
    except ValueError:
        return math.nan
