-- Changes fields of one user, once per request: for feature codes and fallback changes.
-- KEYS: 1 request, 2 revision, 3 events, 4 users, 5 instants (ms) at which always-record flags were last set, 6 last change.
-- ARGV: 1 user id, 2 JSON of the new fields, 3 field to toggle or '', 4 actor, 5 events kept, 6 seconds that the request is
--   remembered; for a fallback change 7 the instant (ms) at which the dialplan announced the new flag, otherwise ''; 8 the instant
--   (ms) at which the flag that it toggled had been set, otherwise ''.
-- Returns one of:
--   'changed', the user as stored
--   'absent': there is no such user
-- A fallback change from before the flag was last set changes nothing.

local old, told = redis.call('HGET', KEYS[4], ARGV[1]), tonumber(ARGV[7])
local now = redis.call('TIME')
local now_ms = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
local set = tonumber(redis.call('HGET', KEYS[5], ARGV[1]) or 0)
-- A flag with an instant in the future was set before the clock was set back, so a fallback change from after that is newer.
local back = told and set > tonumber(now_ms) and told <= tonumber(now_ms)
-- A fallback change that toggled this very flag is newer, whatever the clocks say.
local its = tonumber(ARGV[8]) == set
if old and told and told < set and not back and not its then return {'changed', old} end
local done = redis.call('GET', KEYS[1])
if done then return {'changed', done} end
if not old then return {'absent'} end
local user, changed = cjson.decode(old), {}
local fields = cjson.decode(ARGV[2])
for field, value in pairs(fields) do user[field] = value changed[#changed + 1] = field end
local event = {'type', 'user-changed', 'user', ARGV[1], 'actor', ARGV[4]}
if ARGV[3] ~= '' then
  user[ARGV[3]] = user[ARGV[3]] ~= true
  changed[#changed + 1] = ARGV[3]
end
if ARGV[3] ~= '' or told then
  event[#event + 1] = 'status'
  event[#event + 1] = user.call_record and 'on' or 'off'
end
if told then
  event[#event + 1] = 'told_ms'
  event[#event + 1] = ARGV[7]
end
table.sort(changed)
local record = cjson.encode(user)
redis.call('HSET', KEYS[4], ARGV[1], record)
if ARGV[3] == 'call_record' or fields.call_record ~= nil then
  redis.call('HSET', KEYS[5], ARGV[1], told and told < tonumber(now_ms) and ARGV[7] or now_ms)
end
local revision = redis.call('INCR', KEYS[2])
local id = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[5], '*',
  'revision', revision, 'function', table.concat(changed, ' '), 'record', record, unpack(event))
redis.call('HSET', KEYS[6], 'event', id)
redis.call('SET', KEYS[1], record, 'EX', ARGV[6])
return {'changed', record}
