from __future__ import annotations

from io import StringIO

import pytest
from rich.console import Console

from dtr.cli.text import place_in_words, print_verdict, printable
from dtr.verdict import Trace, Verdict

TRACE = Trace(0.81, (1.2, 3.4), (0.05, 0.1, 0.3, 0.3), (), {"Object Merging": 0.7}, "Two hands become one.")


def shown(label: str = "fake", *, encoding: str = "utf-8", **parts: object) -> str:
    facts = {"frame_times_s": (0.0, 1.0, 2.0, 3.0), "frame_scores": (0.0, 0.2, 0.9, 1.0), "timing_s": {"decode": 0.1}}
    facts = {"score": 0.93} | facts | parts
    verdict = Verdict("a.mp4", "a", 4.0, 64, 48, label, **facts)  # type: ignore[arg-type]

    class Stream(StringIO):
        pass

    Stream.encoding = encoding  # type: ignore[assignment, misc]
    stream = Stream()
    print_verdict(Console(file=stream, width=100), verdict, ["overlay o.mp4"])
    return stream.getvalue()


def test_print__a_trace_with_time_place_category_and_words() -> None:
    text = shown(traces=(TRACE,))
    for part in ("FAKE", "93%", "1.20 s to  3.40 s", "upper left (25% x 20%)", "Object Merging 70%", "Two hands"):
        assert part in text
    assert "overlay o.mp4" in text


def test_print__no_trace_is_said_plainly() -> None:
    assert "no trace found; that does not prove that a camera took it" in shown("real", candidates=(TRACE,))
    assert "upper left" not in shown("real", candidates=(TRACE,))
    weak = shown("fake", candidates=(TRACE,))
    assert "no trace was strong enough to point at" in weak
    assert "weak:" in weak


def test_print__doubt_damage_and_missing_calibration_are_told() -> None:
    text = shown(
        abstain=True, damage=("3 packets lost",), provenance={"calibrated": [], "masked_steps": 5, "steps": 24}
    )
    assert "can't tell: too close to call, it only leans to fake" in text
    assert "damaged: 3 packets lost" in text
    assert "uncalibrated 0.93" in text
    assert "5 of 24 steps show no new frame" in text


def test_print__the_bar_rises_over_time_in_any_encoding() -> None:
    assert "▁▂█" in shown()
    assert all(ord(c) < 128 for c in shown(encoding="ascii"))
    assert "over time  0 s .:##" in shown(encoding="ascii")


@pytest.mark.parametrize(
    ("box", "words"),
    [
        ((0.0, 0.0, 0.2, 0.2), "upper left"),
        ((0.4, 0.0, 0.6, 0.2), "top"),
        ((0.8, 0.4, 1.0, 0.6), "right"),
        ((0.4, 0.8, 0.6, 1.0), "bottom"),
        ((0.7, 0.8, 1.0, 1.0), "lower right"),
        ((0.1, 0.1, 0.9, 0.9), "most of the frame"),
        ((0.0, 0.0, 1.0, 1.0), "the whole frame"),
    ],
)
def test_place_in_words__names_the_ninth(box: tuple[float, float, float, float], words: str) -> None:
    assert place_in_words(box) == words


def test_printable__replaces_what_cannot_be_encoded() -> None:
    assert printable("a\udcffb\t") == "a?b?"


def test_print__small_scores_under_another_base_rate_are_not_rounded_away() -> None:
    decision = {"threshold": 0.5, "abstain": None, "prior": 0.001, "operating_point": None}
    text = shown("real", score=0.0023, provenance={"decision": decision})
    assert "probability of fake 0.23%, if 0.1% of all videos are" in text
    assert "if" not in shown("real", provenance={"decision": decision | {"prior": 0.5}})
