"""Infer the function of a part of a page from the names in its class and id.

A name is split into words: `cookie-banner` and `cookieBanner` are *cookie* and *banner*. Some words are used only by
sites for parts of their pages (*disqus*). Others are used by authors too (*cookie*, *modal*): `cookie-banner` consists
of words for parts of pages, so it means one; `cookie-recipe` does not; and `cookie` alone may mean either.
"""

import re
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple


class Certainty(IntEnum):
    """How certain it is that a name means a part of the page that is not text of its author."""

    NO = 0
    PART_OF_NAME = 1  # one word of it is used for such parts
    WHOLE_NAME = 2  # its only word is used for such parts, and by authors
    SURE = 3


class Meaning(NamedTuple):
    """The kind of part that names mean ("furniture", "comments", "header" or empty), and how certain that is."""

    kind: str = ""
    certainty: Certainty = Certainty.NO


_SURE_NAMES = frozenset(
    "nav commentlist disqus_thread searchbox widget-area topbar sitesub contentsub catlinks navbox ambox ombox tmbox "
    "printfooter skip-link skiplink headerlink anchorjs-link copiable-link copybtn edit-link edit-page mw-editsection "
    "mw-jump-link linenos linenodiv lineno related-topics tag-list post-tags entry-meta-tags rustdoc-toolbar "
    "sharedaddy jp-relatedposts copy-button crayon-toolbar crayon-info "
    "tablist printer-friendly jump-to-nav feedback-form mw-indicators mw-cite-backlink mw-portlet "
    "vector-dropdown vector-page-toolbar dropdown-menu fn-backref reversefootnote footnote-back "
    "footnote-backref".split()
)
_SURE_WORDS = frozenset(
    "gdpr onetrust sidenav breadcrumb breadcrumbs disqus adsbygoogle masthead skiplink skipnav editsection headerlink "
    "catlinks navbox sharebar sharebuttons addtoany outbrain taboola commentlist backtotop printfooter interlanguage "
    "sphinxsidebar sidebarwrapper tableofcontents editlink".split()
)
# Authors use these words too. The words of `_WHOLE_NAMES` mean a part of a page only if they are the whole name.
_WORDS = frozenset(
    "cookie cookies consent newsletter sidebar sidebars pagination pager paginator advert adverts advertisement "
    "advertisements sponsored sharing popup modal lightbox paywall subscribe subscription comments ads ad "
    "social".split()
)
_WHOLE_NAMES = frozenset(
    "menu toc related share sharing social comments respond sidebar banner footer search widget widgets toolbar "
    "metadata tags login signup signin subscribe".split()
)
_COMMENT_WORDS = frozenset("comment comments commentlist disqus respond".split())
_PAIRS = (
    ("menu", "main nav top side mobile site primary mega dropdown header footer user language"),
    ("related", "posts post articles article content links stories news pages topics reading"),
    ("share", "buttons button bar links tools icons this widget post social"),
    ("banner", "cookie site top promo consent announcement notification privacy"),
    ("search", "form box bar site field widget"),
    ("comment comments", "list section area thread form wrapper body respond count"),
    ("footer", "site page global main bar nav md wrapper container inner links"),
    ("header", "site global bar nav md mobile bd top"),
    ("toc", "container wrapper tree drawer list sidebar block box"),
    ("edit", "page this link github"),
    ("prev previous", "next"),
    ("login signup signin register", "form box link links panel wrapper"),
    ("recommended trending popular", "posts articles stories content"),
)
_PAIRS_OF_WORDS = tuple((frozenset(first.split()), frozenset(second.split())) for first, second in _PAIRS)
_NAVIGATION = re.compile(r"nav(?:s|igation|bar|menu|list|links?|box|block|header|footer|panel|pills|tabs|tree|wrap)?")
_NO_NAVIGATION = frozenset("navier navy naval navigator navarro nave navel navigable".split())
# Words for places and shapes that occur beside the other words in names of parts of pages.
_PLACES = frozenset(
    "left right top bottom side middle main site page pages global local wrapper wrap wrapped container inner outer "
    "box bar block section area list links link item items button buttons btn btns icon icons form widget panel pane "
    "content header footer overlay dialog backdrop notice message alert popup policy prompt signup signin sign up "
    "follow post posts article articles entry blog single primary secondary tertiary mobile desktop sticky fixed "
    "floating column col row grid group head title body text footer toggle close holder placeholder slot unit region "
    "zone leaderboard skyscraper rail float inline default first last id js wp md td bd mw ui tree drawer tools next "
    "prev previous count thread form respond".split()
).union(*(words for pair in _PAIRS_OF_WORDS for words in pair))
_PAGE_WORDS = _PLACES | _SURE_WORDS | _WORDS | _WHOLE_NAMES
_SPLIT = re.compile(r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])")


def words_of(name: str) -> list[str]:
    """Return the words of a name in lower case: *cookie*, *banner* for `cookieBanner-2`."""
    return [word.lower() for word in _SPLIT.findall(name)]


@lru_cache(maxsize=20_000)
def meaning_of(names: str) -> Meaning:
    """Return the most certain meaning of several names; the first if several are equally certain."""
    meanings = [_of_name(name) for name in names.split()]
    return max(meanings, key=lambda meaning: meaning.certainty, default=Meaning())


def _of_name(name: str) -> Meaning:
    lower_name = name.lower()
    words = frozenset(words_of(name))
    if words & {"has", "with", "no", "not", "without"}:
        return Meaning()
    is_known = lower_name in _SURE_NAMES or lower_name in _WHOLE_NAMES
    is_known = is_known or not words.isdisjoint(_SURE_WORDS | _WORDS) or _is_pair(words)
    if is_known and words & _COMMENT_WORDS:
        return Meaning("comments", _certainty(lower_name, words))
    if is_known:
        return Meaning("furniture", _certainty(lower_name, words))
    navigation = [word for word in words if word.startswith("nav") and word not in _NO_NAVIGATION]
    if navigation:
        others = words.difference(navigation)
        is_sure = all(map(_NAVIGATION.fullmatch, navigation)) and _PAGE_WORDS.issuperset(others)
        is_whole_name = lower_name == "navigation"
        return Meaning("furniture", Certainty.WHOLE_NAME if is_whole_name else _sure_or_part(is_sure))
    return Meaning("header", Certainty.SURE) if lower_name == "header" or lower_name.endswith("-header") else Meaning()


def _certainty(name: str, words: frozenset[str]) -> Certainty:
    if name in _SURE_NAMES or words & _SURE_WORDS:
        return Certainty.SURE
    if len(words) == 1:
        return Certainty.WHOLE_NAME
    return _sure_or_part(_PAGE_WORDS.issuperset(words))


def _sure_or_part(is_sure: bool) -> Certainty:
    return Certainty.SURE if is_sure else Certainty.PART_OF_NAME


def _is_pair(words: frozenset[str]) -> bool:
    return any(words & first and words & second for first, second in _PAIRS_OF_WORDS)
