"""One calcification shows in several neighbouring slices and is counted once."""

from __future__ import annotations

from synthetic import PIXEL_MM, catalogue

from calcscope.reading.tomosynthesis import merge_slices


def test_one_object_in_neighbouring_slices_is_one_mark_of_its_clearest_slice() -> None:
    slices = [
        catalogue([(100, 100)], probability, slices=number)
        for number, probability in enumerate([0.6, 0.95, 0.7])
    ]
    merged = merge_slices(slices, PIXEL_MM)
    assert len(merged) == 1
    assert (merged.slice[0], merged.probability[0]) == (1, 0.95)


def test_objects_side_by_side_stay_two() -> None:
    merged = merge_slices(
        [catalogue([(100, 100), (120, 100)], slices=0), catalogue([(100, 100), (120, 100)], slices=1)],
        PIXEL_MM,
    )
    assert sorted(merged.x) == [100, 120]


def test_objects_above_one_another_stay_two_when_a_slice_between_shows_neither() -> None:
    merged = merge_slices(
        [catalogue([(100, 100)], slices=0), catalogue([], slices=1), catalogue([(100, 100)], slices=2)],
        PIXEL_MM,
    )
    assert sorted(merged.slice) == [0, 2]


def test_marks_of_one_slice_are_never_merged() -> None:
    assert len(merge_slices([catalogue([(100, 100), (102, 100)], slices=0)], PIXEL_MM)) == 2


def test_the_most_probable_comes_first() -> None:
    merged = merge_slices(
        [catalogue([(10, 10)], 0.6, slices=0), catalogue([(500, 500)], 0.9, slices=1)], PIXEL_MM
    )
    assert list(merged.probability) == [0.9, 0.6]


def test_nothing_in_nothing_out() -> None:
    assert len(merge_slices([], PIXEL_MM)) == 0
    assert len(merge_slices([catalogue([]), catalogue([])], PIXEL_MM)) == 0
