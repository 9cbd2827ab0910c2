-- The demo phone scans what a sender shows. ARGV: sender, code or '' for whichever it shows, number to use if the
-- sender wants none.
-- Answers {'no_code'}, {'banned', phone}, {'taken'} (try another number) or {'linked', phone}.
local id, code, proposed = unpack(ARGV)
local shown = redis.call('HMGET', key('sender', id), 'code', 'wanted')
if not shown[1] or (code ~= '' and code ~= shown[1]) then return {'no_code'} end
if redis.call('GET', key('code', shown[1])) ~= id then return {'no_code'} end
local phone = proposed
if shown[2] and shown[2] ~= '' then phone = shown[2] end
if redis.call('SISMEMBER', PREFIX .. 'banned', phone) == 1 then return {'banned', phone} end
local owner = redis.call('HGET', PREFIX .. 'numbers', phone)
if owner and owner ~= id and phone == proposed then return {'taken'} end
redis.call('DEL', key('code', shown[1]))
redis.call('HDEL', key('sender', id), 'code')
link(id, phone)
return {'linked', phone}
