"""The Lua scripts: each is one change of several keys, so that no reader and no crash sees half of it.

They are sent as text (EVAL), not as digests: the server caches them by itself, and a restarted server needs no second try.
Each change of a table counts the revision up by one and appends one event; a request that changes nothing does neither.
"""

_GONE = """
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
"""
"""Each change leaves in a hash how many records each table has, by the last word of its key: so each reader notices
a table that lost some between two changes."""

_STANDING = """
local function standing(event, kept)
  local length = redis.call('XLEN', KEYS[1])
  local follows = event == '' or length >= tonumber(kept) or #redis.call('XRANGE', KEYS[1], event, event) > 0
  local made_by = redis.call('HGET', KEYS[3], 'event') or ''
  local users = 0
  for i = 5, #KEYS do if name_of(KEYS[i]) == 'users' then users = redis.call('HLEN', KEYS[i]) end end
  return {redis.call('GET', KEYS[2]) or '0', made_by, follows and 1 or 0, users, unpack(gone(KEYS[3], 5))}
end
"""
"""Of a stream that holds fewer events than are kept nothing was ever dropped: an event that is not there was never there."""

STANDING = (
    _GONE
    + _STANDING
    + """
return standing(ARGV[1], ARGV[2])
"""
)
"""KEYS: events, revision, last change, edition, tables... ARGV: an event's id or '', events kept -> revision, the event that
made it, whether that event is there, number of users, names of the tables that lost records..."""

ACCEPT = (
    _GONE
    + _STANDING
    + """
if (redis.call('GET', KEYS[2]) or '0') ~= ARGV[1] then return {} end
count(KEYS[3], 5)
return standing('', ARGV[2])
"""
)
"""KEYS as of STANDING. ARGV: the revision that is accepted, events kept -> as STANDING, or nothing when it is another one."""

SNAPSHOT = (
    _GONE
    + _STANDING
    + """
local last = redis.call('XREVRANGE', KEYS[1], '+', '-', 'COUNT', 1)
local answer = {standing(ARGV[1], ARGV[2]), last[1] and last[1][1] or '0-0', redis.call('GET', KEYS[4]) or '0'}
for i = 5, #KEYS - 1 do answer[i - 1] = redis.call('HVALS', KEYS[i]) end
return answer
"""
)
"""KEYS (the claims last) and ARGV as of STANDING -> standing, last event, edition, values of each hash but the claims."""

PROBE = """
redis.call('SET', KEYS[1], '0', 'NX')
redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'probe', '1')
return 1
"""
"""KEYS: revision, a stream that is not there. Changes nothing, and is refused where a change would be."""

