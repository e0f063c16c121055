"""A smooth field of displacements through scattered measurements, some of which are wrong.

Cubic B-splines on a coarse lattice, as little bent as the measurements allow (P. H. C. Eilers and B. D. Marx,
Statistical Science 11(2):89-121, 1996), fitted with weights that fall with the residual, so that a place
that was matched wrongly does not bend its surroundings.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.sparse.linalg import spsolve

from calcscope.exam.model import Float, Points

ROUNDS = 8
"""Of weighing anew; the weights settle in a few."""
ORDINARY = 1.5
"""Residuals up to so many times the median, and so many pixels, are ordinary."""
SAMPLED = 4
"""The field is computed on every so many-th pixel and read between them."""


def fitted(
    points: Points, displacement: Points, weight: NDArray[np.float64], shape: tuple[int, int],
    knots: float, stiffness: float,
) -> Float:  # fmt: skip
    """The smooth field through displacements measured at points.

    Parameters
    ----------
    points, displacement : (n, 2) x, y, pixels
    weight : (n,) how far each measurement is to be trusted
    shape : (rows, columns) of the field
    knots : pixels between the lattice's lines
    stiffness : weight of the field's curvature against that of the measurements

    Returns
    -------
    float32 (rows, columns, 2) displacement in x and y
    """
    lattice = int(np.ceil(shape[0] / knots)) + 3, int(np.ceil(shape[1] / knots)) + 3
    basis = _basis(points, knots, lattice)
    bending = _bending(lattice)
    firm = (stiffness * bending.T @ bending + 1e-6 * sparse.identity(bending.shape[1])).tocsc()
    trusted = weight
    for _ in range(ROUNDS):
        normal = (basis.T @ basis.multiply(trusted[:, None]) + firm).tocsc()
        coefficients = spsolve(normal, basis.T @ (displacement * trusted[:, None]))
        residual = np.hypot(*(displacement - basis @ coefficients).T)
        usual = max(ORDINARY, ORDINARY * float(np.median(residual)))
        trusted = weight / (1 + (residual / usual) ** 2) ** 2
    rows, columns = shape
    y, x = np.mgrid[0 : rows + SAMPLED : SAMPLED, 0 : columns + SAMPLED : SAMPLED].astype(np.float64)
    sampled = _basis(np.stack([x.ravel(), y.ravel()], axis=1), knots, lattice)
    coarse = (sampled @ coefficients).reshape(*x.shape, 2).astype(np.float32)
    at = np.mgrid[0:rows, 0:columns].astype(np.float32) / SAMPLED
    return np.asarray(cv2.remap(coarse, at[1], at[0], cv2.INTER_LINEAR))


def _basis(points: Points, knots: float, lattice: tuple[int, int]) -> sparse.csr_matrix:
    """(n, knots) value of each B-spline at each point."""
    rows, columns = lattice
    at = np.asarray(points, dtype=np.float64) / knots
    cell = np.floor(at).astype(np.intp)
    t = at - cell
    cubic = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3]) / 6
    column = np.clip(cell[:, 0, None] + np.arange(4), 0, columns - 1)
    row = np.clip(cell[:, 1, None] + np.arange(4), 0, rows - 1)
    value = cubic[:, :, 1].T[:, :, None] * cubic[:, :, 0].T[:, None, :]
    index = row[:, :, None] * columns + column[:, None, :]
    which = np.broadcast_to(np.arange(len(at))[:, None, None], value.shape)
    return sparse.csr_matrix((value.ravel(), (which.ravel(), index.ravel())), shape=(len(at), rows * columns))


def _bending(lattice: tuple[int, int]) -> sparse.csr_matrix:
    """Second differences along columns and rows and, counted twice as in a thin plate, across."""
    rows, columns = lattice

    def second(size: int) -> sparse.csr_matrix:
        return sparse.diags([1.0, -2.0, 1.0], [0, 1, 2], shape=(size - 2, size)).tocsr()

    def first(size: int) -> sparse.csr_matrix:
        return sparse.diags([-1.0, 1.0], [0, 1], shape=(size - 1, size)).tocsr()

    bending: sparse.csr_matrix = sparse.vstack(
        [
            sparse.kron(sparse.identity(rows), second(columns)),
            sparse.kron(second(rows), sparse.identity(columns)),
            np.sqrt(2) * sparse.kron(first(rows), first(columns)),
        ]
    ).tocsr()
    return bending
