"""Small charts as inline SVG: axes, lines, bars and words, coloured by the style sheet of the page.

Own code instead of a plotting library because a chart has to follow the page: colours from CSS variables (light, dark,
print), letters of readable size on a phone, a few kilobytes each, and the same bytes for the same numbers.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from xml.etree import ElementTree

Points = Sequence[tuple[float, float]]

WIDTH, HEIGHT = 340.0, 250.0
LEFT, RIGHT, TOP, BOTTOM = 46.0, 18.0, 10.0, 42.0
_CLOSEST = 0.3  # units of the picture; points nearer to the one before are left out


class Canvas:
    """An SVG picture; templates print it as it is, because whatever text goes in is escaped here."""

    def __init__(self, width: float, height: float, alt: str, cls: str = "") -> None:
        """An empty picture.

        Args:
            width, height: of the view box.
            alt: what a reader who can't see it is told; "" = decoration.
            cls: CSS classes.
        """
        self.width, self.height, self.alt = width, height, alt
        said = {"role": "img", "aria-label": alt} if alt else {"aria-hidden": "true"}
        self._root = ElementTree.Element("svg", {"viewBox": f"0 0 {width:g} {height:g}", "class": cls, **said})

    def add(self, tag: str, cls: str = "", text: str | None = None, **attributes: float | str) -> None:
        """Append an element; `_` in the name of an attribute stands for `-`."""
        written = {k.replace("_", "-"): v if isinstance(v, str) else f"{v:.2f}" for k, v in attributes.items()}
        element = ElementTree.SubElement(self._root, tag, ({"class": cls} if cls else {}) | written)
        element.text = text

    def words(self, x: float, y: float, text: str, cls: str = "", anchor: str = "start") -> None:
        """Text whose baseline starts, has its middle or ends at a point."""
        self.add("text", cls, text, x=x, y=y, text_anchor=anchor)

    def __html__(self) -> str:
        """The picture as markup.

        Example:
            >>> picture = Canvas(10, 10, "a <b>")
            >>> picture.words(1, 2, "1 < 2")
            >>> "a &lt;b&gt;" in picture.__html__() and "1 &lt; 2" in picture.__html__()
            True
        """
        return ElementTree.tostring(self._root, encoding="unicode")


@dataclass(frozen=True)
class Axis:
    """One axis.

    Attributes:
        label: with its unit.
        low, high: values at its ends.
        ticks: values that are written.
        percent: written × 100 with a percent sign.
    """

    label: str
    low: float = 0.0
    high: float = 1.0
    ticks: tuple[float, ...] = (0.0, 0.25, 0.5, 0.75, 1.0)
    percent: bool = False

    def share(self, value: float) -> float:
        """Where a value lies: 0 = at the low end, 1 = at the high end.

        Example:
            >>> Axis("s", 2.0, 4.0).share(3.0)
            0.5
        """
        return (value - self.low) / (self.high - self.low)

    def written(self, value: float) -> str:
        """A tick's label.

        Example:
            >>> Axis("").written(0.25), Axis("", percent=True).written(0.05)
            ('0.25', '5 %')
        """
        return f"{100 * value:g} %" if self.percent else f"{value:g}"


class Plot(Canvas):
    """A picture with two axes; everything is placed by value."""

    def __init__(self, x: Axis, y: Axis, alt: str, *, named_x: bool = False) -> None:
        """Axes, grid and their words.

        Args:
            x, y: axes.
            alt: text for who can't see it.
            named_x: the caller writes the words along x itself.
        """
        super().__init__(WIDTH, HEIGHT, alt, "chart")
        self._x, self._y = x, y
        for tick in y.ticks:
            self.add("line", "grid", x1=LEFT, x2=WIDTH - RIGHT, y1=self.y(tick), y2=self.y(tick))
            self.words(LEFT - 5, self.y(tick) + 4, y.written(tick), anchor="end")
        for tick in () if named_x else x.ticks:
            self.add("line", "grid", x1=self.x(tick), x2=self.x(tick), y1=TOP, y2=HEIGHT - BOTTOM)
            self.words(self.x(tick), HEIGHT - BOTTOM + 15, x.written(tick), anchor="middle")
        self.words((LEFT + WIDTH - RIGHT) / 2, HEIGHT - 6, x.label, "label", "middle")
        middle = (TOP + HEIGHT - BOTTOM) / 2
        self.add(
            "text",
            "label",
            y.label,
            x=0.0,
            y=0.0,
            text_anchor="middle",
            transform=f"translate(11 {middle}) rotate(-90)",
        )

    def x(self, value: float) -> float:
        """Horizontal place of a value."""
        return LEFT + self._x.share(value) * (WIDTH - LEFT - RIGHT)

    def y(self, value: float) -> float:
        """Vertical place of a value."""
        return HEIGHT - BOTTOM - self._y.share(value) * (HEIGHT - TOP - BOTTOM)

    def line(self, points: Points, cls: str) -> None:
        """A line through points, those left out that nobody could see."""
        places = thinned([(self.x(x), self.y(y)) for x, y in points])
        if places:
            self.add("polyline", f"line {cls}", points=" ".join(f"{x:.1f},{y:.1f}" for x, y in places))

    def dot(self, x: float, y: float, cls: str) -> None:
        """A round mark."""
        self.add("circle", f"dot {cls}", cx=self.x(x), cy=self.y(y), r=3.5)

    def whisker(self, x: float, low: float, high: float, cls: str) -> None:
        """A vertical interval."""
        self.add("line", f"whisker {cls}", x1=self.x(x), x2=self.x(x), y1=self.y(low), y2=self.y(high))

    def bar(self, x: float, width: float, y: float, cls: str) -> None:
        """A bar from the low end of y, `width` wide around x (both as values of x)."""
        left, right = self.x(x - width / 2), self.x(x + width / 2)
        self.add("rect", f"bar {cls}", x=left, y=self.y(y), width=right - left, height=HEIGHT - BOTTOM - self.y(y))


def thinned(points: Points) -> list[tuple[float, float]]:
    """Points without those too near to the last kept one; both ends stay.

    Example:
        >>> thinned([(0, 0), (0.1, 0), (5, 0), (5.1, 0)])
        [(0, 0), (5, 0), (5.1, 0)]
    """
    kept = list(points[:1])
    for point in points[1:-1]:
        if max(abs(point[0] - kept[-1][0]), abs(point[1] - kept[-1][1])) >= _CLOSEST:
            kept.append(point)
    return kept + list(points[1:][-1:])
