-- Adds one recording to the index, or replaces the one with its id.
-- KEYS: 1 recording, 2 recordings, 3 rebuilding, 4 events. ARGV: 1 id, 2 start (epoch, s), 3 events kept, 4... field, value...
-- Returns: 1.

redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1]) end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', 'type', 'recording-indexed', 'recording', ARGV[1])
return 1
