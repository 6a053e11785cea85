"""What goes with the files of `dtr synth`: rows in the released form, exact traces as JSON lines, and `synth.json`."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from dtr.annotation import Box, TraceAnnotation, VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.data.jsonl import write_lines
from dtr.data.release import RELEASE_FILE
from dtr.data.release_writer import RELEASE_LOSSES, release_rows
from dtr.job_pool import JobFailure
from dtr.traces.catalogue import BY_NAME
from dtr.traces.pair import Pair
from dtr.traces.synthesise import SynthTrace

FORMAT = 1
TRACES_FILE = "traces.jsonl"
INFO_FILE = "synth.json"
"""Recipe, versions and counts; written last, so that it is there only when all is done."""

MEDIA_FOLDER = "videos"
SOURCE = "synthetic"
"""Source of a traced clip in the released form."""

LEFT_OUT = {"no_trace": "no trace could be put in where one would be seen", "too_short": "fewer than three frames"}
"""Why a pair has no files."""

_TIME_DIGITS, _BOX_DIGITS = 6, 5


@dataclass(frozen=True)
class Outcome:
    """What became of one pair.

    Attributes:
        base: annotation of the clip. k: number of the pair.
        twin_id, traced_id: neutral ids; a file's name is its id.
        donor_id: of the other clip at hand; None = there was none.
        pair: None = it failed, for `failure`.
    """

    base: VideoAnnotation
    k: int
    twin_id: str
    traced_id: str
    donor_id: str | None
    pair: Pair | None
    failure: JobFailure | None

    @property
    def made(self) -> Pair | None:
        """The pair if its files are there."""
        return self.pair if self.pair is not None and not self.pair.left_out else None


@dataclass(frozen=True)
class _Entry:
    """One file: as the released form has it, as JSON lines have it, and further facts."""

    released: VideoAnnotation
    exact: VideoAnnotation
    facts: dict[str, Any]

    @property
    def path(self) -> str:
        return media_path(self.exact.video_id)


def media_path(video_id: str) -> str:
    """Of a file, below the folder."""
    return f"{MEDIA_FOLDER}/{video_id}.mp4"


def write_listing(out: Path, outcomes: Sequence[Outcome], parts: Mapping[str, Any]) -> dict[str, Any]:
    """Write everything but media; each file appears whole, `synth.json` last.

    Args:
        out: the folder. outcomes: one per pair. parts: further content of `synth.json`.

    Returns:
        The content of `synth.json`.
    """
    (out / INFO_FILE).unlink(missing_ok=True)  # until all is written the folder is not a finished one
    # By id: a file's place in the list must not tell twin from traced either.
    entries = sorted((e for o in outcomes for e in _entries(out, o)), key=lambda e: e.exact.video_id)
    losses: Counter[str] = Counter()
    # The released file has all generated videos before all real ones.
    ordered = sorted(entries, key=lambda e: e.released.label == "real")
    plain = {"mime_type": "video/mp4"}
    rows = [
        row
        for e in ordered
        for row in release_rows(e.released, e.path, plain | {"num_frames": e.facts["num_frames"]}, losses)
    ]
    _write_json(out / RELEASE_FILE, rows)
    write_text_atomically(out / TRACES_FILE, write_lines((e.exact, e.path, e.facts) for e in entries))
    info = {
        **parts,
        "counts": _counts(outcomes),
        "left_out": [
            {"video_id": o.base.video_id, "k": o.k, "why": o.pair.left_out}
            for o in outcomes
            if o.pair is not None and o.pair.left_out
        ],
        "failures": [
            {"video_id": o.base.video_id, "k": o.k, "kind": o.failure.kind, "message": o.failure.message}
            for o in outcomes
            if o.failure is not None
        ],
        "losses": [RELEASE_LOSSES[kind].format(n=n) for kind, n in losses.items() if n],
    }
    _write_json(out / INFO_FILE, info)
    return info


def _entries(out: Path, outcome: Outcome) -> list[_Entry]:
    """Both files of a pair; none where it was not made."""
    pair = outcome.made
    if pair is None or pair.coding is None:
        return []
    base = outcome.base
    is_real = base.label == "real"
    shared = VideoAnnotation(
        video_id="",
        path=out,
        label=base.label,
        source=base.source,
        split=base.split,
        width=pair.coding["width"],
        height=pair.coding["height"],
        fps=pair.frames / pair.duration_s,
        duration_s=pair.duration_s,
        exhaustive=is_real,
        # Nobody looked at the twin of a generated clip for its own traces.
        traces=() if is_real else None,
    )
    facts = _facts(outcome, pair)
    twin = replace(shared, video_id=outcome.twin_id)
    found = [SynthTrace.from_json(row) for row in pair.traces]
    traces = tuple(_rounded(trace.annotation()) for trace in found)
    traced = replace(shared, video_id=outcome.traced_id, traces=traces)
    released = replace(traced, label="fake", source=SOURCE, exhaustive=False)
    own = {
        "synthetic": "traced",
        "twin_id": outcome.twin_id,
        "sha256": pair.traced_sha256,
        "synth": [_trace_facts(trace) for trace in found],
    }
    return [
        _Entry(twin, twin, {"synthetic": "twin", "traced_id": outcome.traced_id, "sha256": pair.twin_sha256, **facts}),
        _Entry(released, traced, {**own, **facts}),
    ]


def _facts(outcome: Outcome, pair: Pair) -> dict[str, Any]:
    """What holds for both files of a pair."""
    coding = pair.coding or {}
    return {
        "base_id": outcome.base.video_id,
        "k": outcome.k,
        "donor_id": outcome.donor_id if pair.used_donor else None,
        "negatives": list(pair.negatives),
        **{name: coding[name] for name in ("codec", "level", "gop", "every")},
        "num_frames": pair.frames,
        "has_audio": False,
    }


def _trace_facts(trace: SynthTrace) -> dict[str, Any]:
    return {
        "mechanism": trace.mechanism,
        "held_out": BY_NAME[trace.mechanism].held_out,
        "severity": round(trace.severity, 4),
        "visible": round(trace.visible, 4),
    }


def _rounded(trace: TraceAnnotation) -> TraceAnnotation:
    """The trace with as many digits as mean something."""

    def box(sides: Box) -> Box:
        x0, y0, x1, y1 = (round(v, _BOX_DIGITS) for v in sides)
        return x0, y0, x1, y1

    start, end = trace.span_s or (0.0, 0.0)
    return replace(
        trace,
        span_s=(round(start, _TIME_DIGITS), round(end, _TIME_DIGITS)),
        box=None if trace.box is None else box(trace.box),
        boxes=tuple((round(time_s, _TIME_DIGITS), box(sides)) for time_s, sides in trace.boxes),
    )


def _counts(outcomes: Sequence[Outcome]) -> dict[str, Any]:
    """Clips, pairs and traces, by what they are."""
    made = [(o, pair) for o in outcomes if (pair := o.made) is not None]
    traces = [row for _, pair in made for row in pair.traces]
    mechanisms = Counter(row["mechanism"] for row in traces)
    return {
        "clips": len({o.base.video_id for o in outcomes}),
        "pairs_wanted": len(outcomes),
        "pairs": len(made),
        "frames": sum(pair.frames for _, pair in made),
        "traces": len(traces),
        "by_category": _ordered(Counter(row["category"] for row in traces)),
        "by_mechanism": {name: mechanisms[name] for name in BY_NAME if mechanisms[name]},
        "by_label": _ordered(Counter(str(o.base.label) for o, _ in made)),
        "by_split": _ordered(Counter(o.base.split or "no split" for o, _ in made)),
        "by_codec": _ordered(Counter(str((pair.coding or {})["codec"]) for _, pair in made)),
        "negatives": _ordered(Counter(name for _, pair in made for name in pair.negatives)),
        "left_out": _ordered(Counter(o.pair.left_out for o in outcomes if o.pair is not None and o.pair.left_out)),
        "failed": sum(o.failure is not None for o in outcomes),
        "damaged": sum(bool(pair.damage) for _, pair in made),
    }


def _ordered(counts: Mapping[str, int]) -> dict[str, int]:
    return dict(sorted(counts.items()))


def _write_json(path: Path, data: Any) -> None:
    write_text_atomically(path, json.dumps(data, indent=1, ensure_ascii=False, allow_nan=False) + "\n")


def failed_inputs(failures: Iterable[tuple[str, JobFailure]]) -> list[dict[str, Any]]:
    """Names that led to no file, as entries of `failures`."""
    return [{"video_id": name, "kind": f.kind, "message": f.message} for name, f in failures]
