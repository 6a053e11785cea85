from __future__ import annotations

from collections.abc import Callable, Sequence

import pytest

from dtr.cli.main import run

Outcome = tuple[int, str, str]


@pytest.fixture
def dtr(capsys: pytest.CaptureFixture[str]) -> Callable[..., Outcome]:
    """`dtr("detect", "a.mp4")` runs the command in this process: (exit code, stdout, stderr)."""

    def call(*args: object) -> Outcome:
        words: Sequence[str] = [str(a) for a in args]
        code = run(words)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return call
