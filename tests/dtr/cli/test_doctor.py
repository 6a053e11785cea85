from __future__ import annotations

import json
from collections.abc import Callable

import pytest

from dtr import doctor as findings
from dtr.doctor import Check

Run = Callable[..., tuple[int, str, str]]


@pytest.mark.parametrize(("status", "code"), [("ok", 0), ("warning", 0), ("broken", 1)])
def test_doctor__exit_code_and_both_forms(dtr: Run, monkeypatch: pytest.MonkeyPatch, status: str, code: int) -> None:
    monkeypatch.setattr(findings, "examine", lambda: [Check("decoder", status, "old", "mend it")])  # type: ignore[arg-type]
    got, text, _ = dtr("doctor")
    assert got == code
    assert "decoder: old" in text
    assert "-> mend it" in text
    got, out, _ = dtr("doctor", "--json")
    report = json.loads(out)
    assert (got, report["ok"]) == (code, code == 0)
    assert report["checks"][0]["fix"] == "mend it"
    assert report["versions"]["dtr-video"]
