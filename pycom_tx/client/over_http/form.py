"""Forms of HTTP, in which attachments are answered."""

from __future__ import annotations

from multipart import MultipartError, MultipartSegment, PushMultipartParser

from pycom_tx.zerojson.errors import InvalidReply


class Form:
    """A form with a result and an attachment, as it comes."""

    def __init__(self, boundary: str) -> None:
        self._parts: dict[str | None, bytearray] = {}
        self._part = bytearray()
        self._error: MultipartError | None = None
        try:
            self._parser = PushMultipartParser(boundary, max_segment_count=2)
        except MultipartError as error:
            self._error = error

    def received(self, data: bytes) -> bool:
        """Some of it came; whether more is of any use."""
        if self._error is not None:
            return False
        try:
            for event in self._parser.parse(data):
                if isinstance(event, MultipartSegment):
                    self._part = self._parts[event.name] = bytearray()
                elif event is not None:
                    self._part += event
        except MultipartError as error:
            self._error = error
        return self._error is None

    def complete(self) -> tuple[bytes, bytes]:
        """The result and the attachment.

        :raises InvalidReply: it is no form, or has other parts.
        """
        try:
            if self._error is not None:
                raise self._error
            self._parser.close()
            return bytes(self._parts["result"]), bytes(self._parts["attachment"])
        except MultipartError as error:
            raise InvalidReply(f"The answer is a form that is none: {error}") from None
        except KeyError as error:
            raise InvalidReply(f"The answer is a form that has no part {error}") from None
