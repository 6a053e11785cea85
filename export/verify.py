"""Prove that an ONNX file computes what its detector computes: on raw numbers and on decoded traces."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray

from dtr.backbones.protocol import Backbone
from dtr.decision import decide
from dtr.decode.assemble import Candidate, ClipDecoding, ClipGeometry, decode_clip
from dtr.decode.options import DecodeOptions
from dtr.detector import LoadedDetector, load_detector
from dtr.errors import ConfigError, DetectorError
from dtr.export.clips import synthetic_clips
from dtr.export.graph import FusedGraph, HeadsGraph
from dtr.export.metadata import FUSED_INPUTS
from dtr.export.runtime import OnnxModel, load_model
from dtr.export.to_onnx import export_fused, export_heads, image_backbone
from dtr.features import ClipFeatures, Features
from dtr.pipeline import apply_calibration
from dtr.spec import FEATURE_INPUTS
from dtr.steps import ClipSteps

Arrays = dict[str, NDArray[Any]]

TOLERANCE = 1e-4
"""Largest difference of any output element, float32."""

TRACE_TOLERANCE = 1e-3
"""Largest difference of a trace's score, seconds or box sides."""

FEATURE_SIZES = ((1, 1, 1), (1, 16, 49), (3, 7, 5), (2, 1, 9), (2, 16, 1))
"""B, T, P of random features."""

FRAME_SIZES = ((1, 1, 1), (5, 3, 7), (12, 1, 16))
"""S, B, T of random frames."""

_WINDOWS_AT_ONCE = 8


@dataclass
class Parity:
    """How equal two forms of a detector are.

    Attributes:
        max_abs: largest difference by output name, over all cases.
        cases: random inputs compared; clips: clips compared; traced: of them, how many would show a trace if they were
            certainly fake: one that reaches the detector's threshold.
        max_trace: largest difference of a decoded candidate's score, seconds or box sides.
    """

    max_abs: dict[str, float] = field(default_factory=dict)
    cases: int = 0
    clips: int = 0
    traced: int = 0
    max_trace: float = 0.0

    @property
    def worst(self) -> float:
        """Largest difference of all outputs."""
        return max(self.max_abs.values(), default=0.0)

    @property
    def note(self) -> str:
        """What the comparison does not prove; "" if nothing is missing."""
        if 2 * self.traced >= self.clips > 0:
            return ""
        return f"only {self.traced} of {self.clips} clips decode a trace, so decoded traces are hardly compared"


def verify(
    detector: LoadedDetector | str | Path, onnx_path: str | Path, clips: Sequence[ClipSteps] | None = None
) -> Parity:
    """Compare an ONNX file with its detector on random inputs and on clips.

    Args:
        detector: a detector, or its folder.
        onnx_path: file written from it.
        clips: rendered with the detector's views and clock; None = clips drawn by `synthetic_clips`. A heads-only file
            of a backbone that the folder only refers to is compared on random clips of features instead.

    Raises:
        DetectorError: the file is not an export of this detector, or differs from it beyond the tolerances.
    """
    detector = detector if isinstance(detector, LoadedDetector) else load_detector(detector)
    model = load_model(onnx_path, providers=["CPUExecutionProvider"])
    _require_same_info(detector, model)
    parity = Parity()
    backbone = _backbone(detector, model, clips)
    for inputs, expected in _random_cases(detector, model, backbone):
        _compare(model.run(inputs), expected, parity, model.name)
        parity.cases += 1
    for actual, expected, features in _clip_cases(detector, model, backbone, clips):
        # Decoding reads some outputs only, and those are all that the runtime fetches; random inputs compared the rest.
        _compare(actual, {name: expected[name] for name in expected if name in actual}, parity, model.name)
        _compare_traces(detector, actual, expected, features, parity, model.name)
        parity.clips += 1
    return parity


def export_verified(
    detector: LoadedDetector, out: str | Path, *, heads_only: bool = False, clips: Sequence[ClipSteps] | None = None
) -> Parity:
    """Export a detector and prove it; the file appears under its name only if it holds.

    Args:
        detector: to export.
        out: .onnx file to write.
        heads_only: leave the backbone out.
        clips: as in `verify`.

    Raises:
        ConfigError: nothing can be written where `out` is to be.
        DetectorError: it cannot be exported, or differs from torch; `out` is left as it was.
    """
    out = Path(out)
    try:
        out.parent.mkdir(parents=True, exist_ok=True)
        beside = tempfile.TemporaryDirectory(prefix=f".{out.name}.", dir=out.parent)
    except OSError as error:
        raise ConfigError(f"cannot write '{out}': {error.strerror or error}; choose another output") from error
    with beside as folder:
        unproven = Path(folder) / out.name
        (export_heads if heads_only else export_fused)(detector, unproven)
        parity = verify(detector, unproven, clips)
        unproven.replace(out)
    return parity


