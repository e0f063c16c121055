"""Pages of the library, for everybody: no sign-in, and nothing is kept about who reads what."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from typing import Any
from urllib.parse import quote

from django.conf import settings
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils import timezone
from django.utils.safestring import mark_safe
from django.utils.text import slugify
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from calcscope.server import languages
from calcscope.server.library import preferences
from calcscope.server.library.articles import EMERGENCY, TOPICS, Article, ArticleError
from calcscope.server.library.citations import sources
from calcscope.server.library.index import own_sources
from calcscope.server.library.models import Entry
from calcscope.server.library.rendering import html_of, numbered
from calcscope.server.library.searching import MOST_CHARACTERS, search
from calcscope.server.library.wording import wording
from calcscope.server.people.middleware import open_to_all
from calcscope.server.people.models import Site

TOPIC_NAMES = {
    "basics": gettext_lazy("The basics"),
    "tests": gettext_lazy("Tests and visits"),
    "results": gettext_lazy("Understanding a result"),
    "care": gettext_lazy("What comes next"),
    "causes": gettext_lazy("Causes of calcifications"),
}
NEW_LINE = "\r\n"  # as an email has it
Page = Callable[..., HttpResponse]


def public(view: Page) -> Callable[..., HttpResponseBase]:
    """A page that anybody may read. It is no event of the audit: what she reads about is her own affair."""

    @wraps(view)
    def shown(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        return preferences.taken(request) or view(request, *args, **kwargs)

    page = require_safe(shown)
    page.unaudited = True  # type: ignore[attr-defined]
    return open_to_all(page)


class Shelf:
    """The articles that a reader is shown.

    Parameters
    ----------
    request : whose language, and whose hospital, decide
    """

    def __init__(self, request: HttpRequest) -> None:
        self.language = get_language() or languages.SOURCE
        self.sites = preferences.sites()
        self.site = preferences.site_of(request, self.sites)
        self.today = timezone.localdate()
        self.hides_overdue = hides_overdue(self.site)
        entries = Entry.objects.filter(language=self.language)
        self.articles = {entry.slug: entry.article for entry in entries if self.shows(entry.article)}

    def shows(self, article: Article) -> bool:
        """Whether an article is shown: what to do in an emergency always is."""
        late = article.overdue(self.today) and article.id != EMERGENCY
        return not (late and self.hides_overdue)

    def in_order(self) -> list[Article]:
        """By title, in the order of the language."""
        return sorted(self.articles.values(), key=lambda each: wording(self.language).key(each.title))


def hides_overdue(site: Site | None) -> bool:
    """Whether an article past its review date is left out: as the site says, else as the server does."""
    stated = site.settings.get("library_hide_overdue") if site else None
    return bool(settings.CONFIG.library_hide_overdue if stated is None else stated)


def _page(request: HttpRequest, template: str, shelf: Shelf, status: int = 200, **given: Any) -> HttpResponse:
    emergency = shelf.articles.get(EMERGENCY)
    context = {
        "shelf": shelf,
        "site": shelf.site,
        "emergency": emergency,
        "emergency_here": request.path == reverse("library:article", args=[EMERGENCY]),
        "size": preferences.text_size(request),
        "sizes": preferences.SIZES,
        "most": MOST_CHARACTERS,
        **given,
    }
    return render(request, f"library/{template}.html", context, status=status)


@public
def index(request: HttpRequest) -> HttpResponse:
    """The front of the library: search, and every article by topic."""
    shelf = Shelf(request)
    found = shelf.in_order()
    topics = [(name, TOPIC_NAMES[name], [a for a in found if a.topic == name]) for name in TOPICS]
    return _page(request, "index", shelf, topics=topics)


@public
def a_to_z(request: HttpRequest) -> HttpResponse:
    """Every title and other name under its letter."""
    shelf = Shelf(request)
    spelling = wording(shelf.language)
    names = {
        (name, article.id): (name, article, name == article.title)
        for article in shelf.articles.values()
        for name in (article.title, *article.other_names)
    }
    letters: dict[str, list[tuple[str, Article, bool]]] = {letter: [] for letter in spelling.alphabet}
    for entry in sorted(names.values(), key=lambda each: spelling.key(each[0])):
        letters.setdefault(spelling.letter(entry[0]), []).append(entry)
    return _page(request, "a_to_z", shelf, letters=list(letters.items()))


@public
def questions(request: HttpRequest) -> HttpResponse:
    """What a woman asks or notices, and the article that answers it."""
    shelf = Shelf(request)
    spelling = wording(shelf.language)
    groups = [
        (
            name,
            TOPIC_NAMES[name],
            sorted(
                (
                    (question, a)
                    for a in shelf.articles.values()
                    if a.topic == name
                    for question in a.questions
                ),
                key=lambda each: spelling.key(each[0]),
            ),
        )
        for name in TOPICS
    ]
    return _page(request, "questions", shelf, groups=groups)


@public
def find(request: HttpRequest) -> HttpResponse:
    """Articles that have the words of ``?q=``."""
    shelf = Shelf(request)
    query = request.GET.get("q", "").replace("\x00", " ").strip()[:MOST_CHARACTERS]
    hits = [hit for hit in search(shelf.language, query) if hit.article.id in shelf.articles]
    return _page(request, "search", shelf, query=query, hits=hits)


@public
def article(request: HttpRequest, slug: str) -> HttpResponse:
    """An article; 404 with what can be read instead where it is not there or not shown."""
    shelf = Shelf(request)
    found = shelf.articles.get(slug)
    if found is None:
        return _missing(request, shelf, slug)
    try:
        known = sources(own_sources())
    except ArticleError:  # a fault of the hospital's own file, which `library index` names
        known = sources()
    address = (
        request.build_absolute_uri(reverse("library:article", args=[slug])) + f"?language={shelf.language}"
    )
    mail = (
        f"mailto:?subject={quote(found.title)}&body={quote(f'{found.summary}{NEW_LINE}{NEW_LINE}{address}')}"
    )
    body = html_of(found, _address, _("Source {n}"))
    shown: dict[str, Any] = {
        "article": found,
        "body": mark_safe(body),  # made by the Markdown reader, with HTML of the file left as text
        "topic": TOPIC_NAMES[found.topic],
        "sources": numbered(found, known),
        "related": [shelf.articles[each] for each in found.related if each in shelf.articles],
        "overdue": found.overdue(shelf.today),
        "address": address,
        "mail": mail,
    }
    return _page(request, "article", shelf, **shown)


def _address(slug: str) -> str:
    """Of an article that a text links to, whether it is there or not."""
    return reverse("library:article", args=[slugify(slug) or "-"])


def _missing(request: HttpRequest, shelf: Shelf, slug: str) -> HttpResponse:
    entries = list(Entry.objects.filter(slug=slug))
    here = next((entry.article for entry in entries if entry.language == shelf.language), None)
    names = dict(settings.LANGUAGES)
    elsewhere = [
        (entry.language, names[entry.language], entry.article)
        for entry in entries
        if entry.language != shelf.language and entry.language in names and shelf.shows(entry.article)
    ]
    return _page(request, "missing", shelf, status=404, here=here, elsewhere=elsewhere, slug=slug)


@public
def hospitals(request: HttpRequest) -> HttpResponse:
    """Whom to call: every hospital with its number, one of which a reader may choose."""
    return _page(request, "hospitals", Shelf(request))
