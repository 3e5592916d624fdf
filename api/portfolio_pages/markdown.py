"""An institution's own words, which anybody may have written: markdown made into the few elements that can do no harm."""

import nh3
from markdown_it import MarkdownIt
from markupsafe import Markup

from domain.values import is_safe_link

TAGS = {"p", "br", "em", "strong", "ul", "ol", "li", "blockquote", "code", "pre", "h3", "h4", "a"}
RELATION = "nofollow noopener noreferrer ugc"
_HEADINGS = {"h1": "h3", "h2": "h4", "h3": "h4", "h4": "h4", "h5": "h4", "h6": "h4"}
"""The page has headings of its own above them."""

_markdown = MarkdownIt("commonmark", {"html": False}).disable(["image", "html_block", "html_inline"])


def as_html(text: str) -> Markup:
    """HTML in it is shown as it was typed; pictures and links other than https are left out, their words are not."""
    tokens = _markdown.parse(text)
    for token in tokens:
        token.tag = _HEADINGS.get(token.tag, token.tag)
    made = _markdown.renderer.render(tokens, _markdown.options, {})
    return Markup(_cleaner.clean(made))  # noqa: S704 - this is what makes it safe


def _attribute(_: str, name: str, value: str) -> str | None:
    """It is asked of what the sanitiser itself sets, too."""
    return value if name != "href" or is_safe_link(value) else None


_cleaner = nh3.Cleaner(
    tags=TAGS,
    clean_content_tags={"script", "style"},
    attributes={"a": {"href"}},
    attribute_filter=_attribute,
    strip_comments=True,
    link_rel=RELATION,
    set_tag_attribute_values={"a": {"target": "_blank"}},
    url_schemes={"https"},
)
