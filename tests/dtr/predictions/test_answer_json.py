from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from dtr.predictions.answer_json import MAX_DEPTH, find_objects

KEYS = {"label", "bbox", "answer"}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ('{"label": "FAKE"}', [{"label": "FAKE"}]),
        ('I think so: {"label": "FAKE"} as {said}.', [{"label": "FAKE"}]),
        ('```json\n{"Label": "FAKE"}\n```', [{"label": "FAKE"}]),
        ('```json\n{"label": "FAKE"}', [{"label": "FAKE"}]),  # a fence that was never closed
        ('{"label": 1} ```\n{"label": 2}\n``` {"label": 3}', [{"label": 2}]),  # the fence wins
        ('```python\nx = {}\n``` {"label": 3}', [{"label": 3}]),
        ('{"label": 1} and {"label": 2}', [{"label": 1}, {"label": 2}]),
        ('[{"label": 1}, {"label": 2}]', [{"label": 1}, {"label": 2}]),
        ('{"answer": {"label": 1}}', [{"label": 1}]),
        ('{"steps": [{"label": 1}]}', [{"label": 1}]),
        ('{"label": "a } in \\" words {"}', [{"label": 'a } in " words {'}]),
        ('{"label": "two\nlines"}', [{"label": "two\nlines"}]),
        ('{see {"label": 1}}', [{"label": 1}]),
        ('{ never closed {"label": 1}', [{"label": 1}]),
        ("{'label': 'it', 'bbox': (1, -2.5, None), 'x': True,}", [{"label": "it", "bbox": [1, -2.5, None], "x": True}]),
        ('{"label": null, "bbox": [1, 2,],}', [{"label": None, "bbox": [1, 2]}]),
        ('{"label": NaN}', [{"label": pytest.approx(float("nan"), nan_ok=True)}]),
    ],
)
def test_find_objects__reads(text: str, found: list[dict[str, Any]]) -> None:
    assert find_objects(text, KEYS) == found


@pytest.mark.parametrize(
    "text",
    [
        "",
        '{"other": 1}',
        '{"label": "FA',
        '{"label": "REAL", "label": "FAKE"}',
        "{'label': 'REAL', 'label': 'FAKE'}",
        "{'label': f()}",
        "{'label': __import__('os').name}",
        "{'label': 1 + 1}",
        '{"label" "FAKE"}',
        '{"label": \x00}',
        '{"label": \ud800}',
        '{"label": ' + "9" * 5000 + "}",
    ],
)
def test_find_objects__refuses(text: str) -> None:
    assert find_objects(text, KEYS) == []


def test_find_objects__looks_only_so_deep() -> None:
    def nested(depth: int) -> str:
        return '{"x": ' * depth + '{"label": 1}' + "}" * depth

    assert find_objects(nested(MAX_DEPTH - 1), KEYS) == [{"label": 1}]
    assert find_objects(nested(MAX_DEPTH), KEYS) == []
    assert find_objects('{"x": ' + "[" * 500 + '{"label": 1}' + "]" * 500 + "}", KEYS) == []


@given(st.dictionaries(st.text(), st.text() | st.none() | st.floats(allow_nan=False) | st.lists(st.booleans())))
@settings(max_examples=25)
def test_find_objects__whatever_json_writes(said: dict[str, Any]) -> None:
    said = {key.casefold(): value for key, value in said.items()} | {"label": "FAKE"}
    folded = {key.casefold(): value for key, value in said.items()}
    if len(folded) == len(said) and "```" not in json.dumps(said):
        assert find_objects(f"Well: {json.dumps(said)}.", KEYS) == [folded]


@given(st.text(alphabet="{}[]\"'\\:,label1 `"))
def test_find_objects__any_text_is_answered(text: str) -> None:
    assert all("label" in found for found in find_objects(text, {"label"}))


@pytest.mark.parametrize(
    "text",
    ["{" * 100_000 + '"label"', "{}" * 50_000 + '"label"', '{"label":' * 50_000, '{"label":' + "[" * 400_000 + "}"]
    + ['{"label":' + c + "1}" for c in ("-" * 19_000, "(" * 19_000, "not " * 4_000, "1+" * 9_000)]
    + ['{"label":a' + ".a" * 9_000 + "}", '{"label"x}' * 40_000, "{" + '"\\' * 200_000],
    ids=lambda text: text[:14],
)
@pytest.mark.timeout(30)
def test_find_objects__hostile_text_ends_soon(text: str) -> None:
    assert find_objects(text, KEYS) == []
