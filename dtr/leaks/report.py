"""`leak_report`: every probe of a data set, its copies and its real-vs-real floor, in one object."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from dtr.annotation import VideoAnnotation
from dtr.canonical.root import canonical_info
from dtr.data.dataset import read_dataset
from dtr.data.media import is_file, normal_path
from dtr.data.splits import source_groups
from dtr.errors import AnnotationError
from dtr.extras import require_sklearn
from dtr.leaks.facts_file import read_media
from dtr.leaks.media_facts import FailedFile
from dtr.leaks.near_duplicates import DuplicateReport, near_duplicates
from dtr.leaks.probes import (
    MIN_PER_LABEL,
    GeneratorProbe,
    LabelProbe,
    generator_probe,
    label_probe,
)
from dtr.leaks.source_floor import SourceFloor, cached_vectors, source_floor
from dtr.leaks.tables import GROUPS, Clip, FactGroup, Table, clip_of, content_statistics

Progress = Callable[[int, int], None]


@dataclass(frozen=True)
class GroupResult:
    """What one group of facts tells.

    Attributes:
        name, about: of the group.
        label: how well it names the label; None = `skipped` says why.
        generator: how well it names the generator; None = `generator_skipped` says why.
    """

    name: str
    about: str
    label: LabelProbe | None
    generator: GeneratorProbe | None
    skipped: str = ""
    generator_skipped: str = ""


@dataclass(frozen=True)
class LeakReport:
    """What tells the label of a data set without showing a trace.

    Attributes:
        root: what was read. split: the split looked at; None = all. seed: of folds, trees and bootstraps.
        canonical: the media went through `dtr data canonicalise`.
        counts: videos by label, rows with problems, videos without label, media missing, not read, read.
        groups: worst leak first, those without a probe last.
        duplicates: None = no media.
        source_floor: None = `source_floor_skipped` says why.
        one_label_folders: folders of media that hold one label only: the path of a file names it.
        failures: files that are there and could not be read.
        notes: what was left out.
    """

    root: str
    split: str | None
    seed: int
    canonical: bool
    counts: dict[str, int]
    groups: tuple[GroupResult, ...]
    duplicates: DuplicateReport | None
    source_floor: SourceFloor | None
    source_floor_skipped: str
    one_label_folders: tuple[str, ...]
    failures: tuple[FailedFile, ...]
    notes: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; what is not defined is null."""
        return {
            "schema": 1,
            "root": self.root,
            "split": self.split,
            "seed": self.seed,
            "canonical": self.canonical,
            "counts": self.counts,
            "groups": [_group_json(group) for group in self.groups],
            "duplicates": None if self.duplicates is None else self.duplicates.to_json(),
            "source_floor": None if self.source_floor is None else self.source_floor.to_json(),
            "source_floor_skipped": self.source_floor_skipped or None,
            "one_label_folders": list(self.one_label_folders),
            "failures": [{"path": str(f.path), "kind": f.kind, "message": f.message} for f in self.failures],
            "notes": list(self.notes),
        }


@dataclass(frozen=True)
class LeakOptions:
    """How to look.

    Attributes:
        split: look at this split only; None = all of them.
        media: False = annotations and manifests only, no file is opened.
        cache: feature cache for the real-vs-real floor; None = content statistics instead.
        facts_file: keeps what was read of the media; None = it is read anew.
        workers: threads that read media; None = one per processor.
        seed: of folds, trees and bootstraps.
    """

    split: str | None = None
    media: bool = True
    cache: Path | None = None
    facts_file: Path | None = None
    workers: int | None = None
    seed: int = 0


def leak_report(
    root: str | Path,
    options: LeakOptions | None = None,
    *,
    on_media: Progress | None = None,
    on_probe: Progress | None = None,
) -> LeakReport:
    """Look for what tells the label of a data set without showing a trace.

    Args:
        root: as for `read_dataset`.
        options: how to look.
        on_media, on_probe: called with (done, in all) after each media file and each probe.

    Raises:
        AnnotationError: nothing to read, no video in the split, or too few videos of a label.
        CacheError: the feature cache cannot be used.
        ConfigError: the facts file cannot be used.
        MissingExtraError: scikit-learn is not installed.
    """
    options = options or LeakOptions()
    require_sklearn("leak probes")
    data = read_dataset(root, on_error="collect")
    chosen = [v for v in data.videos if options.split is None or v.split == options.split]
    videos = [v for v in chosen if v.label is not None]
    _check_labels(videos, len(chosen), root, options.split)
    vectors = None if options.cache is None else cached_vectors(options.cache, videos)
    present = [path for v in videos if is_file(path := normal_path(v.path))] if options.media else []
    media, failures = read_media(
        list(dict.fromkeys(present)), options.facts_file, workers=options.workers, on_progress=on_media
    )
    clips = [clip_of(v, data.facts.get(v.video_id, {}), media.get(normal_path(v.path))) for v in videos]
    sources = source_groups(videos, data.facts)
    groups = _probe_all(clips, [sources[v.video_id] for v in videos], options.seed, on_probe)
    floor = _source_floor(clips, vectors, options.seed)
    counts = {
        "videos": len(videos),
        "fake": sum(v.label == "fake" for v in videos),
        "real": sum(v.label == "real" for v in videos),
        "without_label": len(chosen) - len(videos),
        "row_problems": len(data.problems),
        "media_read": sum(clip.media is not None for clip in clips),
        "media_missing": len(videos) - len(present) if options.media else 0,
        "media_failed": len(failures),
    }
    return LeakReport(
        root=str(root),
        split=options.split,
        seed=options.seed,
        canonical=canonical_info(root) is not None,
        counts=counts,
        groups=groups,
        duplicates=_duplicates(clips),
        source_floor=None if isinstance(floor, str) else floor,
        source_floor_skipped=floor if isinstance(floor, str) else "",
        one_label_folders=_one_label_folders(videos, data.root),
        failures=failures,
        notes=tuple(_notes(counts, options, groups)),
    )


