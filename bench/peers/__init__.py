"""The designs that others use, written as their manuals teach it, and given every advantage that does not change the
design: a lean table, one statement for each step, the counters that everybody waits for locked last."""
