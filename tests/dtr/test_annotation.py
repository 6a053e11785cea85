from __future__ import annotations

import math
from typing import Any

import pytest

from dtr.annotation import CATEGORIES, TraceAnnotation
from dtr.errors import AnnotationError

NAN = math.nan
GOOD = (0.0, 0.0, 0.5, 0.5)


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"span_s": (2.0, 1.0)}, "start < end"),
        ({"span_s": (1.0, 1.0)}, "start < end"),
        ({"span_s": (NAN, 1.0)}, "start < end"),
        ({"box": (0.5, 0.0, 0.5, 1.0)}, "x0 < x1"),
        ({"box": (0.0, NAN, 0.5, 1.0)}, "x0 < x1"),
        ({"boxes": ((0.0, GOOD), (1.0, (0.0, 0.0, NAN, 0.5)))}, r"x0 < x1 .* at 1.0 s"),
        ({"boxes": ((1.0, GOOD), (0.0, GOOD))}, "times of boxes must increase"),
        ({"boxes": ((NAN, GOOD),)}, "times of boxes must increase"),
        ({"categories": frozenset({"Odd Thing"})}, "Odd Thing"),
    ],
)
def test_trace_annotation__what_cannot_be_is_refused_with_its_place(fields: dict[str, Any], words: str) -> None:
    with pytest.raises(AnnotationError, match=rf"^all_data.json:7: .*{words}"):
        TraceAnnotation(**fields, where="all_data.json:7")


def test_trace_annotation__what_is_not_annotated_stays_none() -> None:
    trace = TraceAnnotation()
    assert (trace.span_s, trace.box, trace.categories, trace.boxes) == (None, None, None, ())
    assert TraceAnnotation(categories=frozenset(CATEGORIES)).categories == set(CATEGORIES)
