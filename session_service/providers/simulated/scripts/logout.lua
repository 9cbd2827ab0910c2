-- The phone unlinks its sender. ARGV: number. Answers 0 if nobody is linked to it.
local id = redis.call('HGET', PREFIX .. 'numbers', ARGV[1])
if not id then return 0 end
unlink(id, ARGV[1])
return 1
