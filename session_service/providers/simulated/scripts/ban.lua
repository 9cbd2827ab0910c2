-- The network refuses a number from now on. ARGV: number.
local id = redis.call('HGET', PREFIX .. 'numbers', ARGV[1])
redis.call('SADD', PREFIX .. 'banned', ARGV[1])
if id then
  local provider = redis.call('HGET', key('sender', id), 'provider')
  if provider then redis.call('ZREM', key('index', provider), id) end
  tell(id, 'banned', ARGV[1])
end
return 1
