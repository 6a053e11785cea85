"""One pair, in a worker process: a clip with traces in it, and its clean twin written in the same way."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.augment import clip_rng
from dtr.canonical.clips import file_sha256, file_stamp
from dtr.errors import DTRError
from dtr.job_pool import JobFailure
from dtr.traces.negatives import apply_negatives
from dtr.traces.opencv import opencv
from dtr.traces.recipe import SynthRecipe, draw_coding
from dtr.traces.scene import Scene
from dtr.traces.shots import DONOR_SHARE, Shot, most_frames, read_donor, read_shots, shot_length_s
from dtr.traces.synthesise import SynthTrace, put_traces, shifted
from dtr.traces.writer import TICK_S, Coding, VideoFile
from dtr.video import Limits, open_video

FEWEST_FRAMES = 3
"""A clip of fewer frames has no motion that a trace could ride on."""


@dataclass(frozen=True)
class PairSetup:
    """What all pairs of a run share."""

    recipe: SynthRecipe
    limits: Limits


@dataclass(frozen=True)
class PairJob:
    """A pair to make.

    Attributes:
        video_id, source: of the clip. k: number of the pair among those of the clip.
        donor: another clip; None = there is none.
        twin, traced: files to write.
    """

    video_id: str
    source: Path
    k: int
    donor: Path | None
    twin: Path
    traced: Path


@dataclass(frozen=True)
class Pair:
    """What came of a job; JSON types only.

    Attributes:
        stamp: `file_stamp` of the source, then of the donor ([] = there is none).
        left_out: why there are no files; "" = they are there.
        content_sha256: of the source.
        twin_sha256, traced_sha256: of the files.
        coding: `Coding.to_json`.
        frames, duration_s: of each file.
        traces: `SynthTrace.to_json` of each, in the time of the video.
        negatives: names of the hard negatives in both files.
        used_donor: whether another clip was at hand.
        damage: what of the source could not be decoded.
        cpu_s, peak_mib: processor time of this pair; largest memory of its process so far.
    """

    stamp: list[list[int]]
    content_sha256: str
    left_out: str = ""
    twin_sha256: str = ""
    traced_sha256: str = ""
    coding: dict[str, Any] | None = None
    frames: int = 0
    duration_s: float = 0.0
    traces: tuple[dict[str, Any], ...] = ()
    negatives: tuple[str, ...] = ()
    used_donor: bool = False
    damage: tuple[str, ...] = ()
    cpu_s: float = 0.0
    peak_mib: float = 0.0


def make_pair(job: PairJob, setup: PairSetup) -> Pair | JobFailure:
    """Write both files of a pair, or none where no trace can be seen in the clip."""
    try:
        return _make(job, setup)
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except (OSError, MemoryError) as error:
        return JobFailure("video", f"{job.source}: expected a video that can be read, got {error!r}; check the file")
    except opencv().error as error:  # a picture that one of its functions refuses must not end the whole run
        return JobFailure("video", f"{job.source}: expected pictures that OpenCV can use, got {error!r}; leave it out")


def stamps(source: Path, donor: Path | None) -> list[list[int]]:
    """What tells whether source or donor has changed since."""
    return [[] if path is None or not path.exists() else file_stamp(path) for path in (source, donor)]


def _make(job: PairJob, setup: PairSetup) -> Pair:
    begin = time.process_time()
    recipe = setup.recipe
    with open_video(job.source, limits=setup.limits) as reader:  # first: it says best what is wrong with a path
        content = file_sha256(job.source)
        of_coding, of_painter = clip_rng(recipe.seed, job.k, content).spawn(2)
        coding = draw_coding(recipe, reader.info, of_coding)
        size = coding.width, coding.height
        most = most_frames(*size, recipe.memory_bytes)
        fps = (reader.info.fps or 25.0) / coding.every
        declared_s = min(reader.info.duration_s or np.inf, recipe.seconds or np.inf)
        shot_s = shot_length_s(declared_s, min(recipe.shot_s, most / fps))
        share = int(most * DONOR_SHARE)
        other = job.donor and read_donor(job.donor, size, most=share, every=coding.every, limits=setup.limits)
        shots = read_shots(reader, size, every=coding.every, shot_s=shot_s, frames=most, end_s=recipe.seconds or np.inf)
        painter = _Painter(recipe, _shots_of(declared_s, shot_s), other or None, of_painter)
        frames, end_s = _write(job, coding, fps, painter, shots)
        found = Pair(
            stamp=stamps(job.source, job.donor),
            content_sha256=content,
            coding=coding.to_json(),
            frames=frames,
            duration_s=end_s,
            traces=tuple(trace.to_json() for trace in painter.traces),
            negatives=tuple(dict.fromkeys(painter.negatives)),
            used_donor=other is not None,
            damage=tuple(reader.damage),
            cpu_s=round(time.process_time() - begin, 3),
            peak_mib=_peak_mib(),
        )
    if not painter.traces:
        return replace(found, left_out="too_short" if frames < FEWEST_FRAMES else "no_trace")
    return replace(found, twin_sha256=file_sha256(job.twin), traced_sha256=file_sha256(job.traced))


def _shots_of(declared_s: float, shot_s: float) -> int:
    """How many shots a clip will have, as far as it declares its length."""
    return max(1, round(declared_s / shot_s)) if np.isfinite(declared_s) else 1


class _Painter:
    """Puts hard negatives and traces into the shots of one clip.

    Attributes:
        traces: of all shots so far, in the time of the video. negatives: names.
    """

    def __init__(self, recipe: SynthRecipe, shots: int, donor: Scene | None, rng: np.random.Generator) -> None:
        self._recipe, self._donor, self._rng = recipe, donor, rng
        low, high = recipe.spec.traces
        places = rng.integers(shots, size=int(rng.integers(low, high + 1)))
        self._wanted = np.bincount(places, minlength=shots).tolist()
        self._waiting = 0
        self.traces: list[SynthTrace] = []
        self.negatives: list[str] = []

    def paint(self, shot: Shot) -> tuple[NDArray[np.uint8], NDArray[np.uint8]]:
        """Frames of the twin, and those of the traced clip."""
        donor = None if self._donor is None else self._donor.frames
        clean, names = apply_negatives(shot.frames, shot.times_s, self._rng, chance=self._recipe.negatives, donor=donor)
        self.negatives += names
        # What a shot had no place for is tried again in the next one.
        self._waiting += self._wanted.pop(0) if self._wanted else 0
        if not self._waiting:
            return clean, clean
        scene = Scene(clean, shot.times_s, shot.length_s)
        spec = replace(self._recipe.spec, traces=(self._waiting, self._waiting))
        traced, found = put_traces(scene, spec, self._rng, self._donor)
        self._waiting -= len(found)
        self.traces += shifted(found, shot.start_s)
        return clean, traced


def _write(job: PairJob, coding: Coding, fps: float, painter: _Painter, shots: Iterator[Shot]) -> tuple[int, float]:
    """Write both files; they get their names only if there is a trace. Gives frames and seconds of each."""
    count = end = 0
    with ExitStack() as stack:
        twin, traced = (stack.enter_context(VideoFile(path, coding, fps)) for path in (job.twin, job.traced))
        for shot in shots:
            for file, frames in zip((twin, traced), painter.paint(shot), strict=True):
                for rgb, tick, length in zip(frames, shot.ticks.tolist(), shot.lengths.tolist(), strict=True):
                    file.add(rgb, tick, length)
            count, end = count + len(shot.frames), shot.end
        if painter.traces:
            # In the order of the names: what is older must not tell which is which.
            for file in sorted((twin, traced), key=lambda f: f.path.name):
                file.commit()
    return count, float(end * TICK_S)


def _peak_mib() -> float:
    """Largest resident memory of this process so far."""
    import resource

    return round(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024, 1)


def pair_of(row: dict[str, Any]) -> Pair:
    """A pair out of a journal's row."""
    lists = {name: tuple(row[name]) for name in ("traces", "negatives", "damage")}
    return Pair(**(row | lists))


def pair_row(pair: Pair) -> dict[str, Any]:
    """Inverse of `pair_of`."""
    return asdict(pair)
