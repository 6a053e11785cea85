from __future__ import annotations

from dtr.evaluation.compared import Compared
from dtr.evaluation.evaluation import Evaluation
from dtr.evaluation.figures import Figure
from dtr.evaluation.published import PUBLISHED
from dtr.report import tables


def compared(value: float | None, gain: tuple[float, float] | None) -> Compared:
    figure = None if gain is None else Figure(sum(gain) / 2, gain)
    return Compared(Figure(value, None, 3, "rows", "too few"), {"full_frame": 0.5}, "full_frame", figure)


def test_figure_row__shows_the_reason_of_what_is_missing() -> None:
    row = tables.figure_row("x", compared(None, None), 2)
    assert (row.value, row.reason, row.floor, row.standing) == ("", "too few", "0.50", "none")


def test_standing__needs_the_whole_interval_on_one_side() -> None:
    gains = [(0.01, 0.2), (-0.2, -0.01), (-0.1, 0.1), (0.0, 0.1)]
    assert [tables.standing(compared(0.5, g)) for g in gains] == ["better", "worse", "even", "even"]


def test_headline__has_a_floor_with_every_figure(evaluation: Evaluation) -> None:
    rows = tables.headline(evaluation)
    assert len(rows) >= 6
    assert all(row.floor and row.floor_name for row in rows)
    assert f"Of {len(rows)} headline figures" in tables.verdict_line(rows)


def test_headline__falls_back_to_accuracy(labels_only: Evaluation) -> None:
    titles = [row.title for row in tables.headline(labels_only)]
    assert titles == ["Real or fake: Accuracy per video", "Accuracy per row, the paper's"]


def test_published_rows__start_with_ours_and_our_floors(evaluation: Evaluation) -> None:
    rows = tables.published_rows(evaluation)
    assert [kind for kind, *_ in rows[:2]] == ["ours", "floors"]
    assert [name for _, name, _ in rows[2:]] == [row.model for row in PUBLISHED]
    assert {len(cells) for *_, cells in rows} == {len(tables.published_columns())}
    best = dict(zip(tables.published_columns(), rows[-3][2], strict=True))
    assert (best["Overall"][0], best["Time distance ↓"][0]) == ("70.2", "21.9")
    assert "".join(rows[1][2][1][1]) == evaluation.paper["accuracy"].best


def test_slice_tables__count_what_they_hide() -> None:
    parts = [
        {"kind": "generator", "name": f"g{i}", "n_videos": i, "n_rows": i, "measures": {"box_iou": 0.5}}
        for i in range(tables.MAX_SLICES + 7)
    ]
    (table,) = tables.slice_tables(parts)
    assert (len(table.rows), table.hidden) == (tables.MAX_SLICES, 7)
    assert table.rows[0][0] == "g7"


def test_slice_tables__put_the_floor_into_the_cell() -> None:
    measures = {"box_iou": 0.5, "floor_box_iou": 0.25, "tiou": None, "time_distance": 1.5}
    part = {"kind": "duration", "name": "a", "n_videos": 1, "n_rows": 2, "measures": measures}
    (table,) = tables.slice_tables([part])
    assert table.columns == ["Box IoU", "Time distance ↓"]
    assert [(c.text, c.floor, c.share) for c in table.rows[0][3]] == [("0.500", "0.250", 0.5), ("1.500", "", 1.0)]
