"""Files of a form, as they arrive."""

from __future__ import annotations

from typing import Any

from django.core.files.uploadedfile import UploadedFile
from django.core.files.uploadhandler import FileUploadHandler, SkipFile
from django.http import HttpRequest

from calcscope.server.room import free_bytes


class RoomFirst(FileUploadHandler):
    """Takes no file for which there is no room; ``request.no_room`` says so to the page."""

    def handle_raw_input(
        self,
        input_data: Any,
        META: dict[str, Any],
        content_length: int,
        boundary: str,
        encoding: Any = None,
    ) -> None:
        """Before anything is read."""
        self.short = content_length > free_bytes()
        if self.short and self.request is not None:
            self.request.no_room = True  # type: ignore[attr-defined]

    def new_file(self, *args: Any, **kwargs: Any) -> None:
        """Leave the file where it comes from."""
        if self.short:
            raise SkipFile

    def receive_data_chunk(self, raw_data: bytes, start: int) -> bytes:
        """Nothing of it is kept here."""
        return raw_data

    def file_complete(self, file_size: int) -> UploadedFile[bytes] | None:
        """Left to the next handler."""
        return None


def no_room(request: HttpRequest) -> bool:
    """Whether files of the request were left out for want of room."""
    return getattr(request, "no_room", False)
