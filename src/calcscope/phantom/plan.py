"""What a simulated exam is to hold: what was asked for, and what the seed draws in its place.

How often the seed draws each thing is chosen so that a few dozen exams show all of them; none of it is a rate
of the clinic.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal, cast, get_args

from calcscope.exam.model import Laterality
from calcscope.exam.options import PLAUSIBLE_PIXEL_MM
from calcscope.phantom.anatomy import Density
from calcscope.phantom.change import Change
from calcscope.phantom.film import SCANNERS
from calcscope.phantom.marks import MATERIALS
from calcscope.phantom.materials import constants
from calcscope.phantom.model import Random, random_for
from calcscope.phantom.processing import MAKERS

Generator = Literal["own", "victre"]
SIDES: tuple[Laterality, Laterality] = ("R", "L")
STANDARD = ("RCC", "LCC", "RMLO", "LMLO")
PROJECTIONS = ("CC", "MLO", "ML", "LM")
MAGNIFICATION = 1.8
"""Of magnification views, as stands for it have."""

WITH_LESION = 0.5
"""Share of exams with a lesion (a morphology and a distribution), of those the share with a second one."""
SECOND_LESION = 0.15
WITH_BENIGN = 0.4
"""Share of exams with one typically benign kind beside it or alone, so 3 in 10 show no calcium at all."""
DISTRIBUTIONS = {"grouped": 0.5, "linear": 0.15, "segmental": 0.15, "regional": 0.1, "diffuse": 0.1}
DIFFUSE_TERMS = ("punctate", "round", "amorphous")
"""Only of these does the seed draw diffuse calcifications; any term may be asked for."""
MARKED_VIEW = 0.12
"""Share of views with something on the skin or of metal."""
AGES = (40, 74)


@dataclass(frozen=True)
class LesionPlan:
    """A lesion that is asked for.

    Parameters
    ----------
    term : a morphology or, without distribution, a typically benign kind of the lexicon
    distribution : of a morphology
    laterality : which breast; drawn when None, both for ``diffuse``
    """

    term: str
    distribution: str | None = None
    laterality: Laterality | None = None

    @property
    def sides(self) -> tuple[Laterality, ...]:
        """The breasts it is in, once that was drawn."""
        return SIDES if self.laterality is None else (self.laterality,)

    def __post_init__(self) -> None:
        terms, kinds, distributions = known_words()
        if self.distribution is None and self.term not in kinds:
            also = ", with a distribution" if self.term in terms else ""
            raise ValueError(f"lesion {self.term!r}{also}; expected a typical kind: {', '.join(kinds)}")
        if self.distribution is not None and self.term not in terms:
            raise ValueError(f"lesion {self.term!r}; expected a morphology: {', '.join(terms)}")
        if self.distribution is not None and self.distribution not in distributions:
            raise ValueError(
                f"distribution {self.distribution!r}; expected one of {', '.join(distributions)}"
            )


def lesion_of(text: str) -> LesionPlan:
    """A lesion from words such as ``fine_pleomorphic:grouped:L`` or ``rim``. Raises ValueError."""
    *words, last = text.split(":")
    side = next((side for side in SIDES if side == last.upper()), None)
    words = words if side is not None else [*words, last]
    if not 1 <= len(words) <= 2:
        raise ValueError(
            f"lesion {text!r}; expected MORPHOLOGY:DISTRIBUTION or KIND, and :L or :R for a side"
        )
    return LesionPlan(words[0], words[1] if len(words) > 1 else None, side)


@dataclass(frozen=True)
class ExamPlan:
    """An exam to simulate; what is None is drawn by the seed.

    Parameters
    ----------
    seed : of the woman and of everything drawn
    views : labels such as ``RCC`` or ``LML``, with an M after the side for magnification views (``LMCC``,
        ``LMML``), which are centred on that breast's first lesion; or ``diagnostic`` alone: the four standard
        views and, of the breast with the first lesion, ML and magnification CC and ML
    lesions : what to put in; empty for none
    generator : which of the two generators of shapes draws the calcium
    maker : ``A`` to ``D`` (processed for display; C and D are meant to be held out), ``raw`` or ``film``
    scanner : of films, a key of :data:`calcscope.phantom.film.SCANNERS`
    pixel_mm : of the detector or of the film's scan; that of the device when None
    mimics : kinds of marks put in each view
    change : of the first lesion against an earlier exam, which is then made too; other lesions are stable
    years : between the two
    density : class of density
    clear : lesions keep all their calcium, so that shapes can be seen; else they are thinned, many of them to
        where hardly anything is seen

    Raises
    ------
    ValueError : for what cannot be made
    """

    seed: int = 0
    views: tuple[str, ...] = STANDARD
    lesions: tuple[LesionPlan, ...] | None = None
    generator: Generator = "own"
    maker: str = "A"
    scanner: str = "drum_50"
    pixel_mm: float | None = None
    mimics: tuple[str, ...] | None = None
    change: Change | None = None
    years: int = 2
    density: Density | None = None
    clear: bool = False

    def __post_init__(self) -> None:
        if self.seed < 0:
            raise ValueError(f"seed {self.seed}; expected 0 or more")
        _one_of("maker", self.maker, (*MAKERS, "raw", "film"))
        _one_of("scanner", self.scanner, tuple(SCANNERS))
        _one_of("generator", self.generator, get_args(Generator))
        if self.density is not None:
            _one_of("density", self.density, get_args(Density))
        if self.change is not None:
            _one_of("change", self.change, get_args(Change))
        for kind in self.mimics or ():
            _one_of("mimic", kind, tuple(MATERIALS))
        if not self.views:
            raise ValueError("no views; expected at least one")
        if self.views != ("diagnostic",):
            for label in self.views:
                view_of(label)
            if len(set(self.views)) < len(self.views):
                raise ValueError("a view is asked for twice")
        if self.maker == "film" and (self.views == ("diagnostic",) or any(view_of(v)[2] for v in self.views)):
            raise ValueError("magnification views on film; expected contact views, or a digital maker")
        low, high = PIXELS_MM
        if self.pixel_mm is not None and not low <= self.pixel_mm <= high:
            raise ValueError(f"pixel size {self.pixel_mm} mm; expected {low} to {high} mm")
        if not 0 < self.years <= 30:
            raise ValueError(f"{self.years} years between the exams; expected 1 to 30")
        if self.change is not None and self.lesions == ():
            raise ValueError("a change without a lesion; expected one to change")


PIXELS_MM = (max(0.03, PLAUSIBLE_PIXEL_MM[0]), 0.4)
"""Pixels that can be asked for: finer ones than any device has would only fill the memory."""


def view_of(label: str) -> tuple[Laterality, Literal["CC", "MLO", "ML", "LM"], bool]:
    """Side, view and whether magnified, of a label such as ``RMLO`` or ``LMCC``. Raises ValueError."""
    known = {
        f"{side}{'M' * magnified}{view}": (side, view, magnified)
        for side in SIDES
        for magnified in (False, True)
        for view in PROJECTIONS
        if not (magnified and view == "MLO")
    }
    if label not in known:
        raise ValueError(f"view {label!r}; expected some of {', '.join(known)}")
    side, view, magnified = known[label]
    return side, cast(Literal["CC", "MLO", "ML", "LM"], view), magnified


def known_words() -> tuple[tuple[str, ...], tuple[str, ...], tuple[str, ...]]:
    """The morphologies, typical kinds and distributions that can be made."""
    known = constants("calcium")
    return tuple(known["terms"]), tuple(known["kinds"]), tuple(known["distributions"])


def drawn_lesions(plan: ExamPlan) -> tuple[LesionPlan, ...]:
    """The lesions of the exam, each with its side (None for both): those asked for, or drawn by the seed."""
    random = random_for(plan.seed, "lesions")
    asked = plan.lesions
    if asked is None:
        terms, kinds, _ = known_words()
        count = 1 + int(random.random() < SECOND_LESION)
        # To show a change takes a lesion.
        count *= int(random.random() < WITH_LESION or plan.change is not None)
        asked = tuple(_lesion(random, terms) for _ in range(count))
        if random.random() < WITH_BENIGN:
            asked += (LesionPlan(str(random.choice(kinds))),)
    return tuple(
        one
        if one.laterality is not None or one.distribution == "diffuse"
        else replace(one, laterality=SIDES[int(random.integers(2))])
        for one in asked
    )


def _lesion(random: Random, terms: tuple[str, ...]) -> LesionPlan:
    distribution = str(random.choice(list(DISTRIBUTIONS), p=list(DISTRIBUTIONS.values())))
    return LesionPlan(str(random.choice(DIFFUSE_TERMS if distribution == "diffuse" else terms)), distribution)


def drawn_views(plan: ExamPlan, lesions: tuple[LesionPlan, ...]) -> tuple[str, ...]:
    """The labels of the views. Raises ValueError for a magnification view of a breast without lesion."""
    with_lesion = [side for lesion in lesions for side in lesion.sides]
    if plan.views == ("diagnostic",):
        side = with_lesion[0] if with_lesion else None
        return STANDARD + (() if side is None else (f"{side}ML", f"{side}MCC", f"{side}MML"))
    for label in plan.views:
        side, _, magnified = view_of(label)
        if magnified and side not in with_lesion:
            raise ValueError(
                f"view {label} of exam {plan.seed} has no lesion to be centred on; ask for one on this side, "
                "or for the views 'diagnostic'"
            )
    return plan.views


def drawn_marks(plan: ExamPlan, label: str, when: str) -> tuple[str, ...]:
    """Kinds of marks in a view: those asked for, or drawn by the seed (deodorant in oblique views)."""
    if plan.mimics is not None:
        return plan.mimics
    random = random_for(plan.seed, "marks", label, when)
    if random.random() >= MARKED_VIEW:
        return ()
    kinds = [kind for kind in MATERIALS if kind != "deodorant" or label.endswith("MLO")]
    return (str(random.choice(kinds)),)


def _one_of(what: str, value: str, known: tuple[str, ...]) -> None:
    if value not in known:
        raise ValueError(f"{what} {value!r}; expected one of {', '.join(known)}")
