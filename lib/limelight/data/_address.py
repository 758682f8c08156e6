"""The URL of a Dolt server, without its password; and where the password then comes from."""

from __future__ import annotations

import ipaddress
import os
import ssl
import sys
import warnings
from dataclasses import dataclass
from typing import TYPE_CHECKING

from limelight.data._secret import password
from limelight.errors import InputError, did_you_mean

if TYPE_CHECKING:
    from sqlalchemy.engine import URL

PASSWORD = "LIMELIGHT_STORE_PASSWORD"
"""The environment variable with the password; with ``_FILE`` behind it, with the path of a file."""

TLS_CA = "LIMELIGHT_STORE_TLS_CA"
"""The environment variable with the certificate (PEM) by which a server's is checked."""

_DRIVER, _PORT = "mysql+pymysql", 3306
_OPTIONS = ("ssl_ca", "ssl_cert", "ssl_key", "ssl_mode")
_MODES = ("disabled", "preferred", "verify_ca", "verify_identity")
_EXAMPLE = "Give it as mysql+pymysql://user@host:3306/database."

# Passwords that came in a URL, by user, host and port: in this process only, so that no address
# carries one into a pickle, an artifact or a message.
_given: dict[tuple[str, str, int], str] = {}


@dataclass(frozen=True)
class Address:
    """Where a database is, and who we are there.

    Args:
        user, host, port, database: As in the URL.
        options: The URL's ``ssl_`` options, sorted by their names.
    """

    user: str
    host: str
    port: int
    database: str
    options: tuple[tuple[str, str], ...] = ()

    @property
    def url(self) -> str:
        """The URL without the password."""
        from sqlalchemy.engine import URL

        url = URL.create(
            _DRIVER,
            username=self.user,
            host=self.host,
            port=self.port,
            database=self.database,
            query=dict(self.options),
        )
        return url.render_as_string()

    @property
    def where(self) -> str:
        """The place as a person would say it."""
        return f"{self.database} on {self.host}:{self.port}"

    def password(self) -> str:
        """The URL's own, the environment's, or none."""
        found = _given.get((self.user, self.host, self.port))
        return (found if found is not None else password(PASSWORD)) or ""

    def tls(self) -> ssl.SSLContext | bool:
        """How to encrypt: by a context; if the server can (True); or not at all (False).

        Raises:
            InputError: A certificate cannot be read.
        """
        given = {"ssl_ca": os.environ.get(TLS_CA, ""), **dict(self.options)}
        checked = bool(given["ssl_ca"])
        mode = given.get("ssl_mode") or ("verify_identity" if checked else "preferred")
        if mode == "disabled" or (mode == "preferred" and _is_here(self.host)):
            return False
        return True if mode == "preferred" else _context(mode, given)


def parse(location: str) -> Address:
    """The address in a store's URL.

    A password in it is kept aside for this process.

    Raises:
        InputError: A part is missing or not valid. No message shows the password.

    Example:
        >>> parse("mysql://ada@db.example.org/loans").url
        'mysql+pymysql://ada@db.example.org:3306/loans'
    """
    from sqlalchemy.engine import make_url
    from sqlalchemy.exc import ArgumentError

    try:
        url = make_url(location)
    except (ArgumentError, ValueError):  # their texts may hold parts of a password
        raise InputError("the store's URL is not valid.", _EXAMPLE) from None
    if url.drivername not in (_DRIVER, "mysql"):
        raise InputError(
            f"a store's URL cannot start with {url.drivername + '://'!r}.",
            did_you_mean(url.drivername + "://", [_DRIVER + "://", "doltlite://"]),
        )
    address = Address(*_parts(url), options=_options(url))
    if url.password is not None:
        _keep_aside(str(url.password), address, location)
    return address


def _parts(url: URL) -> tuple[str, str, int, str]:
    parts = {"user": url.username, "host": url.host, "database": url.database}
    missing = [name for name, value in parts.items() if not value]
    if missing:
        raise InputError(f"the store's URL has no {' and no '.join(missing)}.", _EXAMPLE)
    database = str(url.database)
    if "/" in database:
        raise InputError(
            f"{database!r} is not a database's name, since it has a '/'.",
            "Name a branch, tag or commit by --ref.",
        )
    return str(url.username), str(url.host), url.port or _PORT, database


def _options(url: URL) -> tuple[tuple[str, str], ...]:
    given = {name: str(value) for name, value in url.query.items()}
    for name in given:
        if name not in _OPTIONS:
            raise InputError(f"a store's URL has no option {name!r}.", did_you_mean(name, _OPTIONS))
    mode = given.get("ssl_mode", _MODES[0])
    if mode not in _MODES:
        raise InputError(f"ssl_mode={mode!r} is not known.", did_you_mean(mode, _MODES))
    return tuple(sorted(given.items()))


def _keep_aside(secret: str, address: Address, location: str) -> None:
    _given[address.user, address.host, address.port] = secret
    if any(location in word for word in sys.argv):
        warnings.warn(
            "the store's password is on the command line, where every user of this machine can"
            f" read it: leave it out of the URL and set {PASSWORD}, or {PASSWORD}_FILE.",
            stacklevel=4,
        )


def _context(mode: str, given: dict[str, str]) -> ssl.SSLContext:
    """A context that asks the server for its certificate."""
    try:
        context = ssl.create_default_context(cafile=given["ssl_ca"] or None)
        if "ssl_cert" in given:
            context.load_cert_chain(given["ssl_cert"], given.get("ssl_key"))
    except (OSError, ssl.SSLError) as problem:
        files = ", ".join(given[name] for name in _OPTIONS[:3] if given.get(name))
        raise InputError(
            f"the certificates of the store's URL ({files}) cannot be read:"
            f" {problem.strerror or problem}.",
            "Check the paths; the files must be in PEM format.",
        ) from None
    context.check_hostname = mode == "verify_identity"
    return context


def _is_here(host: str) -> bool:
    """Whether a host is this machine, from where nobody else can listen."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