EDIT = (
    _GONE
    + """
local done = redis.call('GET', KEYS[1])
if done then return {'done', done} end
local first, hash = 7, 6
local lost = gone(KEYS[6], hash + 1)
if #lost > 0 then return {'gone', unpack(lost)} end
if ARGV[1] ~= '' and (redis.call('GET', KEYS[4]) or '0') ~= ARGV[1] then return {'stale'} end
if #ARGV < first then
  redis.call('SET', KEYS[1], ARGV[6], 'EX', ARGV[4])
  return {'edited', redis.call('GET', KEYS[2]) or '0'}
end
local function lines(text)
  local found, count, from = {}, 0, 1
  while true do
    local to = string.find(text, '\\n', from, true)
    if not to then return found end
    count = count + 1
    found[count] = string.sub(text, from, to - 1)
    from = to + 1
  end
end
local function fields_of(items)
  local fields = {}
  for n = 1, #items, 2 do fields[#fields + 1] = items[n] end
  return fields
end
local gone, empty, seeded, taken = {}, {}, {}, {}
for i = first, #ARGV, 3 do
  local op, number = ARGV[i], ARGV[i + 1]
  if empty[number] == nil then empty[number] = redis.call('EXISTS', KEYS[hash + number]) == 0 end
  if op == 'gone' then
    for _, field in ipairs(fields_of(lines(ARGV[i + 2]))) do gone[number .. ' ' .. field] = true end
  elseif op == 'seed' then
    seeded[number] = empty[number]
  end
end
for i = first, #ARGV, 3 do
  local op, number = ARGV[i], ARGV[i + 1]
  if op ~= 'seed' and not seeded[number] and not (op == 'new' and empty[number]) then
    local fields = fields_of(lines(ARGV[i + 2]))
    local held = redis.call('HMGET', KEYS[hash + number], unpack(fields))
    for n, field in ipairs(fields) do
      if op ~= 'new' and not held[n] then return {'stale'} end
      if op == 'new' and held[n] then
        local place = number .. ' ' .. field
        if not gone[place] then taken[#taken + 1] = place end
      end
    end
  end
end
if #taken > 0 then table.sort(taken) return {'taken', unpack(taken, 1, 1000)} end
for i = first, #ARGV, 3 do
  if ARGV[i] == 'seed' and seeded[ARGV[i + 1]] then
    redis.call('HSET', KEYS[hash + ARGV[i + 1]], unpack(lines(ARGV[i + 2])))
  end
end
local carried, now = {}, redis.call('TIME')
local at_ms = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
local function patch(key, items)
  for n, old in ipairs(redis.call('HMGET', key, unpack(fields_of(items)))) do
    local record, fields = cjson.decode(old), cjson.decode(items[2 * n])
    for name, one in pairs(fields) do record[name] = one end
    if fields.call_record ~= nil then redis.call('HSET', KEYS[5], items[2 * n - 1], at_ms) end
    items[2 * n] = cjson.encode(record)
  end
end
for pass = 1, 2 do
  for i = first, #ARGV, 3 do
    local op, number = ARGV[i], ARGV[i + 1]
    local key = KEYS[hash + number]
    if op ~= 'seed' and (op == 'gone') == (pass == 1) then
      local items = lines(ARGV[i + 2])
      if op == 'patch' then patch(key, items) end
      if op == 'gone' then redis.call('HDEL', key, unpack(fields_of(items)))
      else redis.call('HSET', key, unpack(items)) end
      if ARGV[5] == 'carry' then
        for n = 1, #items, 2 do carried[#carried + 1] = {number, items[n], op ~= 'gone' and items[n + 1]} end
      end
    end
  end
end
local revision, edition = redis.call('INCR', KEYS[2]), redis.call('INCR', KEYS[4])
local event = {'type', 'tables-changed', 'revision', revision, 'edition', edition, 'actor', ARGV[2]}
if ARGV[5] == 'carry' then
  event[#event + 1] = 'records'
  event[#event + 1] = #carried > 0 and cjson.encode(carried) or '[]'
end
local id = redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[3], '*', unpack(event))
redis.call('HSET', KEYS[6], 'event', id)
count(KEYS[6], hash + 1)
redis.call('SET', KEYS[1], ARGV[6], 'EX', ARGV[4])
return {'edited', tostring(revision)}
"""
)
"""KEYS: request, revision, events, edition, instants (ms) at which flags were last set, last change, hashes (users first)...
ARGV: the edition
that this was made from or '', actor, events kept, seconds that the request is remembered, 'carry' when the event is to carry the
records, the receipt, then three for each chunk of operations: what ('new', 'put', 'patch', 'gone', 'seed'), number of the hash
from 1, and the lines: a field, its value, a field, its value... for at most a thousand fields, each line with its end.

`new` must not be there yet, the others must be; `patch` is JSON of the fields that change; `seed` is what a hash that does not
exist stands for, and is put in when this edit is the first of it -> 'edited', 'done' with the receipt that a request of this id
has left, 'gone' with the tables that lost records without an edit (nothing is built on what is left), 'stale'
when somebody else was first, or 'taken' with "<number of the hash> <field>"... No chunks: only the
receipt is left, and nobody is told.

Lines, since a large import is two million of them: as JSON the store took twice as long to read them as to keep them."""

