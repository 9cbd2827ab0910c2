"""Broadcast lists and bulk sends: thin layers over `messaging` batches. Empty until they are built."""
