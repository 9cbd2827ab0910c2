"""Real WhatsApp numbers, linked as a phone's device. Baileys runs in Node processes beside the worker.

`bridge` is one such process and the conversation with it, `provider` all of a worker's, `session` one sender's
connection. What a disconnect or a refusal leads to is in the tables of `disconnects` and `verdicts`; `wire` translates.
"""

from session_service.providers.baileys.provider import BaileysProvider

__all__ = ["BaileysProvider"]
