from __future__ import annotations

from typing import Any

import pytest

from dtr.data.fields import RowReader, to_number
from dtr.data.problems import ProblemLog
from dtr.errors import AnnotationError


def reader(value: Any, on_error: Any = "collect") -> RowReader:
    return RowReader({"x": value}, "rows.json:3", "v1", ProblemLog(on_error))


@pytest.mark.parametrize(("value", "number"), [("24", 24.0), (" 29.97 ", 29.97), (7, 7.0), (0.5, 0.5)])
def test_number__takes_numbers_and_strings(value: Any, number: float) -> None:
    r = reader(value)
    assert r.number("x") == number
    assert r.log.problems == []


@pytest.mark.parametrize("value", [None, "", "  ", [], {}])
def test_number__reads_blanks_as_missing(value: Any) -> None:
    r = reader(value)
    assert r.number("x") is None
    assert r.text("x") is None
    assert r.texts("x") == ()
    assert r.log.problems == []


@pytest.mark.parametrize(
    ("value", "kind"),
    [
        ("wide", "wrong_type"),
        (True, "wrong_type"),
        ([1], "wrong_type"),
        (float("nan"), "not_finite"),
        ("NaN", "not_finite"),
        ("1e999", "not_finite"),
        (10**400, "wrong_type"),
        (0, "out_of_range"),
        (-3, "out_of_range"),
    ],
)
def test_number__names_what_is_wrong(value: Any, kind: str) -> None:
    r = reader(value)
    assert r.number("x", above=0) is None
    assert [p.kind for p in r.log.problems] == [kind]


def test_number__raises_with_place_field_and_value() -> None:
    with pytest.raises(AnnotationError, match=r"rows\.json:3: video v1: x must be a number, got 'wide'; fix the row"):
        reader("wide", "raise").number("x")


def test_whole__refuses_fractions() -> None:
    assert reader("512.0").whole("x") == 512
    r = reader(512.5)
    assert r.whole("x") is None
    assert r.log.problems[0].kind == "wrong_type"


@pytest.mark.parametrize("value", ["merging", {"a": 1}, ["merging", 3], 5])
def test_texts__refuses_other_types(value: Any) -> None:
    r = reader(value)
    assert r.texts("x") is None
    assert r.log.problems[0].kind == "wrong_type"


def test_texts__drops_blank_items() -> None:
    assert reader([" merging ", ""]).texts("x") == ("merging",)


def test_text__refuses_numbers() -> None:
    r = reader(12)
    assert r.text("x") is None
    assert r.log.problems[0].message == "x must be text, got 12"


def test_to_number__is_quiet() -> None:
    assert to_number("x") is None
    assert to_number(None) is None


def test_path__takes_no_zero_character() -> None:
    assert reader(" a b.mp4 ").path("x") == "a b.mp4"
    assert reader("").path("x") is None
    r = reader("a\0.mp4")
    assert r.path("x") is None
    assert [(p.kind, p.message) for p in r.log.problems] == [("wrong_type", r"x must name a file, got 'a\x00.mp4'")]
