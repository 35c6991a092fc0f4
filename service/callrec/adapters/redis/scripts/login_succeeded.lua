-- Empties the first counter, and takes one attempt back from the others.
-- KEYS: the counters.
-- Returns: 1.

redis.call('DEL', KEYS[1])
for i = 2, #KEYS do
  if tonumber(redis.call('GET', KEYS[i]) or 0) > 0 then redis.call('DECR', KEYS[i]) end
end
return 1
