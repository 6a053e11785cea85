"""Fill a feature cache: decode in parallel, encode, store; resumable after a kill at any moment."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np

from dtr.annotation import VideoAnnotation
from dtr.cache import CacheEntry, FeatureCache
from dtr.cache_file import replace_file
from dtr.clip_jobs import ClipJob, decode_jobs
from dtr.errors import CacheError
from dtr.feature_plan import (
    HEADER_BYTES,
    FeaturePlan,
    FeaturiseOptions,
    bytes_per_step,
    expected_steps,
    key_parts,
    make_plan,
    recipe_of,
)
from dtr.job_pool import JobFailure
from dtr.steps import ClipSteps

if TYPE_CHECKING:
    from dtr.backbones.protocol import Backbone

FAILURES_FILE = "failures.jsonl"


@dataclass(frozen=True)
class Estimate:
    """What a run is going to cost; clips are counted once per variant.

    Attributes:
        clips: to make. ready: already in the cache.
        num_bytes: on disk, of the clips to make.
        seconds: for the clips to make, judged by the first one; None = it failed, or there is nothing to make.
    """

    clips: int
    ready: int
    num_bytes: int
    seconds: float | None


@dataclass
class FeaturiseReport:
    """What a run did; clips are counted once per variant, and once per file where videos share their content.

    Attributes:
        made, ready: clips encoded now, and found whole in the cache.
        failures: {"video_id", "variant", "kind", "message"} of each clip without features.
        damaged: what could not be decoded of clips that were made now, by video id.
        steps: output steps made now.
        decode_s: summed over workers. backbone_s, write_s: of this process. wall_s: of the whole run.
        num_bytes: of all files of this run's clips, ready ones included.
    """

    folder: str
    backbone_id: str
    made: int = 0
    ready: int = 0
    failures: list[dict[str, str]] = field(default_factory=list)
    damaged: dict[str, list[str]] = field(default_factory=dict)
    steps: int = 0
    decode_s: float = 0.0
    backbone_s: float = 0.0
    write_s: float = 0.0
    wall_s: float = 0.0
    num_bytes: int = 0

    @property
    def clips_per_s(self) -> float:
        """Clips made per second of wall time."""
        return self.made / self.wall_s if self.wall_s else 0.0

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "clips_per_s": self.clips_per_s}


def featurise(
    videos: Sequence[VideoAnnotation],
    backbone: Backbone,
    folder: str | Path,
    options: FeaturiseOptions | None = None,
    *,
    on_start: Callable[[Estimate], None] = lambda estimate: None,
    on_progress: Callable[[int, int], None] = lambda done, total: None,
) -> FeaturiseReport:
    """Make the features of every video that the cache does not hold whole yet.

    Args:
        videos: each id once.
        backbone: on the device where it is to run.
        folder: of the cache; made if needed.
        options: how.
        on_start: told the estimate, once the first clip is made.
        on_progress: told the clips done and their total.

    Returns:
        What was made; failures are in it and in `failures.jsonl` of the folder, and stop nothing.

    Raises:
        CacheError: the folder holds another recipe, is in use, or the disk has too little room.
        ConfigError: a video id comes twice.
    """
    options = options or FeaturiseOptions()
    began = time.perf_counter()
    cache = FeatureCache.create(folder, recipe_of(backbone, options.decoder, options.dtype))
    with cache.locked():
        plan = make_plan(videos, cache, options, options.setup(backbone))
        run = _Run(cache, backbone, options, plan)
        try:
            run.make(expected_steps(videos, backbone), on_start, on_progress)
        finally:
            run.finish()  # after an interruption too: what is made can be used
    run.report.wall_s = time.perf_counter() - began
    return run.report


class _Run:
    """One run over a locked cache."""

    def __init__(self, cache: FeatureCache, backbone: Backbone, options: FeaturiseOptions, plan: FeaturePlan) -> None:
        self.cache = cache
        self.backbone = backbone
        self.options = options
        self.setup = options.setup(backbone)
        self.plan = plan
        self.report = FeaturiseReport(str(cache.folder), backbone.backbone_id, ready=len(plan.ready))
        self.entries: list[CacheEntry] = []
        self.keys = {jobs[0]: key for key, jobs in plan.jobs.items()}
        for job, failure in plan.failures:
            self._fail([job], failure)
        for key, num_steps in plan.ready.items():
            self._enter(key, num_steps)

    def make(
        self,
        steps: dict[str, int],
        on_start: Callable[[Estimate], None],
        on_progress: Callable[[int, int], None],
    ) -> None:
        """Make all that is pending; the first clip alone, to tell what the rest will cost."""
        jobs = [self.plan.jobs[key][0] for key in self.plan.pending]
        num_steps = sum(steps[job.video_id] for job in jobs)
        num_bytes = num_steps * bytes_per_step(self.backbone, self.options.dtype) + len(jobs) * HEADER_BYTES
        self._require_room(num_bytes)
        if jobs:
            self._warm_up()
        self._make(jobs[:1], 0, lambda done: on_progress(done, len(jobs)))
        on_start(Estimate(len(jobs), len(self.plan.ready), num_bytes, self._seconds(num_steps)))
        self._make(jobs[1:], self.options.workers, lambda done: on_progress(done + 1, len(jobs)))

    def finish(self) -> None:
        """Write the index and the list of failures."""
        self.cache.write_index(self.entries)
        lines = "".join(json.dumps(failure, ensure_ascii=False) + "\n" for failure in self.report.failures)
        replace_file(self.cache.folder / FAILURES_FILE, lines.encode())
        self.report.num_bytes = sum({e.key: e.num_bytes for e in self.entries}.values())

    def _make(self, jobs: list[ClipJob], workers: int, on_done: Callable[[int], None]) -> None:
        for done, (job, result) in enumerate(decode_jobs(jobs, self.setup, workers), start=1):
            key = self.keys[job]
            if isinstance(result, JobFailure):
                self._fail(self.plan.jobs[key], result)
            else:
                self._store(key, job, result)
            on_done(done)

    def _store(self, key: str, job: ClipJob, steps: ClipSteps) -> None:
        begin = time.perf_counter()
        clip = replace(self.backbone.encode(steps), planted=steps.planted)
        encoded = time.perf_counter()
        try:
            self.cache.write(key, clip, key_parts(self.cache, self.setup, job), self.options.dtype)
        except CacheError as error:
            self._fail(self.plan.jobs[key], JobFailure(error.kind, f"{job.path}: {error}"))
            return
        self.report.made += 1
        self.report.steps += clip.num_steps
        self.report.decode_s += steps.decode_s
        self.report.backbone_s += encoded - begin
        self.report.write_s += time.perf_counter() - encoded
        if steps.damage:
            self.report.damaged[job.video_id] = list(steps.damage)
        self._enter(key, clip.num_steps)

    def _enter(self, key: str, num_steps: int) -> None:
        size = self.cache.path(key).stat().st_size
        jobs = self.plan.jobs[key]
        self.entries.extend(CacheEntry(j.video_id, j.variant.name, key, num_steps, size) for j in jobs)

    def _fail(self, jobs: list[ClipJob], failure: JobFailure) -> None:
        self.report.failures.extend(
            {"video_id": j.video_id, "variant": j.variant.name, "kind": failure.kind, "message": failure.message}
            for j in jobs
        )

    def _require_room(self, num_bytes: int) -> None:
        free = shutil.disk_usage(self.cache.folder).free
        if num_bytes > free:
            raise CacheError(
                f"{self.cache.folder}: expected room for about {num_bytes / 1e6:.0f} MB of features, got "
                f"{free / 1e6:.0f} MB; choose another disk, fewer views_per_clip, or smaller grids"
            )

    def _warm_up(self) -> None:
        """One blank step, so that the first real clip is timed without the cost of starting."""
        views, clock = self.backbone.views, self.backbone.clock
        size, count = views[0].size, round(clock.rate_hz / self.backbone.head_clock.rate_hz)
        times = np.arange(count) / clock.rate_hz
        boxes = np.tile(np.array([0, 0, 1, 1], np.float32), (len(views), 1))
        frames = np.zeros((count, len(views), size, size, 3), np.uint8)
        spans = clock.step_spans(times, count / clock.rate_hz)
        self.backbone.encode(
            ClipSteps(frames, np.ones(count, bool), spans, times, boxes, size, size, count / clock.rate_hz)
        )

    def _seconds(self, num_steps: int) -> float | None:
        """Time for `num_steps`, judged by those made so far: workers share decoding, which runs beside the backbone."""
        done = self.report
        if not done.steps:
            return None
        decode, encode = (num_steps * t / done.steps for t in (done.decode_s, done.backbone_s + done.write_s))
        return max(decode / self.options.workers, encode) if self.options.workers else decode + encode
