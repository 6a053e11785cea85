"""`canonicalise`: a whole data set through one recipe; resumable after a kill at any moment."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import asdict, dataclass, field, replace
from functools import partial
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.canonical.clips import (
    LookJob,
    Made,
    MakeJob,
    Setup,
    Source,
    file_sha256,
    file_stamp,
    look,
    make,
)
from dtr.canonical.folder import CanonicalFolder, Journal, neutral_name
from dtr.canonical.lengths import Length, matched_lengths
from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.root import FORMAT
from dtr.canonical.writing import Outcome, write_annotations
from dtr.data.convert import RELEASE_MEDIA
from dtr.data.dataset import read_dataset
from dtr.data.jsonl import write_lines
from dtr.data.media import normal_path
from dtr.data.release import ReleaseData
from dtr.errors import ConfigError
from dtr.job_pool import JobFailure, run_jobs
from dtr.video import Limits

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class CanonicalOptions:
    """How a run is done; of these only `split` and `limit` change what comes out.

    Attributes:
        split: of the videos to take; None = all. limit: so many of them, spread evenly; None = all.
        workers: processes; 0 = this one.
        limits: what one source file may cost.
    """

    split: str | None = None
    limit: int | None = None
    workers: int = 1
    limits: Limits = field(default_factory=Limits)


@dataclass(frozen=True)
class CanonicalReport:
    """What a run did.

    Attributes:
        out: the new data set.
        info: content of its `canonical.json`.
        made_now: files written by this run; the others were there.
        failures: {"video_id", "kind", "message"} of each video without a file.
        slow: ids of videos that were left out because they would need repeated frames.
    """

    out: Path
    info: dict[str, Any]
    made_now: int
    failures: tuple[dict[str, str], ...]
    slow: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types."""
        return {**asdict(self), "out": str(self.out)}


def canonicalise(
    root: str | Path,
    out: str | Path,
    recipe: CanonicalRecipe | None = None,
    options: CanonicalOptions | None = None,
    *,
    on_progress: Progress = lambda stage, done, total: None,
) -> CanonicalReport:
    """Write every video of a data set through one recipe, with its annotations, as a data set of its own.

    Files that fail are named in the report and stop nothing; a second call tries them again.

    Args:
        root: as for `dtr.data.dataset.read_dataset`.
        out: folder to make, outside of `root`; what an earlier call has left there is continued.
        recipe: what the files become.
        options: how.
        on_progress: told the stage, "looking" or "writing", the videos done in it and their total.

    Raises:
        AnnotationError: the source's annotations have a defect.
        ConfigError: `out` is in the source, foreign, made of something else, in use or cannot be written; or there is
            no video to take.
    """
    recipe, options = recipe or CanonicalRecipe(), options or CanonicalOptions()
    data = read_dataset(root)
    data = replace(data, videos=_select(data, options))
    folder = CanonicalFolder(Path(out))
    versions = _versions()
    source = {"name": normal_path(data.root).name, "sha256": _digest(data)}
    settings = {
        "format": FORMAT,
        "recipe": recipe.to_json(),
        "source": source["sha256"],
        "selection": {"split": options.split, "limit": options.limit},
        "encoder": {name: versions[name] for name in ("pyav", "libavcodec")},
    }
    with folder.opened(data.root, settings) as (looked, made):
        run = _Run(data, folder, Setup(recipe, options.limits), options.workers, on_progress)
        run.look(looked)
        run.make(made)
        parts = {"recipe": settings["recipe"], "selection": settings["selection"], "versions": versions}
        info = write_annotations(folder, data, run.outcomes(), recipe, {"format": FORMAT, "source": source, **parts})
    failures = tuple({"video_id": video_id, **asdict(failure)} for video_id, failure in run.failures.items())
    return CanonicalReport(folder.out, info, run.made_now, failures, tuple(run.slow))


