"""Rehearsals of campaigns: the product's own planner, lease and ledger send a campaign to the simulated network in
simulated time, on a stage of their own, so that nothing changes and nobody gets anything.

`process` runs one beside a task, `stage` copies what it needs into a schema of its own, `performance` plays it there.
"""
