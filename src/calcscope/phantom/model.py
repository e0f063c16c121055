"""What a simulated exam is made of; the contract between the modules of this room.

Three frames of coordinates, all in mm unless said otherwise:

* the *breast* frame of the uncompressed breast: ``(depth, outward, up)``. Depth runs from the chest wall (0)
  to the nipple, outward from the middle plane through the nipple to the lateral side (so left and right
  breasts are alike), up to the head. The nipple lies at ``(nipple depth, 0, 0)``.
* the *view*: ``(x, y)`` in the plane of the compressed breast in the canonical orientation of
  :mod:`calcscope.exam.model` (chest wall at x = 0, nipple to the right; CC: lateral side at the top; MLO and
  true lateral: head at the top), and the height ``z`` above the breast support.
* *pixels* of the canonical image: ``(column, row)``, 0-based at pixel centres.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from calcscope.exam.model import Float, Laterality, Mask, Points

Random = np.random.Generator
Solid = NDArray[np.float64]
"""(n, 3) points of the breast frame, mm."""


def random_for(seed: int, *names: str | int) -> Random:
    """Independent numbers for each purpose, so that a change in one part leaves the others as they were."""
    return np.random.default_rng([seed, *"/".join(str(name) for name in names).encode()])


# --- the woman ----------------------------------------------------------------------------------


@dataclass(frozen=True)
class Duct:
    """A stretch of a milk duct between two forks.

    Parameters
    ----------
    path : (n, 3) breast frame, mm, from the nipple's side outwards
    radius_mm : (n,) of the duct there
    lobe : number of the lobe it belongs to, from 0
    parent : index of the duct it leaves, None for the main duct of a lobe
    """

    path: Solid
    radius_mm: NDArray[np.float64]
    lobe: int
    parent: int | None


@dataclass(frozen=True)
class Vessel:
    """An artery or vein: (n, 3) breast frame, mm, and its radius (n,), mm."""

    path: Solid
    radius_mm: NDArray[np.float64]
    artery: bool


class Anatomy(Protocol):
    """The breast of one woman on one side, uncompressed (:mod:`calcscope.phantom.anatomy`)."""

    @property
    def nipple_depth_mm(self) -> float:
        """Distance of the nipple from the chest wall."""

    @property
    def ducts(self) -> tuple[Duct, ...]:
        """All stretches of milk ducts."""

    @property
    def vessels(self) -> tuple[Vessel, ...]:
        """Arteries and veins."""

    def inside(self, points: Solid, margin_mm: float = 0.0) -> NDArray[np.bool_]:
        """Which points lie in the breast, at least ``margin_mm`` under the skin and off the chest wall."""

    def on_skin(self, points: Solid) -> Solid:
        """The nearest points of the skin."""

    def gland_at(self, points: Solid) -> NDArray[np.float64]:
        """Share of glandular tissue, 0 to 1, at each point, (n,)."""


# --- calcium ------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Speck:
    """One calcification in the breast.

    Parameters
    ----------
    at : (3,) breast frame, mm
    form : the shape it is drawn from, a word of the generator (``pearl``, ``stone``, ``cast``, ``rim``, …)
    size_mm : greatest extent
    along : (n, 3) breast frame, mm: its course, for casts, rods and the walls of vessels; else None
    density : share of solid calcium (hydroxyapatite) in it, 0 to 1
    group : index of its lesion in the exam's truth
    seed : draws its shape, so that it stays itself from view to view and from year to year
    width_mm : across its course, for what has one (of a vessel's wall: the caliber); else None
    """

    at: NDArray[np.float64]
    form: str
    size_mm: float
    along: Solid | None
    density: float
    group: int
    seed: int
    width_mm: float | None = None


@dataclass(frozen=True)
class Lesion:
    """Calcifications that belong together: a group, a vessel, or one that stands alone.

    Parameters
    ----------
    morphology : a morphology of the lexicon, or None for a typically benign kind
    typical_kind : a typically benign kind of the lexicon, or None
    distribution : a distribution of the lexicon, or None for one that stands alone
    change : against the earlier exam: ``new``, ``stable``, ``more``, ``fewer``, ``larger``; None without one
    """

    morphology: str | None
    typical_kind: str | None
    distribution: str | None
    change: str | None = None


@dataclass(frozen=True)
class Patch:
    """A shape as the beam meets it.

    Parameters
    ----------
    thickness_mm : float32 (rows, columns) of solid calcium along the beam, on a grid of ``step_mm``
    x, y : mm in the view, of the patch's middle (halfway between its outer borders)
    step_mm : of the grid
    """

    thickness_mm: Float
    x: float
    y: float
    step_mm: float


class ShapeGenerator(Protocol):
    """Draws single calcifications. Two exist that share no code."""

    name: str

    def draw(self, speck: Speck, projection: Projection, step_mm: float) -> Patch:
        """The speck as a projection shows it, on a grid of ``step_mm`` (in the plane of the breast)."""


# --- a view -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Pose:
    """How a view is taken.

    Parameters
    ----------
    laterality : ``L`` or ``R``
    view : ``CC``, ``MLO``, ``ML`` or ``LM``
    magnification : 1 for contact views, 1.8 for magnification views
    centre : (3,) breast frame, mm: what a magnification view is centred on; None for the whole breast
    seed : of the positioning (compression, turn, how far the breast was pulled); the same breast
        positioned anew is another seed
    """

    laterality: Laterality
    view: Literal["CC", "MLO", "ML", "LM"]
    magnification: float = 1.0
    centre: tuple[float, float, float] | None = None
    seed: int = 0


class Projection(Protocol):
    """From the breast frame to one view of the compressed breast (:mod:`calcscope.phantom.geometry`)."""

    @property
    def pose(self) -> Pose:
        """How it is taken."""

    @property
    def rows(self) -> int:
        """Of the image."""

    @property
    def columns(self) -> int:
        """Of the image."""

    @property
    def pixel_mm(self) -> float:
        """In the plane of the breast: the detector's pixel over the magnification."""

    @property
    def origin_mm(self) -> NDArray[np.float64]:
        """(2,) view x, y of the outer corner of pixel (0, 0)."""

    @property
    def thickness_mm(self) -> float:
        """Of the compressed breast."""

    @property
    def beam(self) -> NDArray[np.float64]:
        """(3,) unit vector, breast frame: the way the beam goes, towards the detector."""

    def to_view(self, points: Solid) -> NDArray[np.float64]:
        """(n, 3): x, y, z in mm of the view of points of the breast frame."""

    def to_pixels(self, points: Solid) -> Points:
        """(n, 2) column, row of points of the breast frame."""


@dataclass(frozen=True)
class Tissue:
    """How much of what the beam crosses in each pixel; float32 (rows, columns) in mm.

    Parameters
    ----------
    thickness : of the breast (0 outside)
    gland : glandular tissue, with ducts and lobules
    fibre : Cooper's ligaments, the walls of vessels and their blood, fibrous strands
    skin : skin, nipple and areola
    muscle : pectoral muscle
    """

    thickness: Float
    gland: Float
    fibre: Float
    skin: Float
    muscle: Float
    mask: Mask
    """bool (rows, columns): the breast, with muscle and skin."""
    skin_line: Points
    """(n, 2) pixels, from the top to the bottom of the image."""
    pectoral_line: Points | None
    """(2, 2) pixels: from the top edge to the chest wall edge, MLO only."""
    nipple: tuple[float, float]
    """Pixels, canonical."""


@dataclass(frozen=True)
class Mark:
    """Something on the skin, on the film or of metal that is no calcification.

    Parameters
    ----------
    kind : ``deodorant``, ``powder``, ``cream``, ``metal``, ``marker``, ``clip``, ``film_artifact``
    x, y : pixels, canonical
    extent_mm : greatest extent
    patches : what it lays into the beam; thicknesses in mm of the named material
    material : ``aluminium``, ``zinc``, ``talc``, ``steel``, … as in data/materials.yaml; None for
        what lies on the film alone
    """

    kind: str
    x: float
    y: float
    extent_mm: float
    patches: Sequence[Patch]
    material: str | None


# --- truth --------------------------------------------------------------------------------------


@dataclass(frozen=True)
class SpeckTruth:
    """One calcification in one view.

    Parameters
    ----------
    speck : index in the exam's specks
    x, y : pixels of the canonical image: its centre of mass
    size_mm : greatest extent as projected
    contrast : greatest share of the primary beam that it takes away, 0 to 1, before blur
    snr : of the ideal observer who knows place and shape and prewhitens the noise (0 when it is out of view)
    """

    speck: int
    x: float
    y: float
    size_mm: float
    contrast: float
    snr: float


@dataclass(frozen=True)
class ViewTruth:
    """All that is true of one simulated view (canonical orientation, pixels)."""

    specks: tuple[SpeckTruth, ...]
    marks: tuple[Mark, ...]
    skin_line: Points
    pectoral_line: Points | None
    nipple: tuple[float, float]
