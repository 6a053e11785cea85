"""Words for the figures of an evaluation: the same in text, in the report and in documents."""

from __future__ import annotations

TITLES = {
    "accuracy": "Accuracy",
    "fake_accuracy": "Fake accuracy",
    "real_accuracy": "Real accuracy",
    "explanation": "Explanation",
    "bbox_iou": "BBox IoU",
    "bbox_distance": "BBox distance ↓",
    "time_distance": "Time distance ↓",
    "overall": "Overall",
    "overall_without_accuracy": "Overall without accuracy",
    "auroc": "AUROC",
    "ap": "Average precision",
    "tpr_at_fpr_0.01": "TPR at 1 % FPR",
    "tpr_at_fpr_0.001": "TPR at 0.1 % FPR",
    "ece": "Calibration error (ECE) ↓",
    "brier": "Brier score ↓",
    "false_alarm_rate": "False alarms ↓",
    "called_fake": "Called fake",
    "abstain": "Abstained",
    "accuracy_answered": "Accuracy where sure",
    "box_iou": "Box IoU",
    "box_distance": "Box distance ↓",
    "onset_error_s": "Onset error, s ↓",
    "tiou": "Temporal IoU",
    "viou": "Spatio-temporal IoU (vIoU)",
    "map_iou": "mAP, box IoU 0.1–0.7",
    "map_tiou": "mAP, tIoU 0.1–0.7",
    "map_both": "mAP, both 0.1–0.7",
    "trace_ece": "Trace calibration error ↓",
    "category_map": "Category mAP",
    "category_macro_f1": "Category macro F1",
    "category_micro_f1": "Category micro F1",
    "category_top1": "Top category right",
} | {f"recall_at_tiou_{t}": f"Recall at tIoU {t}" for t in ("0.3", "0.5", "0.7")}
"""Words for the keys of the JSON form; ↓ = lower is better."""
