from __future__ import annotations

import numpy as np
import torch

from dtr.clock import Clock
from dtr.detector import LoadedDetector
from dtr.export.clips import synthetic_clips
from dtr.export.graph import FusedGraph, HeadsGraph, gather_windows
from dtr.features import ClipFeatures


def test_gather_windows__equals_the_windows_of_training() -> None:
    rng = np.random.default_rng(0)
    n, p, d = 11, 3, 4
    mask = rng.random(n) < 0.7
    edges = np.cumsum(rng.random(n + 1)).astype(np.float32)
    step_s = np.stack([edges[:-1], edges[1:]], axis=1)
    tokens, cells = rng.random((n, p, d), dtype=np.float32), rng.random((p, 4), dtype=np.float32)
    everywhere = np.broadcast_to(cells, (n, p, 4))
    features = ClipFeatures(tokens, np.repeat(mask[:, None], p, axis=1), everywhere, step_s, "x")
    window_steps = Clock(6.0, 8, 4).window_steps(n)
    assert (window_steps == -1).any()
    expected = features.windows(window_steps)
    got = gather_windows(*(torch.from_numpy(a) for a in (tokens, cells, window_steps, mask, step_s)))
    for name, value in zip(("tokens", "token_mask", "cells", "step_s"), got, strict=True):
        np.testing.assert_array_equal(value.numpy(), getattr(expected, name), err_msg=name)


def test_heads_graph__gives_outputs_in_the_order_of_their_names(fused_detector: LoadedDetector) -> None:
    graph = HeadsGraph(fused_detector.heads)
    assert graph.output_names == [
        "binary.video_logit",
        "binary.step_logits",
        "box.heat_logits",
        "box.boxes",
        "box.side_logits",
    ]
    width = fused_detector.info.heads["box"].width
    outputs = graph(torch.rand(2, 3, 4, width), torch.ones(2, 3, 4) > 0, torch.rand(2, 3, 4, 4), torch.rand(2, 3, 2))
    assert [tuple(o.shape[:2]) for o in outputs] == [(2,), (2, 3), (2, 3), (2, 3), (2, 3)]


@torch.no_grad()
def test_fused_graph__equals_encode_then_windows_then_heads(fused_detector: LoadedDetector) -> None:
    backbone = fused_detector.build_backbone()
    clip = synthetic_clips(fused_detector.info)[2]
    assert not clip.step_mask.all()
    features, window_steps = backbone.encode(clip).all_windows(fused_detector.info.clock)
    fused = FusedGraph(backbone, fused_detector.heads)
    arrays = (clip.frames, window_steps, clip.step_mask, clip.step_s, clip.view_boxes)
    got = dict(zip(fused.output_names, fused(*(torch.from_numpy(a) for a in arrays)), strict=True))
    for name, head in fused_detector.heads.items():
        inputs = (features.tokens, features.token_mask, features.cells, features.step_s)
        for field, value in head(*(torch.from_numpy(a) for a in inputs))._asdict().items():
            torch.testing.assert_close(got[f"{name}.{field}"], value, atol=1e-5, rtol=0)
    np.testing.assert_allclose(got["cells"].numpy(), features.cells[0, 0], atol=1e-6)
