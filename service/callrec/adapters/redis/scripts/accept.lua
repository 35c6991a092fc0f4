-- Accepts the present tables as complete, because an operator says so.
-- KEYS: events, revision, last change, edition, tables...
-- ARGV: 1 the revision that is accepted, 2 events kept.
-- Returns: the standing (standing_of_tables.lua); an empty list when the store has another revision.

if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return {} end
count(KEYS[3], 5)
return standing('', ARGV[2])
