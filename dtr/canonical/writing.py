"""Writes what goes with canonical media: rows, facts of the files, what changed, and `canonical.json` last."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.canonical.annotations import TraceChanges, moved_video
from dtr.canonical.clips import Made, Source
from dtr.canonical.folder import CanonicalFolder
from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.root import CHANGES_FILE, INFO_FILE
from dtr.data.dataset import LOOKED_AT_FILE
from dtr.data.manifest import MANIFEST_FILE
from dtr.data.release import RELEASE_FILE, ReleaseData
from dtr.data.release_writer import HELD_FACTS, RELEASE_LOSSES, release_rows
from dtr.data.rows import TRACE_FIELDS
from dtr.job_pool import JobFailure

_OLD_MEDIA_FACTS = frozenset(
    {
        *("sha256", "original_sha256", "bytes", "num_bytes", "codec", "pix_fmt", "rotation", "has_audio"),
        *("mime_type", "num_frames", "bit_rate", "container", "cut", "reencoded", "prompt"),
    }
)
"""Facts that say what the source file was (or stand in the rows); the others are kept."""


@dataclass(frozen=True)
class Outcome:
    """What became of one video.

    Attributes:
        video: annotation of the source.
        target: path of the new file below the folder.
        source: what the source file is; None = it cannot be read.
        made: what was written; None = it failed, or was left out as too slow.
        failure: why it failed.
    """

    video: VideoAnnotation
    target: str
    source: Source | None
    made: Made | None
    failure: JobFailure | None

    @property
    def status(self) -> str:
        """ "made", "slow" (left out) or "failed"."""
        if self.failure is not None:
            return "failed"
        return "made" if self.made is not None else "slow"


@dataclass(frozen=True)
class _Line:
    """A video that was made: what it was, its new annotation and what became of its traces."""

    outcome: Outcome
    source: Source
    made: Made
    video: VideoAnnotation
    changes: TraceChanges


def write_annotations(
    folder: CanonicalFolder,
    data: ReleaseData,
    outcomes: Sequence[Outcome],
    recipe: CanonicalRecipe,
    parts: Mapping[str, Any],
) -> dict[str, Any]:
    """Write everything but media; each file appears whole, `canonical.json` last.

    Args:
        folder: claimed.
        data: the source.
        outcomes: one per video, in order.
        recipe: of the media.
        parts: further content of `canonical.json`; its "source" is extended.

    Returns:
        The content of `canonical.json`.
    """
    out = folder.out
    (out / INFO_FILE).unlink(missing_ok=True)  # until all is written the folder is not a finished one
    lines = {o.video.video_id: line for o in outcomes if (line := _line(o, out, recipe)) is not None}
    folder.sweep({line.outcome.target for line in lines.values()})
    losses: Counter[str] = Counter()
    # The released file has all generated videos before all real ones.
    ordered = sorted(lines.values(), key=lambda line: line.video.label == "real")
    rows = {line.video.video_id: _rows(line, data, losses) for line in ordered}
    _write_json(out / RELEASE_FILE, [row for found in rows.values() for row in found])
    _write_json(out / LOOKED_AT_FILE, _looked_at(ordered, rows))
    _write_lines(out / MANIFEST_FILE, (_manifest_line(line, data) for line in ordered))
    _write_lines(out / CHANGES_FILE, (_change_line(o, lines.get(o.video.video_id), data.root) for o in outcomes))
    del losses["facts"]  # they are in the manifest
    info = {
        **parts,
        "source": {**parts["source"], **_source_facts(data, outcomes)},
        "counts": _counts(outcomes, lines, recipe),
        "lengths": _lengths(lines.values(), recipe),
        "losses": [text.format(n=losses[kind]) for kind, text in RELEASE_LOSSES.items() if losses[kind]],
    }
    _write_json(out / INFO_FILE, info)
    return info


def _line(outcome: Outcome, out: Path, recipe: CanonicalRecipe) -> _Line | None:
    """None = the video was not made."""
    made, source = outcome.made, outcome.source
    if made is None or source is None:
        return None
    video, changes = moved_video(
        outcome.video,
        out / outcome.target,
        width=made.width,
        height=made.height,
        fps=float(recipe.rate),
        frames=made.frames,
        is_cut=made.frames < recipe.rate * _length_s(source) - 1,
    )
    return _Line(outcome, source, made, video, changes)


def _length_s(source: Source) -> float:
    """Of the whole source, as far as it is known: only the part that matters was decoded."""
    return max(source.length_s, source.facts["duration_s"] or 0.0)


def _rows(line: _Line, data: ReleaseData, losses: Counter[str]) -> list[dict[str, Any]]:
    facts = {**data.facts.get(line.video.video_id, {}), "num_frames": line.made.frames, "mime_type": "video/mp4"}
    return release_rows(line.video, line.outcome.target, facts, losses)


def _looked_at(lines: Sequence[_Line], rows: Mapping[str, list[dict[str, Any]]]) -> list[dict[str, Any]]:
    """Generated videos that somebody looked at, with the number of traces that their rows hold."""
    return [
        {
            "video_id": line.video.video_id,
            "file": line.outcome.target,
            "traces": sum(any(row.get(key) for key in TRACE_FIELDS) for row in rows[line.video.video_id]),
        }
        for line in lines
        if line.video.label == "fake" and line.video.traces is not None
    ]


def _manifest_line(line: _Line, data: ReleaseData) -> dict[str, Any]:
    """Facts of the new file, and of the old ones those that are not about its media."""
    video, made = line.video, line.made
    known = data.facts.get(video.video_id, {})
    kept = {key: value for key, value in known.items() if key not in _OLD_MEDIA_FACTS and key not in HELD_FACTS}
    origin = "source" if video.label == "real" else "generator"
    new = {
        "file": line.outcome.target,
        "video_id": video.video_id,
        "label": video.label,
        "split": video.split,
        origin: video.source,
        "sha256": made.sha256,
        "bytes": made.num_bytes,
        "width": made.width,
        "height": made.height,
        "fps": video.fps,
        "frames": made.frames,
        "duration": video.duration_s,
        "codec": "h264",
        "pix_fmt": "yuv420p",
        "has_audio": False,
    }
    return new | {key: value for key, value in kept.items() if key not in new}


def _change_line(outcome: Outcome, line: _Line | None, root: Path) -> dict[str, Any]:
    """What a video was, what it became and what was lost."""
    path, source = outcome.video.path, outcome.source
    known = {} if source is None else {"sha256": source.sha256, **source.facts, "frames_read": source.frames}
    row: dict[str, Any] = {
        "video_id": outcome.video.video_id,
        "label": outcome.video.label,
        "status": outcome.status,
        "source": {"path": path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path), **known},
    }
    if source is not None:
        row["source"]["damage"] = source.damage
        row["source"]["repeated_frames"] = source.repeated
    if outcome.failure is not None:
        row["failure"] = asdict(outcome.failure)
    if line is None:
        return row
    made, wanted = line.made, line.source.frames
    row["new"] = {"path": outcome.target, **asdict(made), "fps": line.video.fps, "duration_s": line.video.duration_s}
    row["changes"] = {
        "repeated_frames": made.repeated,
        "cut_s": round(max(0.0, _length_s(line.source) - (line.video.duration_s or 0.0)), 3),
        "cut_to_match_s": round((wanted - made.frames) / (line.video.fps or 1.0), 3),
        "scale": round(_scale(line), 4),
        "audio_removed": bool(line.source.facts["has_audio"]),
        "tags_removed": sorted(line.source.facts["tags"]),
    }
    row["traces"] = asdict(line.changes)
    return row


def _scale(line: _Line) -> float:
    """New short side / old one, in displayed pixels."""
    facts = line.source.facts
    return min(line.made.width, line.made.height) / min(facts["width"], facts["height"])


def _source_facts(data: ReleaseData, outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Size of the source, a hash over its media, and defects of its annotations that were mended while reading."""
    hashes = sorted(f"{o.video.video_id} {o.source.sha256}\n" for o in outcomes if o.source is not None)
    return {
        "videos": len(outcomes),
        "media_sha256": hashlib.sha256("".join(hashes).encode()).hexdigest(),
        "problems": [str(problem) for problem in data.problems],
    }


