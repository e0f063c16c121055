"""Ointment on the skin is not told from calcium: what the reading says of it must not mislead."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from calcscope.breast import locate_breast
from calcscope.exam import Exam, ReadOptions, View, read_exams
from calcscope.phantom.drawn.paths import random_for
from calcscope.phantom.drawn.smears import Smear, smear_edge, smear_patch
from calcscope.reading import ReadSettings
from calcscope.reading.exam import read_exam


@pytest.mark.parametrize(("draw", "attenuation"), [(smear_patch, 0.4), (smear_patch, 0.8), (smear_edge, 0.9)])
def test_a_smear_is_no_finding_or_one_that_tells_the_reader_to_look_at_the_skin(
    films: dict[str, Path], draw: Callable[..., Smear], attenuation: float
) -> None:
    exams, _ = read_exams([films["1-283.dcm"]], ReadOptions(pixel_mm=0.0435))
    (view,) = exams[0].views
    film = view.load()
    smear = draw(film, locate_breast(film), attenuation, random_for("pipe", draw.__name__, 5))
    assert 5 < smear.drawn.sum() * film.pixel_mm**2 < 300
    assert (smear.pixels - film.pixels)[smear.drawn].mean() > 0.01
    smeared = replace(film, pixels=smear.pixels)

    report, _ = read_exam(
        Exam("1.2", "", None, (View(view.info, load=lambda slice=None: smeared),)), ReadSettings()
    )
    assert report is not None
    place = {}
    for mark in report.views[0].calcifications:
        ((x, y),) = film.orientation.to_canonical(np.array([[mark.x, mark.y]])).round().astype(int)
        place[mark.id] = smear.drawn[y - 10 : y + 11, x - 10 : x + 11].any()
    for finding in report.findings:
        if any(place[name] for member in finding.members for name in member.calcifications):
            told = {reason.rule for reason in finding.reasons}
            assert finding.benign or "look_alike_on_the_skin" in told
