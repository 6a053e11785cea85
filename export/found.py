"""Detectors at hand: what DTR ships, and what lies in a folder and below its `runs/`. None is loaded."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from dtr.detector import read_info
from dtr.detector_files import INFO_FILE, sha256
from dtr.errors import DetectorError
from dtr.export.metadata import PREFIX, from_metadata
from dtr.export.onnx_file import read_properties
from dtr.export.runtime import embedded_models, require_recorded
from dtr.model_info import ModelInfo

RUNS = "runs"
"""Where `dtr fit`, `dtr train-all` and `dtr ablate` write by default."""

RUNS_DEPTH = 5
"""Folders below `runs/` that a detector may lie in: runs/all/pretrained/box/detector is the fourth."""

Form = Literal["fused", "heads", "folder"]


@dataclass(frozen=True)
class Found:
    """A detector that a command can be given.

    Attributes:
        name: to give: of an embedded one, or a path.
        form: "fused" or "heads" = an ONNX file that takes frames or features; "folder" = a detector folder.
        sha256: of the ONNX file, or of `detector.json`, which holds those of the folder's other files.
        info: its metadata.
    """

    name: str
    form: Form
    sha256: str
    info: ModelInfo


def embedded_detectors() -> Iterator[Found]:
    """What DTR ships, sorted by name.

    Raises:
        DetectorError: one is damaged, or is not the one that was shipped.
    """
    for name, file in embedded_models().items():
        path = Path(str(file))
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        require_recorded(name, digest)
        info, graph = from_metadata(read_properties(path), name)
        yield Found(name, graph, digest, info)


def local_detectors(folder: Path) -> Iterator[Found | DetectorError]:
    """Detectors of DTR in a folder, in its direct subfolders and below its `runs/`, sorted by path.

    ONNX files of others are passed by; hidden folders and links to folders are not entered.

    Args:
        folder: to look in; names are relative to it, with "./" where an embedded one has the same.

    Returns:
        Each detector, or why one that should be ours cannot be read.
    """
    names = sorted({*_paths(folder, folder, 1), *_paths(folder / RUNS, folder, RUNS_DEPTH)})
    embedded = embedded_models()
    for place in names:
        name = f"./{place}" if place in embedded else place
        try:
            found = open_folder(folder / name, name) if (folder / name).is_dir() else _open_file(folder / name, name)
        except DetectorError as error:
            yield error
        else:
            if found is not None:
                yield found


def open_folder(path: Path, name: str) -> Found:
    """A detector folder by its metadata.

    Raises:
        DetectorError: it is not one, or its metadata are damaged.
    """
    info, _ = read_info(path)
    return Found(name, "folder", sha256(path / INFO_FILE), info)


def _open_file(path: Path, name: str) -> Found | None:
    """An ONNX file by its metadata; None = it is not one of DTR's."""
    try:
        properties = read_properties(path)
    except DetectorError:
        return None  # whatever it is, nothing says that it is ours
    if not any(key.startswith(PREFIX) for key in properties):
        return None
    info, graph = from_metadata(properties, name)
    return Found(name, graph, sha256(path), info)


def _paths(top: Path, root: Path, depth: int) -> Iterator[str]:
    """Names relative to `root` of ONNX files in `top` and of detector folders, up to `depth` folders below it."""
    try:
        entries = sorted(os.scandir(top), key=lambda e: e.name)
    except OSError:
        return  # no such folder, or one that we may not read: nothing here is at hand
    if any(e.name == INFO_FILE for e in entries):
        yield os.path.relpath(top, root)
        return
    for entry in entries:
        if entry.name.endswith(".onnx") and entry.is_file():
            yield os.path.relpath(entry.path, root)
        elif depth and entry.is_dir(follow_symlinks=False) and not entry.name.startswith("."):
            yield from (n for n in _paths(Path(entry.path), root, depth - 1))
