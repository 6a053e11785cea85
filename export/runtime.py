"""Run an exported detector with numpy and onnxruntime; torch is never imported here."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from dtr.decode.assemble import READS
from dtr.detector_files import INFO_FILE, reason
from dtr.errors import ConfigError, DetectorError
from dtr.export.metadata import CELLS_OUTPUT, FUSED_INPUTS, Graph, from_metadata
from dtr.extras import check_onnxruntime
from dtr.features import Features
from dtr.model_info import ModelInfo
from dtr.shipped import recorded_hash
from dtr.spec import FEATURE_INPUTS, ONNX_SEPARATOR
from dtr.steps import ClipSteps

if TYPE_CHECKING:
    from importlib.resources.abc import Traversable

    from onnxruntime import InferenceSession

WINDOWS_AT_ONCE = 4
"""Windows in one run of a fused graph: bounds memory (about 0.7 GB at 224 pixels) for a few steps computed twice."""


@dataclass(frozen=True)
class OnnxModel:
    """A detector that is ready to run.

    Attributes:
        info: its metadata.
        graph: "fused" = takes frames, "heads" = takes features.
        name: path or embedded name; sha256: of the file.
        providers: onnxruntime execution providers in use.
    """

    info: ModelInfo
    graph: Graph
    name: str
    sha256: str
    providers: tuple[str, ...]
    _session: InferenceSession = field(repr=False)

    def infer(self, steps: ClipSteps, *, windows_at_once: int = WINDOWS_AT_ONCE) -> dict[str, NDArray[Any]]:
        """Raw outputs of every window of one clip, in bounded memory.

        Args:
            steps: rendered with this model's views and clock.
            windows_at_once: windows in one run of the graph, ≥ 1; changes speed and memory only.

        Returns:
            `<head>.<field>` → (W, …), as far as decoding reads it; "cells" (N, P, 4) float32 xyxy in the displayed
            frame; "token_mask" (N, P) bool; "window_steps" (W, T) int64 step index, −1 = padding.

        Raises:
            DetectorError: the model takes features, or the steps were rendered for another model.
        """
        self._require_steps(steps)
        window_steps = self.info.clock.window_steps(len(steps.frames))
        parts = [self._run_group(steps, group) for group in _groups(window_steps, windows_at_once)]
        outputs = {name: np.concatenate([part[name] for part in parts]) for name in parts[0] if name != CELLS_OUTPUT}
        cells = parts[0][CELLS_OUTPUT]  # (P, 4), the same for every step of an image backbone
        n, p = len(steps.frames), len(cells)
        outputs[CELLS_OUTPUT] = np.broadcast_to(cells, (n, p, 4))
        outputs["token_mask"] = np.broadcast_to(steps.step_mask[:, None], (n, p))
        outputs["window_steps"] = window_steps
        return outputs

    def infer_features(self, features: Features) -> dict[str, NDArray[Any]]:
        """Raw outputs of every window of features.

        Args:
            features: numpy arrays, of this model's backbone.

        Returns:
            `<head>.<field>` → (B, …), as far as decoding reads it.

        Raises:
            DetectorError: the model takes frames, or the features come from another backbone.
        """
        if self.graph != "heads":
            raise DetectorError(
                f"{self.name}: takes frames, not features; export the detector with --heads-only to run it on features"
            )
        features.require_backbone(self.info.backbone_id, self.name)
        width = next(iter(self.info.heads.values())).width
        if features.tokens.shape[-1] != width:
            raise DetectorError(
                f"{self.name}: expected tokens of width {width}, got {features.tokens.shape[-1]}; "
                "make the features with the backbone settings the heads were trained on"
            )
        dtypes = (np.float32, np.bool_, np.float32, np.float32)
        arrays: Iterator[NDArray[Any]] = (
            np.ascontiguousarray(getattr(features, n), dtype=d) for n, d in zip(FEATURE_INPUTS, dtypes, strict=True)
        )
        return self.run(dict(zip(FEATURE_INPUTS, arrays, strict=True)), self._decoded)

    def _run_group(self, steps: ClipSteps, group: NDArray[np.int64]) -> dict[str, NDArray[Any]]:
        """Run some consecutive windows on only the steps they need."""
        low, high = int(group[0, 0]), int(group.max()) + 1
        return self.run(
            {
                "frames": np.ascontiguousarray(steps.frames[low:high]),
                "window_steps": np.where(group < 0, -1, group - low),
                "step_mask": np.asarray(steps.step_mask[low:high], dtype=np.bool_),
                "step_s": np.asarray(steps.step_s[low:high], dtype=np.float32),
                "view_boxes": np.asarray(steps.view_boxes, dtype=np.float32),
            },
            (*self._decoded, CELLS_OUTPUT),
        )

    @cached_property
    def _decoded(self) -> tuple[str, ...]:
        """Outputs that decoding reads: the others, such as distributions over box sides, would only be copied."""
        return tuple(
            f"{head}{ONNX_SEPARATOR}{output.name}"
            for head, spec in self.info.heads.items()
            for output in spec.outputs
            if output.name in READS.get(spec.kind, ())
        )

    def signature(self) -> list[tuple[str, str, str, list[str | int]]]:
        """Every input and output of the graph: ("input" or "output", name, element type, axes)."""
        return [
            (kind, item.name, item.type.removeprefix("tensor(").removesuffix(")"), list(item.shape))
            for kind, items in (("input", self._session.get_inputs()), ("output", self._session.get_outputs()))
            for item in items
        ]

    def run(self, inputs: dict[str, NDArray[Any]], names: Sequence[str] | None = None) -> dict[str, NDArray[Any]]:
        """One run of the graph as it is: its inputs by name → its outputs by name.

        Args:
            inputs: all of them.
            names: of the outputs to fetch; None = all.

        Raises:
            DetectorError: onnxruntime cannot run it, for example for lack of memory.
        """
        from onnxruntime.capi import onnxruntime_pybind11_state as errors

        names = [output.name for output in self._session.get_outputs()] if names is None else list(names)
        try:
            return dict(zip(names, self._session.run(names, inputs), strict=True))
        except (errors.Fail, errors.InvalidArgument, errors.RuntimeException) as error:
            shapes = ", ".join(f"{name} {value.dtype}{list(value.shape)}" for name, value in inputs.items())
            raise DetectorError(f"{self.name}: onnxruntime could not run it on {shapes}: {reason(error)}") from error

    def _require_steps(self, steps: ClipSteps) -> None:
        if self.graph != "fused":
            raise DetectorError(
                f"{self.name}: takes features of backbone '{self.info.backbone_id}', not frames; "
                "run that backbone first, or export an image detector without --heads-only"
            )
        size = self.info.views[0].size
        expected = (len(self.info.views), size, size, 3)
        if steps.frames.shape[1:] != expected or steps.frames.dtype != np.uint8 or not len(steps.frames):
            raise DetectorError(
                f"{self.name}: expected uint8 frames of shape (N, {', '.join(map(str, expected))}), "
                f"got {steps.frames.dtype} {steps.frames.shape}; render the steps with this model's views"
            )
        if steps.flipped:
            raise DetectorError(f"{self.name}: expected steps as displayed, got mirrored ones; mirror only in training")


def load_model(
    name_or_path: str | Path | None = None, *, providers: Sequence[str] | None = None, threads: int | None = None
) -> OnnxModel:
    """Load an exported detector.

    Args:
        name_or_path: .onnx file or name of an embedded model; None = the embedded one (the first by name).
        providers: onnxruntime execution providers in order of preference; None = CUDA where it works, then CPU.
        threads: CPU threads inside an operation; None = all cores.

    Raises:
        MissingExtraError: onnxruntime is not installed.
        DetectorError: no such model, not ours, damaged, of a newer DTR, or an embedded one whose SHA-256 is not the
            recorded one.
        ConfigError: a provider that this onnxruntime does not have, or a number of threads below 1.
    """
    check_onnxruntime()
    name, data = _read_model(name_or_path)
    digest = hashlib.sha256(data).hexdigest()
    if name in embedded_models():
        require_recorded(name, digest)
    session = open_session(data, name, providers, threads)
    info, graph = from_metadata(session.get_modelmeta().custom_metadata_map, name)
    _require_graph(session, info, graph, name)
    return OnnxModel(info, graph, name, digest, tuple(session.get_providers()), session)


def embedded_models() -> dict[str, Traversable]:
    """Models that are shipped inside the package, by name, sorted."""
    files = (f for f in resources.files("dtr.models").iterdir() if f.name.endswith(".onnx"))
    return {f.name.removesuffix(".onnx"): f for f in sorted(files, key=lambda f: f.name)}


def require_recorded(name: str, digest: str) -> None:
    """An embedded model must be the one that was shipped; `dtr doctor` warns of one without a record.

    Raises:
        DetectorError: its SHA-256 is not the recorded one.
    """
    recorded = recorded_hash(resources.files("dtr.models"), name)
    if recorded is not None and recorded != digest:
        raise DetectorError(
            f"{name}: expected the embedded detector with SHA-256 {recorded[:12]}…, got {digest[:12]}…; it is damaged "
            "or was changed: reinstall DTR"
        )


def _read_model(name_or_path: str | Path | None) -> tuple[str, bytes]:
    """Name and content of a model file; read whole, so that the hash is of what runs and no other file is followed."""
    embedded = embedded_models()
    if name_or_path is None:
        if not embedded:
            raise DetectorError(
                "this installation carries no embedded model; name one with --model FILE.onnx, or reinstall DTR"
            )
        name_or_path = next(iter(embedded))
    if str(name_or_path) in embedded:
        return str(name_or_path), embedded[str(name_or_path)].read_bytes()
    path = Path(name_or_path)
    if (path / INFO_FILE).is_file():
        raise DetectorError(
            f"{path}: a detector folder, expected an ONNX file; run: dtr export {path} -o detector.onnx"
        )
    try:
        return str(path), path.read_bytes()
    except OSError as error:
        known = ", ".join(embedded) or "none"
        raise DetectorError(
            f"{path}: expected an .onnx file or an embedded model ({known}), got {reason(error)}; check the name"
        ) from error


def open_session(data: bytes, name: str, providers: Sequence[str] | None, threads: int | None) -> InferenceSession:
    """A session with the house's options.

    Args:
        data: of the file. name: for messages. providers: None = GPU if there is one, then CPU. threads: None = all.

    Raises:
        DetectorError: the data cannot be loaded. ConfigError: fewer than one thread, or no such provider.
    """
    import onnxruntime
    from onnxruntime.capi import onnxruntime_pybind11_state as errors

    if threads is not None and threads < 1:
        raise ConfigError(f"threads: expected at least 1, got {threads}")
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    options.inter_op_num_threads = 1
    options.use_deterministic_compute = True
    options.log_severity_level = 3
    chosen = _providers(onnxruntime.get_available_providers(), providers)
    try:
        return onnxruntime.InferenceSession(data, options, providers=chosen)
    except (
        errors.InvalidProtobuf,
        errors.InvalidGraph,
        errors.InvalidArgument,
        errors.NotImplemented,
        errors.NoSuchFile,
        errors.Fail,
        errors.RuntimeException,
    ) as error:
        raise DetectorError(
            f"{name}: expected a whole ONNX file, got {len(data)} bytes that onnxruntime {onnxruntime.__version__} "
            f"cannot load ({reason(error)}); copy or export it again"
        ) from error


def _providers(available: Sequence[str], wanted: Sequence[str] | None) -> list[str]:
    """Execution providers to use.

    Raises:
        ConfigError: a wanted one is not there.

    Example:
        >>> _providers(["TensorrtExecutionProvider", "CUDAExecutionProvider", "CPUExecutionProvider"], None)
        ['CUDAExecutionProvider', 'CPUExecutionProvider']
    """
    if wanted is None:
        return [p for p in ("CUDAExecutionProvider", "CPUExecutionProvider") if p in available]
    missing = [p for p in wanted if p not in available]
    if missing or not wanted:
        raise ConfigError(f"providers: expected some of {', '.join(available)}, got {', '.join(wanted) or 'none'}")
    return list(wanted)


def _require_graph(session: InferenceSession, info: ModelInfo, graph: Graph, name: str) -> None:
    """The graph must have what its metadata promises, or a later step fails far from the cause."""
    promised = {f"{head}{ONNX_SEPARATOR}{output.name}" for head, spec in info.heads.items() for output in spec.outputs}
    found = {output.name for output in session.get_outputs()} - {CELLS_OUTPUT}
    inputs = {i.name for i in session.get_inputs()}
    expected = set(FEATURE_INPUTS if graph == "heads" else FUSED_INPUTS)
    if promised != found or inputs != expected:
        raise DetectorError(
            f"{name}: its metadata promises outputs {sorted(promised)} of inputs {sorted(expected)}, "
            f"the graph has {sorted(found)} of {sorted(inputs)}; export it again"
        )


def _groups(window_steps: NDArray[np.int64], size: int) -> Iterator[NDArray[np.int64]]:
    """Consecutive rows, `size` at a time."""
    if size < 1:
        raise ConfigError(f"windows_at_once: expected at least 1, got {size}")
    for start in range(0, len(window_steps), size):
        yield window_steps[start : start + size]
