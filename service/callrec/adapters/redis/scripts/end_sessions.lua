-- Ends sessions of a user.
-- KEYS: 1 sessions. ARGV: 1 user id, 2 the beginning of the digest, or '' for all, 3 prefix of a session's key, 4 the digest of the
--   one that stays, or ''.
-- Returns: number of sessions that were ended.

local begins, ended = ARGV[1] .. ':' .. ARGV[2], 0
for _, member in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if string.sub(member, 1, #begins) == begins and string.sub(member, #ARGV[1] + 2) ~= ARGV[4] then
    ended = ended + redis.call('DEL', ARGV[3] .. string.sub(member, #ARGV[1] + 2))
    redis.call('ZREM', KEYS[1], member)
  end
end
return {tostring(ended)}
