"""Decoding of many clips at once: worker processes that import the decoder and numpy, never torch."""

from __future__ import annotations

import multiprocessing
import os
import threading
import time
from collections import deque
from collections.abc import Generator, Iterable, Iterator
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from concurrent.futures.process import BrokenProcessPool
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal

from dtr.augment import AugmentSpec, CanonicalSpec, canonical_steps, load_augmented_steps
from dtr.clock import Clock
from dtr.errors import DTRError
from dtr.sampling import load_steps
from dtr.steps import ClipSteps
from dtr.video import Limits
from dtr.video.recode import RECIPES
from dtr.views import ViewSpec


@dataclass(frozen=True)
class Variant:
    """Which steps of a clip: as it is, through the canonical recipe, or the k-th augmentation (k ≥ 1).

    Example:
        >>> Variant("augmented", 2).name
        'aug2'
    """

    kind: Literal["plain", "canonical", "augmented"] = "plain"
    k: int = 0

    @property
    def name(self) -> str:
        """Short name used in the index."""
        return f"aug{self.k}" if self.kind == "augmented" else self.kind


@dataclass(frozen=True)
class DecodeSetup:
    """What all jobs of a run share.

    Attributes:
        clock, views: of the backbone.
        decoder: "pyav" or "decord".
        limits: what one file may cost.
        strict: damage is an error.
        augment: ranges of augmentations. seed: of their draws.
    """

    clock: Clock
    views: tuple[ViewSpec, ...]
    decoder: str = "pyav"
    limits: Limits = field(default_factory=Limits)
    strict: bool = False
    augment: AugmentSpec = field(default_factory=AugmentSpec)
    seed: int = 0

    def variant_parts(self, variant: Variant) -> dict[str, Any]:
        """What of a variant changes its pixels; part of the cache key."""
        if variant.kind == "plain":
            return {"kind": variant.kind}
        codecs = {name: repr(recipe) for name, recipe in RECIPES.items()}
        if variant.kind == "canonical":
            return {"kind": variant.kind, "spec": asdict(CanonicalSpec()), "codecs": codecs["h264"]}
        spec = self.augment.to_json()
        return {"kind": variant.kind, "k": variant.k, "seed": self.seed, "spec": spec, "codecs": codecs}


@dataclass(frozen=True)
class ClipJob:
    """One variant of one clip; `content_sha256` is the hash of the file's bytes."""

    video_id: str
    path: Path
    variant: Variant
    content_sha256: str


@dataclass(frozen=True)
class JobFailure:
    """Why a job gave no steps: kind of error and its message."""

    kind: str
    message: str


def decode_job(job: ClipJob, setup: DecodeSetup) -> ClipSteps | JobFailure:
    """Steps of one clip, or why there are none; its `decode_s` is all the time spent here, recoding included."""
    begin = time.perf_counter()
    try:
        steps = _decode(job, setup)
        return replace(steps, decode_s=time.perf_counter() - begin)
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except (OSError, MemoryError) as error:
        return JobFailure("video", f"{job.path}: expected a video that can be read, got {error!r}; check the file")


def decode_jobs(
    jobs: Iterable[ClipJob], setup: DecodeSetup, workers: int
) -> Iterator[tuple[ClipJob, ClipSteps | JobFailure]]:
    """Results in the order in which they are ready; at most `workers` + 2 clips are in memory.

    A worker that dies (a crash inside a codec, no memory left) costs only the clip that killed it.

    Args:
        jobs: what to decode.
        setup: shared by all.
        workers: processes; 0 = in this process.
    """
    if workers == 0:
        yield from ((job, decode_job(job, setup)) for job in jobs)
        return
    waiting = deque(jobs)
    while waiting:
        suspects = yield from _decode_until_broken(waiting, setup, workers)
        for job in suspects:
            alone = deque([job])
            if (yield from _decode_until_broken(alone, setup, 1)):
                message = (
                    f"{job.path}: decoding it ended the worker process (a crash, or no memory left); remove the file"
                )
                yield job, JobFailure("video", message)


def _decode(job: ClipJob, setup: DecodeSetup) -> ClipSteps:
    how: dict[str, Any] = {"decoder": setup.decoder, "limits": setup.limits, "strict": setup.strict}
    if job.variant.kind == "plain":
        return load_steps(job.path, setup.clock, setup.views, **how)
    if job.variant.kind == "canonical":
        return canonical_steps(job.path, setup.clock, setup.views, **how)
    k, seed = job.variant.k, setup.seed
    return load_augmented_steps(
        job.path, setup.clock, setup.views, setup.augment, seed, k, content_sha256=job.content_sha256, **how
    )


def _decode_until_broken(
    waiting: deque[ClipJob], setup: DecodeSetup, workers: int
) -> Generator[tuple[ClipJob, ClipSteps | JobFailure], None, list[ClipJob]]:
    """Take jobs off `waiting` until none is left or a worker dies; returns the jobs that were under way then."""
    running: dict[Future[ClipSteps | JobFailure], ClipJob] = {}
    spawn = multiprocessing.get_context("spawn")  # a fork would copy torch and its threads
    pool = ProcessPoolExecutor(workers, mp_context=spawn, initializer=_end_with_parent)
    try:
        while waiting or running:
            while waiting and len(running) < workers + 2:
                running[pool.submit(decode_job, waiting[0], setup)] = waiting[0]
                waiting.popleft()
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                result = future.result()
                yield running.pop(future), result
        return []
    except BrokenProcessPool:
        return list(running.values())
    finally:
        pool.shutdown(wait=False, cancel_futures=True)


def _end_with_parent() -> None:
    """Let a worker end when the process that started it does, even by kill -9."""
    parent = multiprocessing.parent_process()

    def follow() -> None:
        if parent is not None:
            parent.join()
            os._exit(1)

    threading.Thread(target=follow, daemon=True).start()
