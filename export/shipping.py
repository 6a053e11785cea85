"""What stands beside an exported detector that ships with DTR: its card, its hash, and its heads to start from."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from dtr.batch_run import write_text_atomically
from dtr.detector import BackbonePart, LoadedDetector, load_detector, save_detector
from dtr.detector_files import sha256
from dtr.errors import DetectorError
from dtr.export.metadata import from_metadata
from dtr.export.onnx_file import read_properties

PACKAGED = "packaged"
"""How an image backbone names the weights that an installed package carries."""


def ship(folder: Path, onnx: Path, *, weights: str = PACKAGED, allow: Sequence[str] = ()) -> list[Path]:
    """Write everything that belongs beside an embedded `<name>.onnx`.

    Args:
        folder: detector folder. onnx: where `dtr export` wrote it, in `dtr/models/`.
        weights, allow: as for `without_backbone_weights`.

    Returns:
        What was written: `<name>.md` (card), `<name>.json` (SHA-256) and `<name>/` (`without_backbone_weights`).

    Raises:
        DetectorError: the file was exported from another detector, or the backbone's weights are not the packaged ones.
    """
    card, record, heads = onnx.with_suffix(".md"), onnx.with_suffix(".json"), onnx.with_suffix("")
    exported, _ = from_metadata(read_properties(onnx), str(onnx))
    detector = load_detector(folder, allow=allow)
    if exported.model_id != detector.info.model_id:
        raise DetectorError(
            f"{onnx}: expected the export of {detector.info.model_id}, got {exported.model_id}; run: dtr export "
            f"{folder} -o {onnx}"
        )
    without_backbone_weights(detector, heads, weights=weights)
    write_text_atomically(card, detector.card)
    write_text_atomically(record, json.dumps({"sha256": sha256(onnx)}) + "\n")
    return [card, record, heads]


def without_backbone_weights(detector: LoadedDetector, out: Path, *, weights: str = PACKAGED) -> Path:
    """Write a detector folder whose backbone is only referred to: small enough to ship beside the ONNX file.

    Args:
        detector: from `load_detector`.
        out: to write; an existing detector folder is replaced.
        weights: what the backbone's class takes for the same weights, without a file.

    Raises:
        DetectorError: those are other weights than the detector's (a backbone that was trained cannot be left out).
    """
    backbone = detector.backbone
    if backbone is not None and backbone.weights is not None:
        init = {**backbone.init, "init_args": {**backbone.init["init_args"], "weights": weights}}
        backbone = BackbonePart(init)
        replace(detector, backbone=backbone).build_backbone()  # refuses any but the detector's own weights
    return save_detector(
        out,
        info=detector.info,
        heads=detector.heads,
        head_init=detector.head_init,
        backbone=backbone,
        card=detector.card,
    )
