"""Remove the secrets from addresses, and address Neo4j Browser.

A user name and a password before the host, and a key among the parameters, are only sent to the server. They must not
appear in run folders, errors or output.
"""

import base64
import re
from collections.abc import Iterable
from urllib.parse import quote, unquote, urlsplit

HIDDEN = "***"
_SECRET_NAME = r"key|token|secret|passw|pwd|auth|credential|sig"
_SECRET_PARAMETER = re.compile(rf"(?i)((?:^|[&?])[^=&]*(?:{_SECRET_NAME})[^=&]*=)[^&]+")
# Scheme, and everything before the last @, because a password may contain any character.
_BEFORE_HOST = re.compile(r"^([A-Za-z][A-Za-z0-9+.\-]*:/{1,2})?.*@", re.DOTALL)
# Shorter strings also occur in harmless texts.
_MIN_SECRET_CHARS = 4


def without_secrets(address: str) -> str:
    """The address without user name, password and fragment, and with the values of secret parameters masked."""
    address, _, query = _BEFORE_HOST.sub(r"\1", address).partition("#")[0].partition("?")
    return address + ("?" + _SECRET_PARAMETER.sub(rf"\1{HIDDEN}", query) if query else "")


def with_marks(address: str) -> str:
    """Like `without_secrets`, with a mask in place of user name and password."""
    scheme, slashes, rest = without_secrets(address).partition("//")
    return f"{scheme}{slashes}{HIDDEN}@{rest}" if "@" in address else f"{scheme}{slashes}{rest}"


def browser_address(browser: str, bolt: str, username: str) -> str:
    """The address of Neo4j Browser with the connection to a server, without the password."""
    parts = urlsplit(bolt)
    return f"{browser}?dbms={quote(f'{parts.scheme}://{username}@{parts.netloc}', safe='')}&db=neo4j"


def browser_link(address: str, command: str, argument: str) -> str:
    """The address of Neo4j Browser, as `browser_address` returns it, that opens a guide (play) or a query (edit)."""
    return f"{address}&cmd={command}&arg={quote(argument, safe='')}"


def is_secret_name(name: str) -> bool:
    """Whether the value of a setting or parameter of this name is a secret, such as `hf_token`."""
    return re.search(_SECRET_NAME, name, re.IGNORECASE) is not None


def secrets_of(address: str) -> list[str]:
    """The secrets of an address in all their encodings: user name with password, password, and secret parameters."""
    user_info = _user_info(address)
    secrets = (
        [user_info, user_info.partition(":")[2], credentials_of(address)[1], basic_token(address)] if user_info else []
    )
    for match in _SECRET_PARAMETER.finditer(address.partition("#")[0].partition("?")[2]):
        value = match.group()[len(match.group(1)) :]
        secrets += [value, unquote(value)]
    return secrets


def credentials_of(address: str) -> tuple[str, str]:
    """User name and password in an address, percent-decoded; empty strings if it has none."""
    user, _, password = _user_info(address).partition(":")
    return unquote(user), unquote(password)


def basic_token(address: str) -> str:
    """User name and password of an address, encoded for HTTP's Basic scheme."""
    return base64.b64encode(":".join(credentials_of(address)).encode()).decode()


def _user_info(address: str) -> str:
    try:
        return urlsplit(address).netloc.rpartition("@")[0]
    except ValueError:
        return ""


def hide(text: str, secrets: Iterable[str], *, min_chars: int = _MIN_SECRET_CHARS) -> str:
    """The text, such as a server's error, with all secrets masked that have at least `min_chars` characters."""
    for secret in sorted({candidate for candidate in secrets if len(candidate) >= min_chars}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    return text
