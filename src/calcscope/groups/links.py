"""What hangs together when some pairs of things are linked."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

Pairs = Sequence[tuple[int, int]] | NDArray[np.intp]


def component_of(size: int, pairs: Pairs) -> NDArray[np.intp]:
    """Number of the connected component of each of ``size`` nodes, (size,), under links between pairs."""
    i, j = np.asarray(pairs, dtype=np.intp).reshape(-1, 2).T
    graph = coo_array((np.ones(len(i)), (i, j)), shape=(size, size))
    _, label = connected_components(graph, directed=False)
    return np.asarray(label, dtype=np.intp)


def connected(size: int, pairs: Pairs) -> list[NDArray[np.intp]]:
    """Index sets of the connected components of ``size`` nodes under links between pairs."""
    label = component_of(size, pairs)
    return [np.flatnonzero(label == k) for k in range(int(label.max(initial=-1)) + 1)]
