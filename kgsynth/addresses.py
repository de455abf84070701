"""Addresses without the secrets that people put into them.

A user name and a password before the host, and a key among the parameters, are sent to the server and stand nowhere
else: not in a run folder, not in an error, not on the screen.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

HIDDEN = "***"
_SECRET_NAME = r"key|token|secret|passw|pwd|auth|credential|sig"
_SECRET_PARAMETER = re.compile(rf"(?i)((?:^|[&?])[^=&]*(?:{_SECRET_NAME})[^=&]*=)[^&]+")
# Scheme, and all before the last @: a password may hold any mark.
_BEFORE_HOST = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*:/{1,2})?.*@", re.DOTALL)
# A shorter string stands in innocent texts too.
_MIN_SECRET_CHARS = 4


def without_secrets(address: str) -> str:
    """The address without user name, password and fragment, the values of secret parameters hidden."""
    address, _, query = _BEFORE_HOST.sub(r"\1", address).partition("#")[0].partition("?")
    return address + ("?" + _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", query) if query else "")


def with_marks(address: str) -> str:
    """As `without_secrets`, with a mark where a user name and a password stood."""
    if address == without_secrets(address) or "@" not in address:
        return without_secrets(address)
    scheme, slashes, rest = without_secrets(address).partition("//")
    return f"{scheme}{slashes}{HIDDEN}@{rest}"


def is_secret_name(name: str) -> bool:
    """Whether the value of a setting or parameter of this name is a secret, such as `hf_token`."""
    return re.search(_SECRET_NAME, name, re.IGNORECASE) is not None


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
        found += [held, password, unquote(password), base64.b64encode(unquote(held).encode()).decode()]
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


def hide(text: str, secrets: Iterable[str], *, least: int = _MIN_SECRET_CHARS) -> str:
    """A text, such as a server's error, without the secrets of so many characters or more that it repeats."""
    for secret in sorted({one for one in secrets if len(one) >= least}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
