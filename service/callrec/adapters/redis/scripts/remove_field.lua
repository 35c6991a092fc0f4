-- Removes a field of several hashes.
-- KEYS: the hashes. ARGV: 1 field.
-- Returns: number of fields that the first hash had of this name.

local removed = redis.call('HDEL', KEYS[1], ARGV[1])
for i = 2, #KEYS do redis.call('HDEL', KEYS[i], ARGV[1]) end
return {tostring(removed)}
