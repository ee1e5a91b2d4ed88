"""What every script of a workflow run uses.

A script is given the run's key and one JSON object of arguments, `a`, and answers in JSON; it goes
by the server's clock. A unit is waiting (for steps before it), parked (for a place in flight),
ready (somebody may claim it), running (leased), expanded (its items run), done, skipped, or failed.
Each claim gets a fence, higher than any before it in the run; only who holds a unit's last fence
can change it.
"""

from __future__ import annotations

PRELUDE = """
local clock = redis.call('TIME')
local now = clock[1] * 1000 + math.floor(clock[2] / 1000)
local id, a = string.sub(KEYS[1], #'workflow:run:' + 1), cjson.decode(ARGV[1])
local FAR = 9000000000000000
local RANKS = {interactive = 0, normal = 1, batch = 2}

local function key(of, part) return 'workflow:run:' .. of .. (part and ':' .. part or '') end
local function get(of, field) return redis.call('HGET', key(of), field) end
local function running(of) return get(of, 'state') == 'running' end
local function of_tenant(kind, of) return 'workflow:' .. kind .. ':' .. get(of, 'tenant') end
local function new_fence(of) return redis.call('HINCRBY', key(of), 'fence', 1) end

local function split(unit)
  local step, item = string.match(unit, '^([^#]+)#(%d+)$')
  return step or unit, item
end

-- The hash and the field in which the state of a unit is.
local function place(of, unit)
  local step, item = split(unit)
  if item then return key(of, 'units:' .. step), item end
  return key(of, 'units'), unit
end

local function load(of, unit)
  local hash, field = place(of, unit)
  local text = redis.call('HGET', hash, field)
  return text and cjson.decode(text)
end

local function save(of, unit, u)
  local hash, field = place(of, unit)
  redis.call('HSET', hash, field, cjson.encode(u))
end

local function spec_of(of, unit)
  local step = split(unit)
  return cjson.decode(get(of, 'step:' .. step))
end

local function tell(of, event)
  local number = redis.call('HINCRBY', key(of), 'events', 1)
  redis.call('XADD', key(of, 'events'), number .. '-0', 'event', event, 'at', now)
end

-- The sweeper looks again when a lease ends, a message is overdue, or the deadline passes.
local function schedule(of)
  local first = redis.call('ZRANGE', key(of, 'open'), 0, 0, 'WITHSCORES')
  local at = math.min(tonumber(get(of, 'deadline_ms')), tonumber(first[2]) or FAR)
  redis.call('ZADD', 'workflow:due', at, of)
end

-- Asked of the states, not counted: a count would drift when steps run again.
local function has_all(of, steps)
  for _, step in ipairs(steps) do
    local state = load(of, step).state
    if state ~= 'done' and state ~= 'skipped' then return false end
  end
  return true
end

local function announce(of, unit, u, spec, ready)
  local _, item = split(unit)
  -- Finding items and gathering what they gave needs no stage.
  local stage = spec.fan_out and not item and 'orchestrator' or spec.stage
  table.insert(ready, {run_id = of, unit = unit, stage = stage, priority = spec.priority,
                       trace = get(of, 'trace'), attempt = (u.tries or 0) + 1})
end

-- Ready if the unit has a place in flight or there is one for it; parked until there is one else.
local function make_ready(of, unit, u, due, ready)
  local flying, member = of_tenant('in_flight', of), of .. ' ' .. unit
  local spec = spec_of(of, unit)
  if redis.call('SISMEMBER', flying, member) == 0
      and redis.call('SCARD', flying) >= tonumber(get(of, 'in_flight')) then
    u.state = 'parked'
    redis.call('ZADD', key(of, 'open'), FAR, unit)
    redis.call('ZADD', of_tenant('waiting', of), RANKS[spec.priority] * 1e13 + now, member)
  else
    redis.call('SADD', flying, member)
    u.state, u.sends = 'ready', 0
    redis.call('ZADD', key(of, 'open'), due, unit)
    announce(of, unit, u, spec, ready)
  end
  save(of, unit, u)
end

-- A place fell free: it is for the tenant's most pressing unit that waits for one.
local function hand_over(tenant, due, ready)
  while true do
    local first = redis.call('ZPOPMIN', 'workflow:waiting:' .. tenant)
    if not first[1] then return end
    local of, unit = string.match(first[1], '^(%S+) (.*)$')
    local u = running(of) and load(of, unit)
    if u and u.state == 'parked' then
      make_ready(of, unit, u, due, ready)
      schedule(of)
      return
    end
  end
end

-- The unit is neither ready nor running any more.
local function leave(of, unit, due, ready)
  redis.call('ZREM', key(of, 'open'), unit)
  if redis.call('SREM', of_tenant('in_flight', of), of .. ' ' .. unit) == 1 then
    hand_over(get(of, 'tenant'), due, ready)
  end
end

-- The unit waits for steps before it that run again; the last of them to be done wakes it.
local function stall(of, unit, u)
  local step, item = split(unit)
  u.state = 'waiting'
  save(of, unit, u)
  if item then redis.call('SADD', key(of, 'stalled:' .. step), item) end
end

local function fan_outs(of) return cjson.decode(get(of, 'fan_outs')) end

-- Every key of the record, those of steps that fan out included.
local function keys_of(of)
  local keys = {key(of), key(of, 'units'), key(of, 'outputs'), key(of, 'open'), key(of, 'events')}
  for _, step in ipairs(fan_outs(of)) do
    for _, part in ipairs({'units:', 'items:', 'todo:', 'stalled:'}) do
      table.insert(keys, key(of, part .. step))
    end
  end
  return keys
end

local function forget_items(of, step)
  redis.call('UNLINK', key(of, 'units:' .. step), key(of, 'items:' .. step),
             key(of, 'todo:' .. step), key(of, 'stalled:' .. step))
end

-- Ends a running run. Its open units stay listed: a resume begins with them.
local function end_run(of, state, event, fault, retention_ms, due, ready)
  local tenant, flying, freed = get(of, 'tenant'), of_tenant('in_flight', of), 0
  redis.call('HSET', key(of), 'state', state, 'ended_ms', now, 'fault', fault)
  tell(of, event)
  for _, unit in ipairs(redis.call('ZRANGE', key(of, 'open'), 0, -1)) do
    redis.call('ZREM', of_tenant('waiting', of), of .. ' ' .. unit)
    freed = freed + redis.call('SREM', flying, of .. ' ' .. unit)
  end
  redis.call('ZREM', 'workflow:due', of)
  redis.call('SREM', of_tenant('running', of), of)
  for _ = 1, freed do hand_over(tenant, due, ready) end
  for _, each in ipairs(keys_of(of)) do redis.call('PEXPIRE', each, retention_ms) end
  local request_key = get(of, 'request_key')
  if request_key ~= '' then redis.call('PEXPIRE', request_key, retention_ms) end
  redis.call('PUBLISH', 'workflow:ended', of)
end
"""
