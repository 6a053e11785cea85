"""Video-LM backbone: hidden states of the visual tokens of Qwen2.5-VL, through transformers' own classes."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any, Literal

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from dtr.backbones.protocol import clip_cells, covering_squares, one_size, require_views
from dtr.backbones.weights import backbone_id
from dtr.clock import Clock
from dtr.errors import ConfigError, DetectorError, MissingExtraError
from dtr.features import ClipFeatures
from dtr.steps import ClipSteps
from dtr.views import ViewSpec

PROMPT = (
    "Watch the video closely. Find every place and moment that gives it away as generated: distorted, merging, "
    "splitting, blurring, redundant or disappearing objects, impossible movement, a warping background."
)
MODEL_TYPE = "qwen2_5_vl"


class VideoLMBackbone(nn.Module):
    """Frozen video language model; its constructor arguments are its configuration.

    Two consecutive steps make one output step (the model merges frames in time). An output step is valid only if all
    its frames are: a missing frame is never replaced by a repeated one, whose zero difference would tell slow sources
    apart. Tokens of an invalid output step are hidden from the attention of all others. So a last step that is left
    alone is masked; a clip shorter than one output step has no valid token.

    Clips are encoded in consecutive chunks with nothing carried over. The prompt comes before the video, so that the
    visual tokens have read it; as attention is causal, a step sees only the past of its chunk.

    Args:
        checkpoint: name or local folder, as transformers takes it; safetensors only.
        views: pictures of every frame, each encoded as a video of its own; all of one size, a multiple of patch times
            merge (28). Default: two squares of 224 that cover the frame.
        layer: whose hidden states are taken: 0 = the language model's input, −1 = its last, normalised.
        max_frames: frames in one chunk, a multiple of the frames merged in time (2).
        prompt: fixed text, part of the backbone's id.
        clock: of the input steps; default: 2 Hz, windows of 32, hop 16. Rate, window and hop of the output steps are
            half of that.
        dtype: of the computation; "auto" = bfloat16 where there is a GPU, else float32. Not part of the id.
    """

    def __init__(
        self,
        checkpoint: str,
        views: list[ViewSpec] | None = None,
        layer: int = -1,
        max_frames: int = 32,
        prompt: str = PROMPT,
        clock: Clock | None = None,
        dtype: Literal["auto", "float32", "bfloat16"] = "auto",
    ) -> None:
        super().__init__()
        self.clock = clock or Clock(2.0, 32, 16)
        self.views = tuple(views or covering_squares())
        self.model, self.processor = _load(checkpoint)
        vision, text = self.model.config.vision_config, self.model.config.text_config
        self.merged, self.max_frames = int(vision.temporal_patch_size), max_frames
        self.head_clock = _merged_clock(self.clock, self.merged)
        self.width, self.layer = int(text.hidden_size), layer
        _check_layer_and_chunk(layer, text.num_hidden_layers, max_frames, self.merged)
        size = one_size(self.views, "backbone")
        self.grid = _grid_side(size, int(vision.patch_size) * int(vision.spatial_merge_size))
        self.num_tokens = self.grid**2 * len(self.views)
        self._text = self.processor.apply_chat_template(
            [{"role": "user", "content": [{"type": "text", "text": prompt}, {"type": "video"}]}], tokenize=False
        )
        shared: dict[str, Any] = {"layer": layer, "max_frames": max_frames, "prompt": prompt}
        shared["views"] = [v.to_json() for v in self.views]
        rate = {"rate_hz": self.clock.rate_hz}
        self.backbone_id = self._identify(shared | rate, text.num_hidden_layers)
        compute = _compute_dtype(dtype)
        self.model.to(compute)
        self.requires_grad_(False)
        self.train(False)
        self.config = {"model": MODEL_TYPE, **shared, **rate, "compute_dtype": str(compute).removeprefix("torch.")}
        given = {"checkpoint": checkpoint, "clock": asdict(self.clock), "dtype": dtype}
        self.init_args = shared | given

    def _identify(self, config: dict[str, Any], depth: int) -> str:
        """Id over the weights as stored, the configuration, and what prompt and pixels become before the model."""
        frames = np.zeros((self.merged, self.views[0].size, self.views[0].size, 3), np.uint8)
        inputs = self._inputs(frames)
        digest = {"input_ids": inputs["input_ids"][0].tolist(), "black": round(float(inputs["pixels"].sum()), 3)}
        return backbone_id(f"{MODEL_TYPE}_{depth}x{self.width}", self.model.state_dict().items(), config | digest)

    @torch.no_grad()
    def encode(self, steps: ClipSteps) -> ClipFeatures:
        """Features of every output step of one clip.

        Raises:
            ConfigError: the steps were rendered for other views than this backbone's.
        """
        require_views(steps, self.views, self.backbone_id)
        valid = _all_of_group(steps.step_mask, self.merged)  # (N',)
        tokens = np.zeros((len(valid), self.num_tokens, self.width), np.float32)
        per_chunk = self.max_frames // self.merged
        for start in range(0, len(valid), per_chunk):
            part = slice(start, start + per_chunk)
            if valid[part].any():
                frames = self._frames(steps, start, valid[part])
                by_view = [self._encode_chunk(f, valid[part]) for f in frames]
                tokens[part] = np.concatenate(by_view, axis=1) * valid[part, None, None]
        shape = (len(valid), self.num_tokens)
        cells = clip_cells(steps.view_boxes, (self.grid,) * len(self.views), flipped=steps.flipped)
        return ClipFeatures(
            tokens,
            np.broadcast_to(valid[:, None], shape).copy(),
            np.broadcast_to(cells, (*shape, 4)).copy(),
            _merge_spans(steps.step_s, self.merged),
            self.backbone_id,
        )

    def train(self, mode: bool = True) -> VideoLMBackbone:
        """Stay in evaluation mode whatever is asked: the backbone is frozen."""
        return super().train(False)

    def _frames(self, steps: ClipSteps, start: int, valid: NDArray[np.bool_]) -> NDArray[np.uint8]:
        """(V, F, S, S, 3) frames of some output steps; black where the output step is masked."""
        frames = steps.frames[start * self.merged : (start + len(valid)) * self.merged].swapaxes(0, 1)
        missing = len(valid) * self.merged - frames.shape[1]
        frames = np.pad(frames, ((0, 0), (0, missing), (0, 0), (0, 0), (0, 0)))
        return frames * np.repeat(valid, self.merged)[:, None, None, None].astype(np.uint8)

    def _encode_chunk(self, frames: NDArray[np.uint8], valid: NDArray[np.bool_]) -> NDArray[np.float32]:
        """(N', grid², D) hidden states of the visual tokens of one view of one chunk."""
        inputs = self._inputs(frames)
        ids = inputs["input_ids"]
        visual = ids == self.model.config.video_token_id  # (1, L)
        # Positions are counted as if all tokens were there; only attention to the masked ones is cut.
        positions, _ = self.model.get_rope_index(
            ids,
            inputs["mm_token_type_ids"],
            video_grid_thw=inputs["video_grid_thw"],
            second_per_grid_ts=[1.0 / self.head_clock.rate_hz],
        )
        attention = torch.ones_like(ids)
        attention[visual] = torch.from_numpy(np.repeat(valid, self.grid**2)).to(ids)
        output = self.model(
            input_ids=ids,
            attention_mask=attention,
            position_ids=positions,
            pixel_values_videos=inputs["pixels"],
            video_grid_thw=inputs["video_grid_thw"],
            use_cache=False,
            output_hidden_states=True,
        )
        hidden = output.hidden_states[self.layer][0][visual[0]]  # (N'·grid², D)
        return hidden.view(len(valid), self.grid**2, self.width).float().cpu().numpy()

    def _inputs(self, frames: NDArray[np.uint8]) -> dict[str, Tensor]:
        """Token ids and pixels of one chunk, by the library's own processor, never resized or resampled."""
        count = len(frames)
        metadata = {"fps": self.clock.rate_hz, "total_num_frames": count, "frames_indices": list(range(count))}
        # Some versions warn about a cap on resizing, which cannot apply here, unless this option is set.
        capped = hasattr(self.processor.video_processor, "cap_pixels_per_frame")
        quiet = {"cap_pixels_per_frame": False} if capped else {}
        inputs = self.processor(
            text=[self._text],
            videos=[torch.from_numpy(frames).permute(0, 3, 1, 2)],
            do_resize=False,
            do_sample_frames=False,
            video_metadata=[metadata],
            return_tensors="pt",
            **quiet,
        )
        device = self.model.device
        named = {k: inputs[k].to(device) for k in ("input_ids", "mm_token_type_ids", "video_grid_thw")}
        return named | {"pixels": inputs["pixel_values_videos"].to(device)}


def _load(checkpoint: str) -> tuple[Any, Any]:
    """Model without its language head, in its stored precision, and processor."""
    try:
        from transformers import AutoConfig, AutoProcessor, Qwen2_5_VLForConditionalGeneration
    except ImportError as error:
        raise MissingExtraError(
            "backbone: the package transformers is not installed; run: pip install 'dtr-video[train,vlm]'"
        ) from error
    try:
        found = AutoConfig.from_pretrained(checkpoint).model_type
        if found != MODEL_TYPE:
            raise ConfigError(f"backbone.checkpoint: expected a {MODEL_TYPE} model, got '{found}' in {checkpoint}")
        loaded: Any = Qwen2_5_VLForConditionalGeneration.from_pretrained(
            checkpoint, dtype="auto", use_safetensors=True, output_loading_info=True
        )
        processor = AutoProcessor.from_pretrained(checkpoint)
    except (OSError, ValueError) as error:
        reason = str(error).splitlines()[0]
        raise DetectorError(
            f"backbone.checkpoint: expected a checkpoint that transformers can load, got '{checkpoint}' ({reason}); "
            "check the name or folder, and the connection"
        ) from error
    model, report = loaded
    wrong = sorted(map(str, [*report["missing_keys"], *report["unexpected_keys"], *report["mismatched_keys"]]))
    if wrong:
        raise DetectorError(
            f"backbone.checkpoint: expected exactly the weights of {MODEL_TYPE}, got {len(wrong)} missing, unknown or "
            f"misshapen ({', '.join(wrong[:2])}) in {checkpoint}; fetch it again"
        )
    return model.model, processor


def _compute_dtype(name: str) -> torch.dtype:
    if name == "auto":
        return torch.bfloat16 if torch.cuda.is_available() else torch.float32
    return {"float32": torch.float32, "bfloat16": torch.bfloat16}[name]


def _check_layer_and_chunk(layer: int, depth: int, max_frames: int, merged: int) -> None:
    if not -depth - 1 <= layer <= depth:
        raise ConfigError(f"backbone.layer: expected a layer from {-depth - 1} to {depth}, got {layer}")
    if max_frames < merged or max_frames % merged:
        raise ConfigError(f"backbone.max_frames: expected a positive multiple of {merged}, got {max_frames}")


def _grid_side(size: int, patch: int) -> int:
    if size % patch:
        raise ConfigError(f"backbone.views: expected a size that is a multiple of {patch} pixels, got {size}")
    return size // patch


def _merged_clock(clock: Clock, merged: int) -> Clock:
    if clock.window % merged or clock.hop % merged:
        raise ConfigError(
            f"backbone.clock: expected window and hop that are multiples of the {merged} frames merged in time, got "
            f"{clock.window} and {clock.hop}"
        )
    return Clock(clock.rate_hz / merged, clock.window // merged, clock.hop // merged)


def _all_of_group(mask: NDArray[np.bool_], merged: int) -> NDArray[np.bool_]:
    """True where all `merged` steps of a group are there and valid.

    Example:
        >>> _all_of_group(np.array([True, True, False, True, True]), 2).tolist()
        [True, False, False]
    """
    padded = np.pad(mask, (0, -len(mask) % merged))
    whole: NDArray[np.bool_] = np.logical_and.reduce(padded.reshape(-1, merged), axis=1)
    return whole


def _merge_spans(step_s: NDArray[np.floating], merged: int) -> NDArray[np.float32]:
    """(N', 2) from the start of each group's first step to the end of its last."""
    ends = np.minimum(np.arange(merged - 1, len(step_s) + merged - 1, merged), len(step_s) - 1)
    return np.stack([step_s[::merged, 0], step_s[ends, 1]], axis=1).astype(np.float32)
