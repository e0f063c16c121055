"""Where each place of a view lies in an earlier view of the same breast.

Coarse to fine: the skin lines and nipples give a start (or, where a view shows no skin, the place where the
pattern of the tissue fits best); then blocks of the pattern are looked for in the earlier view, and a smooth
field is laid through where they were found, with ever smaller blocks. How far blocks
scatter about the field in the end, and where there are none, makes a field of the error to be expected, which
says how far around to look for a finding. Own work rather than a general toolkit: decision 11.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast.model import Breast
from calcscope.exam.model import Float, Mammogram, Mask, Points
from calcscope.priors import check
from calcscope.priors.blocks import matched
from calcscope.priors.field import fitted
from calcscope.priors.grid import GRID_MM, Gridded, from_grid, gridded, to_grid
from calcscope.priors.skin import skin_fit
from calcscope.priors.warp import Affine, field_of, moved, read, through

Way = Literal["kept", "turned over"]
"""How an earlier view was laid for the comparison."""


class Pass(NamedTuple):
    """Blocks of ``2 * half + 1`` pixels every ``step`` are looked for within ``reach``; the field through
    them has a lattice of ``knots`` pixels and this stiffness."""

    step: int
    half: int
    reach: int
    knots: float
    stiffness: float


FIRST = Pass(10, 16, 14, 60, 30.0)
LATER = (Pass(8, 12, 8, 30, 10.0), Pass(6, 10, 5, 20, 5.0))
FEWEST_BLOCKS = 8
LEAST_OVERLAP = 0.4
"""Share of the smaller view that both show at least."""
LEAST_AGREEMENT = 0.55
"""Below which two views are not taken to show the same breast: simulated pairs of one woman reach 0.59 and
more, those of two women 0.48 with one in some hundred above, films of two women or of both breasts 0.47."""
BETTER = 1.3
"""How many times better the pattern must fit turned over before a view is taken to be upside down."""
SHIFT_MM = 2.0
"""Grid on which the shift of best fit is looked for."""


@dataclass(frozen=True)
class Registration:
    """Where the places of a current view lie in an earlier one.

    Parameters
    ----------
    field : float32 (rows, columns, 2): for each place of the current view's grid, x and y on that of the
        earlier one
    error_mm : float32 (rows, columns): distance within which the true place lies in two of three cases, mm
    agreement : share of the blocks found where the field has them, by their trust, 0 to 1
    current_mm, prior_mm : mm per pixel of the two views
    prior_rows : rows of the earlier view's grid
    way : whether the earlier view had to be turned over
    """

    field: Float
    error_mm: Float
    agreement: float
    current_mm: float
    prior_mm: float
    prior_rows: int
    way: Way = "kept"

    def to_prior(self, xy: Points) -> Points:
        """Points of the current view, (n, 2) canonical pixels, in the earlier view's canonical pixels."""
        at = read(self.field, to_grid(np.atleast_2d(xy), self.current_mm))
        if self.way == "turned over":
            at[:, 1] = self.prior_rows - 1 - at[:, 1]
        return from_grid(at, self.prior_mm)

    def error_at(self, xy: Points) -> NDArray[np.float64]:
        """Error to be expected at points of the current view, (n,) mm."""
        return read(self.error_mm[..., None], to_grid(np.atleast_2d(xy), self.current_mm))[:, 0]


@dataclass(frozen=True)
class NotRegistered:
    """Why two views could not be laid on one another, a sentence for the reader."""

    reason: str


def register(
    current: tuple[Mammogram, Breast], prior: tuple[Mammogram, Breast]
) -> Registration | NotRegistered:
    """Lay a current view on an earlier one of the same breast and projection.

    Both in canonical orientation, so that left and right need no care; a view that was stored upside down,
    whatever its header says, is found out where it fits clearly better turned over.
    """
    return registered(gridded(*current), gridded(*prior))


def registered(here: Gridded, there: Gridded) -> Registration | NotRegistered:
    """The same for views on the grid."""
    if not here.mask.any() or not there.mask.any():
        return NotRegistered("no breast was found in one of the two images")
    kept, over = _begun(here, there), _begun(here, there.turned_over())
    turn = over.score > BETTER * max(kept.score, 0.0)
    laid = _refined(here, over if turn else kept, LATER)
    if laid.overlap < LEAST_OVERLAP:
        return NotRegistered("the two images show too little of the same part of the breast")
    blocks = matched(
        (here.detail, here.mask),
        (through(laid.there.detail, laid.field), _shown(laid.there, laid.field)),
        check.STEP, check.HALF, check.REACH,
    )  # fmt: skip
    agreement = check.agreement_of(blocks)
    if agreement < LEAST_AGREEMENT:
        return NotRegistered(
            "the tissue of the two images could not be matched "
            f"(agreement {agreement:.2f}, needed {LEAST_AGREEMENT:.2f})"
        )
    return Registration(
        laid.field,
        check.error_of(blocks, here.shape),
        agreement,
        here.pixel_mm,
        there.pixel_mm,
        there.shape[0],
        "turned over" if turn else "kept",
    )


