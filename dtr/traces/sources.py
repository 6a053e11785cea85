"""What `dtr synth` starts from: the clips of an annotated data set, or plain videos."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from dtr.annotation import Label, VideoAnnotation
from dtr.data.dataset import read_dataset
from dtr.data.folder import is_plain_folder
from dtr.data.jsonl import ANNOTATIONS_FILE
from dtr.data.manifest import MANIFEST_FILE
from dtr.data.media import normal_path
from dtr.data.release import RELEASE_FILE
from dtr.errors import ConfigError
from dtr.inputs import expand_inputs
from dtr.job_pool import JobFailure


@dataclass(frozen=True)
class Sources:
    """Clips to start from.

    Attributes:
        name: of the data set or folder.
        roots: folders and files that were named; nothing is written into them.
        videos: the clips; each has a label.
        failures: (name, why) of what led to no file.
    """

    name: str
    roots: tuple[Path, ...]
    videos: tuple[VideoAnnotation, ...]
    failures: tuple[tuple[str, JobFailure], ...] = ()

    @property
    def sha256(self) -> str:
        """Hash of what decides about the clips that are made; media count by their path."""
        base = normal_path(self.roots[0])
        rows = []
        for video in self.videos:
            path = normal_path(video.path)
            place = path.relative_to(base).as_posix() if path.is_relative_to(base) else path.name
            rows.append([video.video_id, place, video.label, video.source, video.split])
        return hashlib.sha256(json.dumps(rows).encode()).hexdigest()

    def donor_of(self, video: VideoAnnotation, seed: int, k: int) -> VideoAnnotation | None:
        """Another clip of the same split and label, drawn by seed, clip and k; None = there is none."""
        peers = [v for v in self.videos if (v.split, v.label) == (video.split, video.label)]
        if len(peers) < 2:
            return None
        draw = hashlib.sha256(f"{seed}:{k}:{video.video_id}".encode()).digest()
        place = int(np.random.default_rng(list(draw)).integers(len(peers) - 1))
        others = [v for v in peers if v.video_id != video.video_id]
        return others[place]


def read_sources(
    names: Sequence[str], *, split: str | None = None, label: Label | None = None, limit: int | None = None
) -> Sources:
    """Clips of a data set, or of files and folders.

    Args:
        names: one data set (folder or annotation file), or files, folders and patterns of plain videos.
        split: of the clips of a data set to take; None = all.
        label: of the clips of a data set to take, None = all; what plain videos are.
        limit: so many clips, spread evenly; None = all.

    Raises:
        AnnotationError: the data set has a defect.
        ConfigError: no clip is left, a clip has no label, or a split was asked of plain videos.
    """
    if len(names) == 1 and _is_data_set(Path(names[0])):
        found = _from_data_set(Path(names[0]), split, label)
    else:
        found = _from_files(names, split, label)
    videos = found.videos
    if limit is not None and limit < len(videos):
        videos = tuple(videos[i * len(videos) // limit] for i in range(limit))
    if not videos and not found.failures:
        wanted = " ".join(word for word in (f"of split {split}" if split else "", label or "") if word)
        raise ConfigError(f"{found.name}: expected clips{' ' * bool(wanted)}{wanted}, found none; see dtr data stats")
    return Sources(found.name, found.roots, videos, found.failures)


def _is_data_set(path: Path) -> bool:
    """Whether there are annotations, or folders that say the label."""
    if not path.is_dir():
        return path.suffix in (".json", ".jsonl")
    files = (RELEASE_FILE, ANNOTATIONS_FILE, MANIFEST_FILE)
    return (
        any((path / name).exists() for name in files)
        or is_plain_folder(path)
        or next(path.glob(f"*/{MANIFEST_FILE}"), None) is not None
    )


def _from_data_set(path: Path, split: str | None, label: Label | None) -> Sources:
    data = read_dataset(path)
    videos = tuple(v for v in data.in_split(split) if label is None or v.label == label)
    unknown = next((v for v in videos if v.label is None), None)
    if unknown is not None:
        raise ConfigError(
            f"{unknown.where}: expected a label for every clip, got none for {unknown.video_id}; "
            "give it one, or choose with --label"
        )
    return Sources(normal_path(data.root).name, (data.root,), videos)


def _from_files(names: Sequence[str], split: str | None, label: Label | None) -> Sources:
    if label is None or split is not None:
        what = "a split of plain videos, which have none" if split else "plain videos without their label"
        raise ConfigError(f"{names[0]}: expected a data set, or plain videos with --label real or fake, got {what}")
    inputs = expand_inputs(names)
    failures = tuple((i.path, JobFailure(i.error.kind, str(i.error))) for i in inputs if i.error is not None)
    paths = list(dict.fromkeys(Path(i.path) for i in inputs if i.error is None))
    stems = Counter(path.stem for path in paths)
    videos = tuple(
        VideoAnnotation(
            video_id=path.stem if stems[path.stem] == 1 else path.as_posix(),
            path=path,
            label=label,
            traces=() if label == "real" else None,
            exhaustive=label == "real",
            where=str(path),
        )
        for path in paths
    )
    roots = tuple(Path(name) for name in names)
    return Sources(normal_path(roots[0]).name, roots, videos, failures)
