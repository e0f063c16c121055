"""Damaged inputs by the thousand: is each answered by a result or a named error?

    python benchmarks/fuzz.py                       # 20,000 inputs, as every night
    python benchmarks/fuzz.py --inputs 2000 --run 5
    python benchmarks/fuzz.py --run 5 --only 1234   # one of them again, in this process

Small sound files of each kind (DICOM in every packing, PNG, PGM, TIFF, zip, DICOMDIR, CAD SR, report.json)
are damaged by chance (``tests/fuzz/mutations.py``: bytes and bits turned, ends missing, hostile lengths and
values, sequences nested thousandfold, wrong value representations and transfer syntaxes, compressed frames
and their items, PNG chunks with right checksums, TIFF directories, archives of hostile names, bombs). Each is
read by the library in a process apart, which may ask for 1 GiB beyond what it holds and take 20 s. One in
``--engine`` is read by the whole engine where its pixels can be.

A fault is anything but a result or a named error: another exception, the end of the process, no answer in
time, memory refused, a message that holds what tells whose image it is, and files, threads or memory still
held at the end. Each is made smaller as long as it stays, and kept in ``--out`` with its reason. Exit code 1
when there was one. The run is named by a number (the day unless ``--run`` says) and gives the same inputs
each time.
"""

from __future__ import annotations

import argparse
import datetime
import os
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests"))

from fuzz.answers import ask  # noqa: E402
from fuzz.driving import minimised, run_all, save  # noqa: E402
from fuzz.mutations import damaged  # noqa: E402


def main() -> int:
    """Run, print a table, keep what failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--inputs", type=int, default=20_000, help="how many (20,000)")
    parser.add_argument(
        "--run", type=int, default=datetime.date.today().toordinal(), help="which ones (the day)"
    )
    parser.add_argument("--workers", type=int, default=min(os.cpu_count() or 1, 4), help="processes")
    parser.add_argument(
        "--engine", type=int, default=20, help="one in so many through the whole engine; 0: none"
    )
    parser.add_argument("--out", type=Path, default=Path("fuzz-faults"), help="where faults are kept")
    parser.add_argument("--only", type=int, help="read this one alone, in this process")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        if given.only is not None:
            one = damaged(given.run, given.only)
            print(one.seed, *one.done)
            answer = ask(one, Path(folder, "input"), engine=bool(given.engine))
            print(answer.outcome, *answer.faults, sep="\n")
            return bool(answer.faults)
        load, began = os.getloadavg()[0], time.monotonic()
        tally = run_all(given.run, given.inputs, Path(folder), given.workers, given.engine)
        minutes = (time.monotonic() - began) / 60
        print(f"run {given.run}: {tally.inputs} inputs in {minutes:.1f} min, {given.workers} processes")
        print(f"load of the machine before {load:.1f}")
        for outcome, count in sorted(tally.outcomes.items()):
            print(f"  {outcome:8} {count:6}")
        print(f"slowest {tally.slowest:.2f} s of processor time, most memory {tally.most_memory >> 20} MiB")
        print("caught by the last net only:", dict(tally.unforeseen) or "none")
        print("leaks:", "; ".join(tally.leaks) or "none")
        different = {fault.place: fault for fault in tally.faults}
        for number, fault in enumerate(different.values()):
            kept = save(fault, minimised(fault, Path(folder, "smaller")), given.out, number)
            print(f"fault of input {fault.number}: {fault.place}; kept in {kept}")
    return bool(tally.faults or tally.leaks)


if __name__ == "__main__":
    sys.exit(main())
