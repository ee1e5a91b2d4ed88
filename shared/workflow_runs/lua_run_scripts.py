"""The life of a run: created, swept, cancelled, ended, resumed."""

from __future__ import annotations

from shared.workflow_runs.lua_prelude import PRELUDE

# a: tenant definition definition_digest workflow_name version inputs graph steps fan_outs
#    request_key digest timeout_ms keep_ms max_running in_flight trace resend_ms accepted
CREATE = (
    PRELUDE
    + """
local mine, all = 'workflow:running:' .. a.tenant, 'workflow:runs:' .. a.tenant
local ready = {}
if a.request_key ~= '' then
  local first = redis.call('GET', a.request_key)
  local digest = first and get(first, 'digest')
  if digest and first ~= id then
    return cjson.encode({outcome = digest == a.digest and 'joined' or 'conflict', run_id = first})
  end
end
if redis.call('EXISTS', KEYS[1]) == 1 then
  return cjson.encode({outcome = 'created', run_id = id})
end
if redis.call('SCARD', mine) >= a.max_running then
  return cjson.encode({outcome = 'quota', run_id = ''})
end
local definition = 'workflow:definition:' .. a.definition_digest
redis.call('SET', definition, a.definition, 'NX', 'PX', a.keep_ms)
redis.call('PEXPIRE', definition, a.keep_ms, 'GT')
redis.call('HSET', KEYS[1], 'state', 'running', 'tenant', a.tenant, 'trace', a.trace,
  'definition_digest', a.definition_digest, 'workflow_name', a.workflow_name,
  'version', a.version, 'inputs', a.inputs, 'digest', a.digest, 'request_key', a.request_key,
  'created_ms', now, 'deadline_ms', now + a.timeout_ms, 'in_flight', a.in_flight,
  'steps', a.steps, 'fan_outs', a.fan_outs, 'events', 0, 'fence', 0, 'fault', '', 'outputs', '')
for step, spec in pairs(a.graph) do redis.call('HSET', KEYS[1], 'step:' .. step, spec) end
if a.request_key ~= '' then redis.call('SET', a.request_key, id, 'PX', a.keep_ms) end
redis.call('SADD', mine, id)
-- Records end by themselves; their places in the list go with the runs that come after them.
for _, old in ipairs(redis.call('ZRANGE', all, 0, 1)) do
  if redis.call('EXISTS', key(old)) == 0 then redis.call('ZREM', all, old) end
end
local last = redis.call('ZRANGE', all, -1, -1, 'WITHSCORES')
redis.call('ZADD', all, math.max(now, (tonumber(last[2]) or 0) + 1), id)
tell(id, a.accepted)
for _, step in ipairs(cjson.decode(a.steps)) do
  if #spec_of(id, step).after > 0 then save(id, step, {state = 'waiting'})
  else make_ready(id, step, {}, now + a.resend_ms, ready) end
end
schedule(id)
return cjson.encode({outcome = 'created', run_id = id, ready = ready})
"""
)

# a: state event fault error outputs retention_ms resend_ms fenced unit fence failed failed_event
#    dead_reason max_dead
FINISH = (
    PRELUDE
    + """
local ready = {}
if not running(id) then return cjson.encode({ended = false}) end
local u = a.unit ~= '' and load(id, a.unit)
if a.fenced and (not u or u.fence ~= a.fence) then return cjson.encode({ended = false}) end
if a.failed and u then
  tell(id, a.failed_event)
  u.state, u.error = 'failed', a.error
  save(id, a.unit, u)
  local step, item = split(a.unit)
  local p = item and load(id, step)
  if p then
    p.error = a.error
    save(id, step, p)
  end
end
redis.call('HSET', KEYS[1], 'outputs', a.outputs)
end_run(id, a.state, a.event, a.fault, a.retention_ms, now + a.resend_ms, ready)
if a.state == 'succeeded' then
  -- Nobody resumes it: what its steps gave was for the steps after them.
  redis.call('UNLINK', key(id, 'outputs'), key(id, 'open'))
  for _, step in ipairs(fan_outs(id)) do forget_items(id, step) end
end
if a.dead_reason ~= '' then
  redis.call('XADD', 'workflow:dead', 'MAXLEN', '~', a.max_dead, '*',
             'run', id, 'unit', a.unit, 'reason', a.dead_reason)
end
return cjson.encode({ended = true, ready = ready})
"""
)

