"""Time and memory of one four-view exam of 3328 × 4096 pixels, whole process, beside SEP.

    python benchmarks/exam_time.py [--repeats 3] [--json FILE]

Draws four views, writes them as uncompressed DICOM, and runs `calcscope read --json-only` on them in a
process of its own (start-up and imports included). Peak memory is that of the process and those it starts,
what they share counted once, looked at every 20 ms of a run that is not timed (Linux).
The peer is SEP (the astronomers' C library for finding faint sources): background and extraction at 3 sigma
on the same four arrays, decoded beforehand, one after the other in one process. The ratio is what can be
compared between machines. The exam is also read with its first two and three views alone: what one view adds.

Time on the clock is what a user waits; processor time, summed over the cores, says the same on a machine that
others use.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

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


class Run(NamedTuple):
    """One whole process: seconds on the clock and of processor time, calcifications listed."""

    seconds: float
    processor: float
    listed: int


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument("--json", type=Path, help="also write the figures into this file")
    arguments = parser.parse_args()
    views: list[Path] = []
    with tempfile.TemporaryDirectory() as folder:
        for number, (side, view) in enumerate([("R", "CC"), ("L", "CC"), ("R", "MLO"), ("L", "MLO")]):
            views.append(Path(folder) / f"{side}{view}.dcm")
            write(views[-1], draw(side, number), side, view)
        runs: dict[int, list[Run]] = {count: [] for count in (2, 3, 4)}
        peer: list[tuple[float, float]] = []
        for _ in range(arguments.repeats):  # in turn, so that a busy minute of the machine meets them all
            peer.append(sep_time(views))
            for count, done in runs.items():
                done.append(run(views[:count], Path(folder) / "out"))
        peak = peak_mib(views, Path(folder) / "out")
        start = min(start_time() for _ in range(arguments.repeats))
    best = {count: min(run.seconds for run in done) for count, done in runs.items()}
    used = {count: min(run.processor for run in done) for count, done in runs.items()}
    best_peer, used_peer = (min(each) for each in zip(*peer, strict=True))
    each = ", ".join(f"{run.seconds:.2f}" for run in runs[4])
    print(f"calcscope read --json-only: {best[4]:.2f} s (of {each}); {used[4]:.2f} s of processor time")
    print(f"peak memory: {peak / 1024:.2f} GiB; calcifications listed: {runs[4][-1].listed}")
    print(f"SEP on the same four arrays: {best_peer:.2f} s; {used_peer:.2f} s of processor time")
    print(f"ratio: {best[4] / best_peer:.2f} on the clock, {used[4] / used_peer:.2f} of processor time")
    print(f"of two, three and four views: {best[2]:.2f}, {best[3]:.2f}, {best[4]:.2f} s; "
          f"processor {used[2]:.2f}, {used[3]:.2f}, {used[4]:.2f} s")  # fmt: skip
    print(f"calcscope --help: {start:.2f} s")
    if arguments.json:
        figures = {
            "exam_seconds": best[4],
            "exam_processor_seconds": used[4],
            "exam_ratio_to_sep": best[4] / best_peer,
            "exam_processor_ratio_to_sep": used[4] / used_peer,
            "exam_peak_mib": peak,
            "help_seconds": start,
        }
        arguments.json.write_text(json.dumps(figures, indent=1) + "\n", encoding="utf-8")


def draw(side: str, seed: int, rows: int = ROWS, columns: int = COLUMNS) -> NDArray[np.uint16]:
    """A breast of power-law texture filling about half the image, with 40 specks in two groups."""
    random = np.random.default_rng(seed)
    texture = np.zeros((rows, columns), np.float32)
    for octave in range(2, 9):
        size = (2**octave * columns // rows + 2, 2**octave + 2)
        noise = random.normal(0, 1, size[::-1]).astype(np.float32)
        texture += cv2.resize(noise, (columns, rows), interpolation=cv2.INTER_CUBIC) * 2.0**-octave * 4
    y, x = np.ogrid[:rows, :columns]
    inside = (x / (0.8 * columns)) ** 2 + ((y - rows / 2) / (0.45 * rows)) ** 2 < 1
    image = np.where(inside, 1800 + 350 * texture, 60)
    image = cv2.GaussianBlur(image.astype(np.float32), (0, 0), 2)
    for centre in (
        (1500 * rows // ROWS, 1200 * columns // COLUMNS),
        (2400 * rows // ROWS, 900 * columns // COLUMNS),
    ):
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


def command(views: list[Path], out: Path) -> list[str]:
    """What reads some views."""
    paths = [*map(str, views), "--out", str(out)]
    return [sys.executable, "-m", "calcscope.cli", "read", *paths, "--json-only"]


def run(views: list[Path], out: Path) -> Run:
    """Read some views by the command."""
    begin = time.perf_counter()
    with subprocess.Popen(
        command(views, out), stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True
    ) as process:
        said = process.stdout.read() if process.stdout else ""
        _, status, used = os.wait4(process.pid, 0)  # with those that it waited for
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = time.perf_counter() - begin
    if process.returncode:
        sys.exit(said)
    report = json.loads((out / "report.json").read_text(encoding="utf-8"))
    listed = sum(len(view["calcifications"]) for each in report["exams"] for view in each["views"])
    return Run(seconds, used.ru_utime + used.ru_stime, listed)


def peak_mib(views: list[Path], out: Path) -> float:
    """The most memory that reading some views takes at a time, MiB, in all its processes."""
    most = 0.0
    with subprocess.Popen(command(views, out), stdout=subprocess.DEVNULL) as process:
        while process.poll() is None:
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children")
            with contextlib.suppress(OSError):  # one that ends while it is looked at
                numbers = [process.pid, *map(int, children.read_text().split())]
                most = max(most, sum(map(proportional_mib, numbers)))
            time.sleep(0.02)
    return most


def proportional_mib(process: int) -> float:
    """Memory of a process, MiB; of what it shares with others, its share."""
    for line in Path(f"/proc/{process}/smaps_rollup").read_text().splitlines():
        if line.startswith("Pss:"):
            return int(line.split()[1]) / 2**10
    return 0.0


def start_time() -> float:
    """Seconds that ``calcscope --help`` takes."""
    begin = time.perf_counter()
    subprocess.run([sys.executable, "-m", "calcscope.cli", "--help"], capture_output=True, check=True)
    return time.perf_counter() - begin


def sep_time(views: list[Path]) -> tuple[float, float]:
    """Seconds on the clock and of the processor that SEP takes for background and extraction."""
    import sep

    sep.set_extract_pixstack(10_000_000)
    arrays = [pydicom.dcmread(path).pixel_array.astype(np.float32) for path in views]
    begin, used = time.perf_counter(), time.process_time()
    for array in arrays:
        background = sep.Background(array)
        try:
            sep.extract(array - background, 3.0, err=background.globalrms)
        except Exception as error:  # SEP gives up on crowded fields; what it did still counts
            print(f"SEP: {error}")
    return time.perf_counter() - begin, time.process_time() - used


if __name__ == "__main__":
    main()
