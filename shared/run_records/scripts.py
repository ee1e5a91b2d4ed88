"""Every change of a run record, as Lua: each happens whole or not at all, on the server's clock.

A step is waiting (for steps before it), ready (somebody may claim it), running (leased) or done.
Each claim gets a higher fence; only the holder of the last fence can change the step, so a worker
that was thought dead, or a message delivered twice, has no second effect. A run leaves "running"
once: the first `FINISH` wins.
"""

from __future__ import annotations

_PRELUDE = """
local run, events, due = KEYS[1], KEYS[2], KEYS[3]
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)

local function get(field) return redis.call('HGET', run, field) end
local function set(...) redis.call('HSET', run, ...) end
local function step_get(step, field) return get('s:' .. step .. ':' .. field) end
local function step_number(step, field) return tonumber(step_get(step, field) or '0') end
local function step_set(step, ...)
  local pairs_given = {...}
  for i = 1, #pairs_given, 2 do set('s:' .. step .. ':' .. pairs_given[i], pairs_given[i + 1]) end
end
local function graph() return cjson.decode(get('graph')) end
local function running() return get('state') == 'running' end
local function holds(step, fence) return step_get(step, 'fence') == fence end

local function tell(event)
  local number = redis.call('HINCRBY', run, 'events', 1)
  redis.call('XADD', events, number .. '-0', 'event', event)
end

-- The sweeper looks again when the first lease ends, message is overdue, or the deadline passes.
local function schedule()
  local at = tonumber(get('deadline_ms'))
  for step in pairs(graph()) do
    local state = step_get(step, 'state')
    if state == 'ready' then at = math.min(at, step_number(step, 'due_ms')) end
    if state == 'running' then at = math.min(at, step_number(step, 'lease_ms')) end
  end
  redis.call('ZADD', due, at, string.match(run, '^run:(.*)$'))
end

-- Asked of the states, not counted: a count would drift when steps run again.
local function has_all(needs)
  for _, need in ipairs(needs) do
    if step_get(need, 'state') ~= 'done' then return false end
  end
  return true
end

local function make_ready(step, due_ms)
  step_set(step, 'state', 'ready', 'due_ms', due_ms, 'sends', '0')
end
"""

# KEYS run events due key_of_request runs_of_tenant
# ARGV plan graph_json digest deadline_in_ms resend_ms trace max_running has_key tenant hold_key_ms
CREATE = (
    _PRELUDE
    + """
local request_key, tenant_runs = KEYS[4], KEYS[5]
local id = string.match(run, '^run:(.*)$')
if ARGV[8] == '1' then
  local first = redis.call('GET', request_key)
  local digest = first and redis.call('HGET', 'run:' .. first, 'digest')
  if digest and first ~= id then return {digest == ARGV[3] and 'joined' or 'conflict', first} end
end
if redis.call('EXISTS', run) == 1 then return {'created', id} end
if redis.call('SCARD', tenant_runs) >= tonumber(ARGV[7]) then return {'quota', ''} end
local deadline = now + tonumber(ARGV[4])
set('state', 'running', 'plan', ARGV[1], 'graph', ARGV[2], 'digest', ARGV[3], 'trace', ARGV[6],
    'tenant', ARGV[9], 'created_ms', now, 'deadline_ms', deadline, 'rewinds', 0, 'events', 0,
    'request_key', ARGV[8] == '1' and request_key or '')
for step, needs in pairs(cjson.decode(ARGV[2])) do
  step_set(step, 'attempts', '0', 'fence', '0')
  if #needs == 0 then make_ready(step, now + tonumber(ARGV[5]))
  else step_set(step, 'state', 'waiting') end
end
if ARGV[8] == '1' then redis.call('SET', request_key, id, 'PX', ARGV[10]) end
redis.call('SADD', tenant_runs, id)
schedule()
return {'created', id}
"""
)

# ARGV step owner lease_ms max_attempts
CLAIM = (
    _PRELUDE
    + """
local step, owner, lease_ms = ARGV[1], ARGV[2], tonumber(ARGV[3])
if not running() then return {'over'} end
local state = step_get(step, 'state')
if state == 'done' or state == 'waiting' then return {state} end
if state == 'running' and step_number(step, 'lease_ms') > now then
  if step_get(step, 'owner') ~= owner then return {'busy'} end
else
  if step_number(step, 'attempts') >= tonumber(ARGV[4]) then
    return {'exhausted', step_get(step, 'error') or ''}
  end
  redis.call('HINCRBY', run, 's:' .. step .. ':attempts', 1)
  redis.call('HINCRBY', run, 's:' .. step .. ':fence', 1)
  step_set(step, 'state', 'running', 'owner', owner, 'started_ms', now)
end
step_set(step, 'lease_ms', now + lease_ms)
schedule()
return {'claimed', redis.call('HGETALL', run), tostring(now)}
"""
)