def _require_same_info(detector: LoadedDetector, model: OnnxModel) -> None:
    expected = detector.info if model.graph == "fused" else replace(detector.info, views=())
    found = model.info.to_json()
    for name, value in expected.to_json().items():
        if json.dumps(found[name]) != json.dumps(value):
            raise DetectorError(
                f"{model.name}: not an export of detector '{detector.info.model_id}' ({name} differs); export it again"
            )


def _backbone(detector: LoadedDetector, model: OnnxModel, clips: Sequence[ClipSteps] | None) -> Any:
    """What makes features; None for heads of a backbone that the folder only refers to, where no clips are given."""
    if model.graph == "fused":
        return image_backbone(detector)
    carried = detector.backbone is not None and detector.backbone.weights is not None
    return detector.build_backbone() if carried or clips is not None else None


def _random_cases(detector: LoadedDetector, model: OnnxModel, backbone: Any) -> Iterator[tuple[Arrays, Arrays]]:
    """Random inputs of every size, and what torch makes of them."""
    rng = np.random.default_rng(0)
    if model.graph == "heads":
        graph: HeadsGraph | FusedGraph = HeadsGraph(detector.heads)
        width = next(iter(detector.info.heads.values())).width
        cases = (_random_features(rng, *size, width) for size in FEATURE_SIZES)
    else:
        graph = FusedGraph(backbone, detector.heads)
        view = (len(detector.info.views), detector.info.views[0].size)
        cases = (_random_frames(rng, *size, *view) for size in FRAME_SIZES)
    for inputs in cases:
        with torch.no_grad():
            outputs = graph.eval()(*(torch.from_numpy(value) for value in inputs.values()))
        yield inputs, {name: value.numpy() for name, value in zip(graph.output_names, outputs, strict=True)}


def _random_features(rng: np.random.Generator, b: int, t: int, p: int, d: int) -> Arrays:
    corners = np.sort(rng.random((b, 1, p, 2, 2)), axis=-2).reshape(b, 1, p, 4)  # x0 y0 x1 y1
    edges = np.cumsum(rng.uniform(0.05, 0.4, (b, t + 1)), axis=1)
    arrays = (
        rng.standard_normal((b, t, p, d)).astype(np.float32),
        rng.random((b, t, p)) < 0.8,
        np.repeat(corners, t, axis=1).astype(np.float32),
        np.stack([edges[:, :-1], edges[:, 1:]], axis=-1).astype(np.float32),
    )
    return dict(zip(FEATURE_INPUTS, arrays, strict=True))


def _random_frames(rng: np.random.Generator, s: int, b: int, t: int, views: int, size: int) -> Arrays:
    edges = np.cumsum(rng.uniform(0.05, 0.4, s + 1))
    arrays = (
        rng.integers(0, 256, (s, views, size, size, 3), dtype=np.uint8),
        np.sort(rng.integers(-1, s, (b, t)), axis=1),
        rng.random(s) < 0.8,
        np.stack([edges[:-1], edges[1:]], axis=-1).astype(np.float32),
        np.tile(np.array([0.1, 0.0, 0.8, 1.0], dtype=np.float32), (views, 1)),
    )
    return dict(zip(FUSED_INPUTS, arrays, strict=True))


def _clip_cases(
    detector: LoadedDetector, model: OnnxModel, backbone: Backbone | None, clips: Sequence[ClipSteps] | None
) -> Iterator[tuple[Arrays, Arrays, ClipFeatures]]:
    """(onnxruntime outputs, torch outputs, features) of every clip.

    The torch side takes the way of training: backbone, features of the clip, windows, heads. So it also proves that
    the graph gathers windows as training does.
    """
    if backbone is None:
        for features in _random_clips(detector):
            windows, _ = features.all_windows(detector.info.clock)
            yield model.infer_features(windows), _torch_outputs(detector, windows), features
        return
    for clip in synthetic_clips(detector.info) if clips is None else clips:
        features = backbone.encode(clip)
        windows, _ = features.all_windows(detector.info.clock)
        actual = model.infer(clip) if model.graph == "fused" else model.infer_features(windows)
        yield actual, _torch_outputs(detector, windows), features


