-- A function for the scripts that this file is put before: the standing of the tables, for a reader with a mark of those that it saw
-- last.
-- KEYS: events, revision, last change, edition, tables...
-- event: the mark's event, or ''; kept: how many events the stream keeps.
-- Returns: revision, the event that made it, whether the stream has the mark's event (1 or 0), number of users, names of the tables
-- that lost records... A stream with fewer events than are kept has dropped none, so there a missing event never existed.

local function standing(event, kept)
  local length = redis.call('XLEN', KEYS[1])
  local follows = event == '' or length >= tonumber(kept) or #redis.call('XRANGE', KEYS[1], event, event) > 0
  local made_by = redis.call('HGET', KEYS[3], 'event') or ''
  local users = 0
  for i = 5, #KEYS do if name_of(KEYS[i]) == 'users' then users = redis.call('HLEN', KEYS[i]) end end
  return {redis.call('GET', KEYS[2]) or '0', made_by, follows and 1 or 0, users, unpack(gone(KEYS[3], 5))}
end
