-- Hands over the messages of one session, in their order. ARGV: sender, provider, epoch, '1' if the network bans
-- the sender after them, then for each message: recipient, message id ('' where repeats are not noticed), JSON of
-- the arrival without its end, number of events, and for each event: delay in ms, event.
-- Answers 'ok', 'replaced', 'not_linked' or 'banned'; anything but 'ok' means that nothing was taken.
local REMEMBERED_SECONDS = 7 * 24 * 3600  -- how long a person's phone recognises a repeat
local KEPT_DELIVERIES = 2000000
local id, provider, epoch, bans = unpack(ARGV, 1, 4)
if not holds(id, provider, epoch) then return 'replaced' end
local phone = redis.call('HGET', key('sender', id), 'phone')
if not phone then return 'not_linked' end
if redis.call('SISMEMBER', PREFIX .. 'banned', phone) == 1 then return 'banned' end

local now = clock()
local arrivals, due = {}, {}
local at = 5
while ARGV[at] do
  local to, message, arrival, events = unpack(ARGV, at, at + 3)
  local attempt = 1
  if message ~= '' then
    attempt = redis.call('HINCRBY', key('inbox', to), message, 1)
    redis.call('EXPIRE', key('inbox', to), REMEMBERED_SECONDS)
  end
  arrivals[#arrivals + 1] = arrival .. ', "attempt": ' .. attempt .. ', "duplicate": '
    .. (attempt > 1 and 'true' or 'false') .. '}'
  at = at + 4
  for _ = 1, tonumber(events) do
    if attempt == 1 then
      due[#due + 1] = now + ARGV[at]
      due[#due + 1] = ARGV[at + 1]
    end
    at = at + 2
  end
end

if #arrivals > 0 then
  if redis.call('RPUSH', PREFIX .. 'deliveries', unpack(arrivals)) > KEPT_DELIVERIES then
    redis.call('LTRIM', PREFIX .. 'deliveries', -KEPT_DELIVERIES, -1)
  end
end
if #due > 0 then
  redis.call('ZADD', key('queue', id), unpack(due))
  schedule(id, provider)
end
if bans == '1' then
  redis.call('SADD', PREFIX .. 'banned', phone)
  redis.call('ZREM', key('index', provider), id)
  tell(id, 'banned', phone)
end
return 'ok'