# Ends the run there and then: units in queues find it over, those that run are told. What may run
# in their place is due at once, for who cancels need not be able to send.
# a: event fault retention_ms
CANCEL = (
    PRELUDE
    + """
if not running(id) then return 'false' end
end_run(id, 'cancelled', a.event, a.fault, a.retention_ms, now, {})
return 'true'
"""
)

# a: timeout_ms keep_ms max_running in_flight resend_ms event
RESUME = (
    PRELUDE
    + """
local state, ready = get(id, 'state'), {}
if not state then return cjson.encode({outcome = 'gone'}) end
if state ~= 'failed' and state ~= 'cancelled' then return cjson.encode({outcome = state}) end
local mine = of_tenant('running', id)
if redis.call('SCARD', mine) >= a.max_running then return cjson.encode({outcome = 'quota'}) end
local definition = 'workflow:definition:' .. get(id, 'definition_digest')
if redis.call('EXISTS', definition) == 0 then return cjson.encode({outcome = 'gone'}) end
redis.call('PEXPIRE', definition, a.keep_ms, 'GT')
for _, each in ipairs(keys_of(id)) do redis.call('PERSIST', each) end
local request_key = get(id, 'request_key')
if request_key ~= '' then redis.call('PEXPIRE', request_key, a.keep_ms, 'GT') end
redis.call('HSET', KEYS[1], 'state', 'running', 'deadline_ms', now + a.timeout_ms, 'fault', '',
           'in_flight', a.in_flight)
redis.call('HDEL', KEYS[1], 'ended_ms')
redis.call('SADD', mine, id)
tell(id, a.event)
for _, unit in ipairs(redis.call('ZRANGE', key(id, 'open'), 0, -1)) do
  local u = load(id, unit)
  -- What was begun before the end must not commit after it.
  u.fence, u.tries, u.failures, u.rewinds, u.began = new_fence(id), nil, nil, nil, nil
  make_ready(id, unit, u, now + a.resend_ms, ready)
end
schedule(id)
return cjson.encode({outcome = 'resumed', ready = ready})
"""
)

# a: resend_ms max_resend_ms limit
SWEEP = (
    PRELUDE
    + """
if not running(id) then
  redis.call('ZREM', 'workflow:due', id)
  return cjson.encode({action = 'over'})
end
if tonumber(get(id, 'deadline_ms')) <= now then
  -- Looked at again soon, should who asked die before it has ended the run.
  redis.call('ZADD', 'workflow:due', now + 1000, id)
  return cjson.encode({action = 'late'})
end
local ready, open = {}, key(id, 'open')
for _, unit in ipairs(redis.call('ZRANGE', open, '-inf', now, 'BYSCORE', 'LIMIT', 0, a.limit)) do
  local u = load(id, unit)
  if u.state == 'running' then
    u.state, u.sends, u.error = 'ready', 0, 'the worker that ran it went away'
  end
  -- A message may only be late, not lost: wait twice as long before each further one.
  u.sends = u.sends + 1
  local wait = math.min(a.resend_ms * 2 ^ (u.sends - 1), a.max_resend_ms)
  redis.call('ZADD', open, string.format('%d', now + wait), unit)
  save(id, unit, u)
  announce(id, unit, u, spec_of(id, unit), ready)
end
schedule(id)
return cjson.encode({action = 'send', ready = ready})
"""
)

# a: limit
DUE = (
    PRELUDE
    + """
local due = redis.call('ZRANGE', 'workflow:due', '-inf', now, 'BYSCORE', 'LIMIT', 0, a.limit)
return cjson.encode({due = due})
"""
)
