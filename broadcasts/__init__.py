"""Broadcast lists, bulk sends and reminders: thin layers over `messaging`, without an engine of their own."""
