-- Keeps a login session, and ends the oldest ones of its user when there are too many.
-- KEYS: 1 the session, 2 sessions.
-- ARGV: 1 user id, 2 digest, 3 JSON of the session, 4 ms until it is over unless it is used, 5 its end at the latest (epoch, s),
--   6 now (epoch, s), 7 the most sessions of a user, 8 prefix of a session's key.
-- Returns: number of sessions that were ended.

redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ARGV[6])
local own, mine = {}, ARGV[1] .. ':'
for _, member in ipairs(redis.call('ZRANGE', KEYS[2], 0, -1)) do
  if string.sub(member, 1, #mine) == mine then
    if redis.call('EXISTS', ARGV[8] .. string.sub(member, #mine + 1)) == 1 then own[#own + 1] = member
    else redis.call('ZREM', KEYS[2], member) end
  end
end
local ended = math.max(0, #own + 1 - tonumber(ARGV[7]))
for i = 1, ended do
  redis.call('DEL', ARGV[8] .. string.sub(own[i], #mine + 1))
  redis.call('ZREM', KEYS[2], own[i])
end
redis.call('SET', KEYS[1], ARGV[3], 'PX', ARGV[4])
redis.call('ZADD', KEYS[2], ARGV[5], mine .. ARGV[2])
return {tostring(ended)}
