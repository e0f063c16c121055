"""What the models of description learn from simulated groups."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from calcscope.describe.appearance import GROUP_MEASUREMENTS, SINGLE_MEASUREMENTS
from calcscope.describe.kinds import OTHER
from calcscope.describe.spread import SPREAD_MEASUREMENTS
from calcscope.exam import ReadOptions, read_exams
from calcscope.phantom.drawn.scenes import DISTRIBUTIONS, MORPHOLOGIES
from calcscope.phantom.exam import make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, LesionPlan
from calcscope.specks import find_specks
from calcscope.train import fields
from calcscope.train.describe import SINGLE_TERMS, _learn_field, _Samples
from calcscope.train.fields import Field, of_exam, of_normal, views_of_exams


def simulated(folder: Path, lesion: LesionPlan, views: tuple[str, ...], pixel_mm: float) -> None:
    plan = ExamPlan(seed=3, views=views, lesions=(lesion,), pixel_mm=pixel_mm, mimics=(), clear=True)
    for exam in make_exam(plan):
        write_exam(exam, folder)


@pytest.fixture(scope="module")
def exam(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A simulated exam with a group of punctate calcifications on the right and nothing on the left."""
    folder = tmp_path_factory.mktemp("exam")
    simulated(folder, LesionPlan("punctate", "grouped", "R"), ("RCC", "LCC"), 0.1)
    return folder


@pytest.fixture(scope="module")
def punctate(exam: Path) -> Field:
    """The field of its group."""
    [view] = views_of_exams([exam])
    return of_exam(view)


def test_the_field_of_an_exam_holds_its_group_and_is_much_smaller(punctate: Field) -> None:
    field = punctate
    assert (field.morphology, field.distribution) == ("punctate", "grouped")
    assert field.mammogram.pixels.size < 0.2 * field.whole.mask.size
    assert field.told
    catalogue = find_specks(field.mammogram, field.breast)
    group = field.group(catalogue)
    assert group is not None
    assert field.on_calcium(catalogue.xy[group.members]).mean() > 0.6


def test_a_field_teaches_each_model(punctate: Field) -> None:
    samples = {
        "distribution": _Samples(DISTRIBUTIONS, SPREAD_MEASUREMENTS),
        "morphology": _Samples(MORPHOLOGIES, GROUP_MEASUREMENTS),
        "single": _Samples(SINGLE_TERMS, SINGLE_MEASUREMENTS),
    }
    _learn_field(punctate, samples)
    assert [MORPHOLOGIES[k] for k in samples["morphology"].labels] == ["punctate"]
    assert [DISTRIBUTIONS[k] for k in samples["distribution"].labels] == ["grouped"]
    assert {SINGLE_TERMS[k] for k in samples["single"].labels} == {OTHER}
    # Sizes and extents do not depend on where the field was cut.
    span = np.exp(samples["distribution"].rows[0][SPREAD_MEASUREMENTS.index("log_span")])
    assert span < 20


def test_groups_set_into_a_normal_view(exam: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(fields, "GROUPS_IN_VIEW", 3)
    [read], _ = read_exams([next(exam.rglob("LCC.dcm"))], ReadOptions())
    [view] = read.views
    groups = list(of_normal(view, 0))
    assert len(groups) >= 2
    empty = view.load().pixels
    for field in groups:
        rows, columns = field.mammogram.pixels.shape
        assert ((field.centres >= 0) & (field.centres < (columns, rows))).all()
        left, top = field.corner.astype(int)
        before = empty[top : top + rows, left : left + columns]
        assert (field.mammogram.pixels >= before).all()  # calcium only brightens
        brighter = np.argwhere(field.mammogram.pixels > before + 0.01)[:, ::-1]
        assert field.on_calcium(brighter, reach_mm=1.5).all()
