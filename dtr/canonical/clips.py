"""One clip, in a worker process: look at the source, then make its canonical file."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.canonical.encode import write_h264
from dtr.canonical.recipe import CanonicalRecipe
from dtr.canonical.resample import nearest_frames
from dtr.errors import DTRError, VideoError
from dtr.job_pool import JobFailure
from dtr.video import Limits, open_video
from dtr.video.scale import resize_rgb
from dtr.video.source import open_container
from dtr.video.types import VideoReader

_TAG_LENGTH = 200
"""Characters kept of a tag: a file may carry a whole document in one."""


@dataclass(frozen=True)
class Setup:
    """What all jobs of a run share."""

    recipe: CanonicalRecipe
    limits: Limits


@dataclass(frozen=True)
class Source:
    """What the source file is; JSON types only.

    Attributes:
        sha256: of its bytes. stamp: [size in bytes, modification time in ns] when it was read.
        facts: what its header says: container, codec, size, rate, sound, tags, ….
        frames: whole steps of the recipe's rate that fit into it and into the recipe's seconds.
        length_s: its length as decoded, at most a step more than the recipe's seconds.
        repeated: steps of these that would show the frame before once more.
        damage: what could not be decoded.
    """

    sha256: str
    stamp: list[int]
    facts: dict[str, Any]
    frames: int
    length_s: float
    repeated: int
    damage: list[str]


@dataclass(frozen=True)
class Made:
    """What was written; JSON types only.

    Attributes:
        sha256, num_bytes: of the new file. width, height, frames: of its pictures.
        repeated: frames that show the one before once more.
        shift_s: furthest that a frame stands from its time in the source.
    """

    sha256: str
    num_bytes: int
    width: int
    height: int
    frames: int
    repeated: int
    shift_s: float


@dataclass(frozen=True)
class LookJob:
    """A source file to look at."""

    video_id: str
    path: Path


@dataclass(frozen=True)
class MakeJob:
    """A file to write: the first `frames` steps of `source` to `target`."""

    video_id: str
    source: Path
    target: Path
    frames: int


def look(job: LookJob, setup: Setup) -> Source | JobFailure:
    """Decode the part of a source that matters, without converting a pixel."""
    try:
        return _look(job.path, setup)
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except (OSError, MemoryError) as error:
        return JobFailure("video", f"{job.path}: expected a video that can be read, got {error!r}; check the file")


def make(job: MakeJob, setup: Setup) -> Made | JobFailure:
    """Write one canonical file."""
    try:
        return _make(job, setup)
    except DTRError as error:
        return JobFailure(error.kind, str(error))
    except (OSError, MemoryError) as error:
        return JobFailure("video", f"{job.source}: expected a video that can be read, got {error!r}; check the file")


def file_sha256(path: Path) -> str:
    """Hash of a file's bytes, hex."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def file_stamp(path: Path) -> list[int]:
    """[size in bytes, modification time in ns]."""
    stat = path.stat()
    return [stat.st_size, stat.st_mtime_ns]


def _look(path: Path, setup: Setup) -> Source:
    fps = float(setup.recipe.rate)
    with open_video(path, limits=setup.limits) as reader:  # first: it says best what is wrong with a path
        # One step more than is used: it makes the reader go on to the end of the last one.
        steps = list(nearest_frames(reader, fps, setup.recipe.max_frames + 1))
        frames = setup.recipe.num_frames(reader.duration_s)
        return Source(
            sha256=file_sha256(path),
            stamp=file_stamp(path),
            facts=_facts(path, reader, setup.limits),
            frames=frames,
            length_s=reader.duration_s,
            repeated=sum(step.repeated for step in steps[:frames]),
            damage=reader.damage,
        )


def _facts(path: Path, reader: VideoReader, limits: Limits) -> dict[str, Any]:
    """The header's facts and tags; its path is left out (it differs from machine to machine)."""
    facts = asdict(reader.info)
    del facts["path"]
    with open_container(path, limits) as container:
        parts = [container.metadata, *(stream.metadata for stream in container.streams)]
        tags = {key: str(value)[:_TAG_LENGTH] for part in parts for key, value in part.items()}
    return {**facts, "tags": tags}


def _make(job: MakeJob, setup: Setup) -> Made:
    recipe, shifts, repeats = setup.recipe, [0.0], 0
    with open_video(job.source, limits=setup.limits) as reader:
        width, height = recipe.size(reader.info.width, reader.info.height, reader.info.sample_aspect_ratio)

        def pictures() -> Iterator[NDArray[np.uint8]]:
            nonlocal repeats
            rgb: NDArray[np.uint8] | None = None
            for step in nearest_frames(reader, float(recipe.rate), job.frames):
                if step.repeated and recipe.slow == "leave-out":
                    raise VideoError(f"'{job.source}' changed while it was read; run the same command again")
                shifts.append(step.shift_s)
                repeats += step.repeated
                if rgb is None or not step.repeated:
                    rgb = resize_rgb(step.frame.rgb(), width, height)
                yield rgb

        write_h264(pictures(), job.target, width, height, recipe)
    shift_s = round(max(abs(shift) for shift in shifts), 6)
    return Made(file_sha256(job.target), job.target.stat().st_size, width, height, job.frames, repeats, shift_s)
