"""Read mail (.eml, .mbox), and pages that were saved in the format of mail (.mhtml)."""

import re
from collections.abc import Iterator
from dataclasses import replace
from email import message_from_binary_file, message_from_bytes
from email.errors import (
    CloseBoundaryNotFoundDefect,
    HeaderParseError,
    InvalidBase64LengthDefect,
    InvalidBase64PaddingDefect,
    MessageError,
    StartBoundaryNotFoundDefect,
)
from email.header import decode_header
from email.message import Message
from email.utils import getaddresses
from pathlib import Path

from kgsynth.errors import RecordError
from kgsynth.records import Document, Position, Reject, Remark
from kgsynth_loaders.characters import decode
from kgsynth_loaders.readers import ReadOptions
from kgsynth_loaders.readers.html import page

_SAVED_PAGE_ENDINGS = frozenset([".mhtml", ".mht"])
_ENCRYPTED_KINDS = frozenset(["multipart/encrypted", "application/pkcs7-mime", "application/x-pkcs7-mime"])
# Plain text with a smaller share of the length of the HTML alternative only says that the message is in HTML.
_MIN_PLAIN_SHARE = 0.2
_FROM_LINE = re.compile(rb"From [^\r\n]{0,500}\r?\n[!-9;-~]{1,76}:", re.ASCII)
_FAULTS = (MessageError, LookupError, ValueError, TypeError, AttributeError, RecursionError)
_MAX_MESSAGE_BYTES = 100_000_000
# What the parser finds if a message of several parts ends within one of them, or a message ends within encoded data.
_CUT = (
    CloseBoundaryNotFoundDefect,
    StartBoundaryNotFoundDefect,
    InvalidBase64LengthDefect,
    InvalidBase64PaddingDefect,
)


def read(path: Path, options: ReadOptions) -> Iterator[Document | Reject | Remark]:
    """Yield the message, each message of a mailbox, or the saved page; a remark follows if it is cut off.

    Raises:
        RecordError: the message is encrypted or has no text. A message like this in a mailbox becomes a reject.
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
    yield from _remarks(message, Position(source=""))


def _remarks(message: Message, position: Position) -> Iterator[Remark]:
    """Yield a remark if the end of a part is missing."""
    if any(isinstance(defect, _CUT) for part in message.walk() for defect in part.defects):
        name = f"message {position.line} " if position.line else ""
        yield Remark(
            position=position, text=f"{name}breaks off: the end of one of its parts is missing", is_partial=True
        )


def _mailbox(path: Path, encoding: str) -> Iterator[Document | Reject | Remark]:
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
        yield from _remarks(message, position)


def _messages(path: Path) -> Iterator[bytes]:
    """Yield the messages of a mailbox; each begins with a line `From ` after an empty line."""
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
    """Return the page of an MHTML file; its root is named by `start` or by address, else it is the first page."""
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
    """Return a message as a document.

    Raises:
        RecordError: the message is encrypted or has no text.
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
    """Append the texts and the names of attached files of a message to two lists.

    Raises:
        RecordError: a part is encrypted.
    """
    pending = [message]
    while pending:
        part = pending.pop()
        kind = part.get_content_type()
        if kind in _ENCRYPTED_KINDS and "signed" not in str(part.get_param("smime-type") or ""):
            raise RecordError("encrypted")
        if kind == "multipart/alternative":
            pending += reversed(_best_alternative(part, encoding))
        elif part.is_multipart():
            subparts = [subpart for subpart in part.get_payload() if isinstance(subpart, Message)]
            if kind == "message/rfc822" and subparts:
                texts.append(f"Forwarded message: {_header(subparts[0], 'Subject')}".rstrip(": "))
            is_related = kind == "multipart/related" and len(subparts) > 1
            pending += [_root(part) or subparts[0]] if is_related and _root(part) else reversed(subparts)
            attachments += [name for subpart in subparts if is_related and (name := _file_name(subpart))]
        elif _is_attached(part):
            attachments.append(_file_name(part) or kind)
        elif kind == "text/html":
            texts.append(_page_text(part, encoding))
        elif kind.startswith("text/") and kind not in ("text/calendar", "text/css"):
            texts.append(_plain(part, encoding))
        else:
            attachments.append(_file_name(part) or kind)


def _best_alternative(part: Message, encoding: str) -> list[Message]:
    """Choose among alternative parts: plain text, unless it is much shorter than the HTML part."""
    alternatives = [alternative for alternative in part.get_payload() if isinstance(alternative, Message)]
    plain_parts = [alternative for alternative in alternatives if alternative.get_content_type() == "text/plain"]
    html_parts = [
        alternative
        for alternative in alternatives
        if any(subpart.get_content_type() == "text/html" for subpart in alternative.walk())
    ]
    if not plain_parts:
        return html_parts[-1:] or alternatives
    if not html_parts:
        return plain_parts[:1]
    page_part = next(subpart for subpart in html_parts[-1].walk() if subpart.get_content_type() == "text/html")
    length = len(_plain(plain_parts[0], encoding).strip())
    if length > 500:
        return plain_parts[:1]
    return (
        plain_parts[:1]
        if length >= _MIN_PLAIN_SHARE * len(_page_text(page_part, encoding)) and length
        else html_parts[-1:]
    )


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
    """Return the text of a part; soft line breaks of `format=flowed` are removed."""
    text = decode(_bytes(part), encoding=encoding, declared=_charset(part)).text.replace("\r\n", "\n")
    if str(part.get_param("format") or "").lower() != "flowed":
        return text
    deletes_spaces = str(part.get_param("delsp") or "").lower() == "yes"
    pieces: list[str] = []
    is_open = False
    for line in text.split("\n"):
        line = line[1:] if line.startswith(" ") else line
        is_soft = line.endswith(" ") and line != "-- "
        content = line[:-1] if is_soft and deletes_spaces else line
        if is_open and not line.startswith(">"):
            pieces.append(content)
        else:
            pieces.append(("\n" if pieces else "") + content)
        is_open = is_soft and not line.startswith(">")
    return "".join(pieces)


def _page_text(part: Message, encoding: str) -> str:
    try:
        return page(_bytes(part), encoding=encoding, declared=_charset(part)).text
    except RecordError:
        return ""


def _identifier(message: Message) -> str:
    return _header(message, "Message-ID").strip("<> ")


def _header(message: Message, name: str) -> str:
    """Return a header field of a message as a single line with its words decoded; empty if it is missing."""
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
            # Bytes that are not ASCII are surrogates in the text.
            piece = piece.encode("utf-8", "surrogateescape")
        try:
            declared = "" if charset in (None, "unknown-8bit") else str(charset)
            words.append(decode(piece, declared=declared).text if piece else "")
        except RecordError:
            words.append(piece.decode("latin-1"))
    return " ".join("".join(words).split())
