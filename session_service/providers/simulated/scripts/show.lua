-- A session shows a new QR text. ARGV: sender, provider, epoch, code, lifetime in ms.
-- Answers 0 where nothing is to be shown: the session has another holder, or was linked meanwhile.
local id, provider, epoch, code, lifetime = unpack(ARGV)
if not holds(id, provider, epoch) or redis.call('HEXISTS', key('sender', id), 'phone') == 1 then return 0 end
redis.call('HSET', key('sender', id), 'code', code)
redis.call('SET', key('code', code), id, 'PX', lifetime)
return 1
