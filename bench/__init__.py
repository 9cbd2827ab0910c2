"""Measurements: the dispatch engine against the designs that others use, and against its own targets."""
