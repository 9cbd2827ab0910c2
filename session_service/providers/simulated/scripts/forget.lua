-- A provider's events of one sender are recorded. ARGV: sender, provider, events.
local id, provider = ARGV[1], ARGV[2]
redis.call('ZREM', key('queue', id), unpack(ARGV, 3))
if redis.call('ZSCORE', key('index', provider), id) then schedule(id, provider) end
return 1
