from __future__ import annotations

from xml.etree import ElementTree

from dtr.report.svg import HEIGHT, WIDTH, Axis, Canvas, Plot, thinned


def parsed(picture: Canvas) -> ElementTree.Element:
    return ElementTree.fromstring(picture.__html__())


def test_canvas__escapes_whatever_it_is_told() -> None:
    picture = Canvas(10, 10, '"><script>alert(1)</script>')
    picture.words(0, 0, "</text><script>alert(2)</script>")
    assert "<script" not in picture.__html__()
    assert parsed(picture).attrib["aria-label"].startswith('"><script>')


def test_canvas__without_words_is_decoration() -> None:
    assert parsed(Canvas(1, 1, "")).attrib["aria-hidden"] == "true"


def test_plot__places_values_between_its_axes() -> None:
    plot = Plot(Axis("x", 0, 10), Axis("y"), "alt")
    assert plot.x(0) < plot.x(5) < plot.x(10) < WIDTH
    assert 0 < plot.y(1) < plot.y(0.5) < plot.y(0) < HEIGHT
    assert plot.x(5) - plot.x(0) == plot.x(10) - plot.x(5)


def test_plot__bar_stands_on_the_low_end() -> None:
    plot = Plot(Axis("x"), Axis("y", low=-0.5), "alt")
    plot.bar(0.5, 0.2, 0.25, "count")
    rect = next(e for e in parsed(plot) if e.tag == "rect")
    assert abs(float(rect.attrib["y"]) + float(rect.attrib["height"]) - plot.y(-0.5)) < 0.02


def test_plot__line_of_many_points_stays_small() -> None:
    plot = Plot(Axis("x"), Axis("y"), "alt")
    plot.line([(i / 100_000, i / 100_000) for i in range(100_001)], "model")
    points = next(e for e in parsed(plot) if e.tag == "polyline").attrib["points"].split()
    assert 100 < len(points) < 2000
    assert points[-1] == f"{plot.x(1):.1f},{plot.y(1):.1f}"


def test_thinned__keeps_corners() -> None:
    steps = [(0.0, 0.0), (0.0, 50.0), (30.0, 50.0), (30.0, 60.0)]
    assert thinned(steps) == steps
    assert thinned([]) == []
    assert thinned([(1.0, 1.0)]) == [(1.0, 1.0)]
