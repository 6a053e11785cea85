from __future__ import annotations

import pytest

from dtr.data.problems import KINDS, Problem, ProblemLog, count_kinds
from dtr.errors import AnnotationError

DEFECT = Problem("not_finite", "all_data.json:4", "cm2a", "video_width must be a finite number, got nan")


def test_problem_log__raises_by_default() -> None:
    with pytest.raises(AnnotationError, match=r"all_data\.json:4: video cm2a: .* `dtr data check`"):
        ProblemLog().lost(DEFECT)


def test_problem_log__collects_when_asked() -> None:
    log = ProblemLog("collect")
    log.lost(DEFECT)
    assert log.problems == [DEFECT]


def test_problem_log__never_raises_what_was_mended() -> None:
    log = ProblemLog("raise")
    log.mended(DEFECT)
    assert log.problems == [DEFECT]


def test_count_kinds__keeps_the_order_of_kinds() -> None:
    found = [Problem(kind, "", "", "") for kind in reversed(KINDS)]
    assert list(count_kinds([*found, DEFECT])) == list(KINDS)
    assert count_kinds([*found, DEFECT])["not_finite"] == 2
