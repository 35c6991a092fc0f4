-- Copies the next entries of the stream into another one; with the last of them that one takes its place. Entries that were
-- deleted leave their bytes in a stream, and so in the server's files: a new stream has none of them.
-- KEYS: the stream, the new one. ARGV: the id after which to go on ('' at the beginning), how many at most.
-- Returns the id to go on after; '' when it is done.
if ARGV[1] == '' then
    redis.call('DEL', KEYS[2])
    if redis.call('EXISTS', KEYS[1]) == 0 then
        return ''
    end
end
local from = ARGV[1] == '' and '-' or '(' .. ARGV[1]
local found = redis.call('XRANGE', KEYS[1], from, '+', 'COUNT', ARGV[2])
for _, entry in ipairs(found) do
    redis.call('XADD', KEYS[2], entry[1], unpack(entry[2]))
end
if #found == tonumber(ARGV[2]) then
    return found[#found][1]
end
local about = redis.call('XINFO', 'STREAM', KEYS[1])
local last = ''
for at = 1, #about, 2 do
    if about[at] == 'last-generated-id' then
        last = about[at + 1]
    end
end
if redis.call('EXISTS', KEYS[2]) == 0 then -- a stream that has only its last id
    redis.call('XADD', KEYS[2], last, 'type', '')
    redis.call('XDEL', KEYS[2], last)
end
redis.call('RENAME', KEYS[2], KEYS[1])
redis.call('XSETID', KEYS[1], last)
return ''
