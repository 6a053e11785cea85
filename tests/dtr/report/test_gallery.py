from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from dtr.annotation import TraceAnnotation
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.items import Item
from dtr.report.gallery import LONGEST, Match, choose, gallery, make_card, matched

MakeItem = Callable[..., Item]
NEAR = TraceAnnotation((1.0, 2.0), (0.0, 0.0, 0.5, 1.0))
FAR = TraceAnnotation((3.0, 4.0), (0.6, 0.0, 1.0, 1.0))
HALF = TraceAnnotation((1.0, 2.0), (0.0, 0.0, 1.0, 1.0))


def ids(matches: list[Match]) -> list[str]:
    return [m.item.video.video_id for m in matches]


def test_matched__takes_the_row_that_fits_best(make_item: MakeItem) -> None:
    (found,) = matched([make_item("a", "fake", "fake", 0.9, FAR, NEAR, HALF)])
    assert found.row is NEAR
    assert found.overlap == 1.0


def test_matched__falls_back_to_boxes_where_no_row_has_a_time(make_item: MakeItem) -> None:
    timeless = replace(HALF, span_s=None)
    (found,) = matched([make_item("a", "fake", "fake", 0.9, timeless)])
    assert (found.row, found.overlap) == (timeless, 0.5)


def test_choose__follows_its_rules(make_item: MakeItem) -> None:
    items = [
        make_item("half", "fake", "fake", 0.9, HALF),
        make_item("near", "fake", "fake", 0.6, NEAR),
        make_item("far-sure", "fake", "fake", 0.9, FAR),
        make_item("far", "fake", "fake", 0.7, FAR),
        make_item("missed-unscored", "fake", "real", None, NEAR),
        make_item("missed", "fake", "real", 0.4, NEAR),
        make_item("missed-sure", "fake", "real", 0.1),
        make_item("alarm", "real", "fake", 0.6),
        make_item("alarm-unscored", "real", "fake", None),
        make_item("alarm-sure", "real", "fake", 0.99),
        make_item("right", "real", "real", 0.1),
        make_item("invalid", "fake", None, 0.1, NEAR),
    ]
    groups = [ids(chosen) for *_, chosen in choose(matched(items), 2)]
    assert groups == [["near", "half"], ["far-sure", "far"], ["alarm-sure", "alarm"], ["missed-sure", "missed"]]
    alarms, misses = (ids(chosen) for *_, chosen in choose(matched(items), 9)[2:])
    assert alarms[-1] == "alarm-unscored"
    assert misses[-1] == "missed-unscored"


def test_choose__shows_no_clip_as_best_and_worst(make_item: MakeItem) -> None:
    best, worst, *_ = (c for *_, c in choose(matched([make_item("a", "fake", "fake", 0.9, NEAR)]), 6))
    assert (ids(best), ids(worst)) == (["a"], [])


def test_choose__puts_equal_ones_in_the_order_of_their_ids(make_item: MakeItem) -> None:
    items = [make_item(name, "real", "fake", 0.9) for name in ("c", "a", "b")]
    assert ids(choose(matched(items), 2)[2][2]) == ["a", "b"]


def test_gallery__survives_broken_and_missing_media(evaluation: Evaluation) -> None:
    cards = {c.match.item.video.path.name: c for g in gallery(evaluation.items) for c in g.cards}
    assert cards["good.mp4"].still is not None
    assert cards["turned.mp4"].still is not None
    assert cards["turned.mp4"].still.height > cards["turned.mp4"].still.width
    assert cards["missing.mp4"].missing == "media not there"
    assert cards["broken.mp4"].still is None
    assert cards["broken.mp4"].missing.startswith("no frame: ")


def test_make_card__shows_the_middle_of_the_true_trace(evaluation: Evaluation) -> None:
    match = next(m for m in matched(evaluation.items) if m.item.video.video_id == "missed")
    card = make_card(match)
    assert abs(card.time_s - 1.5) < 1e-6
    assert card.truth == (match.item.rows[0].box,)
    assert ("overlap", "IoU 1.00, tIoU 1.00, vIoU 1.00") in card.facts
    assert ("said", "REAL, score 0.200") in card.facts


def test_make_card__follows_moving_boxes(make_item: MakeItem) -> None:
    moving = TraceAnnotation((0.0, 2.0), None, ((0.0, (0.0, 0.0, 0.2, 0.2)), (2.0, (0.4, 0.4, 0.6, 0.6))))
    (card,) = [make_card(m) for m in matched([make_item("a", "fake", "fake", 0.9, moving)])]
    assert [round(v, 6) for v in card.truth[0]] == [0.2, 0.2, 0.4, 0.4]


def test_make_card__of_a_video_without_answer_says_so(make_item: MakeItem) -> None:
    card = make_card(Match(Item(make_item("a", "fake", "fake").video, None)))
    assert ("said", "no answer") in card.facts
    assert (card.truth, card.predicted, card.time_s) == ((), None, 2.0)


def test_make_card__cuts_endless_explanations(make_item: MakeItem) -> None:
    item = make_item("a", "fake", "fake", 0.9)
    assert item.prediction is not None
    wordy = Item(item.video, replace(item.prediction, explanation="so " * 10_000))
    assert len(make_card(Match(wordy)).explanation) == LONGEST
