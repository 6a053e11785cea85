from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.torch import load_file, save_file

from dtr.backbones.video_lm import VideoLMBackbone, _merge_spans
from dtr.clock import Clock
from dtr.errors import ConfigError, DetectorError
from dtr.views import ViewSpec
from tests.backbone_contract import BackboneContract, make_steps
from tests.tiny_vlm import write_tiny_qwen

VIEWS = [ViewSpec(size=84)]


@pytest.fixture(scope="module")
def checkpoint(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_tiny_qwen(tmp_path_factory.mktemp("qwen"))


class TestVideoLMBackbone(BackboneContract):
    merged = 2
    changes = (
        {"views": [ViewSpec(size=112)]},
        {"views": [ViewSpec("full", 84)]},
        {"views": [ViewSpec(size=84), ViewSpec("native", 84)]},
        {"layer": 1},
        {"max_frames": 4},
        {"prompt": "Describe the video."},
        {"clock": Clock(4.0, 16, 8)},
    )

    @pytest.fixture(autouse=True, scope="class")
    def _folder(self, request: pytest.FixtureRequest, checkpoint: Path) -> None:
        request.cls.folder = checkpoint

    def make(self, **changes: Any) -> VideoLMBackbone:
        return VideoLMBackbone(**({"checkpoint": str(self.folder), "views": VIEWS} | changes))

    def test_backbone_id__changes_with_the_weights(self, backbone: VideoLMBackbone, tmp_path: Path) -> None:
        other = VideoLMBackbone(str(write_tiny_qwen(tmp_path, seed=1)), views=VIEWS)
        assert other.backbone_id != backbone.backbone_id

    def test_backbone_id__does_not_change_with_the_folder_or_the_precision(
        self, backbone: VideoLMBackbone, tmp_path: Path
    ) -> None:
        copy = VideoLMBackbone(str(write_tiny_qwen(tmp_path)), views=VIEWS, dtype="bfloat16")
        assert copy.backbone_id == backbone.backbone_id
        assert copy.config != backbone.config
        tokens = (b.encode(make_steps(b.views, b.clock)).tokens for b in (copy, backbone))
        np.testing.assert_allclose(*tokens, atol=0.2)

    def test_encode__equals_the_librarys_own_call(self, backbone: VideoLMBackbone) -> None:
        steps = make_steps(backbone.views, backbone.clock, num_steps=6)
        inputs = backbone.processor(
            text=[backbone._text],
            videos=[torch.from_numpy(steps.frames[:, 0]).permute(0, 3, 1, 2)],
            do_resize=False,
            do_sample_frames=False,
            video_metadata=[{"fps": 2.0, "total_num_frames": 6, "frames_indices": list(range(6))}],
            return_tensors="pt",
        )
        with torch.no_grad():
            hidden = backbone.model(**inputs).last_hidden_state[0]
        expected = hidden[inputs["input_ids"][0] == backbone.model.config.video_token_id].view(3, 9, 32)
        np.testing.assert_allclose(backbone.encode(steps).tokens, expected.numpy(), atol=1e-5)

    @pytest.mark.parametrize("missing", [2, 3])
    def test_encode__half_a_pair_is_masked_and_leaks_nothing(self, backbone: VideoLMBackbone, missing: int) -> None:
        half = backbone.encode(make_steps(backbone.views, backbone.clock, num_steps=6, masked=(missing,)))
        whole = backbone.encode(make_steps(backbone.views, backbone.clock, num_steps=6, masked=(2, 3)))
        assert half.token_mask.all(1).tolist() == [True, False, True]
        np.testing.assert_array_equal(half.tokens, whole.tokens)

    def test_encode_chunk__masked_tokens_are_hidden_from_attention(self, backbone: VideoLMBackbone) -> None:
        one = make_steps(backbone.views, backbone.clock).frames[:, 0]
        other = one.copy()
        other[2:4] = 255 - other[2:4]
        valid = np.array([True, False, True])
        hidden = [backbone._encode_chunk(frames, valid)[valid] for frames in (one, other)]
        np.testing.assert_array_equal(*hidden)
        seen = [backbone._encode_chunk(frames, np.ones(3, bool))[valid] for frames in (one, other)]
        assert not np.allclose(*seen, atol=1e-3)

    def test_encode__a_lone_last_step_is_masked_and_changes_nothing(self, backbone: VideoLMBackbone) -> None:
        five = backbone.encode(make_steps(backbone.views, backbone.clock, num_steps=5))
        assert five.token_mask.all(1).tolist() == [True, True, False]

    def test_encode__chunks_are_independent(self) -> None:
        backbone = self.make(max_frames=4)
        steps = make_steps(backbone.views, backbone.clock, num_steps=8)
        tail = make_steps(backbone.views, backbone.clock, num_steps=4)
        tail.frames[:] = steps.frames[4:]
        np.testing.assert_allclose(backbone.encode(steps).tokens[2:], backbone.encode(tail).tokens, atol=1e-5)

    def test_encode__views_are_encoded_apart_and_side_by_side(self, backbone: VideoLMBackbone) -> None:
        both = self.make(views=[*VIEWS, ViewSpec("native", 84)])
        steps = make_steps(both.views, both.clock, num_steps=4)
        alone = replace(steps, frames=steps.frames[:, :1], view_boxes=steps.view_boxes[:1])
        np.testing.assert_allclose(both.encode(steps).tokens[:, :9], backbone.encode(alone).tokens, atol=1e-5)

    @pytest.mark.parametrize(
        ("given", "words"),
        [
            ({"views": [ViewSpec(size=100)]}, "multiple of 28"),
            ({"layer": 3}, "from -3 to 2"),
            ({"max_frames": 3}, "multiple of 2"),
            ({"clock": Clock(2.0, 15, 8)}, "window and hop"),
        ],
    )
    def test_constructor__refuses_what_does_not_fit(self, given: dict[str, Any], words: str) -> None:
        with pytest.raises(ConfigError, match=words):
            self.make(**given)


def test_checkpoint__missing_foreign_or_incomplete_is_refused(checkpoint: Path, tmp_path: Path) -> None:
    with pytest.raises(DetectorError, match="can load"):
        VideoLMBackbone(str(tmp_path / "none"))
    foreign = tmp_path / "foreign"
    foreign.mkdir()
    (foreign / "config.json").write_text('{"model_type": "bert"}')
    with pytest.raises(ConfigError, match="got 'bert'"):
        VideoLMBackbone(str(foreign))
    incomplete = write_tiny_qwen(tmp_path / "incomplete")
    state = load_file(incomplete / "model.safetensors")
    state.pop("model.language_model.norm.weight", None) or state.pop("model.norm.weight")
    save_file(state, incomplete / "model.safetensors", {"format": "pt"})
    with pytest.raises(DetectorError, match="1 missing"):
        VideoLMBackbone(str(incomplete))


def test_merge_spans__covers_a_lone_last_step() -> None:
    spans = np.array([[0, 1], [1, 2], [2, 2.5]])
    assert _merge_spans(spans, 2).tolist() == [[0, 2], [2, 2.5]]
