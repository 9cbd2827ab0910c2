-- Opens a sender's session. ARGV: sender, provider, epoch, wanted number or ''.
-- Answers {'replaced'}, {'banned', phone}, {'linked', phone} or {'scan'}.
local id, provider, epoch, wanted = unpack(ARGV)
local held = redis.call('HMGET', key('sender', id), 'provider', 'epoch', 'phone')
if held[2] and tonumber(held[2]) > tonumber(epoch) then return {'replaced'} end
if held[1] then
  redis.call('ZREM', key('index', held[1]), id)
  tell(id, 'replaced', '')
end
redis.call('HSET', key('sender', id), 'provider', provider, 'epoch', epoch, 'wanted', wanted)
local phone = held[3]
if not phone then return {'scan'} end
if redis.call('SISMEMBER', PREFIX .. 'banned', phone) == 1 then return {'banned', phone} end
schedule(id, provider)
return {'linked', phone}
