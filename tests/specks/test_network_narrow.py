"""What the network says of a part is what it says of the whole, wherever the part lies."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.specks.network import _run


@pytest.mark.parametrize(
    ("rows", "columns"),
    [
        ((48, 64), (48, 64)),
        ((0, 16), (88, 104)),
        ((96, 112), (0, 8)),
        ((8, 101), (40, 47)),
        ((56, 57), (0, 104)),
    ],
)
def test_part_and_whole(rows: tuple[int, int], columns: tuple[int, int]) -> None:
    images = np.random.default_rng(rows[0]).normal(0, 2, (2, 112, 104)).astype(np.float32)
    whole = _run(images, (0, 112), (0, 104))
    assert whole.shape == images.shape
    assert np.ptp(whole) > 1
    part = _run(images, rows, columns)
    assert np.array_equal(part, whole[:, slice(*rows), slice(*columns)])


def test_what_lies_beyond_the_part_counts() -> None:
    images = np.random.default_rng(1).normal(0, 2, (1, 112, 112)).astype(np.float32)
    before = _run(images, (48, 64), (48, 64))
    images[0, :, 40:47] += 20
    assert not np.array_equal(_run(images, (48, 64), (48, 64)), before)
