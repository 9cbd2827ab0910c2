-- What a provider must hear now. ARGV: provider, most events. Removes nothing: that is up to forget.lua.
-- Answers {news, {sender, {event, due, ...}, ...}, ms until the next event or -1 if none waits}.
local provider, most = ARGV[1], tonumber(ARGV[2])
local now = clock()
local index = key('index', provider)
local found = {}
for _, id in ipairs(redis.call('ZRANGEBYSCORE', index, '-inf', now, 'LIMIT', 0, most)) do
  local events = redis.call('ZRANGEBYSCORE', key('queue', id), '-inf', now, 'WITHSCORES', 'LIMIT', 0, most)
  found[#found + 1] = id
  found[#found + 1] = events
  most = most - #events / 2
  if #events == 0 then schedule(id, provider) end
  if most <= 0 then break end
end
local wait = -1
local first = redis.call('ZRANGE', index, 0, 0, 'WITHSCORES')
if first[2] then wait = math.max(0, tonumber(first[2]) - now) end
return {redis.call('LRANGE', key('news', provider), 0, -1), found, wait}
