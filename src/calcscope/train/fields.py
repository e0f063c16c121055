"""Fields with one simulated group each, cut out of whole views, for fitting the models of description.

Groups of the own generator are set into normal mammograms, many into each, one at a time; or they are cut out
of simulated exams. Detection then searches the field alone, which takes a tenth of the time of a view and
finds the same there: the calcium, the false marks among it, and the group that they form.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Literal, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from calcscope.breast import Breast, locate_breast
from calcscope.evaluate import phantom
from calcscope.evaluate.marked import Outline, is_hit
from calcscope.evaluate.phantom import PhantomView
from calcscope.evaluate.visible import is_seen, least_seen
from calcscope.exam import Mammogram, Orientation, View
from calcscope.exam.model import Points
from calcscope.groups import Group, form_groups
from calcscope.phantom.anatomy import GrownAnatomy, grow
from calcscope.phantom.background import Host, host_of, set_into
from calcscope.phantom.calcium import NoRoom, make_lesion
from calcscope.phantom.drawn.scenes import MORPHOLOGIES
from calcscope.phantom.exam import thinned
from calcscope.phantom.geometry import CompressedBreast, project
from calcscope.phantom.model import Pose, Random, Speck, random_for
from calcscope.phantom.view import drawn_patch, seen_shape
from calcscope.specks import SpeckCatalogue
from calcscope.train.patches import normal_views

FIRST_SEED = 32_000
"""Of the groups set into normal mammograms, each with the next one."""
MOST_VIEWS, GROUPS_IN_VIEW = 26, 14
"""Views taken of those given, evenly over them, and groups set into each: two of every morphology."""
SPREADS = ("grouped", "linear", "grouped", "segmental", "grouped", "regional")
"""In turn. Diffuse ones fill the breast: they are learnt from drawn positions."""
MARGIN_MM = 8.0
"""Around the calcium: false marks that grouping may link to it lie nearer."""
COARSEST_MM = 0.1
"""Above this pixel size fine shapes are not named, nor learnt."""
CONTRAST = (-0.3, 0.5)
"""Natural logarithm of the factor by which processing for display changes the contrast of detail."""
THINNED = 0.35
CONSPICUITY_MM2 = (0.06, 0.3)
"""Share of the groups that are thinned, and to what (see :func:`calcscope.phantom.exam.thinned`)."""
TRIES, LEAST_INSIDE = 20, 0.7
NIPPLE_DEPTH_MM = (55.0, 130.0)
"""Of breasts that can be grown."""


@dataclass(frozen=True)
class Field:
    """A piece of a view with one group whose truth is known.

    Parameters
    ----------
    morphology, distribution : lexicon terms
    mammogram, breast : of the field
    whole : the breast in the view that the field was cut out of
    corner : (2,) pixel of that view that is (0, 0) here
    outline : (k, 2) around the calcium, pixels of the field
    centres, radii : (n, 2) and (n,) of the calcifications, pixels of the field
    snr : (n,) of the ideal observer
    """

    morphology: str
    distribution: str
    mammogram: Mammogram
    breast: Breast
    whole: Breast
    corner: Points
    outline: Points
    centres: Points
    radii: NDArray[np.float64]
    snr: NDArray[np.float64]

    @property
    def told(self) -> bool:
        """Whether enough of it can be seen to be one to find."""
        seen = sum(is_seen(one) for one in self.snr.tolist())
        return seen >= least_seen(self.morphology, self.distribution)

    def group(self, catalogue: SpeckCatalogue) -> Group | None:
        """The most probable group that hits it, None where none does."""
        region = Outline(self.outline)
        for group in form_groups(catalogue, self.breast, every=True):
            if is_hit(region, np.array([[group.x, group.y]]), catalogue.xy[group.members]):
                return group
        return None

    def on_calcium(self, points: Points, reach_mm: float = 0.2) -> NDArray[np.bool_]:
        """Which of (n, 2) pixels of the field lie on a calcification or within ``reach_mm`` of its disc."""
        away = np.hypot(*(points[:, None] - self.centres[None]).transpose(2, 0, 1)) - self.radii
        return np.asarray((away <= reach_mm / self.mammogram.pixel_mm).any(axis=1))


def cut(mammogram: Mammogram, breast: Breast, points: Points) -> tuple[Mammogram, Breast, Points]:
    """The piece of a view around points (n, 2), pixels, and its corner, (2,)."""
    rows, columns = mammogram.pixels.shape
    margin = MARGIN_MM / mammogram.pixel_mm
    left, top = np.clip(points.min(axis=0) - margin, 0, (columns - 1, rows - 1)).astype(int)
    right, bottom = np.clip(points.max(axis=0) + margin, (left + 1, top + 1), (columns, rows)).astype(int)
    window = (slice(top, bottom), slice(left, right))
    corner = np.array([left, top], dtype=np.float64)
    height, width = int(bottom - top), int(right - left)
    piece = replace(
        mammogram,
        info=replace(mammogram.info, rows=height, columns=width),
        pixels=mammogram.pixels[window].copy(),
        valid=mammogram.valid[window].copy(),
        orientation=Orientation(height, width),
    )
    nipple = None if breast.nipple is None else np.array(breast.nipple) - corner
    line = breast.pectoral_line
    within = replace(
        breast,
        mask=breast.mask[window].copy(),
        outline=breast.outline - corner,
        skin_line=breast.skin_line - corner,
        pectoral_line=None if line is None else line - corner,
        nipple=None if nipple is None else (float(nipple[0]), float(nipple[1])),
        search=breast.search[window].copy(),
        foreign=(),
    )
    return piece, within, corner


def chosen_normals(folders: Sequence[Path]) -> list[View]:
    """The normal views that groups are set into. Raises UnreadableInput for a folder without any."""
    views = [view for view in normal_views(folders) if view.info.pixel_mm <= COARSEST_MM + 1e-9]
    return (
        [views[i] for i in np.unique(np.linspace(0, len(views) - 1, MOST_VIEWS).astype(int))] if views else []
    )


def of_normal(view: View, number: int) -> Iterator[Field]:
    """The fields of one normal view; ``number`` counts the views and seeds what is set into this one."""
    mammogram = view.load()
    breast = locate_breast(mammogram)
    first = FIRST_SEED + number * GROUPS_IN_VIEW
    host = host_of(mammogram, breast, random_for(first, "host"))
    info, pixel_mm = mammogram.info, mammogram.pixel_mm
    widest = int(np.flatnonzero(breast.mask.any(axis=0))[-1])
    nipple = breast.nipple or (float(widest), float(breast.mask[:, widest].nonzero()[0].mean()))
    depth = float(np.clip(nipple[0] * pixel_mm, *NIPPLE_DEPTH_MM))
    anatomy = grow(first, info.laterality, None, nipple_depth_mm=depth)
    projected = cast(Literal["CC", "MLO", "ML", "LM"], info.view)
    projection = project(anatomy, Pose(info.laterality, projected, seed=first), pixel_mm)
    shift = (np.array(nipple) + 0.5) * pixel_mm - projection.nipple_mm
    for seed in range(first, first + GROUPS_IN_VIEW):
        term = MORPHOLOGIES[seed % len(MORPHOLOGIES)]
        spread = SPREADS[seed // len(MORPHOLOGIES) % len(SPREADS)]
        random = random_for(seed, "group in a field")
        specks = _laid(anatomy, projection, shift, term, spread, breast, random)
        if specks:
            yield _set_in(term, spread, specks, projection, shift, mammogram, breast, host, random)


def _laid(
    anatomy: GrownAnatomy, projection: CompressedBreast, shift: Points, term: str, spread: str,
    breast: Breast, random: Random,
) -> list[Speck]:  # fmt: skip
    """A group that lies in the breast for the most part, without what lies beyond; empty where none fits."""
    for _ in range(TRIES):
        try:
            _, specks = make_lesion(anatomy, term, spread, 0, random)
        except NoRoom:
            continue
        at = projection.to_view(np.stack([speck.at for speck in specks]))[:, :2] + shift
        column, row = np.floor(at / breast.pixel_mm).astype(int).T
        inside = (column >= 0) & (column < breast.search.shape[1])
        inside &= (row >= 0) & (row < breast.search.shape[0])
        inside[inside] = breast.search[row[inside], column[inside]]
        if inside.mean() >= LEAST_INSIDE:
            if random.random() < THINNED:
                specks = thinned(specks, float(np.exp(random.uniform(*np.log(CONSPICUITY_MM2)))))
            return [speck for speck, ok in zip(specks, inside, strict=True) if ok]
    return []


def _set_in(
    term: str, spread: str, specks: Sequence[Speck], projection: CompressedBreast, shift: Points,
    mammogram: Mammogram, breast: Breast, host: Host, random: Random,
) -> Field:  # fmt: skip
    pixel_mm = mammogram.pixel_mm
    patches = [drawn_patch(speck, projection, "own") for speck in specks]
    patches = [replace(p, x=p.x + float(shift[0]), y=p.y + float(shift[1])) for p in patches]
    middles = np.array([(p.x, p.y) for p in patches]) / pixel_mm - 0.5
    field, within, corner = cut(mammogram, breast, middles)
    x, y = corner * pixel_mm
    patches = [replace(p, x=p.x - float(x), y=p.y - float(y)) for p in patches]
    left, top = corner.astype(int)
    rows, columns = field.pixels.shape
    here = replace(
        host,
        noise=host.noise[top : top + rows, left : left + columns],
        grey_per_log=host.grey_per_log * float(np.exp(random.uniform(*CONTRAST))),
    )
    pixels, truths = set_into(field.pixels, here, patches)
    borders = np.concatenate([seen_shape(patch)[2] for patch in patches]) / pixel_mm - 0.5
    return Field(
        term, spread, replace(field, pixels=pixels), within, breast, corner,
        cv2.convexHull(borders.astype(np.float32))[:, 0].astype(np.float64), middles - corner,
        np.array([truth.size_mm / 2 / pixel_mm for truth in truths]),
        np.array([truth.snr for truth in truths]),
    )  # fmt: skip


def views_of_exams(folders: Sequence[Path]) -> list[PhantomView]:
    """The simulated views below folders that show one group to find and nothing else.

    Raises UnreadableInput for a folder without simulated exams.
    """
    views = [v for folder in folders for v in phantom.read(folder) if isinstance(v, PhantomView)]
    return [v for v in views if len(v.terms) == 1 and not v.unseen and len({*v.speck_lesions}) == 1]


def of_exam(view: PhantomView) -> Field:
    """The field around the one group of a simulated view."""
    mammogram = view.exam().views[0].load()
    breast = locate_breast(mammogram)
    specks = view.specks or ()
    to_canonical = mammogram.orientation.to_canonical
    middles = to_canonical(np.array([(speck.x, speck.y) for speck in specks]))
    field, within, corner = cut(mammogram, breast, middles)
    region = view.groups[0].region
    assert isinstance(region, Outline)
    morphology, distribution = view.terms[0]
    return Field(
        morphology, distribution, field, within, breast, corner, to_canonical(region.vertices) - corner,
        middles - corner, np.array([speck.radius for speck in specks]),
        np.array([speck.snr or 0.0 for speck in specks]),
    )  # fmt: skip
