"""Read the metadata of a page: title, authors, license, date, topics and address."""

import json
import re
from typing import Any

from kgsynth.records import Document
from kgsynth_loaders.readers.html_elements import Element, parent_tag

_AUTHOR_NAMES = (
    "author",
    "citation_author",
    "dc.creator",
    "dcterms.creator",
    "article:author",
    "parsely-author",
    "byl",
)
_DATE_NAMES = (
    "article:published_time", "date", "dc.date", "dc.date.issued", "dcterms.date", "dcterms.issued", "dcterms.created",
    "citation_publication_date", "citation_date", "citation_online_date", "pubdate", "publishdate", "publish_date",
    "datepublished", "sailthru.date", "parsely-pub-date", "og:published_time", "dcterms.modified",
    "article:modified_time",
)  # fmt: skip
_TOPIC_NAMES = ("keywords", "news_keywords", "article:tag", "citation_keywords", "dc.subject", "dcterms.subject")
_TITLE_NAMES = ("og:title", "citation_title", "dc.title", "dcterms.title", "twitter:title")
_LICENSE_NAMES = ("dc.rights", "dcterms.license", "dcterms.rights", "license", "dc.rights.license", "copyright")
_OTHER_NAMES = {
    "url": ("og:url",),
    "description": ("description", "og:description", "dc.description", "dcterms.abstract", "citation_abstract"),
    "site_name": ("og:site_name", "application-name"),
    "publisher": ("dc.publisher", "citation_publisher", "dcterms.publisher"),
    "journal": ("citation_journal_title",),
    "doi": ("citation_doi", "dc.identifier", "prism.doi"),
    "language": ("language", "dc.language", "content-language", "og:locale"),
}
_CC = re.compile(r"/licenses/((?:by|nc|nd|sa)[a-z-]*)/(\d\.\d)")
_CC0 = re.compile(r"/publicdomain/zero/(\d\.\d)")
_MAX_LINKED_DATA_NODES = 10_000


class PageMetadata:
    """Title, authors, license, date, topics and address of a page, from its meta elements, links and JSON-LD."""

    def __init__(self, root: Element) -> None:
        self.fields: dict[str, list[str]] = {}
        for meta in root.iter("meta"):
            name = (
                meta.get("name") or meta.get("property") or meta.get("itemprop") or meta.get("http-equiv") or ""
            ).lower()
            content = _one_line(meta.get("content") or "")
            if name and content:
                self.fields.setdefault(name.replace("dc:", "dc."), []).append(content)
        title = next((element for element in root.iter("title") if parent_tag(element) != "svg"), None)
        self.title = _one_line("".join(title.itertext())) if title is not None else ""
        self.language = next((value for name, value in root.attrib.items() if name.endswith("lang")), "")
        self.url = self.license = ""
        for link in root.iter("link", "a"):
            rel = (link.get("rel") or "").lower().split()
            if "canonical" in rel and link.tag == "link":
                self.url = self.url or (link.get("href") or "").strip()
            if "license" in rel:
                self.license = (
                    self.license or license_name(link.get("href") or "") or _one_line("".join(link.itertext()))
                )
        self.data = _linked_data(root)

    def document(self, text: str, heading: str) -> Document:
        """Return a document with this text and the metadata; the heading of the text may replace the title."""
        metadata = {name: self._first(*names) for name, names in _OTHER_NAMES.items()}
        metadata["url"] = self.url or metadata["url"]
        metadata["language"] = self.language or metadata["language"]
        authors = [name for name in self._all(*_AUTHOR_NAMES) if "://" not in name] or self.data.get("author", [])
        topics = self._all(*_TOPIC_NAMES) or self.data.get("keywords", [])
        license_in_data = license_name(self._first(*_LICENSE_NAMES)) or license_name(
            "".join(self.data.get("license", [])[:1])
        )
        title = self._title(heading)
        metadata["description"] = "" if metadata["description"] == title else metadata["description"]
        return Document(
            id="",
            text=text,
            title=title,
            attribution="; ".join(dict.fromkeys(authors)),
            license=self.license or license_in_data,
            date=self._first(*_DATE_NAMES) or "".join(self.data.get("datePublished", [])[:1]),
            topics=tuple(
                dict.fromkeys(keyword for topic in topics for keyword in _listed(topic) if topic != self.title)
            ),
            metadata={name: value for name, value in metadata.items() if value},
        )

    def _title(self, heading: str) -> str:
        declared_title = self._first(*_TITLE_NAMES) or self.title
        if heading and (not declared_title or declared_title.casefold().startswith(heading.casefold())):
            return heading
        return declared_title or "".join(self.data.get("headline", [])[:1])

    def _first(self, *names: str) -> str:
        return next((self.fields[name][0] for name in names if name in self.fields), "")

    def _all(self, *names: str) -> list[str]:
        return next((self.fields[name] for name in names if name in self.fields), [])


def license_name(text: str) -> str:
    """Return the short name of a Creative Commons license for its address; any other text on one line."""
    text = _one_line(text)
    match = _CC.search(text.lower())
    if match:
        return f"CC {match.group(1).strip('-').upper()} {match.group(2)}"
    zero_match = _CC0.search(text)
    return f"CC0 {zero_match.group(1)}" if zero_match else text


def _one_line(text: str) -> str:
    return " ".join(text.split())


def _listed(keywords: str) -> list[str]:
    return [
        keyword.strip() for keyword in re.split(r"[;]" if ";" in keywords else r"[,，、]", keywords) if keyword.strip()
    ]


def _linked_data(root: Element) -> dict[str, list[str]]:
    """Return authors, license, date, keywords and headline from the JSON-LD of a page, by their names in JSON-LD."""
    values_by_name: dict[str, list[str]] = {}
    for script in root.iter("script"):
        if (script.get("type") or "").strip().lower() != "application/ld+json":
            continue
        try:
            waiting_nodes = [json.loads(script.text or "", strict=False)]
        except (ValueError, RecursionError):
            continue
        for _ in range(_MAX_LINKED_DATA_NODES):
            if not waiting_nodes:
                break
            node = waiting_nodes.pop()
            if isinstance(node, list):
                waiting_nodes += reversed(node)
            elif isinstance(node, dict):
                waiting_nodes += [node[name] for name in ("@graph", "mainEntity") if name in node]
                for name in ("author", "license", "datePublished", "keywords", "headline"):
                    values_by_name.setdefault(name, []).extend(_names(node.get(name)))
    return {name: list(dict.fromkeys(values)) for name, values in values_by_name.items()}


def _names(value: Any) -> list[str]:
    values = value if isinstance(value, list) else [value]
    names = (item.get("name") or item.get("url") if isinstance(item, dict) else item for item in values)
    return [_one_line(name) for name in names if isinstance(name, str) and name.strip()]
