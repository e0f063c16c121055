"""Training the network; skipped without torch, which the base install does not need."""

from __future__ import annotations

import re
from itertools import count
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs calcscope[train]")
pytest.importorskip("onnx", reason="training needs calcscope[train]")

from calcscope.specks.network import logit_map, using
from calcscope.train import network
from calcscope.train.patches import SIDE, Ground


def drawn_ground() -> Ground:
    flat = np.random.default_rng(3).normal(0.5, 0.01, (200, 200)).astype(np.float32)
    return Ground(flat, np.ones(flat.shape, dtype=bool), np.array([(100, 100)], np.int32), 0.1, False)


def test_the_pieces_are_the_same_however_many_processes_draw_them() -> None:
    seen = []
    for workers, first in ((1, 3), (3, 3), (2, 4)):
        with network.drawn([drawn_ground()], 5, first, workers, batch=2) as batches:
            seen.append([next(batches) for _ in range(4)])
    one, other, later = seen
    for a, b in (*zip(one, other, strict=True), *zip(one[1:], later[:-1], strict=True)):
        assert all(np.array_equal(x, y) for x, y in zip(a, b, strict=True))
    assert one[0][0].shape == (2, 1, SIDE, SIDE)
    assert not np.array_equal(one[0][0], one[1][0])


def test_a_few_steps_lower_the_loss_and_the_file_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(network, "grounds", lambda women, normals, workers: [drawn_ground()])
    monkeypatch.setattr(network, "SAID_EVERY", 1)
    ticks = count()  # as many steps on a busy machine
    monkeypatch.setattr(network, "time", SimpleNamespace(monotonic=lambda: 0.3 * next(ticks)))
    losses: list[float] = []
    out = tmp_path / "network.onnx"
    steps = network.train(
        out,
        0.25,
        progress=lambda _, what: losses.extend(map(float, re.findall("loss (.*)", what))),
        seed=1,
        batch=8,
    )
    assert steps == len(losses) > 40
    assert losses[-1] < losses[0]
    assert out.stat().st_size < 10e6
    with using(out):
        image = np.random.default_rng(0).normal(size=(50, 61)).astype(np.float32)
        logits = logit_map(image, 0.1)
    assert logits.shape == image.shape
    assert np.isfinite(logits).all()
