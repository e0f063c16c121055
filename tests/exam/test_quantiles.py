"""Median and percentiles are those of NumPy."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.exam.quantiles import median, percentile


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_they_are_what_numpy_says(kind: type[np.float32] | type[np.float64]) -> None:
    random = np.random.default_rng(0)
    for size in (1, 2, 3, 10, 101, 4096, 66049):
        values = random.normal(0, 1, size).astype(kind)
        assert median(values) == float(np.median(values))
        for percent in (0, 0.5, 30, 50, 75, 99.9, 100):
            assert percentile(values, percent) == float(np.percentile(values, percent))
    square = random.normal(0, 1, (40, 31)).astype(kind)
    assert median(square) == float(np.median(square))
    assert percentile(square[:, ::2], 30) == float(np.percentile(square[:, ::2], 30))
