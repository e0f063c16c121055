"""The texts of the pages, from the source to ``django.po`` and on to ``django.mo``.

    python -m calcscope.server.languages.messages renew      # .po from the source: make messages
    python -m calcscope.server.languages.messages compile    # .mo from the .po: make languages

Texts are what Python and templates hand to gettext, and the words of the lexicon that pages show
(:mod:`calcscope.server.languages.words`). Written with Babel, so that no program of the system is needed.
"""

from __future__ import annotations

import io
import re
import sys
from pathlib import Path

from babel.messages import Catalog, Message
from babel.messages.extract import DEFAULT_KEYWORDS, extract
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po, write_po
from django.utils.translation.template import templatize

from calcscope.server.languages import SOURCE, Language, available
from calcscope.server.languages.words import CONTEXT, shown

SERVER = Path(__file__).parents[1]
KEYWORDS = {
    **DEFAULT_KEYWORDS,
    "gettext_lazy": None,
    "ngettext_lazy": (1, 2),
    "npgettext_lazy": ((1, "c"), 2, 3),
    "pgettext_lazy": ((1, "c"), 2),
}
NOTE = "# {name}: the texts of the pages. `make messages` renews it from the source.\n#"
_PLACEHOLDER = re.compile(r"%\(\w+\)[sd]|\{\w*\}|%%|%[sd]")


def po_of(language: Language) -> Path:
    """Where the translations of a language are kept."""
    return language.folder / "LC_MESSAGES" / "django.po"


def placeholders(text: str) -> list[str]:
    """What is filled in, such as ``{n}`` and ``%(name)s``, sorted."""
    return sorted(_PLACEHOLDER.findall(text))


def template() -> Catalog:
    """Every text of the source, without translations."""
    catalog = Catalog(fuzzy=False)
    for path in sorted(SERVER.rglob("*.py")):
        if "migrations" not in path.parts:
            _add(catalog, path, path.read_text(encoding="utf-8"))
    for path in sorted(p for p in SERVER.rglob("templates/**/*") if p.suffix in (".html", ".txt")):
        # In brackets, for the reader of Python minds the indentation of what a template becomes.
        _add(catalog, path, f"({templatize(path.read_text(encoding='utf-8'))})")
    for text, where in shown():
        catalog.add(text, context=CONTEXT, locations=[(f"lexicon/{where}", 0)])
    return catalog


def _add(catalog: Catalog, path: Path, python: str) -> None:
    found = extract("python", io.BytesIO(python.encode()), KEYWORDS, ["Translators"], {"encoding": "utf-8"})
    for _line, message, comments, context in found:
        # Without line numbers: they change with every edit, and nobody reads them.
        where = (str(path.relative_to(SERVER)), 0)
        catalog.add(message, context=context, locations=[where], auto_comments=comments)


def read(language: Language) -> Catalog:
    """The translations of a language; an empty catalogue where there are none yet."""
    path = po_of(language)
    if not path.exists():
        return Catalog(locale=language.code, fuzzy=False)
    with path.open("rb") as file:
        return read_po(file, locale=language.code, abort_invalid=True)


def renew(language: Language) -> None:
    """Bring ``django.po`` up to date: new texts are added without a translation, old ones taken out."""
    catalog = read(language)
    catalog.update(template(), no_fuzzy_matching=True, update_header_comment=False)
    catalog.obsolete.clear()
    catalog.header_comment = NOTE.format(name=language.name)
    catalog.fuzzy = False
    buffer = io.BytesIO()
    write_po(buffer, catalog, width=100, sort_by_file=True, omit_header=True, include_lineno=False)
    plural = f"nplurals={catalog.num_plurals}; plural={catalog.plural_expr};"
    # A header without dates and addresses, so that a renewed file differs by its texts alone.
    header = (
        f'{catalog.header_comment}\nmsgid ""\nmsgstr ""\n"Language: {language.code}\\n"\n'
        f'"Plural-Forms: {plural}\\n"\n"MIME-Version: 1.0\\n"\n'
        '"Content-Type: text/plain; charset=utf-8\\n"\n"Content-Transfer-Encoding: 8bit\\n"\n\n'
    )
    po_of(language).parent.mkdir(exist_ok=True)
    po_of(language).write_bytes(header.encode() + buffer.getvalue())


def is_translated(message: Message) -> bool:
    """Whether every form of a text has a translation that somebody looked at."""
    forms = message.string if isinstance(message.string, tuple | list) else (message.string,)
    return all(forms) and not message.fuzzy


def compile_one(language: Language) -> None:
    """Write ``django.mo``, which the server reads, from ``django.po``; what is not translated stays out."""
    catalog = read(language)
    for message in [each for each in catalog if each.id and not is_translated(each)]:
        catalog.delete(message.id, message.context)
    with po_of(language).with_suffix(".mo").open("wb") as file:
        write_mo(file, catalog)


def translated() -> list[Language]:
    """The languages that have translations: all but that of the source."""
    return [each for each in available().values() if each.code != SOURCE]


def main(asked: str) -> None:
    """Renew or compile the texts of every language."""
    for language in translated():
        {"renew": renew, "compile": compile_one}[asked](language)


if __name__ == "__main__":
    if sys.argv[1:] not in (["renew"], ["compile"]):
        raise SystemExit(f"found {sys.argv[1:]}; expected renew or compile")
    main(sys.argv[1])
