"""All that a runnable detector says about itself: `detector.json` in a folder, `dtr.*` keys in an ONNX file."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from typing import Any

from dtr.clock import Clock
from dtr.spec import HeadSpec
from dtr.views import ViewSpec

FORMAT = 1


@dataclass(frozen=True)
class ModelInfo:
    """Metadata of a detector.

    Attributes:
        model_id: name and short hash of the weights.
        backbone_id: whose features the heads take.
        clock: steps and windows of the heads.
        views: of the image backbone; empty for a heads-only file of another backbone.
        heads: spec by head name.
        calibration: by target ("label", "trace", "category"), as `dtr.calibration` writes it; empty = uncalibrated.
        thresholds: {"label": …, "trace": …, "category": …} on calibrated scores, and the abstain band
            {"abstain": [low, high]}.
        operating: logits of the calibration clips, from which an operating point can be chosen (`dtr.decision`); empty
            in a detector without them.
        decoding: parameters of `dtr.decode` that differ from its defaults.
        training: on what data, how many clips, metrics beside the floor (plain JSON, shown by `dtr models`).
        dtr_version: that wrote it.
        format: version of this metadata.
    """

    model_id: str
    backbone_id: str
    clock: Clock
    views: tuple[ViewSpec, ...]
    heads: dict[str, HeadSpec]
    calibration: dict[str, Any] = field(default_factory=dict)
    thresholds: dict[str, Any] = field(default_factory=dict)
    operating: dict[str, Any] = field(default_factory=dict)
    decoding: dict[str, Any] = field(default_factory=dict)
    training: dict[str, Any] = field(default_factory=dict)
    dtr_version: str = ""
    format: int = FORMAT

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, one value per `dtr.*` key."""
        data = {name: getattr(self, name) for name in self.__dataclass_fields__}
        data["clock"] = asdict(self.clock)
        data["views"] = [v.to_json() for v in self.views]
        data["heads"] = {name: spec.to_json() for name, spec in self.heads.items()}
        return data

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> ModelInfo:
        """Inverse of `to_json`; raises KeyError, TypeError or ValueError on anything that is not ours."""
        data = {"operating": {}} | data  # the first detectors carry none
        known = {name: data[name] for name in cls.__dataclass_fields__}
        known["clock"] = Clock(**data["clock"])
        known["views"] = tuple(ViewSpec.from_json(v) for v in data["views"])
        known["heads"] = {name: HeadSpec.from_json(spec) for name, spec in data["heads"].items()}
        return cls(**known)
