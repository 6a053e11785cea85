"""What every head must do. A new head's test subclasses `HeadContract` and gives `make_head` (about 15 lines)."""

from __future__ import annotations

import io

import numpy as np
import pytest
import torch
from safetensors.torch import load, save

from dtr.features import Features
from dtr.head import Head, Targets

WIDTH = 24


def make_features(batch: int = 2, steps: int = 7, tokens: int = 9, seed: int = 0) -> Features:
    rng = torch.Generator().manual_seed(seed)
    edges = torch.linspace(0, 1, 4)
    cells = torch.tensor([[edges[c], edges[r], edges[c + 1], edges[r + 1]] for r in range(3) for c in range(3)])
    cells = cells[:tokens].expand(batch, steps, tokens, 4).clone()
    start = torch.arange(steps) / 6
    return Features(
        tokens=torch.randn(batch, steps, tokens, WIDTH, generator=rng),
        token_mask=torch.ones(batch, steps, tokens, dtype=torch.bool),
        cells=cells,
        step_s=torch.stack([start, start + 1 / 6], dim=-1).expand(batch, steps, 2).clone(),
        backbone_id="test@0",
    )


def make_targets(batch: int = 2, steps: int = 7, traces: int = 2) -> Targets:
    """First clip fake with annotated traces, second real and exhaustive, further ones unknown."""
    label = torch.full((batch,), float("nan"))
    label[0] = 1.0
    exhaustive = torch.zeros(batch, dtype=torch.bool)
    annotated = torch.zeros(batch, dtype=torch.bool)
    annotated[0] = True
    if batch > 1:
        label[1], exhaustive[1], annotated[1] = 0.0, True, True
    mask = torch.zeros(batch, traces, dtype=torch.bool)
    mask[0] = True
    span = torch.tensor([0.2, 0.7]).expand(batch, traces, 2).clone()
    box = torch.tensor([0.1, 0.1, 0.6, 0.5]).expand(batch, traces, steps, 4).clone()
    if traces > 1:
        span[:, 1] = torch.tensor([0.0, 0.35])
        box[:, 1] = torch.tensor([0.6, 0.6, 0.95, 1.0])
    categories = torch.zeros(batch, traces, 9)
    categories[0, 0, 0] = categories[0, 0, 4] = 1.0
    return Targets(
        label,
        exhaustive,
        annotated,
        mask,
        span,
        mask.clone(),
        box,
        mask.clone(),
        categories,
        mask.clone(),
        torch.full((batch,), steps / 6),
        torch.full((batch,), -1),
    )


def join(first: Features, second: Features) -> Features:
    arrays = (torch.cat([getattr(first, n), getattr(second, n)]) for n in ("tokens", "token_mask", "cells", "step_s"))
    return Features(*arrays, backbone_id=first.backbone_id)


