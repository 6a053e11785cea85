"""Looks for shortcuts in synthesised traces: what tells a traced clip from its clean twin, beside what can be seen."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TypeVar

import numpy as np

from dtr.errors import DTRError
from dtr.extras import require_sklearn
from dtr.job_pool import JobFailure, run_jobs
from dtr.leaks.media_facts import FailedFile
from dtr.traces.catalogue import MECHANISMS
from dtr.traces.opencv import opencv
from dtr.traces.probe_null import NullEdit, null_edit
from dtr.traces.probe_pairs import Pair, PairFigures, look, read_pairs
from dtr.traces.probe_report import ProbeReport, report_of
from dtr.traces.scene import Scene

MAX_PAIRS = 400
"""Pairs looked at, drawn by the seed; more change the figures little."""

NULL_EDITS = 270
"""Edits tried that paint too faintly to be seen, over all mechanisms."""

NULL_S = 1.0
"""Seconds of a twin that null edits are painted on."""

SAY_EVERY = 20

Job = TypeVar("Job", "_PairJob", "_NullJob")
Result = TypeVar("Result")


def probe_folder(
    folder: str | Path, *, seed: int = 0, workers: int = 0, say: Callable[[str], None] = lambda text: None
) -> ProbeReport:
    """Probe a finished folder of `dtr synth`.

    Args:
        folder: with `traces.jsonl` and `videos/`.
        seed: of the pairs drawn, places, folds and bootstraps; the same whatever `workers`.
        workers: processes; 0 = in this one.
        say: told what happens, a line at a time.

    Raises:
        AnnotationError: nothing to probe there.
        MissingExtraError: scikit-learn or OpenCV is not installed.
    """
    require_sklearn("probes of synthesised traces")
    opencv()
    pairs = read_pairs(Path(folder))
    order = np.random.default_rng(seed).permutation(len(pairs))[:MAX_PAIRS]
    drawn = [_PairJob(int(i), pairs[i], seed) for i in sorted(order)]
    figures: list[PairFigures] = []
    failures: list[FailedFile] = []
    for job, found in _in_order(run_jobs(drawn, _look, workers), len(drawn), "pairs looked at", say):
        if isinstance(found, PairFigures):
            figures.append(found)
        else:
            failures.append(_failed(job.pair.traced, found))
    nulls: list[NullEdit] = []
    jobs = _null_jobs([job.pair for job in drawn], seed)
    for null_job, painted in _in_order(run_jobs(jobs, _paint, workers), len(jobs), "twins painted on too faintly", say):
        if isinstance(painted, tuple):
            nulls += painted
        else:
            failures.append(_failed(null_job.twin, painted))
    report = report_of(figures, nulls, seed=seed)
    return replace(report, folder=str(folder), left_out=len(pairs) - len(drawn), failures=tuple(failures))


@dataclass(frozen=True)
class _PairJob:
    number: int
    pair: Pair
    seed: int


@dataclass(frozen=True)
class _NullJob:
    """Mechanisms (by place in the catalogue) to paint on one twin, with things of another clip where they need some."""

    number: int
    twin: Path
    base: str
    donor: Path | None
    mechanisms: tuple[int, ...]
    seed: int


def _in_order(
    results: Iterable[tuple[Job, Result]], total: int, what: str, say: Callable[[str], None]
) -> list[tuple[Job, Result]]:
    """Results by number of their job, whichever was ready first."""
    found = []
    for done, result in enumerate(results, start=1):
        found.append(result)
        if done % SAY_EVERY == 0 or done == total:
            say(f"{done} of {total} {what}")
    return sorted(found, key=lambda pair: pair[0].number)


def _look(job: _PairJob) -> PairFigures | JobFailure:
    try:
        return look(job.pair, np.random.default_rng((job.seed, job.number)))
    except DTRError as error:
        return JobFailure(error.kind, str(error))


def _null_jobs(pairs: Sequence[Pair], seed: int) -> list[_NullJob]:
    """Every mechanism in turn, on as many twins as there are, until `NULL_EDITS` are tried."""
    bases = {pair.base: pair.twin for pair in pairs}
    twins = [(twin, base) for base, twin in bases.items()]
    per_clip = min(len(MECHANISMS), -(-NULL_EDITS // len(twins)))
    jobs = []
    for number, (twin, base) in enumerate(twins[: -(-NULL_EDITS // per_clip)]):
        donor = twins[number - 1][0] if len(twins) > 1 else None
        chosen = tuple((number * per_clip + k) % len(MECHANISMS) for k in range(per_clip))
        jobs.append(_NullJob(number, twin, base, donor, chosen, seed))
    return jobs


def _paint(job: _NullJob) -> tuple[NullEdit, ...] | JobFailure:
    try:
        scene = _scene(job.twin)
        donor = None if job.donor is None else _scene(job.donor)
        edit = partial(null_edit, scene, base=job.base, donor=donor)
        tried = (edit(MECHANISMS[place], seed=(job.seed, job.number, place)) for place in job.mechanisms)
        return tuple(found for found in tried if found is not None)
    except DTRError as error:
        return JobFailure(error.kind, str(error))


def _scene(path: Path) -> Scene:
    from dtr.video import open_video
    from dtr.video.clip import collect_clip

    with open_video(path) as reader:
        clip = collect_clip(reader, max_s=NULL_S)
    return Scene(clip.frames, clip.times_s, clip.duration_s)


def _failed(path: Path, why: object) -> FailedFile:
    if isinstance(why, JobFailure):
        return FailedFile(path, why.kind, why.message)
    return FailedFile(path, "worker", "looking at it ended its process; decode it alone to see why")