class _Run:
    """One run over a claimed folder."""

    def __init__(
        self, data: ReleaseData, folder: CanonicalFolder, setup: Setup, workers: int, on_progress: Progress
    ) -> None:
        self.videos = {video.video_id: video for video in data.videos}
        self.folder, self.setup, self.workers, self.on_progress = folder, setup, workers, on_progress
        self.sources: dict[str, Source] = {}
        self.files: dict[str, Made] = {}
        self.failures: dict[str, JobFailure] = {}
        self.slow: list[str] = []
        self.made_now = 0

    def look(self, journal: Journal) -> None:
        """Look at every source that is new or has changed since it was looked at."""
        known = {row["video_id"]: Source(**row["source"]) for row in journal.rows}
        for video_id, video in self.videos.items():
            if video_id in known and _stamp(video.path) == known[video_id].stamp:
                self.sources[video_id] = known[video_id]
        jobs = [LookJob(i, v.path) for i, v in self.videos.items() if i not in self.sources]
        done = run_jobs(jobs, partial(look, setup=self.setup), self.workers)
        for number, (job, found) in enumerate(done, start=1):
            if isinstance(found, Source):
                self.sources[job.video_id] = found
                journal.add({"video_id": job.video_id, "source": asdict(found)})
            else:
                self._fail(job.video_id, job.path, found)
            self.on_progress("looking", number, len(jobs))

    def make(self, journal: Journal) -> None:
        """Write every file that is not there yet, in the order of its neutral name: file times must not tell either."""
        if self.setup.recipe.slow == "leave-out":
            self.slow = [i for i in self.videos if i in self.sources and self.sources[i].repeated]
        jobs = self._jobs()
        known = {row["video_id"]: row for row in journal.rows}
        pending = [job for job in jobs if not self._is_made(job, known.get(job.video_id))]
        done = run_jobs(pending, partial(make, setup=self.setup), self.workers)
        for number, (job, made) in enumerate(done, start=1):
            if isinstance(made, Made):
                self.files[job.video_id] = made
                self.made_now += 1
                journal.add({"video_id": job.video_id, "source": self._source_sha256(job), "made": asdict(made)})
            else:
                self._fail(job.video_id, job.source, made)
            self.on_progress("writing", number, len(pending))

    def outcomes(self) -> list[Outcome]:
        """What became of every video, in the order of the source."""
        return [
            Outcome(
                video,
                self._target(video),
                self.sources.get(video_id),
                self.files.get(video_id),
                self.failures.get(video_id),
            )
            for video_id, video in self.videos.items()
        ]

    def _jobs(self) -> list[MakeJob]:
        left_out = set(self.slow)
        usable = [(v, self.sources[i]) for i, v in self.videos.items() if i in self.sources and i not in left_out]
        lengths = (Length(v.video_id, str(v.label), v.split, source.frames) for v, source in usable)
        frames = matched_lengths(lengths, self.setup.recipe.seed)
        jobs = [MakeJob(v.video_id, v.path, self.folder.out / self._target(v), frames[v.video_id]) for v, _ in usable]
        return sorted(jobs, key=lambda job: job.target.name)

    def _target(self, video: VideoAnnotation) -> str:
        """Path of the new file below the folder."""
        return f"{RELEASE_MEDIA[str(video.label)]}/{neutral_name(video.video_id)}.mp4"

    def _is_made(self, job: MakeJob, row: dict[str, Any] | None) -> bool:
        """Whether an earlier run wrote this very file and it is still whole."""
        if row is None or row["source"] != self._source_sha256(job) or row["made"]["frames"] != job.frames:
            return False
        made = Made(**row["made"])
        if not job.target.is_file() or file_sha256(job.target) != made.sha256:
            return False
        self.files[job.video_id] = made
        return True

    def _source_sha256(self, job: MakeJob) -> str:
        return self.sources[job.video_id].sha256

    def _fail(self, video_id: str, path: Path, failure: JobFailure | None) -> None:
        """Record a failure; None = it ended its worker."""
        message = f"{path}: decoding it ended the worker process (a crash, or no memory left); remove the file"
        self.failures[video_id] = failure or JobFailure("video", message)


def _select(data: ReleaseData, options: CanonicalOptions) -> tuple[VideoAnnotation, ...]:
    """Videos of the wanted split, all or `limit` of them; every one has a label.

    Raises:
        ConfigError: none is left, or a label is missing.
    """
    found = data.in_split(options.split)
    if options.limit is not None and options.limit < len(found):
        found = tuple(found[i * len(found) // options.limit] for i in range(options.limit))
    if not found:
        wanted = f" in split {options.split}" if options.split else ""
        raise ConfigError(f"expected videos{wanted}, found none in {data.root}; see dtr data stats")
    unknown = next((video for video in found if video.label is None), None)
    if unknown is not None:
        raise ConfigError(
            f"{unknown.where}: canonical media need a label for every video (lengths are matched between them), got "
            f"none for {unknown.video_id}; give it one"
        )
    return found


def _digest(data: ReleaseData) -> str:
    """Hash of everything that the annotations say; media count by their path below the root."""
    root = normal_path(data.root)
    lines = write_lines((v, _relative(v.path, root), data.facts.get(v.video_id, {})) for v in data.videos)
    return hashlib.sha256(lines.encode()).hexdigest()


def _relative(path: Path, root: Path) -> str:
    path = normal_path(path)
    return path.relative_to(root).as_posix() if path.is_relative_to(root) else str(path)


def _stamp(path: Path) -> list[int] | None:
    """As `file_stamp`; None = the file cannot be reached."""
    try:
        return file_stamp(path)
    except OSError:
        return None


def _versions() -> dict[str, str]:
    """Of what decides about the bytes."""
    import av

    from dtr import __version__

    codec = ".".join(str(part) for part in av.library_versions["libavcodec"])
    return {"dtr": __version__, "pyav": av.__version__, "libavcodec": codec}
