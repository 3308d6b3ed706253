"""A gallery: pictures with captions, for those who are known.

It shows what an interface can have at once: callers who prove who they are, a session for each
of them, attachments, and types that are checked before a method runs.
"""

from dataclasses import dataclass
from hashlib import sha256
from typing import Annotated, Literal

from msgspec import Meta

import pycom_tx as pycom

Title = Annotated[str, Meta(min_length=1, max_length=80)]


@dataclass
class Caption:
    """What stands below a picture."""

    title: Title
    tags: list[str]
    licence: Literal["free", "private"] = "private"


@dataclass
class Hung:
    """A picture as others see it."""

    caption: Caption
    owner: str
    digest: str


@pycom.interface("com.example.gallery", stateful=True, authentication="required")
class Gallery(pycom.Service):
    """Keeps pictures; each visitor has a basket to take some home in."""

    def __init__(self):
        self.pictures: dict[str, tuple[Hung, bytes]] = {}

    @pycom.method(attachments=("picture", None), roles=("painter",))
    def hang(self, request, caption: Caption, picture: bytes) -> Hung:
        """Add a picture: for painters only."""
        hung = Hung(caption, request.user["name"], sha256(picture).hexdigest())
        self.pictures[caption.title] = hung, picture
        return hung

    @pycom.method
    def look(self, request, tag: str | None = None) -> list[Hung]:
        """The pictures that have a tag, or all."""
        return [hung for hung, _ in self.pictures.values() if tag in (None, *hung.caption.tags)]

    @pycom.method
    def put_in_basket(self, request, title: Title) -> list[Title]:
        """Choose a picture; gives the titles of those that are chosen."""
        if title not in self.pictures:
            raise pycom.RemoteError(f"There is no picture {title!r}", code=100)
        basket = request.session.setdefault("basket", [])
        basket.append(title)
        return basket

    @pycom.method(attachments=(None, "pictures"), results=("sizes", "pictures"))
    async def take_home(self, request) -> tuple[dict[str, int], bytes]:
        """The chosen pictures, one behind the other; the basket is empty afterwards."""
        chosen = {title: self.pictures[title][1] for title in request.session.pop("basket", [])}
        for number, title in enumerate(chosen, 1):
            request.progress({"packed": number, "of": len(chosen), "title": title})
        return {title: len(picture) for title, picture in chosen.items()}, b"".join(chosen.values())
