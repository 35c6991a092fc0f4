-- Replaces the index by the rebuilt one, and removes entries that are not in it.
-- KEYS: 1 recordings, 2 rebuilding, 3 events. ARGV: 1 prefix of a recording's key, 2 events kept.
-- Returns: number of recordings.

for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if not redis.call('ZSCORE', KEYS[2], id) then redis.call('DEL', ARGV[1] .. '{' .. id .. '}') end
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
local count = redis.call('ZCARD', KEYS[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], '*', 'type', 'recordings-rebuilt', 'recordings', count)
return count
