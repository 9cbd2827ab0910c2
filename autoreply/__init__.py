"""Automatic replies to inbound messages. Empty until they are built."""
