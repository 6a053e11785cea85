from __future__ import annotations

import math
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from dtr.calibration import PlattCalibration
from dtr.clock import Clock
from dtr.decode.assemble import Candidate, ClipDecoding
from dtr.errors import DetectorError
from dtr.model_info import ModelInfo
from dtr.pipeline import Judgement, apply_calibration
from dtr.reward.assumed import assume_fake
from dtr.verdict import Verdict

PARTS = (0.9, 0.5, 0.02)  # of candidates, before P(fake)
BOX = np.array([0.0, 0.0, 0.5, 0.5])


def info_of(**facts: Any) -> ModelInfo:
    return ModelInfo("d@1", "b@1", Clock(), (), {}, **facts)


def judgement(info: ModelInfo, logit: float, p_fake: float) -> Judgement:
    """What the pipeline makes of candidates whose raw scores hold `p_fake`."""
    candidates = [
        Candidate(part * p_fake, {}, (0.0, 1.0), BOX, np.zeros(0), np.zeros((0, 4)), np.zeros(0)) for part in PARTS
    ]
    return apply_calibration(info, ClipDecoding(logit, np.zeros(0), candidates))


def verdict_of(found: Judgement) -> Verdict:
    label = "fake" if found.label == "fake" else "real"
    return Verdict("a", "a", 2.0, 64, 48, label, found.score, traces=found.traces, candidates=found.candidates)


@pytest.mark.parametrize("logit", [-3.0, 2.0])
@pytest.mark.parametrize("slope", [None, 1.7, 0.01])
def test_assume_fake__gives_what_the_pipeline_gives_without_the_factor(logit: float, slope: float | None) -> None:
    fitted = {} if slope is None else {"trace": vars(PlattCalibration(slope, -0.4, 20, 10, 0.5, "trace"))}
    info = info_of(calibration=fitted, thresholds={"label": 0.5, "trace": 0.3})
    p_fake = 1 / (1 + math.exp(-logit))
    sure = assume_fake(verdict_of(judgement(info, logit, p_fake)), info)
    expected = judgement(info, 50.0, 1.0)
    assert (sure.label, sure.score, sure.abstain) == ("fake", 1.0, False)
    assert [t.score for t in sure.traces] == pytest.approx([t.score for t in expected.traces])
    assert [t.score for t in sure.candidates] == pytest.approx([t.score for t in expected.candidates])


def test_assume_fake__keeps_scores_in_range() -> None:
    info = info_of(thresholds={"trace": 0.5})
    verdict = verdict_of(judgement(info, -3.0, 1.0))  # traces surer than the clip: another program's verdict
    assert [t.score for t in assume_fake(verdict, info).traces][:1] == [1.0]


@pytest.mark.parametrize("score", [0.0, math.nan, 1.5])
def test_assume_fake__needs_a_factor_to_undo(score: float) -> None:
    info = info_of()
    with pytest.raises(DetectorError, match=r"expected P\(fake\) in \(0, 1\]"):
        assume_fake(replace(verdict_of(judgement(info, 0.0, 0.5)), score=score), info)
