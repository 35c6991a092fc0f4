-- The keys that a backup keeps, at one instant. Changes nothing.
-- KEYS: any. Returns: for each key that exists its place in KEYS, its type, and its content: a text, or fields and values.

local answer = {}
for i = 1, #KEYS do
  local kind = redis.call('TYPE', KEYS[i]).ok
  if kind == 'hash' then
    answer[#answer + 1] = {i, kind, redis.call('HGETALL', KEYS[i])}
  elseif kind == 'string' then
    answer[#answer + 1] = {i, kind, {redis.call('GET', KEYS[i])}}
  elseif kind ~= 'none' then
    return redis.error_reply('WRONGTYPE ' .. KEYS[i])
  end
end
return answer
