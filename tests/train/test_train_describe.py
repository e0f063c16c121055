"""What the models of description learn from simulated exams."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from calcscope.evaluate.found import marks_of
from calcscope.phantom.exam import make_exam
from calcscope.phantom.folders import write_exam
from calcscope.phantom.plan import ExamPlan, LesionPlan
from calcscope.specks import find_specks
from calcscope.train.describe import _scene_of, _with_one_group


def test_a_simulated_group_is_a_scene_whose_calcium_is_found(tmp_path: Path) -> None:
    lesions = (LesionPlan("round", "grouped", "R"),)
    plan = ExamPlan(seed=3, views=("RCC", "LCC"), lesions=lesions, pixel_mm=0.15, mimics=())
    for exam in make_exam(plan):
        write_exam(exam, tmp_path)
    (view,) = _with_one_group(tmp_path)
    scene = _scene_of(view)
    assert scene.term == "round"
    assert len(scene.centres) >= 5
    for x, y in np.rint(scene.centres).astype(int):
        assert scene.calcium[y, x]
    marks = marks_of(scene, find_specks(scene.mammogram, scene.breast))
    assert len(marks) >= 3
