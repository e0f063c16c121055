"""Inputs led by which lines of the readers they reach (atheris), for hours rather than minutes.

    python -m pip install atheris
    python tests/fuzz/coverage_guided.py -max_total_time=600 corpus/

The corpus starts with the seeds of ``fuzz.seeds``. libFuzzer writes an input that raises anything but a named
error into the working folder as ``crash-…``; ``-runs=1000`` ends after so many. Further arguments are
libFuzzer's.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

import atheris

with atheris.instrument_imports(include=["calcscope.exam", "calcscope.standards.importing", "pydicom"]):
    from fuzz.answers import ask
    from fuzz.mutations import Damaged
    from fuzz.seeds import seeds

SEEDS = seeds()
FOLDER = Path(tempfile.mkdtemp(prefix="calcscope-fuzz-"))


def one_input(content: bytes) -> None:
    """The first byte names the seed whose kind of file it is, the others are the file."""
    if not content:
        return
    seed = SEEDS[content[0] % len(SEEDS)]
    files = (*seed.beside, (seed.file_name, content[1:]))
    answer = ask(Damaged(seed.name, seed.family, files, seed.file_name, ()), FOLDER)
    if answer.faults:
        raise AssertionError(answer.faults[0])


def main() -> None:
    """Write the seeds into the corpus, then run until told to stop."""
    corpus = next((Path(each) for each in sys.argv[1:] if not each.startswith("-")), None)
    if corpus is not None:
        corpus.mkdir(parents=True, exist_ok=True)
        for number, seed in enumerate(SEEDS):
            (corpus / f"seed-{number}").write_bytes(bytes([number]) + seed.content)
    atheris.Setup(sys.argv, one_input)
    atheris.Fuzz()


if __name__ == "__main__":
    main()
