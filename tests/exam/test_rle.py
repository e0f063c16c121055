"""RLE frames: sound ones are read, writers' padding is forgiven, damage is refused without a word."""

from __future__ import annotations

import contextlib
import struct

import numpy as np
import pytest

from calcscope.exam.rle import decode_rle


def frame(*segments: bytes) -> bytes:
    """Segments behind their header (PS3.5 G.5)."""
    starts = np.cumsum([64, *(len(segment) for segment in segments)])[:-1]
    return struct.pack("<16L", len(segments), *starts, *[0] * (15 - len(segments))) + b"".join(segments)


HIGH = b"\x03\x00\x01\x02\x03"  # four values as they are
LOW = b"\xfd\x09"  # 9, four times


def test_the_most_significant_bytes_come_first() -> None:
    assert decode_rle(frame(HIGH, LOW), 2, 2, 2).tolist() == [[9, 265], [521, 777]]
    assert decode_rle(frame(LOW), 2, 2, 1).tolist() == [[9, 9], [9, 9]]


def test_segments_filled_up_with_zeros_are_read() -> None:
    padded = frame(HIGH + b"\0", LOW + bytes(6))
    assert decode_rle(padded, 2, 2, 2).tolist() == [[9, 265], [521, 777]]


@pytest.mark.parametrize(
    ("encoded", "words"),
    [
        (b"", "header"),
        (frame(HIGH, LOW)[:64], "header"),
        (frame(LOW), "1 segments where 2"),
        (struct.pack("<16L", 2, 64, 90, *[0] * 13) + HIGH, "no segment"),
        (struct.pack("<16L", 2, 70, 66, *[0] * 13) + HIGH + LOW, "no segment"),
        (frame(HIGH, b"\xfe\x09"), "3 bytes where 4"),
        (frame(HIGH, b"\xfc\x09"), "5 bytes where 4"),
        (frame(b"\x07\x00\x01", LOW), "end of the data"),
    ],
)
def test_damage_is_refused(encoded: bytes, words: str, capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match=words):
        decode_rle(encoded, 2, 2, 2)
    assert capfd.readouterr() == ("", "")


def test_no_damaged_frame_makes_the_decoder_speak_for_itself(capfd: pytest.CaptureFixture[str]) -> None:
    rng = np.random.default_rng(4)
    sound = frame(*(b"".join(b"\x0f" + rng.bytes(16) for _ in range(64)) for _ in range(2)))
    for _ in range(300):
        damaged = bytearray(sound)
        for place in rng.integers(0, len(sound), 3):
            damaged[place] = rng.integers(0, 256)
        with contextlib.suppress(ValueError):
            decode_rle(bytes(damaged), 32, 32, 2)
    assert capfd.readouterr() == ("", "")
