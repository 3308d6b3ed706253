"""The console: a page for browsers, and the files that it is made of."""

from __future__ import annotations

from hashlib import sha256
from importlib.resources import files
from typing import TYPE_CHECKING, Any, Final

from twisted.web.http import CACHED

from pycom_tx.gateway.answers import Answer
from pycom_tx.gateway.pages import Nothing, Page

if TYPE_CHECKING:
    from twisted.web.resource import IResource

FOLDER: Final = "console"
"""Where the files are, in this package and below the gateway's root."""

INDEX: Final = "index.html"
"""The one of them that is at the root itself."""

_TYPES: Final = {
    "css": "text/css; charset=utf-8",
    "html": "text/html; charset=utf-8",
    "js": "text/javascript; charset=utf-8",
    "svg": "image/svg+xml",
}

POLICY: Final = (
    "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    # Attachments that are pictures are shown, from the page's own memory.
    "img-src 'self' blob:; "
    "base-uri 'none'; form-action 'none'; frame-ancestors 'none'; "
    # Text never becomes markup or a script: browsers refuse all ways to do that.
    "require-trusted-types-for 'script'; trusted-types 'none'"
)
"""What a browser lets the page do: run and fetch what is from here, and nothing else."""

_HEADERS: Final = {
    "Content-Security-Policy": POLICY,
    "Referrer-Policy": "no-referrer",
    # Asked for each time, so that all files are of one version, and told only what is new.
    "Cache-Control": "no-cache",
}


class File(Page):
    """A file, as it was when the gateway started.

    :param name: what its kind is read from.
    :param body: its bytes.
    """

    def __init__(self, name: str, body: bytes) -> None:
        super().__init__()
        self._body = body
        self._type = _TYPES[name.rpartition(".")[2]]
        self._tag = b'"%b"' % sha256(body).hexdigest()[:16].encode("ascii")

    async def answer(self, request: Any) -> Answer:
        if request.setETag(self._tag) is CACHED:
            return Answer(status=304, content_type=None, headers=_HEADERS)
        return Answer(self._body, content_type=self._type, headers=_HEADERS)


def console() -> dict[str, IResource]:
    """All of it, by the names of paths."""
    folder = Nothing()
    pages: dict[str, IResource] = {FOLDER: folder}
    for file in files(__package__).joinpath(FOLDER).iterdir():
        page = File(file.name, file.read_bytes())
        if file.name == INDEX:
            pages[""] = page
        else:
            folder.putChild(file.name.encode("ascii"), page)
    return pages
