-- Functions for the scripts that this file is put before. Each change stores the number of records of each table in the hash
-- `last-change`, under the last word of the table's key, so that a loss of records between two changes is noticed (decision 21).

local function name_of(key) return string.match(key, '[^:]+$') end
local function gone(last_change, first)
  local names = {}
  for i = first, #KEYS do
    local left = redis.call('HGET', last_change, name_of(KEYS[i]))
    if left and redis.call('HLEN', KEYS[i]) < tonumber(left) then names[#names + 1] = name_of(KEYS[i]) end
  end
  return names
end
local function count(last_change, first)
  for i = first, #KEYS do
    redis.call('HSET', last_change, name_of(KEYS[i]), redis.call('HLEN', KEYS[i]))
  end
end
