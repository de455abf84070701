"""Mail and saved pages in its form: .eml, .mbox, .mhtml."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_binary_file, message_from_bytes
from email.errors import HeaderParseError, MessageError
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject
from kgsynth_loaders.characters import decode
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html import page

_SAVED_PAGE_ENDINGS = frozenset([".mhtml", ".mht"])
_ENCRYPTED_KINDS = frozenset(["multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"])
# Plain text so much shorter than the page beside it only says that there is a page.
_MIN_PLAIN_SHARE = 0.2
_FROM_LINE = re.compile(rb"From [^\r\n]{0,500}\r?\n[!-9;-~]{1,76}:", re.ASCII)
_FAULTS = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
_MAX_MESSAGE_BYTES = 100_000_000


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject]:
    """The message, each message of a mailbox, or the page that was saved with its pictures.

    Raises:
        RecordError: the message is encrypted or holds no text. In a mailbox this is a reject.
    """
    import trafilatura  # noqa: F401

    with path.open("rb") as file:
        is_mailbox = _FROM_LINE.match(file.read(2000)) is not None
        file.seek(0)
        if is_mailbox:
            yield from _mailbox(path, options.encoding)
            return
        message = message_from_binary_file(file)
    if path.suffix.lower() in _SAVED_PAGE_ENDINGS or _is_saved_page(message):
        yield _saved_page(message, options.encoding)
    else:
        yield _document(message, options.encoding)


def _mailbox(path: Path, encoding: str) -> Iterator[Document | Reject]:
    seen: set[str] = set()
    for number, data in enumerate(_messages(path), start=1):
        position = Position(source="", line=number)
        if len(data) > _MAX_MESSAGE_BYTES:
            yield Reject(position=position, reason="too large")
            continue
        try:
            message = message_from_bytes(data)
            document = _document(message, encoding)
        except RecordError as error:
            yield Reject(position=position, reason=str(error), raw=_raw(data))
            continue
        except _FAULTS as error:
            yield Reject(position=position, reason="damaged", raw=f"{type(error).__name__}: {_raw(data)}")
            continue
        identifier = _identifier(message) or f"message {number}"
        if identifier in seen:
            identifier = f"{identifier} {number}"
        seen.add(identifier)
        yield replace(document, id=identifier, position=position)


def _messages(path: Path) -> Iterator[bytes]:
    """The messages of a mailbox, one at a time: each begins with a line `From ` after an empty line."""
    lines: list[bytes] = []
    size = 0
    was_empty = True
    with path.open("rb") as file:
        for line in file:
            if was_empty and line.startswith(b"From ") and re.search(rb"\d\d:\d\d", line):
                if lines:
                    yield b"".join(lines)
                lines, size = [], 0
                was_empty = False
                continue
            was_empty = not line.strip()
            size += len(line)
            if size <= _MAX_MESSAGE_BYTES + 1000 or not lines:
                lines.append(re.sub(rb"\A>(>*From )", rb"\1", line) if line.startswith(b">") else line)
    if lines:
        yield b"".join(lines)


def _raw(data: bytes) -> str:
    return data[:300].decode("utf-8", "replace")


def _is_saved_page(message: Message) -> bool:
    if message.get("Snapshot-Content-Location"):
        return True
    return message.get_content_type() == "multipart/related" and not message.get("To") and bool(_root(message))


def _saved_page(message: Message, encoding: str) -> Document:
    """The page of a web archive file; its root is named by `start`, by address, or is the first page in it."""
    root = _root(message)
    if root is None:
        raise RecordError("no text")
    document = page(_bytes(root), encoding=encoding, declared=_charset(root))
    address = _header(message, "Snapshot-Content-Location") or _header(root, "Content-Location")
    metadata = dict(document.metadata)
    if address and not address.startswith("cid:"):
        metadata.setdefault("url", address)
    return Document(
        id="",
        text=document.text,
        title=document.title or _header(message, "Subject"),
        attribution=document.attribution,
        date=document.date or _header(message, "Date"),
        license=document.license,
        topics=document.topics,
        metadata=metadata,
    )


def _root(message: Message) -> Message | None:
    pages = [part for part in message.walk() if part.get_content_type() in ("text/html", "application/xhtml+xml")]
    start = str(message.get_param("start") or "").strip("<>")
    address = _header(message, "Snapshot-Content-Location") or _header(message, "Content-Location")
    for part in pages:
        if start and _header(part, "Content-ID").strip("<>") == start:
            return part
    for part in pages:
        if address and _header(part, "Content-Location") == address:
            return part
    return pages[0] if pages else None


def _document(message: Message, encoding: str) -> Document:
    """A message as a document.

    Raises:
        RecordError: it is encrypted or holds no text.
    """
    texts: list[str] = []
    attachments: list[str] = []
    _collect(message, encoding, texts, attachments)
    text = "\n\n".join(part for part in texts if part.strip()).strip("\n")
    if not text.strip():
        raise RecordError("no text")
    fields = {
        "message_id": _identifier(message),
        "in_reply_to": _header(message, "In-Reply-To"),
        "to": _header(message, "To"),
        "list_id": _header(message, "List-Id"),
        "attachments": "; ".join(attachments),
    }
    return Document(
        id="",
        text=text,
        title=_header(message, "Subject"),
        attribution="; ".join(name or address for name, address in getaddresses([_header(message, "From")])),
        date=_header(message, "Date"),
        metadata={name: value for name, value in fields.items() if value},
    )


def _collect(message: Message, encoding: str, texts: list[str], attachments: list[str]) -> None:
    """Add the texts and the names of attached files of a message, part by part."""
    waiting = [message]
    while waiting:
        part = waiting.pop()
        kind = part.get_content_type()
        if kind in _ENCRYPTED_KINDS and "signed" not in str(part.get_param("smime-type") or ""):
            raise RecordError("encrypted")
        if kind == "multipart/alternative":
            waiting += reversed(_best(part, encoding))
        elif part.is_multipart():
            inner = [item for item in part.get_payload() if isinstance(item, Message)]
            if kind == "message/rfc822" and inner:
                texts.append(f"Forwarded message: {_header(inner[0], 'Subject')}".rstrip(": "))
            is_related = kind == "multipart/related" and len(inner) > 1
            waiting += [_root(part) or inner[0]] if is_related and _root(part) else reversed(inner)
            attachments += [name for item in inner if is_related and (name := _file_name(item))]
        elif _is_attached(part):
            attachments.append(_file_name(part) or kind)
        elif kind == "text/html":
            texts.append(_page_text(part, encoding))
        elif kind.startswith("text/") and kind not in ("text/calendar", "text/css"):
            texts.append(_plain(part, encoding))
        else:
            attachments.append(_file_name(part) or kind)


def _best(part: Message, encoding: str) -> list[Message]:
    """Of parts that say the same: plain text, unless it says much less than the page beside it."""
    inner = [item for item in part.get_payload() if isinstance(item, Message)]
    plain = [item for item in inner if item.get_content_type() == "text/plain"]
    others = [item for item in inner if any(p.get_content_type() == "text/html" for p in item.walk())]
    if not plain:
        return others[-1:] or inner
    if not others:
        return plain[:1]
    page_part = next(item for item in others[-1].walk() if item.get_content_type() == "text/html")
    length = len(_plain(plain[0], encoding).strip())
    if length > 500:
        return plain[:1]
    return plain[:1] if length >= _MIN_PLAIN_SHARE * len(_page_text(page_part, encoding)) and length else others[-1:]


def _is_attached(part: Message) -> bool:
    return part.get_content_disposition() == "attachment" or (
        bool(_file_name(part)) and part.get_content_type() not in ("text/plain", "text/html")
    )


def _file_name(part: Message) -> str:
    try:
        return _decoded_words(part.get_filename() or "")
    except _FAULTS:
        return ""


def _bytes(part: Message) -> bytes:
    payload = part.get_payload(decode=True)
    return payload if isinstance(payload, bytes) else b""


def _charset(part: Message) -> str:
    try:
        charset = part.get_content_charset("") or ""
    except _FAULTS:
        return ""
    return "" if charset in ("us-ascii", "unknown-8bit", "default") else str(charset)


def _plain(part: Message, encoding: str) -> str:
    """The text of a part; lines that its writer's program broke are joined where it says so."""
    text = decode(_bytes(part), encoding=encoding, declared=_charset(part)).text.replace("\r\n", "\n")
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    deletes = str(part.get_param("delsp") or "").lower() == "yes"
    out: list[str] = []
    is_open = False
    for line in text.split("\n"):
        line = line[1:] if line.startswith(" ") else line
        is_soft = line.endswith(" ") and line != "-- "
        start = line[:-1] if is_soft and deletes else line
        if is_open and not line.startswith(">"):
            out.append(start)
        else:
            out.append(("\n" if out else "") + start)
        is_open = is_soft and not line.startswith(">")
    return "".join(out)


def _page_text(part: Message, encoding: str) -> str:
    try:
        return page(_bytes(part), encoding=encoding, declared=_charset(part)).text
    except RecordError:
        return ""


def _identifier(message: Message) -> str:
    return _header(message, "Message-ID").strip("<> ")


def _header(message: Message, name: str) -> str:
    """A field of a message on one line, its words decoded."""
    try:
        value = message.get(name)
    except _FAULTS:
        return ""
    return _decoded_words(str(value)) if value is not None else ""


def _decoded_words(value: str) -> str:
    try:
        pieces = decode_header(value)
    except (HeaderParseError, ValueError):
        pieces = [(value, None)]
    words: list[str] = []
    for piece, charset in pieces:
        if isinstance(piece, str):
            # Bytes that are no ASCII come as surrogates.
            piece = piece.encode("utf-8", "surrogateescape")
        try:
            known = "" if charset in (None, "unknown-8bit") else str(charset)
            words.append(decode(piece, declared=known).text if piece else "")
        except RecordError:
            words.append(piece.decode("latin-1"))
    return " ".join("".join(words).split())
