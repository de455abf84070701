"""Addresses without the secrets that people put into them.

A user name and a password before the host, and a key among the parameters, are sent to the server and stand nowhere
else: not in a run folder, not in an error, not on the screen.
"""

import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit, urlunsplit

HIDDEN = "***"
_SECRET_PARAMETER = re.compile(r"(?i)((?:^|[&?])[^=&]*(?:key|token|secret|password|sig)[^=&]*=)[^&]+")
# A shorter string stands in innocent texts too.
_MIN_SECRET_CHARS = 4


def without_secrets(address: str) -> str:
    """The address with user name and password left out and the values of secret parameters hidden."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return re.sub(r"//[^/@]*@", "//", address)
    host = parts.netloc.rpartition("@")[2]
    query = _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", parts.query)
    return urlunsplit((parts.scheme, host, parts.path, query, parts.fragment))


def secrets_of(address: str) -> list[str]:
    """User name with password, password, and values of secret parameters that an address holds."""
    try:
        parts = urlsplit(address)
    except ValueError:
        return []
    found = []
    held, at, _ = parts.netloc.rpartition("@")
    if at:
        password = held.partition(":")[2]
        found += [held, password, unquote(password)]
    for match in _SECRET_PARAMETER.finditer(parts.query):
        value = match.group()[len(match.group(1)) :]
        found += [value, unquote(value)]
    return found


def credentials_of(address: str) -> tuple[str, str]:
    """User name and password that stand before the host of an address; empty for none."""
    try:
        held = urlsplit(address).netloc.rpartition("@")[0]
    except ValueError:
        return "", ""
    user, _, password = held.partition(":")
    return unquote(user), unquote(password)


def hide(text: str, secrets: Iterable[str]) -> str:
    """A text, such as a server's error, without the secrets that it repeats."""
    for secret in sorted({one for one in secrets if len(one) >= _MIN_SECRET_CHARS}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
