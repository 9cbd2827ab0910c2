"""The smallest files that begin as files of their types do, and how tests read the files that views stream."""

from typing import Any

from asgiref.sync import async_to_sync

PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010802000000907753de"
    "0000000c49444154789c63d8b0e700000328018f4fb3c9660000000049454e44ae426082"
)
JPEG = b"\xff\xd8\xff\xe0\x00\x10JFIF\x00"
WEBP = b"RIFF\x1a\x00\x00\x00WEBPVP8L\x0d\x00\x00\x00\x2f\x00\x00\x00\x10\x07\x10\x11\x11\x88\x88\xfe\x07\x00"
OGG = b"OggS\x00\x02" + bytes(20) + b"OpusHead"
MP4 = b"\x00\x00\x00\x18ftypmp42\x00\x00\x00\x00mp42isom"


@async_to_sync
async def body(response: Any) -> bytes:
    """What a response streams, as an ASGI server reads it."""
    return b"".join([chunk async for chunk in response])