class HeadContract:
    def make_head(self) -> Head:
        raise NotImplementedError

    @pytest.fixture
    def head(self) -> Head:
        torch.manual_seed(0)
        return self.make_head().eval()

    @pytest.mark.parametrize("batch", [1, 3])
    @pytest.mark.parametrize("steps", [1, 3, 7])
    def test_forward__shapes_follow_the_spec(self, head: Head, batch: int, steps: int) -> None:
        features = make_features(batch, steps)
        output = head.run(features)
        sizes = {"B": batch, "T": steps, "P": features.tokens.shape[2]}
        spec = head.spec("test@0")
        assert output._fields == tuple(o.name for o in spec.outputs)
        for tensor, declared in zip(output, spec.outputs, strict=True):
            assert tuple(tensor.shape) == tuple(sizes.get(a, a) for a in declared.axes), declared.name
            assert str(tensor.dtype) == f"torch.{declared.dtype}"
            assert torch.isfinite(tensor).all()

    def test_forward__returns_one_type_in_every_mode(self, head: Head) -> None:
        features = make_features()
        assert type(head.train().run(features)) is type(head.eval().run(features))

    def test_forward__masked_values_change_nothing(self, head: Head) -> None:
        features = make_features()
        features.token_mask[:, 3] = False
        features.token_mask[0, 1, 2:5] = False
        before = head.run(features)
        features.tokens[~features.token_mask] = 1e6
        for a, b in zip(before, head.run(features), strict=True):
            assert torch.equal(a, b)

    def test_forward__padding_steps_and_tokens_change_nothing(self, head: Head) -> None:
        short, long = make_features(steps=5, tokens=6), make_features(steps=8, tokens=9)
        long.token_mask[:, 5:] = False
        long.token_mask[:, :, 6:] = False
        long.tokens[:, :5, :6] = short.tokens
        long.step_s[:, 5:] = short.step_s[:, -1:, 1:]
        output_long = head.run(long)
        for declared, a, b in zip(head.spec().outputs, head.run(short), output_long, strict=True):
            for axis, name in enumerate(declared.axes):
                if name in ("T", "P"):
                    b = b.narrow(axis, 0, a.shape[axis])
            assert torch.allclose(a, b, atol=1e-5), declared.name

    def test_forward__unmasked_tokens_matter(self, head: Head) -> None:
        features = make_features()
        before = head.run(features)
        features.tokens[:, 2, 4, : WIDTH // 2] += 3.0  # not all channels: a norm may remove what they share
        assert any(not torch.allclose(a, b) for a, b in zip(before, head.run(features), strict=True))

    def test_forward__fully_masked_window_is_finite(self, head: Head) -> None:
        features = make_features()
        features.token_mask[:] = False
        assert all(torch.isfinite(t).all() for t in head.run(features))

    def test_loss__every_parameter_gets_a_gradient(self, head: Head) -> None:
        features, targets = make_features(), make_targets()
        head.train()
        head.loss(head.run(features), features, targets)["loss"].backward()
        missing = [n for n, p in head.named_parameters() if p.grad is None or not p.grad.abs().sum() > 0]
        assert not missing

    def test_loss__unannotated_videos_change_nothing(self, head: Head) -> None:
        features, targets = make_features(2), make_targets(2)
        alone = head.loss(head.run(features), features, targets)
        both = join(features, make_features(1, seed=5))
        unknown = make_targets(3)
        with_unknown = head.loss(head.run(both), both, unknown)
        assert torch.allclose(alone["loss"], with_unknown["loss"], atol=1e-6)

    def test_loss__unannotated_fields_take_no_part(self, head: Head) -> None:
        features, targets = make_features(1), make_targets(1, traces=1)
        off = torch.zeros_like(targets.trace_mask)
        blank = targets._replace(label=targets.label * float("nan"), span_mask=off, box_mask=off, category_mask=off)
        loss = head.loss(head.run(features), features, blank)["loss"]
        assert loss.item() == 0.0

    def test_loss__nothing_annotated_is_finite_and_differentiable(self, head: Head) -> None:
        features, targets = make_features(1), make_targets(1)
        empty = targets._replace(label=targets.label * float("nan"), trace_mask=torch.zeros_like(targets.trace_mask))
        loss = head.loss(head.run(features), features, empty)["loss"]
        loss.backward()
        assert torch.isfinite(loss)
        assert all(p.grad is not None and torch.isfinite(p.grad).all() for p in head.parameters())

    def test_loss__places_outside_a_trace_of_an_unexhaustive_video_are_no_negatives(self, head: Head) -> None:
        """Lowering every score of such a video together must not lower the loss: nothing says "clean"."""
        features, targets = make_features(1), make_targets(1, traces=1)
        late = targets._replace(span_s=torch.tensor([[[9.0, 9.5]]]), label=targets.label * float("nan"))
        assert head.loss(head.run(features), features, late)["loss"].item() == 0.0

    def test_loss__leaves_the_batch_alone(self, head: Head) -> None:
        features, targets = make_features(), make_targets()
        copies = [t.clone() for t in (*targets, features.tokens, features.cells, features.step_s)]
        head.loss(head.run(features), features, targets)["loss"].backward()
        for before, after in zip(copies, (*targets, features.tokens, features.cells, features.step_s), strict=True):
            assert torch.equal(torch.nan_to_num(before, nan=-7), torch.nan_to_num(after, nan=-7))

    def test_loss__can_be_learned(self, head: Head) -> None:
        features, targets = make_features(), make_targets()
        head.train()
        torch.manual_seed(0)
        optimiser = torch.optim.AdamW(head.parameters(), lr=3e-3)
        losses = []
        for _ in range(60):
            optimiser.zero_grad()
            loss = head.loss(head.run(features), features, targets)["loss"]
            loss.backward()
            optimiser.step()
            losses.append(loss.item())
        assert np.mean(losses[-5:]) < 0.8 * losses[0]

    def test_state__survives_saving_exactly(self, head: Head) -> None:
        state = load(io.BytesIO(save(head.state_dict())).getvalue())
        torch.manual_seed(1)
        other = self.make_head().eval()
        other.load_state_dict(state, strict=True)
        features = make_features()
        for a, b in zip(head.run(features), other.run(features), strict=True):
            assert torch.equal(a, b)

    def test_features__of_another_backbone_are_refused(self, head: Head) -> None:
        from dtr.errors import DetectorError

        with pytest.raises(DetectorError, match="other@1"):
            make_features().require_backbone("other@1", "head")
