"""What a detector says of a video: types, and readers of verdicts, prediction rows and language models' words."""

from __future__ import annotations

from dtr.predictions.types import Form, PredictedTrace, Prediction, from_verdict

__all__ = ["Form", "PredictedTrace", "Prediction", "from_verdict"]
