"""A nipple that does not show is guessed from the shape of the breast."""

from __future__ import annotations

import numpy as np
import pytest

from calcscope.breast.nipple import find_nipple
from calcscope.breast.outline import Frame

PIXEL_MM = 0.5
LEAN_DEGREES = 20.0


@pytest.mark.parametrize("hung", [0.0, 0.5, 1.0])
def test_a_hidden_nipple_is_guessed_near_the_tip_however_the_breast_hangs(hung: float) -> None:
    # Half an ellipse whose axis leans by a share of what the muscle's border leans.
    around = np.linspace(-np.pi / 2, np.pi / 2, 400)
    lean = np.radians(LEAN_DEGREES)
    axis = np.array([np.cos(hung * lean), np.sin(hung * lean)])
    across = np.array([-axis[1], axis[0]])
    base = np.array([0.0, 110.0])
    skin = base + 85 * np.cos(around)[:, None] * axis + 75 * np.sin(around)[:, None] * across
    tip = base + 85 * axis
    muscle = np.array([[110 * np.tan(lean), 0.0], [0.0, 110.0]])
    image = np.full((450, 300), 0.5, dtype=np.float32)

    place, certainty = find_nipple(
        image, skin / PIXEL_MM, muscle / PIXEL_MM, np.zeros((0, 2)), Frame(0, 0, 300, 450), PIXEL_MM
    )

    assert certainty == "estimated"
    assert place is not None
    assert np.hypot(*(np.array(place) * PIXEL_MM - tip)) < 14