def _counts(outcomes: Sequence[Outcome], lines: Mapping[str, _Line], recipe: CanonicalRecipe) -> dict[str, Any]:
    """Videos by label and outcome; of those made, how many were changed how; traces."""
    found: dict[str, Any] = {}
    for label in ("fake", "real"):
        of_label = [o for o in outcomes if o.video.label == label]
        made = [lines[o.video.video_id] for o in of_label if o.video.video_id in lines]
        status = Counter(o.status for o in of_label)
        found[label] = {
            "videos": len(of_label),
            **{name: status[name] for name in ("made", "slow", "failed")},
            "with_repeated_frames": sum(line.made.repeated > 0 for line in made),
            "cut_at_seconds": sum(_length_s(line.source) > recipe.seconds + 1 / recipe.fps for line in made),
            "cut_to_match": sum(line.made.frames < line.source.frames for line in made),
            "enlarged": sum(_scale(line) > 1.01 for line in made),
            "below_short_side": sum(min(line.made.width, line.made.height) < recipe.short_side for line in made),
            "damaged": sum(bool(line.source.damage) for line in made),
        }
    names = ("before", "after", "dropped", "clipped", "between_frames", "without_time")
    changes = [asdict(line.changes) for line in lines.values()]
    found["traces"] = {
        name: sum(c[name] if isinstance(c[name], int) else len(c[name]) for c in changes) for name in names
    }
    return found


def _lengths(lines: Iterable[_Line], recipe: CanonicalRecipe) -> dict[str, dict[str, float]]:
    """Mean length in seconds, before matching and after, by split and label."""
    groups: dict[str, list[_Line]] = {}
    for line in lines:
        groups.setdefault(f"{line.video.split or 'no split'}/{line.video.label}", []).append(line)
    rate = float(recipe.rate)
    return {
        name: {
            "videos": len(group),
            "mean_s_before": round(sum(line.source.frames for line in group) / rate / len(group), 3),
            "mean_s": round(sum(line.made.frames for line in group) / rate / len(group), 3),
        }
        for name, group in sorted(groups.items())
    }


def _write_json(path: Path, data: Any) -> None:
    write_text_atomically(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    write_text_atomically(path, "".join(json.dumps(row, ensure_ascii=False, allow_nan=False) + "\n" for row in rows))
