-- The standing of the tables. Changes nothing.
-- KEYS: events, revision, last change, edition, tables...
-- ARGV: 1 an event's id or '', 2 events kept.
-- Returns: the standing (standing_of_tables.lua).

return standing(ARGV[1], ARGV[2])
