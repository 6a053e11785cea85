"""`synthesise_clips`: traces for a whole data set, as files; resumable after a kill at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any, ClassVar

from dtr.annotation import VideoAnnotation
from dtr.canonical.clips import file_sha256
from dtr.canonical.folder import NAME_DIGITS, CanonicalFolder, Journal
from dtr.job_pool import JobFailure, run_jobs
from dtr.traces.listing import FORMAT, MEDIA_FOLDER, Outcome, failed_inputs, media_path, write_listing
from dtr.traces.opencv import opencv
from dtr.traces.pair import Pair, PairJob, PairSetup, make_pair, pair_of, pair_row, stamps
from dtr.traces.recipe import SynthRecipe
from dtr.traces.sources import Sources
from dtr.video import Limits

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class SynthOptions:
    """How a run is done; of these only `per_clip` changes what comes out.

    Attributes:
        per_clip: pairs of each clip; a higher number adds to what a lower one has made.
        workers: processes; 0 = this one.
        limits: what one source file may cost.
    """

    per_clip: int = 1
    workers: int = 1
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class SynthReport:
    """What a run did.

    Attributes:
        out: the folder.
        info: content of its `synth.json`.
        made_now: pairs written by this run; the others were there.
        failures: {"video_id", "kind", "message", …} of each pair without files, and of names that led to no clip.
        frames_per_s: frames of a pair made by one core in a second: decoding, synthesis and two encodings; None = no
            pair was made now.
        peak_mib: largest memory of a process; None = as above.
    """

    out: Path
    info: dict[str, Any]
    made_now: int
    failures: tuple[dict[str, Any], ...]
    frames_per_s: float | None
    peak_mib: float | None

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "out": str(self.out)}


class SynthFolder(CanonicalFolder):
    """OUT of `dtr synth`."""

    what: ClassVar[str] = "synthesised clips"
    state_folder: ClassVar[str] = ".synth"
    journals: ClassVar[tuple[str, ...]] = ("pairs.jsonl",)
    media: ClassVar[tuple[str, ...]] = (MEDIA_FOLDER,)

    @contextmanager
    def claimed(self, sources: Sources, settings: Mapping[str, Any]) -> Iterator[Journal]:
        """As `opened`; no source may hold the folder."""
        for root in sources.roots:
            self._check_place(root)
        with self.opened(sources.roots[0], settings) as (journal,):
            yield journal


def synthesise_clips(
    sources: Sources,
    out: str | Path,
    recipe: SynthRecipe | None = None,
    options: SynthOptions | None = None,
    *,
    on_progress: Progress | None = None,
) -> SynthReport:
    """Write pairs of a traced clip and its clean twin, with their annotations.

    Clips that fail are named in the report and stop nothing; a second call tries them again.

    Args:
        sources: clips to start from.
        out: folder to make; what an earlier call has left there is continued.
        recipe: what is made of each clip.
        options: how.
        on_progress: told the pairs done and their total.

    Raises:
        ConfigError: `out` is in a source, foreign, made of something else, in use or cannot be written.
        MissingExtraError: OpenCV is not installed.
    """
    recipe, options = recipe or SynthRecipe(), options or SynthOptions()
    versions = _versions()
    folder = SynthFolder(Path(out))
    source = {"name": sources.name, "sha256": sources.sha256}
    settings = {"format": FORMAT, "recipe": recipe.to_json(), "source": source["sha256"], "versions": versions}
    with folder.claimed(sources, settings) as journal:
        run = _Run(sources, folder, PairSetup(recipe, options.limits), options)
        run.make(journal, on_progress or (lambda done, total: None))
        folder.sweep({media_path(i) for o in run.outcomes() if o.made is not None for i in (o.twin_id, o.traced_id)})
        parts = {"format": FORMAT, "source": source, "per_clip": options.per_clip}
        parts |= {"recipe": settings["recipe"], "versions": versions}
        info = write_listing(folder.out, run.outcomes(), parts)
    cpu_s = sum(pair.cpu_s for pair in run.fresh)
    return SynthReport(
        out=folder.out,
        info=info,
        made_now=sum(not pair.left_out for pair in run.fresh),
        failures=(*failed_inputs(sources.failures), *info["failures"]),
        frames_per_s=round(sum(pair.frames for pair in run.fresh) / cpu_s, 1) if cpu_s else None,
        peak_mib=max((pair.peak_mib for pair in run.fresh), default=None),
    )


class _Run:
    """One run over a claimed folder.

    Attributes:
        fresh: pairs that this run has tried.
    """

    def __init__(self, sources: Sources, folder: SynthFolder, setup: PairSetup, options: SynthOptions) -> None:
        self._folder, self._setup, self._workers = folder, setup, options.workers
        self._bases = {video.video_id: video for video in sources.videos}
        self._donors: dict[tuple[str, int], VideoAnnotation | None] = {}
        self._jobs = [self._job(sources, video, k) for video in sources.videos for k in range(options.per_clip)]
        self._results: dict[tuple[str, int], Pair | JobFailure] = {}
        self.fresh: list[Pair] = []

    def make(self, journal: Journal, on_progress: Progress) -> None:
        """Make every pair that is not there yet."""
        known = {(row["video_id"], row["k"]): pair_of(row["pair"]) for row in journal.rows}
        pending = [job for job in self._jobs if not self._is_made(job, known.get((job.video_id, job.k)))]
        on_progress(0, len(pending))
        done = run_jobs(pending, partial(make_pair, setup=self._setup), self._workers)
        for number, (job, result) in enumerate(done, start=1):
            if isinstance(result, Pair):
                journal.add({"video_id": job.video_id, "k": job.k, "pair": pair_row(result)})
                self.fresh.append(result)
            self._results[job.video_id, job.k] = result or _ended(job)
            on_progress(number, len(pending))

    def outcomes(self) -> list[Outcome]:
        """What became of every pair, in the order of the source."""
        found = []
        for job in self._jobs:
            donor, result = self._donors[job.video_id, job.k], self._results[job.video_id, job.k]
            found.append(
                Outcome(
                    base=self._bases[job.video_id],
                    k=job.k,
                    twin_id=job.twin.stem,
                    traced_id=job.traced.stem,
                    donor_id=None if donor is None else donor.video_id,
                    pair=result if isinstance(result, Pair) else None,
                    failure=result if isinstance(result, JobFailure) else None,
                )
            )
        return found

    def _job(self, sources: Sources, video: VideoAnnotation, k: int) -> PairJob:
        seed = self._setup.recipe.seed
        donor = sources.donor_of(video, seed, k)
        self._donors[video.video_id, k] = donor
        twin, traced = (
            self._folder.out / media_path(neutral_id(seed, k, role, video.video_id)) for role in ("twin", "traced")
        )
        return PairJob(video.video_id, video.path, k, None if donor is None else donor.path, twin, traced)

    def _is_made(self, job: PairJob, pair: Pair | None) -> bool:
        """Whether an earlier run made this very pair and its files are still whole."""
        if pair is None or pair.stamp != stamps(job.source, job.donor):
            return False
        files = ((job.twin, pair.twin_sha256), (job.traced, pair.traced_sha256))
        if not pair.left_out and any(not path.is_file() or file_sha256(path) != sha for path, sha in files):
            return False
        self._results[job.video_id, job.k] = pair
        return True


def neutral_id(seed: int, k: int, role: str, video_id: str) -> str:
    """Id and file name that tell nothing of clip and role.

    Example:
        >>> neutral_id(0, 0, "twin", "a"), neutral_id(0, 0, "traced", "a")
        ('a7c1afd3169ad75d', '2a30c655c30cd169')
    """
    return hashlib.sha256(f"{seed}:{k}:{role}:{video_id}".encode()).hexdigest()[:NAME_DIGITS]


def _ended(job: PairJob) -> JobFailure:
    message = f"{job.source}: working on it ended the worker process (a crash, or no memory left); remove the file"
    return JobFailure("video", message)


def _versions() -> dict[str, str]:
    """Of what decides about the bytes."""
    import av
    import numpy as np

    from dtr import __version__

    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {
        "dtr": __version__,
        "pyav": av.__version__,
        "libavcodec": codec,
        "opencv": opencv().__version__,
        "numpy": np.__version__,
    }
