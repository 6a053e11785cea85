from __future__ import annotations

import numpy as np
import pytest

from dtr.backbones.protocol import clip_cells, one_size, require_views
from dtr.clock import Clock
from dtr.errors import ConfigError
from dtr.views import ViewSpec
from tests.backbone_contract import make_steps


def test_clip_cells__are_placed_inside_each_view_and_mirror_there() -> None:
    boxes = np.array([[0, 0, 1, 1], [0.5, 0.5, 1, 1]])
    cells = clip_cells(boxes, (1, 2))
    assert cells.shape == (5, 4)
    np.testing.assert_allclose(cells[1], [0.5, 0.5, 0.75, 0.75])
    np.testing.assert_allclose(clip_cells(boxes, (1, 2), flipped=True)[1], [0.75, 0.5, 1, 0.75])


def test_one_size__refuses_none_and_different_sizes() -> None:
    for views in ((), (ViewSpec(size=64), ViewSpec(size=96))):
        with pytest.raises(ConfigError, match="one size"):
            one_size(views, "toy")


def test_require_views__refuses_another_number_or_size() -> None:
    steps = make_steps((ViewSpec(size=64),), Clock(), num_steps=2)
    require_views(steps, (ViewSpec(size=64),), "toy")
    for views in ((ViewSpec(size=96),), (ViewSpec(size=64), ViewSpec(size=64))):
        with pytest.raises(ConfigError, match="render the steps"):
            require_views(steps, views, "toy")
