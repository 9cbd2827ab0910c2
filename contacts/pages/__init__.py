"""Pages of contacts: people, lists, imports and the blocklist."""
