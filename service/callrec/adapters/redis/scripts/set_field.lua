-- Sets a field of a hash.
-- KEYS: 1 hash. ARGV: 1 field, 2 value.
-- Returns: 1 when the field is new.

return {tostring(redis.call('HSET', KEYS[1], ARGV[1], ARGV[2]))}
