"""Time and memory of one four-view exam of 3328 × 4096 pixels, whole process, beside SEP.

    python benchmarks/exam_time.py [--repeats 3]

Draws four views, writes them as uncompressed DICOM, and runs `calcscope read --json-only` on them in a
process of its own (start-up and imports included); peak memory is what the system counted for that process.
The peer is SEP (the astronomers' C library for finding faint sources): background and extraction at 3 sigma
on the same four arrays, decoded beforehand, one after the other in one process. The ratio is what can be
compared between machines.
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import cv2
import numpy as np
import pydicom
from numpy.typing import NDArray
from pydicom.dataset import FileDataset, FileMetaDataset
from pydicom.uid import (
    DigitalMammographyXRayImageStorageForPresentation,
    ExplicitVRLittleEndian,
    generate_uid,
)

ROWS, COLUMNS, PIXEL_MM = 4096, 3328, 0.07


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    arguments = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        exam = Path(folder) / "exam"
        exam.mkdir()
        for number, (side, view) in enumerate([("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")]):
            write(exam / f"{side}{view}.dcm", draw(side, number), side, view)
        times, peak = [], 0.0
        for _ in range(arguments.repeats):
            seconds, megabytes, listed = run(exam, Path(folder) / "out")
            times.append(seconds)
            peak = max(peak, megabytes)
        peer = [sep_time(exam) for _ in range(arguments.repeats)]
    best, best_peer = min(times), min(peer)
    print(f"calcscope read --json-only: {best:.2f} s (of {', '.join(f'{t:.2f}' for t in times)})")
    print(f"peak memory: {peak / 1024:.2f} GiB; calcifications listed: {listed}")
    print(f"SEP on the same four arrays: {best_peer:.2f} s; ratio {best / best_peer:.2f}")


def draw(side: str, seed: int) -> NDArray[np.uint16]:
    """A breast of power-law texture filling about half the image, with 40 specks in two groups."""
    random = np.random.default_rng(seed)
    texture = np.zeros((ROWS, COLUMNS), np.float32)
    for octave in range(2, 9):
        size = (2**octave * COLUMNS // ROWS + 2, 2**octave + 2)
        noise = random.normal(0, 1, size[::-1]).astype(np.float32)
        texture += cv2.resize(noise, (COLUMNS, ROWS), interpolation=cv2.INTER_CUBIC) * 2.0**-octave * 4
    y, x = np.ogrid[:ROWS, :COLUMNS]
    inside = (x / (0.8 * COLUMNS)) ** 2 + ((y - ROWS / 2) / (0.45 * ROWS)) ** 2 < 1
    image = np.where(inside, 1800 + 350 * texture, 60)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 2)
    for centre in ((1500, 1200), (2400, 900)):
        for _ in range(20):
            row, column = (np.array(centre) + random.normal(0, 40, 2)).astype(int)
            cv2.circle(image, (int(column), int(row)), int(random.integers(1, 5)), 3200, -1)
    image = cv2.GaussianBlur(image, (0, 0), 0.8) + random.normal(0, 25, image.shape)
    pixels = np.clip(image, 0, 4095).astype(np.uint16)
    return pixels if side == "L" else np.ascontiguousarray(pixels[:, ::-1])


def write(path: Path, pixels: NDArray[np.uint16], side: str, view: str) -> None:
    meta = FileMetaDataset()
    meta.MediaStorageSOPClassUID = DigitalMammographyXRayImageStorageForPresentation
    meta.MediaStorageSOPInstanceUID = generate_uid()
    meta.TransferSyntaxUID = ExplicitVRLittleEndian
    data = FileDataset(str(path), {}, file_meta=meta, preamble=b"\0" * 128)
    data.SOPClassUID, data.SOPInstanceUID = meta.MediaStorageSOPClassUID, meta.MediaStorageSOPInstanceUID
    data.StudyInstanceUID, data.SeriesInstanceUID = "1.2.826.0.1.3680043.8.498.1", generate_uid()
    data.Modality, data.PatientID, data.StudyDate = "MG", "BENCHMARK", "20200101"
    data.PresentationIntentType = "FOR PRESENTATION"
    data.ImageLaterality, data.ViewPosition = side, view
    data.ImagerPixelSpacing = [PIXEL_MM, PIXEL_MM]
    data.Rows, data.Columns = pixels.shape
    data.SamplesPerPixel, data.PhotometricInterpretation = 1, "MONOCHROME2"
    data.BitsAllocated, data.BitsStored, data.HighBit, data.PixelRepresentation = 16, 12, 11, 0
    data.PixelData = pixels.tobytes()
    data.save_as(path, enforce_file_format=True)


def run(exam: Path, out: Path) -> tuple[float, float, int]:
    """Seconds, peak MiB and number of calcifications of one whole process."""
    command = [sys.executable, "-m", "calcscope.cli", "read", str(exam), "--out", str(out), "--json-only"]
    begin = time.perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    seconds = time.perf_counter() - begin
    if done.returncode:
        sys.exit(done.stdout + done.stderr)
    # ru_maxrss of all children so far: KiB on Linux, bytes on macOS.
    peak = resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss / (
        2**20 if sys.platform == "darwin" else 2**10
    )
    report = json.loads((out / "report.json").read_text())
    listed = sum(len(view["calcifications"]) for each in report["exams"] for view in each["views"])
    return seconds, peak, listed


def sep_time(exam: Path) -> float:
    """Seconds that SEP takes for background and extraction on the four arrays."""
    import sep

    sep.set_extract_pixstack(10_000_000)
    arrays = [pydicom.dcmread(path).pixel_array.astype(np.float32) for path in sorted(exam.iterdir())]
    begin = time.perf_counter()
    for array in arrays:
        background = sep.Background(array)
        try:
            sep.extract(array - background, 3.0, err=background.globalrms)
        except Exception as error:  # SEP gives up on crowded fields; what it did still counts
            print(f"SEP: {error}")
    return time.perf_counter() - begin


if __name__ == "__main__":
    main()