def _check_labels(videos: Sequence[VideoAnnotation], num_chosen: int, root: str | Path, split: str | None) -> None:
    fake = sum(v.label == "fake" for v in videos)
    real = len(videos) - fake
    if min(fake, real) < MIN_PER_LABEL:
        where = f"split {split} of {root}" if split else str(root)
        raise AnnotationError(
            f"{where}: expected at least {MIN_PER_LABEL} fake and {MIN_PER_LABEL} real videos to look for leaks, got "
            f"{fake} and {real} ({num_chosen - len(videos)} without a label); give more of the data set"
        )


def _probe_all(
    clips: Sequence[Clip], sources: Sequence[str], seed: int, on_probe: Progress | None
) -> tuple[GroupResult, ...]:
    """Every group's result, worst leak first."""
    found = []
    for done, group in enumerate(GROUPS, start=1):
        found.append(_probe(group, clips, sources, seed))
        if on_probe is not None:
            on_probe(done, len(GROUPS))
    return tuple(sorted(found, key=lambda r: -1.0 if r.label is None else r.label.auroc, reverse=True))


def _probe(group: FactGroup, clips: Sequence[Clip], sources: Sequence[str], seed: int) -> GroupResult:
    if group.needs_media and not any(clip.media is not None for clip in clips):
        why = "needs media, and no file was read"
        return GroupResult(group.name, group.about, None, None, why, why)
    table = group.build(clips)
    is_fake = np.array([clip.video.label == "fake" for clip in clips])
    label = label_probe(table, is_fake.astype(np.int64), sources, seed=seed)
    fakes = Table(table.columns, table.values[is_fake], table.model)
    generators = [clip.video.source for clip in clips if clip.video.label == "fake"]
    generator = generator_probe(fakes, generators, seed=seed)
    return GroupResult(
        group.name,
        group.about,
        None if isinstance(label, str) else label,
        None if isinstance(generator, str) else generator,
        label if isinstance(label, str) else "",
        generator if isinstance(generator, str) else "",
    )


def _duplicates(clips: Sequence[Clip]) -> DuplicateReport | None:
    looked_at = [(clip.video, clip.media.hashes) for clip in clips if clip.media is not None]
    return near_duplicates(*zip(*looked_at, strict=True)) if looked_at else None


def _source_floor(
    clips: Sequence[Clip], vectors: tuple[dict[str, NDArray[np.float64]], str] | None, seed: int
) -> SourceFloor | str:
    if vectors is None:
        known = [clip for clip in clips if clip.media is not None]
        if not known:
            return "needs media or a feature cache, and there is neither"
        table = content_statistics(known)
        named = {clip.video.video_id: row for clip, row in zip(known, table.values, strict=True)}
        vectors = named, "content statistics"
    return source_floor([clip.video for clip in clips], *vectors, seed=seed)


def _one_label_folders(videos: Sequence[VideoAnnotation], root: Path) -> tuple[str, ...]:
    """Top folders of the media with one label only; empty where all media lie in one folder."""
    base = normal_path(root)
    labels: dict[str, set[str | None]] = defaultdict(set)
    for video in videos:
        path = normal_path(video.path)
        parts = path.relative_to(base).parts if path.is_relative_to(base) else path.parts
        labels[parts[0] if len(parts) > 1 else "."].add(video.label)
    return tuple(sorted(name for name, found in labels.items() if len(found) == 1))


def _notes(counts: Mapping[str, int], options: LeakOptions, groups: Sequence[GroupResult]) -> Iterator[str]:
    if not options.media:
        yield "no media file was opened; groups that need one were left out"
    if counts["media_missing"]:
        yield f"{counts['media_missing']} media files are missing; groups that need them are about the others"
    if counts["media_failed"]:
        yield f"{counts['media_failed']} media files could not be read"
    if counts["row_problems"]:
        yield f"{counts['row_problems']} problems in the rows; list them with dtr data check"
    if counts["without_label"]:
        yield f"{counts['without_label']} videos have no label and were left out"
    yield from dict.fromkeys(note for group in groups if group.label is not None for note in group.label.notes)


def _group_json(group: GroupResult) -> dict[str, Any]:
    return {
        "name": group.name,
        "about": group.about,
        "label": None if group.label is None else group.label.to_json(),
        "skipped": group.skipped or None,
        "generator": None if group.generator is None else asdict(group.generator),
        "generator_skipped": group.generator_skipped or None,
    }
