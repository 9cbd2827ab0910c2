-- Links a number to a sender without a QR code. ARGV: number, sender.
link(ARGV[2], ARGV[1])
return 1