class _Laid(NamedTuple):
    """A field, what it lays the current view on, the correlation of the patterns then, and the share of the
    smaller view that both show."""

    field: Float
    there: Gridded
    fit: float
    overlap: float

    @property
    def score(self) -> float:
        """How well it fits; what fits by little that both show (muscle on muscle) is worth little."""
        return self.fit * min(1.0, self.overlap)


def _begun(here: Gridded, there: Gridded) -> _Laid:
    """The best of all starts after the first pass."""
    begun = [_refined(here, _assessed(here, there, start), (FIRST,)) for start in _starts(here, there)]
    return max(begun, key=lambda laid: laid.score)


def _starts(here: Gridded, there: Gridded) -> Iterator[Float]:
    """Fields to begin with."""
    for nipple in (True, False):
        affine = skin_fit(here, there, nipple)
        if affine is not None:
            yield field_of(affine, here.shape)
    yield field_of(_best_shift(here, there), here.shape)


def _best_shift(here: Gridded, there: Gridded) -> Affine:
    """The shift by which the patterns fit best where both show breast."""
    reduced = round(SHIFT_MM / GRID_MM)

    def small(image: Float) -> Float:
        size = [max(1, n // reduced) for n in image.shape[::-1]]
        return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA))

    one, other = small(here.pattern), small(there.pattern)
    mask, their_mask = (small(view.mask.astype(np.float32)) for view in (here, there))
    rows, columns = (size // 2 for size in one.shape)
    # Wide enough that the current view fits into it anywhere.
    below, beyond = (max(0, one.shape[axis] - other.shape[axis]) for axis in (0, 1))

    def over(image: Float, template: Float) -> Float:
        wide = cv2.copyMakeBorder(
            image, rows, rows + below, columns, columns + beyond, cv2.BORDER_CONSTANT, value=0
        )
        return np.asarray(cv2.matchTemplate(wide, template, cv2.TM_CCORR))

    shared = over(their_mask, mask) / min(float(mask.sum()), float(their_mask.sum()))
    energy = np.sqrt(np.maximum(over(their_mask, one**2), 1e-6) * np.maximum(over(other**2, mask), 1e-6))
    fit = np.where(shared >= LEAST_OVERLAP, shared * over(other, one) / energy, -1)
    row, column = np.unravel_index(int(np.argmax(fit)), fit.shape)
    return np.array([[1.0, 0, (column - columns) * reduced], [0, 1, (row - rows) * reduced]])


def _refined(here: Gridded, laid: _Laid, passes: tuple[Pass, ...]) -> _Laid:
    """A field after some passes; it stays where too few blocks are found."""
    for one in passes:
        blocks = matched(
            (here.pattern, here.mask),
            (through(laid.there.pattern, laid.field), _shown(laid.there, laid.field)),
            one.step, one.half, one.reach,
        )  # fmt: skip
        if len(blocks.points) < FEWEST_BLOCKS or not blocks.trust.any():
            break
        displacement = fitted(
            blocks.points, blocks.displacement, blocks.trust, here.shape, one.knots, one.stiffness
        )
        laid = _assessed(here, laid.there, moved(laid.field, displacement))
    return laid


def _shown(there: Gridded, field: Float) -> Mask:
    """Where an earlier view, laid by a field, shows breast."""
    return through(there.mask.astype(np.float32), field) > 0.5


def _assessed(here: Gridded, there: Gridded, field: Float) -> _Laid:
    both = here.mask & _shown(there, field)
    smaller = min(int(np.count_nonzero(here.mask)), int(np.count_nonzero(there.mask)))
    fit = _correlation(here.pattern, through(there.pattern, field), both)
    return _Laid(field, there, fit, int(np.count_nonzero(both)) / max(1, smaller))


def _correlation(one: Float, other: Float, mask: Mask) -> float:
    if np.count_nonzero(mask) < 100:
        return -1.0
    a, b = one[mask], other[mask]
    a, b = a - a.mean(), b - b.mean()
    return float((a * b).sum() / max(float(np.sqrt((a**2).sum() * (b**2).sum())), 1e-9))
