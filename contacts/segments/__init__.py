"""Segments: saved filters over people. `fields` says what one can ask about, `trees` reads a filter, `compiled` makes SQL
of it, `sentences` words, and `services` keeps, counts and hands out segments."""
