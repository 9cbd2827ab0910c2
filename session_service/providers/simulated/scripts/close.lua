-- Closes a session and keeps its link. ARGV: sender, provider, epoch. Changes nothing for a former holder.
local id, provider, epoch = unpack(ARGV)
if not holds(id, provider, epoch) then return 0 end
local code = redis.call('HGET', key('sender', id), 'code')
if code then redis.call('DEL', key('code', code)) end
redis.call('HDEL', key('sender', id), 'provider', 'code')
redis.call('ZREM', key('index', provider), id)
return 1
