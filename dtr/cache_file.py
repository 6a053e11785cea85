"""One file of the feature cache: clip features as safetensors with a hash over their arrays."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from dtr.errors import CacheError, MissingExtraError
from dtr.features import ClipFeatures
from dtr.planted import Planted

StorageType = Literal["auto", "float16", "bfloat16", "float32"]
"""How tokens are stored; "auto" = float16, or bfloat16 for a clip whose values exceed float16."""

METADATA = "dtr"
ARRAYS = ("tokens", "token_mask", "cells", "step_s")


def pack(clip: ClipFeatures, about: Mapping[str, str], dtype: StorageType = "auto") -> bytes:
    """Features as the bytes of a file.

    Args:
        clip: features, finite.
        about: kept as metadata.
        dtype: how tokens are stored.

    Raises:
        CacheError: a value is not finite, or too large for `dtype`.
    """
    stored, name = store_tokens(clip.tokens, dtype)
    arrays = {"tokens": stored, "token_mask": clip.token_mask, "cells": clip.cells, "step_s": clip.step_s}
    own: dict[str, Any] = {"tokens_dtype": name, "backbone_id": clip.backbone_id, "sha256": _digest(arrays)}
    if clip.planted is not None:
        own["planted"] = clip.planted.to_json()
    # One metadata entry: safetensors writes several in random order, and the same features must give the same bytes.
    return _safetensors().save(arrays, {METADATA: json.dumps({**about, **own}, sort_keys=True)})


def unpack(data: bytes) -> tuple[ClipFeatures, dict[str, str]]:
    """Features and metadata of a file's bytes; tokens float16, or float32 where bfloat16 was stored.

    Raises:
        ValueError: not a whole file of this kind, or its arrays are not those that were written.
    """
    from safetensors import SafetensorError

    try:
        found = _safetensors().load(data)
        header = json.loads(data[8 : 8 + int.from_bytes(data[:8], "little")])
        about = json.loads(header["__metadata__"][METADATA])
        arrays = {name: found[name] for name in ARRAYS}
        kind, backbone_id, digest = about["tokens_dtype"], about["backbone_id"], about["sha256"]
        planted = None if "planted" not in about else Planted.from_json(about["planted"])
    except (SafetensorError, KeyError, TypeError) as error:
        raise ValueError(f"not a whole file of cached features: {error}") from error
    if digest != _digest(arrays):
        raise ValueError("its arrays are not those that were written")
    if kind == "bfloat16":
        arrays["tokens"] = (arrays["tokens"].astype(np.uint32) << 16).view(np.float32)
    return ClipFeatures(**arrays, backbone_id=backbone_id, planted=planted), about


def store_tokens(tokens: NDArray[np.floating], dtype: StorageType) -> tuple[NDArray[Any], str]:
    """Tokens as they are stored, and the name of that type; bfloat16 as its 16 bits in uint16.

    Raises:
        CacheError: a value is not finite, or too large for `dtype`.

    Example:
        >>> store_tokens(np.array([1e6], np.float32), "auto")[1]
        'bfloat16'
    """
    if not np.isfinite(tokens).all():
        raise CacheError("features hold values that are not finite; the backbone or its precision is at fault")
    if dtype == "auto":
        dtype = "float16" if np.abs(tokens).max(initial=0) <= np.finfo(np.float16).max else "bfloat16"
    if dtype == "bfloat16":
        bits = np.ascontiguousarray(tokens, np.float32).view(np.uint32)
        return ((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16).astype(np.uint16), dtype  # to nearest, ties to even
    with np.errstate(over="ignore"):
        stored = tokens.astype(dtype)
    if not np.isfinite(stored).all():
        raise CacheError(f"features are too large for {dtype}; set dtype to auto, bfloat16 or float32")
    return stored, dtype


def replace_file(path: Path, data: bytes) -> None:
    """Write beside the target, then rename over it: the file is there whole or not at all."""
    temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    temporary.write_bytes(data)
    temporary.replace(path)


def _safetensors() -> Any:
    try:
        import safetensors.numpy
    except ImportError as error:
        raise MissingExtraError(
            "the feature cache needs the package safetensors; run: pip install 'dtr-video[train]'"
        ) from error
    return safetensors.numpy


def _digest(arrays: Mapping[str, NDArray[Any]]) -> str:
    digest = hashlib.sha256()
    for name in sorted(arrays):
        array = np.ascontiguousarray(arrays[name])
        digest.update(f"{name} {array.dtype.str} {array.shape}\n".encode())
        digest.update(array.reshape(-1).view(np.uint8).data)
    return digest.hexdigest()
