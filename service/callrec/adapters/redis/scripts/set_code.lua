-- Sets a feature's digits and whether the code is enabled, once per request.
-- KEYS: 1 revision, 2 events, 3 codes, 4 request, 5 last change.
-- ARGV: 1 feature, 2 its new record, 3 JSON of the default code of each feature, 4 the digits, 5 actor, 6 events kept, 7 the record
--   that the client has read or '', 8 seconds that the request is remembered or '' for none, 9 the receipt, 10 the feature's
--   default record.
-- Returns one of:
--   'changed'
--   'done', the receipt of an earlier request with this id
--   'stale': the feature has changed since the client read it
--   'taken', the feature that has the digits
-- A new record that equals the old one only stores the receipt.

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
