"""Groups of facts as tables of numbers: what each probe is allowed to see."""

from __future__ import annotations

import math
import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.leaks.media_facts import ClipFacts
from dtr.leaks.pixels import STATISTICS
from dtr.metadata_floor import metadata_table

FloatArray = NDArray[np.float64]

MIN_CLIPS = 2
"""A text or a part of a name gets a column of its own if at least so many clips have it."""

MAX_COLUMNS = 1000
"""Columns of one group at most; the most frequent ones stay."""

NAME_PARTS = (1, 2, 3, 4)
"""Lengths of the parts of a file name."""


@dataclass(frozen=True)
class Clip:
    """One video as a probe may see it.

    Attributes:
        video: annotation; with what the file itself says in place of what the row says, where the file was read.
        facts: of the manifest and the file: codec, has_audio, bytes; may be empty.
        media: what was read of the file; None = it was not.
    """

    video: VideoAnnotation
    facts: Mapping[str, Any]
    media: ClipFacts | None = None


@dataclass(frozen=True)
class Table:
    """Numbers of one group of facts.

    Attributes:
        columns: names of the features.
        values: (N, F); NaN = unknown.
        model: what learns from them: trees, or a linear model for the many columns of a name.
    """

    columns: tuple[str, ...]
    values: FloatArray
    model: Literal["trees", "linear"] = "trees"


@dataclass(frozen=True)
class FactGroup:
    """A group of facts.

    Attributes:
        name: short and stable.
        about: what it holds, for people.
        needs_media: it cannot be made from annotations alone.
        build: makes the table.
    """

    name: str
    about: str
    needs_media: bool
    build: Callable[[Sequence[Clip]], Table]


def clip_of(video: VideoAnnotation, facts: Mapping[str, Any], media: ClipFacts | None) -> Clip:
    """A video with what its file says, which is what a model could use, before what its row says."""
    if media is None:
        return Clip(video, _usable(facts))
    seen = {"codec": media.codec, "has_audio": media.has_audio, "bytes": media.num_bytes}
    shown = replace(
        video,
        width=media.width,
        height=media.height,
        fps=media.fps or video.fps,
        duration_s=media.duration_s or video.duration_s,
    )
    return Clip(shown, seen, media)


def _usable(facts: Mapping[str, Any]) -> dict[str, Any]:
    """The facts that `metadata` reads, where they are of the right type; a manifest may hold anything."""
    kinds: dict[str, type | tuple[type, ...]] = {"codec": str, "has_audio": bool, "bytes": (int, float)}
    return {name: facts[name] for name, kind in kinds.items() if isinstance(facts.get(name), kind)}


def metadata(clips: Sequence[Clip]) -> Table:
    """Size, aspect, frame rate, duration, bytes a second, sound and codec together."""
    return Table(*metadata_table([clip.video for clip in clips], {clip.video.video_id: clip.facts for clip in clips}))


def metadata_part(*names: str) -> Callable[[Sequence[Clip]], Table]:
    """Builder of a table of some columns of `metadata`."""

    def build(clips: Sequence[Clip]) -> Table:
        table = metadata(clips)
        return Table(names, table.values[:, [table.columns.index(name) for name in names]])

    return build


def container(clips: Sequence[Clip]) -> Table:
    """Everything the header, the tags and the packets say, texts as one column each.

    A tag counts by being there, by its text, and by its text without digits: versions change, their writers do not.
    A number that a file does not have (the rate of no sound) is 0.
    """
    known = [clip.media for clip in clips if clip.media is not None]
    items = [_container_items(media.container) for media in known]
    columns = _frequent(items)
    numbers = sorted({name for media in known for name, v in media.container.items() if not isinstance(v, str)})
    rows = []
    for clip in clips:
        if clip.media is None:
            rows.append([math.nan] * (len(numbers) + len(columns)))
            continue
        has = _container_items(clip.media.container)
        rows.append(
            [_number(clip.media.container.get(name, 0.0)) for name in numbers]
            + [float(name in has) for name in columns]
        )
    return _table((*numbers, *columns), rows)


def aspect_and_padding(clips: Sequence[Clip]) -> Table:
    """Shape of the frame, of its pixels, and of the picture inside plain bars at the border."""
    columns = ("aspect", "pixel_aspect", "bar_left", "bar_top", "bar_right", "bar_bottom", "inner_aspect")
    return _table(columns, [_padding_row(clip.media) for clip in clips])


