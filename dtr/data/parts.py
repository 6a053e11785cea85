"""The parts of a training run, named video by video in a JSON file: for folds, which no split of a data set states."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

from dtr.annotation import VideoAnnotation
from dtr.batch_run import write_text_atomically
from dtr.errors import ConfigError

PARTS = ("fit", "dev", "calibration", "test")
"""Gradients; choice of a checkpoint; calibration and thresholds; measured."""


def write_parts(path: Path, parts: Mapping[str, Iterable[str]]) -> None:
    """Write video ids by part; a part that is not named is empty.

    Args:
        path: of the file, replaced as a whole.
        parts: ids by name of `PARTS`.
    """
    write_text_atomically(path, json.dumps({name: list(parts.get(name, ())) for name in PARTS}, indent=1) + "\n")


def read_parts(path: Path, videos: Sequence[VideoAnnotation]) -> dict[str, tuple[VideoAnnotation, ...]]:
    """Videos of each part, in the order of the file.

    Args:
        path: file that `write_parts` wrote.
        videos: of the data set, with labels.

    Raises:
        ConfigError: the file is missing or malformed, names a video that is not there, or one in two parts.
    """
    ids = _read(path)
    by_id = {v.video_id: v for v in videos}
    owner: dict[str, str] = {}
    for name, listed in ids.items():
        for video_id in listed:
            if video_id not in by_id:
                raise ConfigError(
                    f"{path}: expected labelled videos of the data set, got '{video_id}' in part '{name}', which is "
                    "none; make the file from the same annotations"
                )
            if video_id in owner:
                raise ConfigError(
                    f"{path}: expected every video in one part, got '{video_id}' in '{owner[video_id]}' and in "
                    f"'{name}'; keep one"
                )
            owner[video_id] = name
    return {name: tuple(by_id[video_id] for video_id in ids[name]) for name in PARTS}


def _read(path: Path) -> dict[str, list[str]]:
    try:
        data: Any = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, RecursionError) as error:
        raise ConfigError(f"{path}: expected a JSON file of parts, got none ({error}); name another file") from error
    if not isinstance(data, dict) or set(data) != set(PARTS) or not all(_are_ids(v) for v in data.values()):
        raise ConfigError(f"{path}: expected lists of video ids under {', '.join(PARTS)}, got {data!r:.80}; mend it")
    return data


def _are_ids(value: Any) -> bool:
    return isinstance(value, list) and all(isinstance(v, str) for v in value)
