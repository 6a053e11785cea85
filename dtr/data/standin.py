"""A small stand-in of the DeeptraceReward release, in its exact form, to try every command on before the download.

Photographs are filmed by a virtual camera, and synthetic traces (`dtr.synthetic`) are put where the rows say. The
quirks of the release are there too: several rows a video, blanks, numbers as strings, missing values, media files
without a row, sound on the camera clips only. Nothing that is trained on it is worth anything.
"""

from __future__ import annotations

import io
import json
import os
import shutil
import zipfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.batch_run import write_text_atomically
from dtr.data.release import RELEASE_FILE
from dtr.data.rows import SPLITS
from dtr.data.standin_clips import Trace, write_clip
from dtr.errors import ConfigError

Layout = Literal["pieces", "zip"]
Row = dict[str, Any]

PIECES = 3
MIN_VIDEOS = 20
UNLISTED = 2
"""Media files without a row, as in the release."""

REAL_SOURCE = "LLaVA-Video-178K_0_30_s_academic_v0_1"


@dataclass(frozen=True)
class SourceFacts:
    """What the release has of one source, and what is kept of it here.

    Attributes:
        videos: unique videos in the release.
        sizes: (width, height) pixels in the release; here an eighth of it, made even.
        duration_s: mean length in the release; here a quarter of it.
        fps: frames per second here (the release's are not known to us).
    """

    videos: int
    sizes: tuple[tuple[int, int], ...]
    duration_s: float
    fps: int


GENERATORS: dict[str, SourceFacts] = {
    "Pika 1.5": SourceFacts(1742, ((1296, 720),), 5.0, 24),
    "Kling 1.0": SourceFacts(829, ((1280, 720),), 5.1, 30),
    "Gen-3": SourceFacts(379, ((1280, 768),), 10.7, 24),
    "Kling 1.5": SourceFacts(171, ((1920, 1080),), 5.1, 30),
    "Mochi 1": SourceFacts(94, ((848, 480),), 5.4, 30),
    "MiniMax-Video-01": SourceFacts(75, ((1280, 720),), 5.6, 25),
    "Sora": SourceFacts(28, ((1280, 720), (1920, 1080)), 16.3, 30),
}
"""Source: DeeptraceReward (arXiv 2509.22646), Table 1, and counts of unique videos in the release."""

REAL = SourceFacts(3318, ((480, 270), (480, 360), (640, 480), (640, 360), (854, 480), (1280, 720)), 5.78, 25)

TAGS: dict[str, str] = {
    "Object Distortion": "Shape distortion (e.g. human arm bending as rubbery)",
    "Sudden Blurring": "Blurring (e.g. sudden blurring)",
    "Redundant Object": "Appearance of redundant objects",
    "Object Disappearance": "Disappearance of objects",
}
"""Raw tag of each kind of synthetic trace."""

OTHER_TAG = "None of the above, but I've written in the explanations"
TRACES_PER_VIDEO = (1, 1, 2, 1, 1, 1, 3, 1, 1)
"""Repeated over the generated videos: about a quarter have two rows or more."""


@dataclass(frozen=True)
class Clip:
    """One media file of the stand-in.

    Attributes:
        video_id, name: its id, and its path in the release.
        source: generator, or camera source; split: see there.
        width, height, fps, num_frames: of the media.
        traces: what is put in; empty for a camera clip.
        seed: of its picture.
    """

    video_id: str
    name: str
    source: str
    split: str
    width: int
    height: int
    fps: int
    num_frames: int
    traces: tuple[Trace, ...]
    seed: int


