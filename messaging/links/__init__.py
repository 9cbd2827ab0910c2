"""Short links of our own, for batches that count clicks: `texts` puts them into what people read, `tokens` makes and reads
their addresses, `pages` answers them, `clicks` counts, and `bots` tells who is no person.
"""