def file_name(clips: Sequence[Clip]) -> Table:
    """Parts of one to four characters of the file's name without suffix, digits as 0; of the id too if it differs."""
    texts = [name_text(clip.video) for clip in clips]
    items = [{f"'{part}'" for part in _parts(text)} for text in texts]
    columns = _frequent(items)
    rows = [[math.log1p(len(t)), *(float(c in has) for c in columns)] for t, has in zip(texts, items, strict=True)]
    return replace(_table(("log_length", *columns), rows), model="linear")


def name_text(video: VideoAnnotation) -> str:
    """What of a video's name a model could read: "<stem>", and "|<id>" where that is another word; digits as 0.

    Example:
        >>> from pathlib import Path
        >>> name_text(VideoAnnotation("x9", Path("fake/Clip_07.mp4"), "fake"))
        '<clip_00>|<x0>'
    """
    words = dict.fromkeys((video.path.stem, video.video_id))
    return "|".join(f"<{re.sub('[0-9]', '0', word.lower())}>" for word in words)


def repeated_frames(clips: Sequence[Clip]) -> Table:
    """Shares of the first frames that are the frame before again, exactly or nearly."""
    rows = [
        [math.nan] * 2 if clip.media is None else [_number(clip.media.identical), _number(clip.media.nearly_identical)]
        for clip in clips
    ]
    return _table(("identical", "nearly_identical"), rows)


def content_statistics(clips: Sequence[Clip]) -> Table:
    """Brightness, contrast, saturation, sharpness, noise and motion of a few frames."""
    columns = (*STATISTICS, "motion")
    rows = [
        [math.nan] * len(columns)
        if clip.media is None
        else [_number(clip.media.statistics.get(name)) for name in columns]
        for clip in clips
    ]
    return _table(columns, rows)


GROUPS: tuple[FactGroup, ...] = (
    FactGroup("metadata", "size, aspect, fps, duration, bytes/s, codec, sound together", False, metadata),
    FactGroup("frame size", "width and height", False, metadata_part("width", "height")),
    FactGroup("frame rate", "declared fps", False, metadata_part("fps")),
    FactGroup("duration", "declared seconds", False, metadata_part("duration_s")),
    FactGroup("bit rate", "bytes a second", False, metadata_part("log_bytes_per_s")),
    FactGroup("sound", "is there a sound track", False, metadata_part("has_audio")),
    FactGroup("file name", "parts of the name and id, digits alike, no folder", False, file_name),
    FactGroup("container", "format, codec, profile, tags, encoder, clock, key frames", True, container),
    FactGroup("aspect and padding", "frame shape, pixel shape, plain bars at the border", True, aspect_and_padding),
    FactGroup("repeated frames", "share of first frames equal to the one before", True, repeated_frames),
    FactGroup("content statistics", "brightness, colour, sharpness, noise, motion", True, content_statistics),
)
"""Every group that is probed."""


def _container_items(facts: Mapping[str, str | float]) -> set[str]:
    """Columns that a file's texts stand for."""
    found: set[str] = set()
    for name, value in facts.items():
        found.add(f"has {name}")
        if isinstance(value, str):
            alike = re.sub("[0-9]+", "#", value)
            found |= {f"{name}={value}"} | ({f"{name}~{alike}"} if alike != value else set())
    return found


def _padding_row(media: ClipFacts | None) -> list[float]:
    if media is None:
        return [math.nan] * 7
    aspect = media.width / media.height
    pixel = _number(media.container.get("sample_aspect_ratio"))
    if media.bars is None:
        return [aspect, pixel, *[math.nan] * 5]
    left, top, right, bottom = media.bars
    return [aspect, pixel, left, top, right, bottom, aspect * (1 - left - right) / (1 - top - bottom)]


def _parts(text: str) -> set[str]:
    return {text[i : i + n] for n in NAME_PARTS for i in range(len(text) - n + 1)}


def _frequent(items: Iterable[set[str]]) -> list[str]:
    """Names that several but not all sets hold, most frequent first, then by name."""
    sets = list(items)
    counts = Counter(name for names in sets for name in names)
    kept = [(-n, name) for name, n in counts.items() if MIN_CLIPS <= n < len(sets)]
    return [name for _, name in sorted(kept)[:MAX_COLUMNS]]


def _table(columns: Sequence[str], rows: Sequence[Sequence[float]]) -> Table:
    return Table(tuple(columns), np.array(rows, dtype=np.float64).reshape(-1, len(columns)))


def _number(value: Any) -> float:
    return math.nan if value is None or isinstance(value, str) else float(value)
