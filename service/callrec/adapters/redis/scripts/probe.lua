-- A write that changes nothing: the store refuses it when it would refuse a change (a replica, no memory, a user without rights).
-- KEYS: revision, a stream that does not exist.
-- Returns: 1.

redis.call('SET', KEYS[1], '0', 'NX')
redis.call('XADD', KEYS[2], 'NOMKSTREAM', '*', 'probe', '1')
return 1
