"""What `bench.crash` and `bench.stale_owner` share: processes to kill, a campaign, and what must be true of it."""