def _random_clips(detector: LoadedDetector) -> list[ClipFeatures]:
    """Clips of smooth random features, for a backbone that is not at hand."""
    rng = np.random.default_rng(1)
    width = next(iter(detector.info.heads.values())).width
    clips = []
    for steps in (1, 10, 34):
        arrays = _random_features(rng, 1, steps, 16, width)
        tokens = np.cumsum(arrays["tokens"][0], axis=0) / np.sqrt(np.arange(1, steps + 1))[:, None, None]
        mask, cells, step_s = (arrays[n][0] for n in FEATURE_INPUTS[1:])
        clips.append(ClipFeatures(tokens.astype(np.float32), mask, cells, step_s, detector.info.backbone_id))
    return clips


@torch.no_grad()
def _torch_outputs(detector: LoadedDetector, windows: Features) -> Arrays:
    graph = HeadsGraph(detector.heads).eval()
    arrays = [torch.from_numpy(np.ascontiguousarray(getattr(windows, name))) for name in FEATURE_INPUTS]
    parts = [graph(*chunk) for chunk in zip(*(a.split(_WINDOWS_AT_ONCE) for a in arrays), strict=True)]
    return {
        name: torch.cat(values).numpy()
        for name, values in zip(graph.output_names, zip(*parts, strict=True), strict=True)
    }


def _compare(actual: Mapping[str, NDArray[Any]], expected: Arrays, parity: Parity, where: str) -> None:
    """Note the largest differences.

    Raises:
        DetectorError: a shape or type differs, a value is not finite on one side only, or the tolerance is exceeded.
    """
    for name, value in expected.items():
        got = actual[name]
        if got.shape != value.shape or got.dtype != value.dtype:
            raise DetectorError(
                f"{where}: output '{name}': expected {value.dtype} {value.shape} as in torch, "
                f"got {got.dtype} {got.shape}; do not use the file"
            )
        same = (got == value) | (np.isnan(got) & np.isnan(value))
        with np.errstate(invalid="ignore"):
            delta = float(np.where(same, 0.0, np.abs(got - value)).max(initial=0.0))
        parity.max_abs[name] = max(parity.max_abs.get(name, 0.0), delta)
        if not delta <= TOLERANCE:
            raise DetectorError(
                f"{where}: output '{name}' differs from torch by {delta:.2g}, more than {TOLERANCE:g}; "
                "do not use the file"
            )


def _compare_traces(
    detector: LoadedDetector, actual: Arrays, expected: Arrays, features: ClipFeatures, parity: Parity, where: str
) -> None:
    """Decode both sides and compare every candidate, shown or not."""
    ours, theirs = (_decode(detector, outputs, features) for outputs in (expected, actual))
    counts = len(ours.candidates), len(theirs.candidates)
    deltas = [_nearest(candidate, theirs.candidates) for candidate in ours.candidates]
    if ours.label_logit is not None and theirs.label_logit is not None:
        deltas.append(abs(ours.label_logit - theirs.label_logit))
    parity.traced += bool(apply_calibration(detector.info, ours, replace(decide(detector.info), threshold=0.0)).traces)
    parity.max_trace = max(parity.max_trace, *deltas, 0.0)
    if counts[0] != counts[1] or parity.max_trace > TRACE_TOLERANCE:
        raise DetectorError(
            f"{where}: decodes {counts[1]} candidates where torch decodes {counts[0]}, and they differ by "
            f"{parity.max_trace:.2g}, more than {TRACE_TOLERANCE:g}; do not use the file"
        )


def _decode(detector: LoadedDetector, outputs: Arrays, features: ClipFeatures) -> ClipDecoding:
    """As if the clip were certainly fake: a small P(fake) would hide differences, and every trace."""
    info = detector.info
    window_steps = info.clock.window_steps(features.num_steps)
    end_s = float(features.step_s[-1, 1])
    geometry = ClipGeometry(window_steps, features.step_s, features.token_mask, features.cells, end_s)
    return decode_clip(outputs, info.heads, geometry, fake_score=1.0, options=DecodeOptions.from_json(info.decoding))


def _nearest(candidate: Candidate, others: Sequence[Candidate]) -> float:
    """Largest difference to the most similar one of `others`; their order may differ where scores tie."""
    return min((_distance(candidate, other) for other in others), default=float("inf"))


def _distance(one: Candidate, other: Candidate) -> float:
    if one.boxes.shape != other.boxes.shape or one.categories.shape != other.categories.shape:
        return float("inf")
    pairs = (
        ([one.raw_score, *one.span_s], [other.raw_score, *other.span_s]),
        (one.box, other.box),
        (one.times_s, other.times_s),
        (one.boxes, other.boxes),
        (one.categories, other.categories),
    )
    return max(float(np.abs(np.asarray(a) - np.asarray(b)).max(initial=0.0)) for a, b in pairs)