CHANGE_USER = """
local old, told = redis.call('HGET', KEYS[4], ARGV[1]), tonumber(ARGV[7])
local now = redis.call('TIME')
local now_ms = now[1] .. string.format('%03d', math.floor(now[2] / 1000))
local set = tonumber(redis.call('HGET', KEYS[5], ARGV[1]) or 0)
-- A flag that was set in what is the future now was set before the clock was set back, and what was told since is later.
local back = told and set > tonumber(now_ms) and told <= tonumber(now_ms)
-- Whatever the clocks say: what was turned over was this flag, so it was set before.
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
"""
"""KEYS: request, revision, events, users, instants (ms) at which flags were last set, last change.
ARGV: user id, JSON of the new fields,
field to toggle or '', actor, events kept, seconds that the request is remembered, the instant (ms) at which a person was told
so, or '', the instant (ms) at which the flag that was then turned over had been set, or '' -> 'changed' and the user as stored,
or 'absent'. What a person was told before the flag was last set changes
nothing. An instant in the future, told before the clock was set back, counts as now."""

SET_CODE = """
local done = ARGV[8] ~= '' and redis.call('GET', KEYS[4])
if done then return {'done', done} end
if ARGV[7] ~= '' and (redis.call('HGET', KEYS[3], ARGV[1]) or ARGV[10]) ~= ARGV[7] then return {'stale'} end
if ARGV[7] ~= ARGV[2] then
  for feature, default in pairs(cjson.decode(ARGV[3])) do
    local held = redis.call('HGET', KEYS[3], feature)
    if feature ~= ARGV[1] and (held and cjson.decode(held).code or default) == ARGV[4] then return {'taken', feature} end
  end
  redis.call('HSET', KEYS[3], ARGV[1], ARGV[2])
  local revision = redis.call('INCR', KEYS[1])
  local id = redis.call('XADD', KEYS[2], 'MAXLEN', '~', ARGV[6], '*',
    'type', 'code-changed', 'revision', revision, 'feature', ARGV[1], 'record', ARGV[2], 'actor', ARGV[5])
  redis.call('HSET', KEYS[5], 'event', id, 'codes', redis.call('HLEN', KEYS[3]))
end
if ARGV[8] ~= '' then redis.call('SET', KEYS[4], ARGV[9], 'EX', ARGV[8]) end
return {'changed'}
"""
"""KEYS: revision, events, codes, request, last change.
ARGV: feature, its record, JSON of the default code of each feature, the digits, actor,
events kept, the record that it must have been or '', seconds that the request is remembered or '' for none, the receipt, the
record of a feature that nobody has set -> 'changed', 'done' with the receipt that a request of this id has left, 'stale', or
'taken' and by which feature. A record that must have been so
already leaves only its receipt."""

INDEX_RECORDING = """
redis.call('DEL', KEYS[1])
redis.call('HSET', KEYS[1], unpack(ARGV, 4))
redis.call('ZADD', KEYS[2], ARGV[2], ARGV[1])
if redis.call('EXISTS', KEYS[3]) == 1 then redis.call('ZADD', KEYS[3], ARGV[2], ARGV[1]) end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[3], '*', 'type', 'recording-indexed', 'recording', ARGV[1])
return 1
"""
"""KEYS: recording, recordings, rebuilding, events. ARGV: id, start, events kept, field, value..."""

FORGET_RECORDING = """
redis.call('ZREM', KEYS[3], ARGV[1])
local known = redis.call('ZREM', KEYS[2], ARGV[1])
local held = redis.call('DEL', KEYS[1])
if known + held == 0 then return 0 end
redis.call('XADD', KEYS[4], 'MAXLEN', '~', ARGV[2], '*', 'type', 'recording-forgotten', 'recording', ARGV[1])
return 1
"""
"""KEYS: recording, recordings, rebuilding, events. ARGV: id, events kept -> 1 when there was one."""

FINISH_REBUILD = """
for _, id in ipairs(redis.call('ZRANGE', KEYS[1], 0, -1)) do
  if not redis.call('ZSCORE', KEYS[2], id) then redis.call('DEL', ARGV[1] .. '{' .. id .. '}') end
end
redis.call('DEL', KEYS[1])
if redis.call('EXISTS', KEYS[2]) == 1 then redis.call('RENAME', KEYS[2], KEYS[1]) end
local count = redis.call('ZCARD', KEYS[1])
redis.call('XADD', KEYS[3], 'MAXLEN', '~', ARGV[2], '*', 'type', 'recordings-rebuilt', 'recordings', count)
return count
"""
"""KEYS: recordings, rebuilding, events. ARGV: prefix of a recording's key, events kept -> number of recordings."""
