"""Every clip through every transform and then the detector: one line of answers each, safe against a kill.

A clip is decoded once and all transforms start from those frames, in memory; nothing is written but the answers.
"""

from __future__ import annotations

import hashlib
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.batch_run import ResumableLines
from dtr.clock import Clock
from dtr.errors import ConfigError, DTRError
from dtr.job_pool import JobFailure, run_jobs
from dtr.model_info import ModelInfo
from dtr.pipeline import Model, judge_steps
from dtr.robustness.catalogue import parse
from dtr.robustness.transforms import Transform
from dtr.sampling import steps_from_frames
from dtr.steps import ClipSteps
from dtr.verdict import Verdict
from dtr.video import Limits, VideoClip, read_clip
from dtr.video.recode import RECIPES

Result = TypeVar("Result")

Row = dict[str, Any]
"""{"video_id", "transform", "verdict": as `Verdict.to_json`} or, instead of a verdict, "error": {"kind", "message"}."""

LIMITS = Limits(max_clip_bytes=2 * 2**30)
"""All frames of a clip are in memory at once, and up to three times as much while a chain of transforms runs."""


@dataclass(frozen=True)
class Setup:
    """What all clips of a run share.

    Attributes:
        load: gives the detector by its name or path; called in each worker process, so it must be a module's function.
        model: name or path; None = the default one.
        transforms: names, the baseline first.
        seed: of what transforms draw by chance.
        limits: what a file may cost.
    """

    load: Callable[[str | None], Model]
    model: str | None
    transforms: tuple[str, ...]
    seed: int = 0
    limits: Limits = LIMITS

    def settings(self) -> dict[str, Any]:
        """Everything that changes an answer: answers of other settings are not continued."""
        from dtr import __version__

        model = self.load(self.model)
        return {
            "command": "robustness",
            "dtr": __version__,
            "model": model.info.model_id,
            "sha256": getattr(model, "sha256", ""),
            "transforms": [[name, repr(parse(name))] for name in self.transforms],
            "codecs": {name: repr(recipe) for name, recipe in RECIPES.items()},
            "seed": self.seed,
            "limits": asdict(self.limits),
        }


@dataclass(frozen=True)
class ClipJob:
    """Clip number so many of a run and the transforms that it still has to go through."""

    number: int
    video_id: str
    path: Path
    transforms: tuple[str, ...]


