-- All tables at one instant. Changes nothing.
-- KEYS: events, revision, last change, edition, tables... (the unique keys, claims, last: they are not read).
-- ARGV: 1 an event's id or '', 2 events kept.
-- Returns: the standing (standing_of_tables.lua), the id of the last event, the edition, the values of each table but the claims.

local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local answer = {standing(ARGV[1], ARGV[2]), last[1] and last[1][1] or '0-0', redis.call('GET', KEYS[4]) or '0'}
for i = 5, #KEYS - 1 do answer[i - 1] = redis.call('HVALS', KEYS[i]) end
return answer
