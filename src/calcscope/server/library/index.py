"""Taking the articles in: what the pages show is what the files said when they were last looked at."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from django.conf import settings
from django.db import connection, transaction

from calcscope.server import languages
from calcscope.server.library.articles import Article, ArticleError, files, read, sha256_of
from calcscope.server.library.citations import sources
from calcscope.server.library.models import Entry
from calcscope.server.library.rendering import plain
from calcscope.server.library.wording import words_of


@dataclass
class Renewed:
    """What was done: articles as ``language/id``; ``faults`` are those that could not be taken, and why."""

    added: list[str] = field(default_factory=list)
    changed: list[str] = field(default_factory=list)
    removed: list[str] = field(default_factory=list)
    faults: list[str] = field(default_factory=list)


def own_folder() -> Path:
    """The hospital's own articles, which backups keep: a folder for each language, and ``sources.yaml``."""
    return Path(settings.MEDIA_ROOT) / "library"


def own_sources() -> Path:
    """The file with the hospital's own sources."""
    return own_folder() / "sources.yaml"


def renew() -> Renewed:
    """Take in every article whose file is new or differs, and drop those whose file is gone.

    An article that is at fault stays as it was; a hospital's own stands in for ours of the same name.
    """
    done = Renewed()
    sources.cache_clear()
    try:
        known = set(sources(own_sources()))
    except ArticleError as error:
        done.faults.append(str(error))
        known = set(sources())
    stored = {(entry.language, entry.slug): entry for entry in Entry.objects.all()}
    kept = set()
    fresh: dict[tuple[str, str], Entry] = {}
    for code, language in languages.available().items():
        for own, folder in ((False, language.folder / "articles"), (True, own_folder() / code)):
            for path in files(folder):
                kept.add((code, path.stem))
                try:
                    text, article = read(path, code)
                    if unknown := set(article.sources) - known:
                        raise ArticleError(
                            f"{code}/{path.name}: found sources {', '.join(sorted(unknown))}, which are not "
                            "in sources.yaml; expected an entry for each"
                        )
                except ArticleError as error:
                    done.faults.append(str(error))
                    if (code, path.stem) in stored:
                        fresh.pop((code, path.stem), None)  # nor does ours take its place
                    continue
                fresh[code, path.stem] = _entry(text, article, own)
    with transaction.atomic():
        for key, entry in fresh.items():
            before = stored.get(key)
            if before is None:
                done.added.append(str(entry))
            elif (before.sha256, before.own) != (entry.sha256, entry.own):
                entry.pk = before.pk
                done.changed.append(str(entry))
            else:
                continue
            entry.save()
        gone = [entry for key, entry in stored.items() if key not in kept]
        for entry in gone:
            done.removed.append(str(entry))
            entry.delete()
    return done


def _entry(text: str, article: Article, own: bool) -> Entry:
    def folded(*texts: str) -> str:
        return " ".join(words_of(" ".join(texts)))

    return Entry(
        language=article.language,
        slug=article.id,
        sha256=sha256_of(text),
        own=own,
        text=text,
        names=folded(article.title, *article.other_names),
        words=folded(*article.questions, *article.words),
        body=folded(plain(article)),
    )


def exists() -> bool:
    """Whether the table is there: a migration back takes it away."""
    return Entry._meta.db_table in connection.introspection.table_names()