def choose_videos(videos: Sequence[VideoAnnotation], limit: int | None, seed: int = 0) -> list[VideoAnnotation]:
    """Labelled videos in random order, generated and real ones in turn, so that an unfinished run is balanced too.

    Args:
        videos: of a split.
        limit: half of it (rounded up: of generated ones) is taken of each label; None = all.
        seed: of the order.

    Raises:
        ConfigError: no video has a label.

    Example:
        >>> clips = [VideoAnnotation(str(i), Path(f"{i}.mp4"), "fake" if i < 5 else "real") for i in range(10)]
        >>> [v.label for v in choose_videos(clips, 3)]
        ['fake', 'real', 'fake']
    """
    rng = np.random.default_rng(seed)
    queues = {}
    for label in ("fake", "real"):
        found = sorted((v for v in videos if v.label == label), key=lambda v: v.video_id)
        queues[label] = [found[i] for i in rng.permutation(len(found))]
    if not any(queues.values()):
        raise ConfigError(f"robustness needs videos labelled real or fake, got none in {len(videos)}; check the split")
    if limit is not None:
        queues = {"fake": queues["fake"][: (limit + 1) // 2], "real": queues["real"][: limit // 2]}
    longest = max(map(len, queues.values()))
    return [queue[i] for i in range(longest) for queue in queues.values() if i < len(queue)]


def write_answers(
    videos: Sequence[VideoAnnotation],
    setup: Setup,
    out: Path,
    *,
    workers: int = 0,
    resume: bool = True,
    on_row: Callable[[Row, int], None] = lambda row, done: None,
) -> int:
    """Answer every clip under every transform, a line each, clip by clip; an interrupted run is continued.

    Args:
        videos: in the order of their lines.
        setup: shared by all.
        out: JSONL file to write.
        workers: processes; 0 = in this one.
        resume: False = start over whatever is there.
        on_row: called with each new line and the number of lines so far.

    Returns:
        Lines that were there already.

    Raises:
        ConfigError: `out` cannot be written, is finished, or was begun with other settings.
    """
    paths = [str(v.path) for v in videos for _ in setup.transforms]
    ids = hashlib.sha256("\n".join(v.video_id for v in videos).encode()).hexdigest()
    lines = ResumableLines(out, setup.settings() | {"videos": ids}, paths, resume=resume)
    if resume and not lines.done and out.is_file() and out.stat().st_size:
        raise ConfigError(
            f"{out} holds answers of a finished run; print their table with --from, start over with --no-resume, or "
            "choose another output"
        )
    ready = lines.done
    with lines:
        for rows in _in_order(_jobs(videos, setup, ready), setup, workers):
            for row in rows:
                lines.append(row)
                on_row(row, lines.done)
    return ready


def answer_clip(job: ClipJob, setup: Setup) -> list[Row]:
    """The lines of one clip, one per transform; what fails has its reason in its line."""
    model = setup.load(setup.model)
    clip = _guarded(partial(_read, job, setup), job.path)
    if isinstance(clip, JobFailure):
        return [_line(job, name, clip) for name in job.transforms]
    answers = ((name, _guarded(partial(_answer, job, setup, model, clip, name), job.path)) for name in job.transforms)
    return [_line(job, name, found) for name, found in answers]


def render(clip: VideoClip, transform: Transform, info: ModelInfo, rng: np.random.Generator) -> ClipSteps:
    """What a detector gets to see of a clip after a transform.

    Frames that the detector does not look at are left out as soon as all that follows is framewise.

    Args:
        clip: all frames of a file.
        transform: what happens to it.
        info: of the detector, for its clock and views.
        rng: for what the transform draws by chance.
    """
    began = time.perf_counter()
    stages = transform.stages
    for number, stage in enumerate(stages):
        if all(s.framewise for s in stages[number:]):
            clip = thinned(clip, info.clock)
        clip = stage.apply(clip, rng)
    steps = steps_from_frames(clip.frames, clip.times_s, clip.duration_s, info.clock, info.views)
    return replace(steps, damage=clip.damage, decode_s=time.perf_counter() - began)


def thinned(clip: VideoClip, clock: Clock) -> VideoClip:
    """Only the frames that a step of the clock takes; the steps of the clip stay the same."""
    taken = clock.pick_frames(clip.times_s, clip.duration_s)
    taken = taken[taken >= 0]
    return replace(clip, frames=clip.frames[taken], times_s=clip.times_s[taken])


def clip_rng(seed: int, video_id: str, name: str) -> np.random.Generator:
    """Random numbers of one transform of one video: the same in whatever order and company they are drawn."""
    digest = hashlib.sha256(f"{video_id}\n{name}".encode()).hexdigest()
    return np.random.default_rng(np.random.SeedSequence([seed, int(digest, 16)]))


def _jobs(videos: Sequence[VideoAnnotation], setup: Setup, ready: int) -> list[ClipJob]:
    """Clips whose lines are not all there; the first one may have some."""
    first, there = divmod(ready, len(setup.transforms))
    left = [(number, setup.transforms[there if number == first else 0 :]) for number in range(first, len(videos))]
    return [ClipJob(number, videos[number].video_id, videos[number].path, names) for number, names in left]


def _in_order(jobs: Sequence[ClipJob], setup: Setup, workers: int) -> Iterator[list[Row]]:
    """Lines of the clips in the order of the clips, whichever worker is ready first."""
    waiting: dict[int, list[Row]] = {}
    upcoming = jobs[0].number if jobs else 0
    for job, rows in run_jobs(jobs, partial(answer_clip, setup=setup), workers):
        waiting[job.number] = _lost(job) if rows is None else rows
        while upcoming in waiting:
            yield waiting.pop(upcoming)
            upcoming += 1


def _read(job: ClipJob, setup: Setup) -> VideoClip:
    return read_clip(job.path, limits=setup.limits, video_id=job.video_id)


def _answer(job: ClipJob, setup: Setup, model: Model, clip: VideoClip, name: str) -> Verdict:
    steps = render(clip, parse(name), model.info, clip_rng(setup.seed, job.video_id, name))
    return judge_steps(steps, model, job.path, video_id=job.video_id, decode_s=steps.decode_s)


def _guarded(work: Callable[[], Result], path: Path) -> Result | JobFailure:
    """The result, or what was wrong with this clip, so that the next one can follow."""
    try:
        return work()
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except MemoryError:
        return JobFailure(
            "limit", f"{path}: expected the frames to fit into memory, they did not; lower --max-clip-mib"
        )
    except OSError as error:
        return JobFailure("video", f"{path}: cannot be read ({error.strerror or error}); check the file")


def _lost(job: ClipJob) -> list[Row]:
    what = f"{job.path}: it ended the worker process (a crash, or no memory left); leave the file out"
    return [_line(job, name, JobFailure("video", what)) for name in job.transforms]


def _line(job: ClipJob, name: str, found: Verdict | JobFailure) -> Row:
    key = "error" if isinstance(found, JobFailure) else "verdict"
    return {"video_id": job.video_id, "transform": name, key: found.to_json()}
