"""The body of an article as HTML and as plain text. This module knows nothing of Django."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cache
from html import escape
from typing import Any

from markdown_it import MarkdownIt
from markdown_it.rules_inline import StateInline
from markdown_it.token import Token

from calcscope.server.library.articles import CITATION, Article

ARTICLE = "article:"


def _cite(state: StateInline, silent: bool) -> bool:
    """``[^S0]``: a token of its own."""
    found = CITATION.match(state.src, state.pos)
    if found is None:
        return False
    if not silent:
        state.push("citation", "", 0).meta = {"source": found[1]}
    state.pos = found.end()
    return True


def _citation(_self: Any, tokens: Sequence[Token], index: int, _options: Any, env: Any) -> str:
    source = tokens[index].meta["source"]
    number = env["numbers"][source]
    label = escape(env["label"].format(n=number))
    return f'<sup class="cite"><a href="#source-{source}" aria-label="{label}">{number}</a></sup>'


def _link(self: Any, tokens: Sequence[Token], index: int, options: Any, env: Any) -> str:
    token = tokens[index]
    href = str(token.attrGet("href") or "")
    if href.startswith(ARTICLE):
        token.attrSet("href", env["address"](href.removeprefix(ARTICLE)))
    else:
        token.attrSet("rel", "noopener noreferrer")
    return str(self.renderToken(tokens, index, options, env))


@cache
def _markdown() -> MarkdownIt:
    """Headings, paragraphs, lists, emphasis, tables and links; HTML stays text, images are left out."""
    markdown = MarkdownIt("commonmark", {"html": False}).enable("table").disable(["image", "html_block"])
    markdown.disable("html_inline")
    markdown.inline.ruler.before("link", "citation", _cite)
    markdown.add_render_rule("citation", _citation)
    markdown.add_render_rule("link_open", _link)
    return markdown


def html_of(article: Article, address: Callable[[str], str], label: str) -> str:
    """The body as HTML that is safe to show.

    Parameters
    ----------
    address : of another article, by its id
    label : how a citation is read out, such as ``source {n}``
    """
    numbers = {name: n for n, name in enumerate(article.sources, 1)}
    env = {"numbers": numbers, "address": address, "label": label}
    return str(_markdown().render(article.body, env))


def paragraphs(article: Article) -> Iterator[tuple[str, str]]:
    """Each block of the body as plain text without citations, and its kind: heading, paragraph or item.

    For the search and for measuring how easily it is read.
    """
    kind, inside = "paragraph", []
    for token in _markdown().parse(article.body, {"numbers": {}, "address": str, "label": ""}):
        if token.type == "list_item_open":
            inside.append("item")
        elif token.type == "list_item_close":
            inside.pop()
        elif token.type == "heading_open":
            kind = "heading"
        elif token.type == "heading_close":
            kind = "paragraph"
        elif token.type == "inline":
            text = "".join(_text(token.children or []))
            if text.strip():
                yield (inside[-1] if inside else kind), " ".join(text.split())


def _text(tokens: Sequence[Token]) -> Iterator[str]:
    for token in tokens:
        if token.type in ("text", "code_inline"):
            yield token.content
        elif token.type in ("softbreak", "hardbreak"):
            yield " "


def plain(article: Article) -> str:
    """Summary and body as plain text, a line each block."""
    return "\n".join([article.summary, *(text for _kind, text in paragraphs(article))])


def numbered(article: Article, known: Mapping[str, Any]) -> list[tuple[int, str, Any]]:
    """The sources of an article with their numbers: number, id, source."""
    return [(n, name, known[name]) for n, name in enumerate(article.sources, 1) if name in known]
