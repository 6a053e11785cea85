"""A clip of the gallery as pictures: its frame with true and predicted box, and a bar of true and predicted time."""

from __future__ import annotations

import base64

from dtr.annotation import Box, Span
from dtr.report.gallery import Card
from dtr.report.svg import Canvas

SIDE = 360.0  # the longer side of a drawing
LETTER, CHIP = 6.4, 15.0  # width of a letter of 11 px, height of a label
BAR_LEFT, BAR_WIDTH, BAR_HEIGHT = 62.0, 360.0, 52.0


def frame_picture(card: Card) -> Canvas:
    """The frame, or an empty one, with labelled boxes: truth white and dashed, prediction orange and whole."""
    width, height = _size(card)
    picture = Canvas(width, height, _frame_words(card), "frame")
    if card.still is None:
        picture.add("rect", "empty", width=width, height=height)
        picture.words(width / 2, height / 2, "no picture: boxes only", "muted", "middle")
    else:
        encoded = base64.b64encode(card.still.jpeg).decode("ascii")
        picture.add("image", href=f"data:image/jpeg;base64,{encoded}", width=width, height=height)
    marks = [("truth" if k == 0 else f"truth {k + 1}", "truth", box) for k, box in enumerate(card.truth)]
    if card.predicted is not None:
        marks.append(("predicted", "predicted", card.predicted))
    for _, cls, box in marks:
        _outline(picture, box, cls)
    placed: list[tuple[float, float, float]] = []
    for words, cls, box in marks:  # after all boxes, so that no line runs through a word
        _chip(picture, box, words, cls, placed)
    return picture


def time_picture(card: Card) -> Canvas:
    """True and predicted spans on the video's time, with the frame's place."""
    ends = [s[1] for s in (*card.spans, *([card.predicted_span] if card.predicted_span else []))]
    duration_s = max(card.match.item.video.duration_s or 0.0, card.time_s, *ends, 1e-3)
    picture = Canvas(BAR_WIDTH, BAR_HEIGHT, _time_words(card, duration_s), "times")

    def x(time_s: float) -> float:
        return BAR_LEFT + max(0.0, time_s) / duration_s * (BAR_WIDTH - BAR_LEFT - 4)

    lanes: list[tuple[str, float, list[Span]]] = [
        ("truth", 3.0, list(card.spans)),
        ("predicted", 20.0, [card.predicted_span] if card.predicted_span else []),
    ]
    for name, top, spans in lanes:
        picture.words(BAR_LEFT - 6, top + 10, name, anchor="end")
        picture.add("rect", "lane", x=x(0), y=top, width=x(duration_s) - x(0), height=13.0)
        for start, end in spans:
            picture.add("rect", f"span {name}", x=x(start), y=top, width=max(2.0, x(end) - x(start)), height=13.0)
    picture.add("line", "playhead", x1=x(card.time_s), x2=x(card.time_s), y1=0.0, y2=36.0)
    picture.words(x(0), BAR_HEIGHT - 4, "0 s")
    picture.words(x(duration_s), BAR_HEIGHT - 4, f"{duration_s:.1f} s", anchor="end")
    return picture


def _size(card: Card) -> tuple[float, float]:
    """Of the drawing: the longer side is always the same, so that words are of one size on any picture."""
    video = card.match.item.video
    width, height = video.width or 16, video.height or 9
    if card.still is not None:
        width, height = card.still.width, card.still.height
    scale = SIDE / max(width, height)
    return max(1.0, width * scale), max(1.0, height * scale)


def _placed(picture: Canvas, box: Box) -> tuple[float, float, float, float]:
    """Left, top, width, height inside the picture, wherever the box is."""
    x0, y0, x1, y1 = (min(1.0, max(0.0, v)) for v in box)
    wide, high = max(1.0, (x1 - x0) * picture.width), max(1.0, (y1 - y0) * picture.height)
    return x0 * picture.width, y0 * picture.height, wide, high


def _outline(picture: Canvas, box: Box, cls: str) -> None:
    x, y, wide, high = _placed(picture, box)
    for name in ("under", cls):  # a dark line below keeps the light one visible on any picture
        picture.add("rect", f"box {name}", x=x, y=y, width=wide, height=high)


def _chip(picture: Canvas, box: Box, words: str, cls: str, placed: list[tuple[float, float, float]]) -> None:
    """The box's name: above a true box, below a predicted one, and right of names that are there already.

    `placed` has (left, right, top) of those, and gets this one.
    """
    x, y, _, high = _placed(picture, box)
    wide = len(words) * LETTER + 6
    left = max(0.0, min(x, picture.width - wide))
    top = y + high if cls == "predicted" else y - CHIP if y >= CHIP else y
    top = min(max(0.0, top), picture.height - CHIP)
    for other_left, other_right, other_top in sorted(placed):
        if left < other_right and other_left < left + wide and abs(top - other_top) < CHIP:
            left = max(0.0, min(other_right + 1, picture.width - wide))
    placed.append((left, left + wide, top))
    picture.add("rect", f"chip {cls}", x=left, y=top, width=wide, height=CHIP)
    picture.words(left + 3, top + 11, words, f"chip-words {cls}")


def _frame_words(card: Card) -> str:
    seen = "no picture" if card.still is None else f"frame at {card.time_s:.2f} s"
    said = "no predicted box" if card.predicted is None else f"predicted box {_corners(card.predicted)}"
    true = "; ".join(f"true box {_corners(b)}" for b in card.truth) or "no true box"
    return f"{card.match.item.video.video_id}: {seen}; {true}; {said}"


def _time_words(card: Card, duration_s: float) -> str:
    true = ", ".join(f"{a:.2f} to {b:.2f} s" for a, b in card.spans) or "none"
    said = "none" if card.predicted_span is None else "{:.2f} to {:.2f} s".format(*card.predicted_span)
    return f"Time of {duration_s:.1f} s: true {true}; predicted {said}"


def _corners(box: Box) -> str:
    return "({:.2f}, {:.2f}) to ({:.2f}, {:.2f})".format(*box)
