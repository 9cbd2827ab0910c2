-- Put in front of every script. The network's own keys:
--   sender:<id>        phone, epoch, provider (who holds its session), wanted (number to link), code (QR text shown)
--   numbers            phone number -> id of the sender that is linked to it
--   banned             phone numbers that the network refuses
--   queue:<id>         receipts and messages for a sender, by the moment they are due (ms): WhatsApp's offline queue
--   index:<provider>   senders that a provider holds, by the moment of their first queued event
--   news:<provider>    what else a provider must hear, oldest first: "<kind> <sender> <epoch> <phone>"
--   code:<code>        id of the sender that shows this QR text; expires with it
--   inbox:<number>     message id -> how many times it arrived at a person's phone
--   groups             id -> group as JSON
--   file:<hash>        a file that a person sent, in base64; expires
--   deliveries         every arrival, oldest first, as JSON
local PREFIX = 'simulator:'
local NEWS_SECONDS = 3600  -- news of a provider that died; the next one learns the truth when it opens the session

local function key(kind, name) return PREFIX .. kind .. ':' .. name end

-- The server's clock, in ms: workers on several machines need not agree about the time.
local function clock()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- Keeps the place of a sender in its holder's index at the moment of its first queued event.
local function schedule(id, provider)
  local first = redis.call('ZRANGE', key('queue', id), 0, 0, 'WITHSCORES')
  if first[2] then
    redis.call('ZADD', key('index', provider), first[2], id)
  else
    redis.call('ZREM', key('index', provider), id)
  end
end

local function holds(id, provider, epoch)
  local held = redis.call('HMGET', key('sender', id), 'provider', 'epoch')
  return held[1] == provider and held[2] == epoch
end

-- Tells whoever holds a sender's session, if anybody does.
local function tell(id, kind, phone)
  local held = redis.call('HMGET', key('sender', id), 'provider', 'epoch')
  if held[1] then
    redis.call('RPUSH', key('news', held[1]), table.concat({kind, id, held[2], phone}, ' '))
    redis.call('EXPIRE', key('news', held[1]), NEWS_SECONDS)
  end
end

-- A phone has no link with the sender any more; what waited for it is gone, as on a real unlinked device.
local function unlink(id, phone)
  local provider = redis.call('HGET', key('sender', id), 'provider')
  redis.call('HDEL', key('sender', id), 'phone')
  redis.call('HDEL', PREFIX .. 'numbers', phone)
  redis.call('DEL', key('queue', id))
  if provider then redis.call('ZREM', key('index', provider), id) end
  tell(id, 'logged_out', phone)
end

local function link(id, phone)
  local before = redis.call('HGET', PREFIX .. 'numbers', phone)
  if before and before ~= id then unlink(before, phone) end
  local old_phone = redis.call('HGET', key('sender', id), 'phone')
  if old_phone and old_phone ~= phone then redis.call('HDEL', PREFIX .. 'numbers', old_phone) end
  redis.call('HSET', PREFIX .. 'numbers', phone, id)
  redis.call('HSET', key('sender', id), 'phone', phone)
  tell(id, 'linked', phone)
end
