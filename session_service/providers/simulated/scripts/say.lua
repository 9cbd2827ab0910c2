-- A person writes to a linked number. ARGV: number written to, event. Answers 0 if nobody is linked to the number.
local id = redis.call('HGET', PREFIX .. 'numbers', ARGV[1])
if not id then return 0 end
redis.call('ZADD', key('queue', id), clock(), ARGV[2])
local provider = redis.call('HGET', key('sender', id), 'provider')
if provider and redis.call('SISMEMBER', PREFIX .. 'banned', ARGV[1]) == 0 then schedule(id, provider) end
return 1
