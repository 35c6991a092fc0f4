-- Makes all changes of an edit or none, once per request.
-- KEYS: 1 request, 2 revision, 3 events, 4 edition, 5 instants (ms) at which always-record flags were last set, 6 last change,
--   7... the tables (users first), the unique keys (claims), the places, the groups.
-- ARGV: 1 the edition that the edit was made from or '', 2 actor, 3 events kept, 4 seconds that the request is remembered,
--   5 'carry' when the event is to have the records, 6 the receipt, then three for each chunk of operations:
--   the operation, the number of the table from 1, and lines (a field, its value, a field, its value...; each ends with a newline).
--   A chunk has at most a thousand fields. Without chunks only the receipt is stored: no number changes, and there is no event.
-- Operations:
--   new    add a field that must not exist yet
--   put    replace a field that must exist
--   patch  change a record that must exist; the value is JSON of the record's fields that change
--   gone   remove a field that must exist
--   seed   the default records of a table; they are added when this edit is the first of that table
-- Returns one of:
--   'edited', revision
--   'done', the receipt of an earlier request with this id
--   'gone', the tables that lost records without an edit... (then nothing is changed)
--   'stale': another edit was first
--   'taken', '<number of the table> <field>'...: the fields that exist already, at most a thousand of them
-- Operations are lines and not JSON: a large import has two million of them, and parsing JSON took the store twice as long as
-- storing the records.

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
    local to = string.find(text, '\n', from, true)
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
local leaving, empty, seeded, taken = {}, {}, {}, {}
for i = first, #ARGV, 3 do
  local op, number = ARGV[i], ARGV[i + 1]
  if empty[number] == nil then empty[number] = redis.call('EXISTS', KEYS[hash + number]) == 0 end
  if op == 'gone' then
    for _, field in ipairs(fields_of(lines(ARGV[i + 2]))) do leaving[number .. ' ' .. field] = true end
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
        if not leaving[place] then taken[#taken + 1] = place end
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
