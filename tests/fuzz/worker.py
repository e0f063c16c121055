"""A process that has inputs read, one after the other, within a limit of memory; ``fuzz.driving`` starts it.

    python worker.py RUN FOLDER MEMORY ENGINE_EVERY

A line on its standard input is the number of an input, or the path of a pickled one; a line on its standard
output is the answer, in JSON. Everything that the libraries print goes into FOLDER/printed.
"""

from __future__ import annotations

import contextlib
import gc
import json
import os
import pickle
import resource
import shutil
import sys
import threading
import time
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from fuzz.answers import ask
from fuzz.mutations import damaged, sound
from fuzz.seeds import REFUSED, seeds

BYTES = {"VmRSS": "rss", "VmHWM": "peak", "VmSize": "size"}


def memory() -> dict[str, int]:
    """Bytes held now, at most since the last :func:`forget_peak`, and reserved."""
    found = {}
    for line in Path("/proc/self/status").read_text(encoding="utf-8").splitlines():
        name, _, value = line.partition(":")
        if name in BYTES:
            found[BYTES[name]] = int(value.split()[0]) * 1024
    return found


def forget_peak() -> None:
    """Have the peak of memory counted anew."""
    with contextlib.suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5", encoding="utf-8")


def held() -> dict[str, int]:
    """What a leak would make more of, after collecting what is garbage."""
    gc.collect()
    return {
        "files": len(os.listdir("/proc/self/fd")),
        "threads": threading.active_count(),
        "rss": memory()["rss"],
    }


def main() -> None:
    """Answer until the input ends."""
    run, folder, limit, engine_every = int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]), int(sys.argv[4])
    answers = os.fdopen(os.dup(1), "w", encoding="utf-8")
    folder.mkdir(parents=True, exist_ok=True)
    printed = os.open(folder / "printed", os.O_CREAT | os.O_APPEND | os.O_WRONLY)
    os.dup2(printed, 1)
    os.dup2(printed, 2)
    place = folder / "input"
    for seed in seeds():  # every library is loaded before memory is counted
        shutil.rmtree(place, ignore_errors=True)
        answer = ask(sound(seed), place, engine=bool(engine_every))
        assert answer.outcome == ("refused" if seed.name in REFUSED else "read"), (seed.name, answer)
    most = memory()["size"] + limit
    resource.setrlimit(resource.RLIMIT_AS, (most, most))
    answers.write(json.dumps(held()) + "\n")
    answers.flush()
    for line in sys.stdin:
        asked = line.strip()
        if asked == "held":
            answers.write(json.dumps(held()) + "\n")
            answers.flush()
            continue
        shutil.rmtree(place, ignore_errors=True)
        place.mkdir()
        forget_peak()
        before = memory()["rss"]
        made = damaged(run, int(asked)) if asked.isdigit() else pickle.loads(Path(asked).read_bytes())
        engine = bool(engine_every) and (not asked.isdigit() or int(asked) % engine_every == 0)
        began = time.process_time()
        answer = ask(made, place, engine=engine)
        said = {
            "outcome": answer.outcome, "faults": answer.faults, "unforeseen": answer.unforeseen,
            "seconds": time.process_time() - began, "grown": memory()["peak"] - before, "done": made.done,
            "seed": made.seed,
        }  # fmt: skip
        answers.write(json.dumps(said) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