def write_standin(out: Path, *, videos: int = 60, seed: int = 0, layout: Layout = "pieces") -> dict[str, int]:
    """Write `all_data.json` and the archives of a small release.

    Args:
        out: folder to make, or an empty one.
        videos: unique videos with rows; half of them generated.
        seed: of everything; the same seed gives the same files.
        layout: "pieces" = `videos.zip.001` … and members in their folder; "zip" = `videos.zip` and bare members.

    Returns:
        Numbers of rows, videos and media files.

    Raises:
        ConfigError: too few videos for three splits of both labels, or `out` cannot be used.
    """
    if videos < MIN_VIDEOS:
        raise ConfigError(f"--videos: expected at least {MIN_VIDEOS} (every split has both labels), got {videos}")
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise ConfigError(f"{out}: expected no such folder or an empty one, got one with content; choose another")
    rng = np.random.default_rng(seed)
    fake, real = list(_fake_clips(videos - videos // 2, rng)), list(_real_clips(videos // 2, rng))
    unlisted = [_fake_clip("Pika 1.5", "train", 1, rng) for _ in range(UNLISTED)]
    rows = [row for number, clip in enumerate(fake) for row in _fake_rows(clip, number, _place_in_split(fake, number))]
    rows += [_video_fields(clip, number) for number, clip in enumerate(real)]
    partial = out.absolute().with_name(f".{out.name}.{os.getpid()}.partial")
    try:
        partial.mkdir(parents=True)
        _write_archive(partial, "videos.zip", [*fake, *unlisted], layout)
        _write_archive(partial, "real_video.zip", real, "zip")
        write_text_atomically(partial / RELEASE_FILE, json.dumps(rows, indent=1))
        partial.replace(out)
    except OSError as error:
        raise ConfigError(f"{out}: cannot be written ({error.strerror or error}); choose another folder") from error
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return {"rows": len(rows), "videos": len(fake) + len(real), "files": len(fake) + len(real) + len(unlisted)}


def shares(counts: Sequence[int], total: int) -> list[int]:
    """Whole numbers in about the proportions of `counts`, at least one each, that sum to `total` ≥ len(counts).

    Example:
        >>> shares([1742, 829, 379, 171, 94, 75, 28], 30)
        [13, 7, 4, 2, 2, 1, 1]
    """
    exact = np.array(counts) / sum(counts) * (total - len(counts))
    whole = np.floor(exact).astype(int)
    for index in np.argsort(whole - exact)[: total - len(counts) - whole.sum()]:
        whole[index] += 1
    return [int(n) + 1 for n in whole]


def split_names(count: int, rng: np.random.Generator) -> list[str]:
    """Train, val and test 8:1:1, in random order; at least one of each."""
    few = max(1, round(count / 10))
    names = [SPLITS[1]] * few + [SPLITS[2]] * few + [SPLITS[0]] * (count - 2 * few)
    return [names[i] for i in rng.permutation(count)]


def _fake_clips(count: int, rng: np.random.Generator) -> Iterator[Clip]:
    numbers = shares([facts.videos for facts in GENERATORS.values()], count)
    names = [name for name, number in zip(GENERATORS, numbers, strict=True) for _ in range(number)]
    order = rng.permutation(count)
    for number, split in enumerate(split_names(count, rng)):
        yield _fake_clip(names[order[number]], split, TRACES_PER_VIDEO[number % len(TRACES_PER_VIDEO)], rng)


def _fake_clip(source: str, split: str, num_traces: int, rng: np.random.Generator) -> Clip:
    letters = np.array(list("0123456789abcdefghijklmnopqrstuvwxyz"))
    video_id = "cm2" + "".join(rng.choice(letters, 22))
    size = _media_facts(GENERATORS[source], rng)
    seed = int(rng.integers(2**31))
    traces = tuple(_draw_trace(number, *size, rng) for number in range(num_traces))
    return Clip(video_id, f"videos/{video_id}.mp4", source, split, *size, traces, seed)


def _real_clips(count: int, rng: np.random.Generator) -> Iterator[Clip]:
    for number, split in enumerate(split_names(count, rng)):
        video_id = f"0_30_s_academic_v0_1_{number:05d}"
        size = _media_facts(REAL, rng)
        seed = int(rng.integers(2**31))
        yield Clip(video_id, f"real_videos/{video_id}.mp4", REAL_SOURCE, split, *size, (), seed)


def _media_facts(facts: SourceFacts, rng: np.random.Generator) -> tuple[int, int, int, int]:
    """Width, height, frame rate and number of frames of a clip of this source."""
    width, height = facts.sizes[rng.integers(len(facts.sizes))]
    length_s = facts.duration_s / 4 * rng.uniform(0.9, 1.1)
    return 2 * round(width / 16), 2 * round(height / 16), facts.fps, round(length_s * facts.fps)


def _draw_trace(number: int, width: int, height: int, fps: int, num_frames: int, rng: np.random.Generator) -> Trace:
    """Kind, place and time of a trace: a third of each side or more, and a third of the clip or more."""
    box_width, box_height = (int(side * rng.uniform(0.3, 0.55)) for side in (width, height))
    left, top = int(rng.integers(width - box_width)), int(rng.integers(height - box_height))
    length = round(num_frames * rng.uniform(0.35, 0.7))
    first = int(rng.integers(num_frames - length + 1))
    category = tuple(TAGS)[(number + int(rng.integers(len(TAGS)))) % len(TAGS)]
    return Trace(category, (left, top, box_width, box_height), first, length)


def _place_in_split(clips: Sequence[Clip], number: int) -> int:
    """How many clips of the same split come before this one."""
    return sum(clip.split == clips[number].split for clip in clips[:number])


def _fake_rows(clip: Clip, number: int, place_in_split: int) -> Iterator[Row]:
    """One row per trace; what is blank depends on its place in the split, so that no split is without tags."""
    for index, trace in enumerate(clip.traces):
        place = place_in_split + 2 * index
        left, top, width, height = trace.box_px
        tagged, explained = place % 5 not in (1, 3), place % 8 not in (1, 3, 6)
        tags = [TAGS[trace.category]] + ([OTHER_TAG] if place % 10 == 5 else [])
        yield _video_fields(clip, number) | {
            "faketrace_bbox": {"left": left, "top": top, "width": width, "height": height},
            "faketrace_first_frame": str(trace.first_frame) if place % 4 == 2 else trace.first_frame,
            "faketrace_duration": round(trace.num_frames / clip.fps, 3),
            "faketrace_check_applies": tags if tagged else [],
            "faketrace_explanations": _sentence(trace) if explained else ("" if place % 4 == 1 else None),
        }


def _sentence(trace: Trace) -> str:
    from dtr.synthetic import EFFECTS

    return EFFECTS[trace.category].sentence.format(thing="the thing in the picture").capitalize() + "."


def _video_fields(clip: Clip, number: int) -> Row:
    """Fields that every row of a video has; a few numbers are strings or missing, as in the release."""
    fake = bool(clip.traces)
    row: Row = {
        "video_id": clip.video_id,
        "video_path": clip.name,
        "video_type": "fake_video" if fake else "real_video",
        "video_source": clip.source,
        "split": clip.split,
        "video_prompt": f"a photograph, filmed by a moving camera, take {number}" if fake else "",
        "video_mime_type": "video/mp4",
        "video_width": str(clip.width) if number % 7 == 3 else clip.width,
        "video_height": str(clip.height) if number % 7 == 3 else clip.height,
        "video_frame_rate": f"{clip.fps}.0" if number % 6 == 4 else float(clip.fps),
        "video_frame_count": None if number % 9 == 5 else clip.num_frames,
        "video_duration": round(clip.num_frames / clip.fps, 3),
    }
    if number % 9 == 8:  # the duration follows from frames and rate
        del row["video_duration"]
    return row


def _write_archive(out: Path, name: str, clips: Sequence[Clip], layout: Layout) -> None:
    """A zip of the clips, whole or cut into pieces; the bytes depend on the clips alone."""
    buffer = io.BytesIO()
    bare = layout == "zip" and name == "videos.zip"
    with zipfile.ZipFile(buffer, "w", zipfile.ZIP_STORED) as archive:
        for clip in clips:
            member = zipfile.ZipInfo(Path(clip.name).name if bare else clip.name)
            archive.writestr(member, _encode(clip))
    data: NDArray[np.uint8] = np.frombuffer(buffer.getvalue(), dtype=np.uint8)
    parts = np.array_split(data, PIECES) if layout == "pieces" else [data]
    for number, part in enumerate(parts, start=1):
        suffix = f".{number:03d}" if layout == "pieces" else ""
        (out / (name + suffix)).write_bytes(part.tobytes())


def _encode(clip: Clip) -> bytes:
    size = (clip.width, clip.height, clip.fps, clip.num_frames)
    return write_clip(*size, clip.traces, seed=clip.seed, with_audio=not clip.traces)
