-- Replaces the value of a field, if it is still the one that was read.
-- KEYS: 1 hash. ARGV: 1 field, 2 the value that was read or '' for none, 3 the new value or '' for none.
-- Returns: 1, or 0 when it has another value.

if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return {'0'} end
if ARGV[3] == '' then redis.call('HDEL', KEYS[1], ARGV[1]) else redis.call('HSET', KEYS[1], ARGV[1], ARGV[3]) end
return {'1'}
