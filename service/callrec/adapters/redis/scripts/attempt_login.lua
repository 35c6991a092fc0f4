-- Counts an attempt to log in at several counters, unless one of them is full.
-- KEYS: the counters. ARGV: 1 length of a window (ms), then the limit of each counter.
-- Returns: the ms until all counters that are full are empty again; '0': the attempt is counted.

local wait_ms = 0
for i, key in ipairs(KEYS) do
  if tonumber(redis.call('GET', key) or 0) >= tonumber(ARGV[i + 1]) then wait_ms = math.max(wait_ms, redis.call('PTTL', key), 1) end
end
if wait_ms > 0 then return {tostring(wait_ms)} end
for _, key in ipairs(KEYS) do
  if redis.call('INCR', key) == 1 then redis.call('PEXPIRE', key, ARGV[1]) end
end
return {'0'}
