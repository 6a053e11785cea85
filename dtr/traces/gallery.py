"""`dtr synth --gallery`: what was put into the clips, to look at: one file, no network, no script."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import zip_longest
from pathlib import Path
from typing import Any

from dtr.annotation import CATEGORIES, TraceAnnotation, VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.data.jsonl import read_jsonl
from dtr.data.release import load_json
from dtr.errors import AnnotationError, ConfigError, VideoError
from dtr.report.page import templates
from dtr.report.svg import Canvas
from dtr.traces.listing import FORMAT, INFO_FILE, TRACES_FILE
from dtr.traces.stills import Moment, trace_moments

MOST_TRACES = 60


@dataclass(frozen=True)
class Shown:
    """A trace that may be shown.

    Attributes:
        video: the traced clip. twin: its clean twin. trace: one of its traces.
        facts: mechanism, held_out, severity, visible. base: facts of the clip.
    """

    video: VideoAnnotation
    twin: VideoAnnotation
    trace: TraceAnnotation
    facts: dict[str, Any]
    base: dict[str, Any]

    @property
    def category(self) -> str:
        """The one category of a synthesised trace."""
        return next(iter(self.trace.categories or ("",)))


@dataclass(frozen=True)
class Card:
    """A trace of the page; `moments` is empty and `missing` says why where its files cannot be read."""

    shown: Shown
    number: int
    moments: Sequence[Moment]
    whole: Canvas | None
    missing: str = ""


def write_gallery(
    out: str | Path,
    path: str | Path,
    *,
    count: int = MOST_TRACES,
    on_progress: Callable[[int, int], None] | None = None,
) -> Path:
    """Write the page of a finished folder.

    Args:
        out: folder that `dtr synth` has made.
        path: of the page; its folder exists.
        count: of traces at most, spread evenly over the mechanisms.
        on_progress: told the traces done and their total.

    Returns:
        The path.

    Raises:
        AnnotationError: the folder is not a finished one.
        ConfigError: the page cannot be written.
        MissingExtraError: Jinja2 is not installed.
    """
    path = Path(path)
    environment = templates("dtr.traces")
    found, info = read_traces(Path(out))
    chosen = spread(found, count)
    cards = []
    for number, shown in enumerate(chosen, start=1):
        cards.append(_card(shown))
        if on_progress is not None:
            on_progress(number, len(chosen))
    page = environment.get_template("gallery.html").render(**_context(cards, found, info))
    try:
        # Ids are anybody's: half a surrogate pair cannot be written as UTF-8.
        write_text_atomically(path, page.encode("utf-8", "replace").decode("utf-8"))
    except OSError as error:
        raise ConfigError(f"cannot write '{path}': {error.strerror or error}; choose another file") from error
    return path


def read_traces(out: Path) -> tuple[list[Shown], dict[str, Any]]:
    """All traces of a folder, and the content of its `synth.json`.

    Raises:
        AnnotationError: the folder is not a finished one of `dtr synth`.
    """
    file = out / INFO_FILE
    info = load_json(file) if file.exists() else None
    if not isinstance(info, dict) or info.get("format") != FORMAT:
        raise AnnotationError(
            f"{out}: expected a finished folder of dtr synth, got none with {INFO_FILE}; run it first"
        )
    data = read_jsonl(out / TRACES_FILE)
    videos = {video.video_id: video for video in data.videos}
    found = []
    for video in data.videos:
        facts = data.facts[video.video_id]
        twin = videos.get(str(facts.get("twin_id")))
        told = facts.get("synth", [])
        if twin is not None and len(told) == len(video.traces or ()):
            found += [Shown(video, twin, t, f, facts) for t, f in zip(video.traces or (), told, strict=True)]
        elif video.traces:
            raise AnnotationError(f"{video.where}: expected a twin and facts of every trace; run dtr synth again")
    return found, info


def spread(found: Sequence[Shown], count: int) -> list[Shown]:
    """At most so many traces, in turn from every mechanism; ordered by category, mechanism and severity."""
    groups: dict[str, list[Shown]] = {}
    for shown in found:
        groups.setdefault(shown.facts["mechanism"], []).append(shown)
    turns = [shown for turn in zip_longest(*groups.values()) for shown in turn if shown is not None]
    return sorted(
        turns[:count],
        key=lambda s: (CATEGORIES.index(s.category), s.facts["held_out"], s.facts["mechanism"], -s.facts["severity"]),
    )


def _card(shown: Shown) -> Card:
    number = CATEGORIES.index(shown.category)
    try:
        moments, whole = trace_moments(
            shown.twin.path, shown.video.path, shown.trace, shown.video.duration_s or float("inf")
        )
    except VideoError as error:
        return Card(shown, number, (), None, str(error))
    return Card(shown, number, moments, whole)


def _context(cards: Sequence[Card], found: Sequence[Shown], info: dict[str, Any]) -> dict[str, Any]:
    shown = Counter(card.number for card in cards)
    return {
        "cards": cards,
        "total": len(found),
        "categories": [(number, CATEGORIES[number], shown[number]) for number in sorted(shown)],
        "counts": info["counts"],
        "recipe": info["recipe"],
        "source": info["source"]["name"],
        "versions": info["versions"],
    }
