"""RLE frames (DICOM PS3.5 annex G).

Segments are decoded one by one and their lengths checked here. Decoding a whole frame at once is left
alone: the decoder then writes past a damaged segment's end, which stops it with a message of its own on
the error stream, and pydicom's reads what fits of such a segment as if it were sound.
"""

from __future__ import annotations

import struct
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from rle.rle import decode_segment

HEADER_BYTES = 64


def decode_rle(encoded: bytes, rows: int, columns: int, bytes_each: int) -> NDArray[np.unsignedinteger]:
    """Values of one RLE frame of one sample a pixel.

    Parameters
    ----------
    encoded : the frame: a header of 16 little-endian words, then one segment for each byte of the values,
        the most significant first
    rows, columns : shape
    bytes_each : bytes of a value, 1 or 2

    Returns
    -------
    (rows, columns) array of uint8 or uint16

    Raises
    ------
    ValueError : where the header or a segment is damaged
    """
    if len(encoded) <= HEADER_BYTES:
        raise ValueError("the RLE frame ends within its header")
    count, *starts = struct.unpack(f"<{HEADER_BYTES // 4}L", encoded[:HEADER_BYTES])
    if count != bytes_each:
        raise ValueError(f"the RLE header announces {count} segments where {bytes_each} are due")
    bounds = [*starts[:count], len(encoded)]
    if bounds[0] != HEADER_BYTES or any(end <= start for start, end in pairwise(bounds)):
        raise ValueError("the RLE header points to no segment")
    values = np.empty((rows * columns, bytes_each), dtype=np.uint8)
    for place, (start, end) in enumerate(pairwise(bounds)):
        values[:, bytes_each - 1 - place] = _segment(encoded[start:end], rows * columns)
    return values.view(f"<u{bytes_each}").reshape(rows, columns)


def _segment(encoded: bytes, length: int) -> NDArray[np.uint8]:
    decoded = np.frombuffer(decode_segment(encoded), dtype=np.uint8)
    excess = len(decoded) - length
    # Some writers fill a segment up with zeros, two of which read as one more zero. Anything else that is
    # too much has shifted what comes before it.
    if excess < 0 or (excess and any(encoded[-2 * excess :])):
        raise ValueError(f"an RLE segment decodes to {len(decoded)} bytes where {length} are due")
    return decoded[:length]
