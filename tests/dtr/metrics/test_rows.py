import multiprocessing
import pickle

import numpy as np
import pytest
import torch
import torch.distributed as dist

from dtr.metrics.boundary import BoundaryMetrics
from dtr.metrics.box import BoxMetrics
from dtr.metrics.category import CategoryMetrics
from dtr.metrics.label import LabelMetrics


def compute(videos):
    """All figures over the videos given to this process (and, under a process group, to all others)."""
    label, category, box, boundary = LabelMetrics(), CategoryMetrics(), BoxMetrics(), BoundaryMetrics()
    for n in videos:
        rng = np.random.default_rng(n)
        label.update(rng.random(1), [n % 2])
        category.update(rng.random((2, 9)), rng.integers(0, 2, (2, 9)))
        boxes = np.sort(rng.random((3, 2, 2)), axis=1).reshape(3, 4)
        box.update(boxes[0], boxes[1 : 1 + n % 3] * 0.9, boxes, rng.random(3), exhaustive=n % 3 == 0)
        spans = np.sort(rng.random((3, 2)), axis=1)
        boundary.update(spans[0], spans[1 : 1 + n % 3] * 0.9, 1.0, spans, rng.random(3), exhaustive=n % 3 == 0)
    metrics = (label, category, box, boundary)
    return {name: float(value) for metric in metrics for name, value in metric.compute().items()}


def one_process(rank, shares, store, results):
    torch.set_num_threads(1)  # a forked process must not use the thread pool of its parent
    dist.init_process_group("gloo", init_method=f"file://{store}", rank=rank, world_size=2)
    results.put((rank, [compute(share) for share in shares]))
    dist.destroy_process_group()


def test_row_metric__two_processes_agree_with_one_also_when_one_saw_nothing(tmp_path):
    shares = [[range(9), range(14)], [range(9, 14), range(0)]]  # uneven; and everything to the first process
    fork = multiprocessing.get_context("fork")  # spares each process the slow imports
    results = fork.SimpleQueue()
    runs = [fork.Process(target=one_process, args=(r, shares[r], tmp_path / "store", results)) for r in range(2)]
    for run in runs:
        run.start()
    for run in runs:
        run.join(timeout=100)
    assert [run.exitcode for run in runs] == [0, 0]
    found = dict(results.get() for _ in runs)
    expected = compute(range(14))
    assert len(expected) == 5 + 3 + 4 + 6
    assert all(np.isfinite(v) for v in expected.values())
    for rank in range(2):
        for figures in found[rank]:
            assert figures == pytest.approx(expected, abs=1e-6)


def test_row_metric__state_survives_pickling_and_moves_between_types():
    metric = LabelMetrics()
    metric.update([1 - 1e-12, 1 - 2e-12], [1, 0])
    copy = pickle.loads(pickle.dumps(metric)).float().half()  # Lightning casts modules; scores must stay exact
    assert float(copy.compute()["video_auroc"]) == 1.0


def test_row_metric__takes_tensors_with_gradient_and_arrays_alike():
    a, b = BoxMetrics(), BoxMetrics()
    box = torch.tensor([0.0, 0.0, 1.0, 1.0], requires_grad=True)
    a.update(box, box[None], box[None], torch.ones(1))
    b.update(np.array([0, 0, 1, 1]), [(0, 0, 1, 1)], [[0, 0, 1, 1]], [1])
    assert {k: float(v) for k, v in a.compute().items()} == {k: float(v) for k, v in b.compute().items()}
