"""A storage of files that gives no paths, as one behind a network does."""

from typing import Any

from django.core.files.storage import FileSystemStorage, Storage


class FarStorage(Storage):
    def __init__(self) -> None:
        self._there = FileSystemStorage()

    def _open(self, name: str, mode: str = "rb") -> Any:
        return self._there.open(name, mode)

    def _save(self, name: str, content: Any) -> str:
        return self._there.save(name, content)

    def exists(self, name: str) -> bool:
        return self._there.exists(name)

    def size(self, name: str) -> int:
        return self._there.size(name)

    def delete(self, name: str) -> None:
        self._there.delete(name)
