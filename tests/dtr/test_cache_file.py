from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import torch

from dtr.annotation import TraceAnnotation
from dtr.cache_file import pack, store_tokens, unpack
from dtr.errors import CacheError
from dtr.features import ClipFeatures
from dtr.planted import Planted


@pytest.fixture
def clip() -> ClipFeatures:
    rng = np.random.default_rng(0)
    return ClipFeatures(
        tokens=rng.standard_normal((3, 4, 5)).astype(np.float32),
        token_mask=rng.random((3, 4)) < 0.5,
        cells=rng.random((3, 4, 4)).astype(np.float32),
        step_s=np.array([[0, 1], [1, 2], [2, 3]], np.float32),
        backbone_id="toy@0",
    )


@pytest.mark.parametrize(("dtype", "error"), [("auto", 2e-3), ("float16", 2e-3), ("bfloat16", 2e-2), ("float32", 0)])
def test_pack__comes_back_within_the_precision_of_its_type(clip: ClipFeatures, dtype: str, error: float) -> None:
    back, about = unpack(pack(clip, {"key": "k"}, dtype))
    assert about["key"] == "k"
    np.testing.assert_allclose(back.tokens, clip.tokens, atol=error)
    for name in ("token_mask", "cells", "step_s"):
        np.testing.assert_array_equal(getattr(back, name), getattr(clip, name))
    assert back.backbone_id == clip.backbone_id


def test_pack__same_features_give_the_same_bytes(clip: ClipFeatures) -> None:
    assert pack(clip, {"key": "k"}) == pack(clip, {"key": "k"})


def test_store_tokens__bfloat16_rounds_as_torch_does() -> None:
    values = np.random.default_rng(0).standard_normal(2000).astype(np.float32) * 1e5
    bits, name = store_tokens(values, "auto")
    assert name == "bfloat16"
    expected = torch.from_numpy(values).bfloat16().view(torch.int16).numpy().view(np.uint16)
    np.testing.assert_array_equal(bits, expected)


def test_store_tokens__auto_keeps_float16_while_it_fits() -> None:
    assert store_tokens(np.array([65504.0], np.float32), "auto")[1] == "float16"
    assert store_tokens(np.zeros((0, 2), np.float32), "auto")[1] == "float16"
    with pytest.raises(CacheError, match="too large for float16"):
        store_tokens(np.array([1e6], np.float32), "float16")


@pytest.mark.parametrize("bad", [np.nan, np.inf])
def test_pack__refuses_what_is_not_finite(clip: ClipFeatures, bad: float) -> None:
    tokens = clip.tokens.copy()
    tokens[1, 2, 3] = bad
    with pytest.raises(CacheError, match="not finite"):
        pack(replace(clip, tokens=tokens), {}, "float32")


def test_unpack__finds_any_flipped_bit_and_any_cut(clip: ClipFeatures) -> None:
    data = pack(clip, {"key": "k"})
    start = 8 + int.from_bytes(data[:8], "little")
    for position in range(start, len(data), 7):
        damaged = bytearray(data)
        damaged[position] ^= 1
        with pytest.raises(ValueError, match=r"not those|not a whole"):
            unpack(bytes(damaged))
    for length in (0, 5, start - 1, start, len(data) - 1):
        with pytest.raises(ValueError, match="not a whole"):
            unpack(data[:length])


def test_pack__keeps_what_was_planted(clip: ClipFeatures) -> None:
    trace = TraceAnnotation(span_s=(0.0, 0.5), box=(0.1, 0.1, 0.5, 0.5), categories=frozenset({"Object Merging"}))
    trace = replace(trace, raw_tags=("Object Merging",))
    planted = Planted((trace,), keeps_time=False)
    assert unpack(pack(replace(clip, planted=planted), {}))[0].planted == planted
    assert unpack(pack(clip, {}))[0].planted is None
