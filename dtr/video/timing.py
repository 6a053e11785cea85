"""Presentation times: from the time stamps of decoded frames to seconds that increase strictly from 0."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction

JUMP_BACK_S = 1.0
"""A step back by more than this is a second recording behind the first; by less, a stray frame."""


@dataclass
class FrameTimer:
    """Turns time stamps into times, one frame after the other, and counts what had to be repaired.

    Attributes:
        time_base: seconds per tick.
        gap_s: declared time between frames, for frames without a time stamp.
        missing, dropped, jumps: frames placed by `gap_s`; frames refused; jumps back that were closed.
    """

    time_base: Fraction
    gap_s: float
    missing: int = 0
    dropped: int = 0
    jumps: int = 0
    last_s: float | None = field(default=None, init=False)
    _zero: int | None = field(default=None, init=False)
    _shift_s: float = field(default=0.0, init=False)

    def place(self, stamp: int | None) -> float | None:
        """Time of the next frame.

        Args:
            stamp: in ticks of `time_base`; None = the frame has none.

        Returns:
            Seconds, above the one before; None = the frame repeats a time and must be dropped.

        Example:
            >>> timer = FrameTimer(Fraction(1, 1000), gap_s=0.1)
            >>> [timer.place(stamp) for stamp in (500, 600, None, 600, 800)]
            [0.0, 0.1, 0.2, None, 0.3]
            >>> timer.missing, timer.dropped
            (1, 1)
        """
        if stamp is None:
            self.missing += 1
            self.last_s = 0.0 if self.last_s is None else self.last_s + self.gap_s
            return self.last_s
        if self._zero is None:
            self._zero = stamp
            if self.last_s is not None:  # the first frames had no stamp: go on behind them
                self._shift_s = self.last_s + self.gap_s
        # Whole ticks first, so that a late start costs no precision.
        time_s = (stamp - self._zero) * self.time_base.numerator / self.time_base.denominator + self._shift_s
        if self.last_s is not None and time_s <= self.last_s:
            if self.last_s - time_s <= JUMP_BACK_S:
                self.dropped += 1
                return None
            self.jumps += 1
            self._zero, self._shift_s = stamp, self.last_s + self.gap_s
            time_s = self._shift_s
        self.last_s = time_s
        return time_s

    def repairs(self) -> list[str]:
        """What was repaired, in words."""
        found = [
            (self.missing, "without a time stamp placed at the declared frame rate"),
            (self.dropped, "with a repeated or backward time stamp dropped"),
        ]
        words = [f"{count} frame{'s' * (count > 1)} {what}" for count, what in found if count]
        if self.jumps:
            words.append(f"time stamps jump back {self.jumps} time{'s' * (self.jumps > 1)}; the parts were joined")
        return words
