-- Puts keys back, all or none: none when one of them exists.
-- KEYS: all that a backup may have. ARGV: for each key that it has: place in KEYS, type, number of texts, and the texts (fields and
-- values of a hash, or one).
-- Returns: the names of those that exist.

local there = {}
for i = 1, #KEYS do
  if redis.call('EXISTS', KEYS[i]) == 1 then there[#there + 1] = KEYS[i] end
end
if #there > 0 then return there end
local at = 1
while at <= #ARGV do
  local key, kind, count = KEYS[tonumber(ARGV[at])], ARGV[at + 1], tonumber(ARGV[at + 2])
  at = at + 3
  if kind == 'string' then
    redis.call('SET', key, ARGV[at])
  else
    for i = at, at + count - 1, 2 do redis.call('HSET', key, ARGV[i], ARGV[i + 1]) end
  end
  at = at + count
end
return there
