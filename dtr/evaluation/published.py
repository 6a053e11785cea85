"""Published results on the released test split, to stand beside a table and to check the protocol against.

Source: DeeptraceReward (arXiv 2509.22646v2), Table 2 and ablations; figures on the 0–100 scale.
"""

from __future__ import annotations

from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

Number = TypeVar("Number", float, NDArray[np.float64])

FAKE_ROWS, REAL_ROWS = 440, 332
"""Trace rows of generated videos, and real videos, of the released test split; generated videos: 332."""


class PublishedRow(NamedTuple):
    """One line of the published table, 0–100; distances: lower is better."""

    model: str
    overall: float
    accuracy: float
    fake_accuracy: float
    real_accuracy: float
    explanation: float
    bbox_iou: float
    bbox_distance: float
    time_distance: float


PUBLISHED = (
    PublishedRow("GPT-5", 35.5, 90.7, 84.6, 98.8, 40.9, 10.4, 37.0, 100.0),
    PublishedRow("GPT-4.1", 36.5, 92.9, 89.1, 97.9, 31.3, 21.8, 23.7, 100.0),
    PublishedRow("Gemini 2.5 Pro", 30.0, 84.3, 75.7, 95.8, 26.8, 8.9, 44.7, 100.0),
    PublishedRow("Gemini 2.5 Flash", 23.0, 74.5, 56.8, 97.9, 10.3, 6.3, 68.7, 99.0),
    PublishedRow("LLaVA-OneVision 7B", 11.6, 46.4, 38.4, 56.9, 0.0, 0.0, 98.2, 100.0),
    PublishedRow("Video-LLaVA 7B", 10.8, 43.0, 0.0, 100.0, 0.0, 0.0, 100.0, 100.0),
    PublishedRow("Phi-4-vision", 8.9, 35.5, 3.2, 78.3, 0.1, 0.0, 99.0, 100.0),
    PublishedRow("Phi-3.5-Vision", 6.5, 25.8, 7.7, 49.7, 0.2, 0.0, 98.4, 100.0),
    PublishedRow("Qwen2-VL 7B", 15.0, 56.7, 28.6, 94.0, 3.1, 0.0, 86.7, 100.0),
    PublishedRow("Qwen2.5-VL 7B", 15.7, 51.7, 20.2, 93.4, 10.5, 0.6, 87.9, 99.9),
    PublishedRow("Qwen2.5-VL 32B", 13.5, 47.4, 8.9, 98.5, 5.1, 0.0, 95.5, 98.4),
    PublishedRow("Qwen2.5-VL 72B", 17.3, 50.0, 16.6, 94.3, 7.4, 0.1, 90.7, 88.2),
    PublishedRow("VideoLLaMA3 7B", 10.0, 38.1, 4.3, 82.8, 1.8, 0.0, 100.0, 100.0),
    PublishedRow("SFT Qwen2.5-VL 7B", 38.4, 74.7, 55.7, 100.0, 33.3, 1.7, 63.0, 56.2),
    PublishedRow("SFT VideoLLaMA3 7B", 70.2, 99.4, 99.3, 99.4, 70.6, 32.6, 13.6, 21.9),
    PublishedRow("SFT VideoLLaMA3 7B, w/o time", 50.8, 99.1, 98.9, 99.4, 71.6, 32.4, 14.0, 100.0),
    PublishedRow("SFT VideoLLaMA3 7B, w/o explanation", 52.4, 99.2, 99.6, 98.8, 0.0, 32.0, 13.5, 21.6),
)


def overall_from_parts(accuracy: Number, explanation: Number, bbox_iou: Number, time_distance: Number) -> Number:
    """The paper's Overall, 0–100, from its four parts on the same scale.

    Source: DeeptraceReward (arXiv 2509.22646v2): mean of Accuracy, Explanation, BBox IoU and 100 − Time Distance.

    Example:
        >>> round(overall_from_parts(99.4, 70.6, 32.6, 21.9), 1)
        70.2
    """
    return (accuracy + explanation + bbox_iou + 100.0 - time_distance) / 4


def overall_without_accuracy(explanation: Number, bbox_iou: Number, time_distance: Number) -> Number:
    """The same mean without real/fake accuracy, the easiest part, which dominates it.

    Example:
        >>> round(overall_without_accuracy(70.6, 32.6, 21.9), 1)
        60.4
    """
    return (explanation + bbox_iou + 100.0 - time_distance) / 3
