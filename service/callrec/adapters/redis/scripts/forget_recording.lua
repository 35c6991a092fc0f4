-- Removes one recording from the index.
-- KEYS: 1 recording, 2 recordings, 3 rebuilding, 4 events. ARGV: 1 id, 2 events kept.
-- Returns: 1, or 0 when there was none.

redis.call('ZREM', KEYS[3], ARGV[1])
local known = redis.call('ZREM', KEYS[2], ARGV[1])
local held = redis.call('DEL', KEYS[1])
if known + held == 0 then return 0 end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[2], '*', 'type', 'recording-forgotten', 'recording', ARGV[1])
return 1
