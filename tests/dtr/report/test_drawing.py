from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dtr.annotation import VideoAnnotation
from dtr.evaluation.items import Item
from dtr.report.drawing import SIDE, frame_picture, time_picture
from dtr.report.frames import Still
from dtr.report.gallery import Card, Match
from dtr.report.svg import Canvas


def card(**changes: object) -> Card:
    item = Item(VideoAnnotation("a", Path("a.mp4"), "fake", width=1280, height=720, duration_s=4.0), None)
    plain = Card(
        Match(item), 1.0, None, "", ((0.1, 0.2, 0.3, 0.4),), (0.5, 0.5, 1.0, 1.0), ((1.0, 2.0),), (2.0, 3.0), (), "", ""
    )
    return replace(plain, **changes)  # type: ignore[arg-type]


def parts(picture: Canvas, tag: str, cls: str) -> list[ElementTree.Element]:
    root = ElementTree.fromstring(picture.__html__())
    return [e for e in root if e.tag == tag and e.attrib.get("class") == cls]


def words(picture: Canvas) -> list[str]:
    return [e.text or "" for e in ElementTree.fromstring(picture.__html__()) if e.tag == "text"]


def test_frame_picture__names_every_box() -> None:
    picture = frame_picture(card(truth=((0.1, 0.2, 0.3, 0.4), (0.6, 0.2, 0.8, 0.4))))
    assert words(picture) == ["no picture: boxes only", "truth", "truth 2", "predicted"]
    (predicted,) = parts(picture, "rect", "box predicted")
    assert float(predicted.attrib["x"]) == SIDE / 2
    assert "true box (0.10, 0.20) to (0.30, 0.40)" in picture.alt


def test_frame_picture__puts_names_of_boxes_at_one_place_side_by_side() -> None:
    chips = parts(frame_picture(card(truth=((0.1, 0.2, 0.3, 0.4),) * 3)), "rect", "chip truth")
    lefts = [float(c.attrib["x"]) for c in chips]
    rights = [float(c.attrib["x"]) + float(c.attrib["width"]) for c in chips]
    assert all(right < left for right, left in zip(rights, lefts[1:], strict=False))


def test_frame_picture__has_the_frame_inside() -> None:
    picture = frame_picture(card(still=Still(b"\xff\xd8jpeg", 90, 160, 1.0)))
    assert (picture.width, picture.height) == (SIDE * 90 / 160, SIDE)
    (image,) = [e for e in ElementTree.fromstring(picture.__html__()) if e.tag == "image"]
    assert image.attrib["href"].startswith("data:image/jpeg;base64,/9hq")


@pytest.mark.parametrize(
    "box", [(-5.0, -5.0, 9.0, 9.0), (0.99, 0.99, 1.0, 1.0), (2.0, 2.0, 3.0, 3.0), (0.0, 0.0, 0.0, 0.0)]
)
def test_frame_picture__keeps_chips_inside(box: tuple[float, float, float, float]) -> None:
    picture = frame_picture(card(truth=(box,), predicted=box))
    for cls in ("chip truth", "chip predicted"):
        (chip,) = parts(picture, "rect", cls)
        assert 0 <= float(chip.attrib["x"]) <= picture.width - float(chip.attrib["width"])
        assert 0 <= float(chip.attrib["y"]) <= picture.height - float(chip.attrib["height"])


def test_time_picture__draws_spans_to_scale() -> None:
    picture = time_picture(card())
    (true,), (said,) = parts(picture, "rect", "span truth"), parts(picture, "rect", "span predicted")
    (lane, _) = parts(picture, "rect", "lane")
    wide = float(lane.attrib["width"])
    assert abs(float(true.attrib["width"]) - wide / 4) < 0.02
    assert abs(float(said.attrib["x"]) - float(lane.attrib["x"]) - wide / 2) < 0.02
    assert picture.alt == "Time of 4.0 s: true 1.00 to 2.00 s; predicted 2.00 to 3.00 s"


def test_time_picture__without_spans_or_duration() -> None:
    item = Item(VideoAnnotation("a", Path("a.mp4"), "fake"), None)
    picture = time_picture(card(match=Match(item), time_s=0.0, spans=(), predicted_span=None))
    assert "true none; predicted none" in picture.alt
