"""Training the network; skipped without torch, which the base install does not need."""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("torch", reason="training needs calcscope[train]")
pytest.importorskip("onnx", reason="training needs calcscope[train]")

from calcscope.specks.network import logit_map, using
from calcscope.train import network
from calcscope.train.patches import Ground


def test_a_few_steps_lower_the_loss_and_the_file_can_be_asked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    random = np.random.default_rng(3)
    flat = random.normal(0.5, 0.01, (200, 200)).astype(np.float32)
    ground = Ground(flat, np.ones(flat.shape, dtype=bool), np.array([(100, 100)], np.int32), 0.1, False)
    monkeypatch.setattr(network, "grounds", lambda women, normals: [ground])
    losses: list[float] = []
    out = tmp_path / "network.onnx"
    steps = network.train(
        out, 0.25, progress=lambda _, what: losses.extend(map(float, re.findall("loss (.*)", what))), seed=1
    )
    assert steps == len(losses) > 3
    assert losses[-1] < losses[0]
    assert out.stat().st_size < 10e6
    with using(out):
        image = np.random.default_rng(0).normal(size=(50, 61)).astype(np.float32)
        logits = logit_map(image, 0.1)
    assert logits.shape == image.shape
    assert np.isfinite(logits).all()
