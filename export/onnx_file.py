"""The metadata of an ONNX file, read past its graph: no library, and no weights in memory."""

from __future__ import annotations

import os
from pathlib import Path
from typing import BinaryIO

from dtr.detector_files import reason
from dtr.errors import DetectorError

METADATA_FIELD = 14
"""Of `ModelProto`: repeated `StringStringEntryProto`, whose fields 1 and 2 are key and value. Source: onnx.proto3."""

MOST_BYTES = 64 << 20
"""Metadata beyond this are no detector's."""

_VARINT, _FIXED64, _BYTES, _FIXED32 = 0, 1, 2, 5
"""Wire types of protocol buffers."""


def read_properties(path: Path) -> dict[str, str]:
    """Metadata properties of an ONNX file, in milliseconds whatever its size.

    Nothing else of the file is checked: `dtr.export.runtime.load_model` does that.

    Args:
        path: of the file.

    Raises:
        DetectorError: the file cannot be read, or is no ONNX file.
    """
    try:
        with path.open("rb") as file:
            return dict(_properties(file, os.fstat(file.fileno()).st_size))
    except OSError as error:
        raise DetectorError(f"{path}: expected an .onnx file, got {reason(error)}; check the path") from error
    except ValueError as error:  # what is not UTF-8 too
        raise DetectorError(
            f"{path}: expected an ONNX file, got other bytes ({reason(error)}); export it again"
        ) from error


def _properties(file: BinaryIO, end: int) -> list[tuple[str, str]]:
    """Keys and values of the file from its place up to `end`, which must be where the last field ends."""
    found, held = [], 0
    while file.tell() < end:
        field, size = _next_field(file, end)
        if field != METADATA_FIELD:
            file.seek(size, os.SEEK_CUR)
            continue
        held += size
        if held > MOST_BYTES:
            raise ValueError(f"more than {MOST_BYTES >> 20} MiB of metadata")
        found.append(_entry(file, file.tell() + size))
    return found


def _entry(file: BinaryIO, end: int) -> tuple[str, str]:
    texts = {1: "", 2: ""}
    while file.tell() < end:
        field, size = _next_field(file, end)
        texts[field] = file.read(size).decode("utf-8")
    return texts[1], texts[2]


def _next_field(file: BinaryIO, end: int) -> tuple[int, int]:
    """Number of the next field and the bytes of its content, which comes next; a number has been passed by."""
    tag = _varint(file)
    field, wire = tag >> 3, tag & 7
    if wire == _VARINT:
        _varint(file)
        size = 0
    elif wire == _BYTES:
        size = _varint(file)
    elif wire in (_FIXED64, _FIXED32):
        size = 8 if wire == _FIXED64 else 4
    else:
        raise ValueError(f"no field has wire type {wire}")
    if field == 0 or size > end - file.tell():
        raise ValueError(f"field {field} of {size} bytes, {end - file.tell()} are left")
    return field, size


def _varint(file: BinaryIO) -> int:
    """A number of seven bits a byte, the lowest first; the last byte's eighth bit is 0."""
    value = 0
    for shift in range(0, 70, 7):
        byte = file.read(1)
        if not byte:
            raise ValueError("it ends within a field")
        value |= (byte[0] & 0x7F) << shift
        if byte[0] < 0x80:
            return value
    raise ValueError("a number of more than ten bytes")
