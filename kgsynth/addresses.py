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
    scheme, slashes, rest = without_secrets(address).partition("//")
    return f"{scheme}{slashes}{HIDDEN}@{rest}" if "@" in address else f"{scheme}{slashes}{rest}"


def is_secret_name(name: str) -> bool:
    """Whether the value of a setting or parameter of this name is a secret, such as `hf_token`."""
    return re.search(_SECRET_NAME, name, re.IGNORECASE) is not None


def secrets_of(address: str) -> list[str]:
    """User name with password, password, and values of secret parameters that an address holds, as they may be said."""
    held = _user_info(address)
    found = [held, held.partition(":")[2], credentials_of(address)[1], basic_token(address)] if held else []
    for match in _SECRET_PARAMETER.finditer(address.partition("#")[0].partition("?")[2]):
        value = match.group()[len(match.group(1)) :]
        found += [value, unquote(value)]
    return found


def credentials_of(address: str) -> tuple[str, str]:
    """User name and password that stand before the host of an address; empty for none."""
    user, _, password = _user_info(address).partition(":")
    return unquote(user), unquote(password)


def basic_token(address: str) -> str:
    """User name and password of an address as HTTP's Basic scheme sends them."""
    return base64.b64encode(":".join(credentials_of(address)).encode()).decode()


def _user_info(address: str) -> str:
    try:
        return urlsplit(address).netloc.rpartition("@")[0]
    except ValueError:
        return ""


def hide(text: str, secrets: Iterable[str], *, least: int = _MIN_SECRET_CHARS) -> str:
    """A text, such as a server's error, without the secrets of so many characters or more that it repeats."""
    for secret in sorted({one for one in secrets if len(one) >= least}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