# ARGV step fence lease_ms
RENEW = (
    _PRELUDE
    + """
if not running() then return 'over' end
if not holds(ARGV[1], ARGV[2]) then return 'lost' end
step_set(ARGV[1], 'state', 'running', 'lease_ms', now + tonumber(ARGV[3]))
schedule()
return 'held'
"""
)

# ARGV step fence result resend_ms event...
COMMIT = (
    _PRELUDE
    + """
local step, fence = ARGV[1], ARGV[2]
if not running() then return {'over'} end
if not holds(step, fence) then return {'lost'} end
local freed = {}
if step_get(step, 'state') ~= 'done' then
  local took_ms = now - step_number(step, 'started_ms')
  step_set(step, 'state', 'done', 'result', ARGV[3], 'took_ms', took_ms)
  if not step_get(step, 'told') then
    for i = 5, #ARGV do tell(ARGV[i]) end
    step_set(step, 'told', '1')
  end
  for later, needs in pairs(graph()) do
    if step_get(later, 'state') == 'waiting' and has_all(needs) then
      make_ready(later, now + tonumber(ARGV[4]))
      table.insert(freed, later)
    end
  end
  schedule()
end
return {'committed', unpack(freed)}
"""
)

# ARGV step fence retry_in_ms error
RELEASE = (
    _PRELUDE
    + """
if not running() then return 'over' end
if not holds(ARGV[1], ARGV[2]) then return 'lost' end
make_ready(ARGV[1], now + tonumber(ARGV[3]))
step_set(ARGV[1], 'error', ARGV[4])
schedule()
return 'released'
"""
)

# ARGV step fence max_rewinds error producer...
REWIND = (
    _PRELUDE
    + """
local step = ARGV[1]
if not running() then return 'over' end
if not holds(step, ARGV[2]) then return 'lost' end
if redis.call('HINCRBY', run, 'rewinds', 1) > tonumber(ARGV[3]) then return 'exhausted' end
local again = {[step] = true}
for i = 5, #ARGV do again[ARGV[i]] = true end
local needs_of = graph()
for redone in pairs(again) do
  -- The fence rises so that nothing begun before the rewind can commit after it.
  redis.call('HINCRBY', run, 's:' .. redone .. ':fence', 1)
  step_set(redone, 'state', 'waiting')
end
for redone in pairs(again) do
  if has_all(needs_of[redone]) then make_ready(redone, now) end
end
step_set(step, 'error', ARGV[4])
schedule()
return 'rewound'
"""
)

# KEYS run events due runs_of_tenant dead
# ARGV state ended_event retention_ms dead_reason dead_step max_dead
FINISH = (
    _PRELUDE
    + """
if not running() then return 0 end
local id = string.match(run, '^run:(.*)$')
set('state', ARGV[1], 'ended_ms', now)
tell(ARGV[2])
redis.call('ZREM', due, id)
redis.call('SREM', KEYS[4], id)
redis.call('PEXPIRE', run, ARGV[3])
redis.call('PEXPIRE', events, ARGV[3])
local request_key = get('request_key')
if request_key ~= '' then redis.call('PEXPIRE', request_key, ARGV[3]) end
if ARGV[4] ~= '' then
  redis.call('XADD', KEYS[5], 'MAXLEN', '~', ARGV[6], '*',
             'run', id, 'step', ARGV[5], 'reason', ARGV[4])
end
return 1
"""
)

# Looks at one run that is due. ARGV resend_ms max_resend_ms
SWEEP = (
    _PRELUDE
    + """
local id = string.match(run, '^run:(.*)$')
if not running() then
  redis.call('ZREM', due, id)
  return {'over'}
end
local trace, tenant = get('trace'), get('tenant')
if get('cancel') or tonumber(get('deadline_ms')) <= now then
  -- Looked at again soon, should who asked die before it has ended the run.
  redis.call('ZADD', due, now + 1000, id)
  return {get('cancel') and 'cancelled' or 'late', trace, tenant}
end
local send = {'send', trace, tenant}
for step in pairs(graph()) do
  if step_get(step, 'state') == 'running' and step_number(step, 'lease_ms') <= now then
    make_ready(step, now)
    step_set(step, 'error', 'the worker that ran it went away')
  end
  if step_get(step, 'state') == 'ready' and step_number(step, 'due_ms') <= now then
    -- A message may only be late, not lost: wait twice as long before each further one.
    local sends = redis.call('HINCRBY', run, 's:' .. step .. ':sends', 1)
    local wait = math.min(tonumber(ARGV[1]) * 2 ^ (sends - 1), tonumber(ARGV[2]))
    step_set(step, 'due_ms', string.format('%d', now + wait))
    table.insert(send, step)
  end
end
schedule()
return send
"""
)

# ARGV none
CANCEL = (
    _PRELUDE
    + """
if not running() then return 0 end
set('cancel', '1')
redis.call('ZADD', due, now, string.match(run, '^run:(.*)$'))
return 1
"""
)

# KEYS run events due. ARGV limit
DUE = (
    _PRELUDE
    + """
return redis.call('ZRANGEBYSCORE', due, '-inf', now, 'LIMIT', 0, ARGV[1])
"""
)
