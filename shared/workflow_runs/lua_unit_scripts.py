"""What workers do with one unit."""

from __future__ import annotations

from shared.workflow_runs.lua_prelude import PRELUDE

# a: unit owner lease_ms spare_claims
CLAIM = (
    PRELUDE
    + """
if not running(id) then return cjson.encode({refused = 'over'}) end
local u, open = load(id, a.unit), key(id, 'open')
if not u or u.state == 'done' or u.state == 'skipped' then
  return cjson.encode({refused = 'done'})
end
if u.state == 'waiting' or u.state == 'parked' or u.state == 'expanded' then
  return cjson.encode({refused = 'waiting'})
end
local spec = spec_of(id, a.unit)
local step, item = split(a.unit)
local phase = item and 'item' or spec.fan_out and (u.phase or 'items') or 'whole'
if u.state == 'running' and tonumber(redis.call('ZSCORE', open, a.unit)) > now then
  if u.owner ~= a.owner then return cjson.encode({refused = 'busy'}) end
elseif phase ~= 'gather' and not has_all(id, spec.after) then
  leave(id, a.unit, now, {})
  stall(id, a.unit, u)
  schedule(id)
  return cjson.encode({refused = 'waiting'})
else
  if not u.first then
    u.first = now
    if not string.find(a.unit, '[#.]') then
      tell(id, cjson.encode({step_started = {step = a.unit}}))
    end
  end
  u.state, u.owner, u.fence, u.tries = 'running', a.owner, new_fence(id), (u.tries or 0) + 1
  u.began = u.began or now
  save(id, a.unit, u)
end
redis.call('ZADD', open, now + a.lease_ms, a.unit)
schedule(id)
local produced = {}
for _, earlier in ipairs(phase ~= 'gather' and spec.after or {}) do
  local before = load(id, earlier)
  produced[earlier] = {version = before.version, skipped = before.state == 'skipped'}
end
local tenant, digest, deadline = unpack(redis.call('HMGET', KEYS[1], 'tenant',
                                                   'definition_digest', 'deadline_ms'))
return cjson.encode({
  step = step, item = item and tonumber(item), phase = phase, task = spec.task, fence = u.fence,
  attempt = u.tries, exhausted = u.tries > spec.retries + a.spare_claims, error = u.error or '',
  failures = u.failures or 0, tenant = tenant, definition_digest = digest,
  priority = spec.priority, retries = spec.retries, in_flight = spec.in_flight,
  run_remaining_ms = deadline - now,
  remaining_ms = math.min(deadline, u.began + spec.deadline_ms) - now, produced = produced,
})
"""
)

# a: unit fence lease_ms
RENEW = (
    PRELUDE
    + """
if not running(id) then return '"over"' end
local u = load(id, a.unit)
if not u or u.fence ~= a.fence then return '"lost"' end
if u.state == 'ready' then
  -- Its lease lapsed, and nobody took it yet.
  u.state = 'running'
  save(id, a.unit, u)
elseif u.state ~= 'running' then
  return '"lost"'
end
redis.call('ZADD', key(id, 'open'), now + a.lease_ms, a.unit)
schedule(id)
return '"held"'
"""
)

# a: unit fence items_json in_flight resend_ms
EXPAND = (
    PRELUDE
    + """
if not running(id) then return cjson.encode({held = false}) end
local u, ready, due = load(id, a.unit), {}, now + a.resend_ms
if not u or u.fence ~= a.fence then return cjson.encode({held = false}) end
if u.state == 'running' or u.state == 'ready' then
  local items, todo = cjson.decode(a.items), key(id, 'todo:' .. a.unit)
  for first = 1, #items, 1000 do
    redis.call('RPUSH', todo, unpack(items, first, math.min(first + 999, #items)))
  end
  u.state, u.total, u.done, u.began, u.tries = 'expanded', #items, 0, nil, nil
  tell(id, cjson.encode({step_expanded = {step = a.unit, count = #items}}))
  leave(id, a.unit, due, ready)
  if #items == 0 then
    u.phase = 'gather'
    make_ready(id, a.unit, u, due, ready)
  else
    save(id, a.unit, u)
    for _ = 1, math.min(#items, a.in_flight) do
      make_ready(id, a.unit .. '#' .. redis.call('LPOP', todo), {}, due, ready)
    end
  end
  schedule(id)
end
return cjson.encode({held = true, ready = ready})
"""
)

# a: unit fence outputs skipped event resend_ms
COMMIT = (
    PRELUDE
    + """
if not running(id) then return cjson.encode({held = false}) end
local u, ready, due = load(id, a.unit), {}, now + a.resend_ms
if not u or u.fence ~= a.fence then return cjson.encode({held = false}) end
if u.state == 'done' or u.state == 'skipped' then
  return cjson.encode({held = true, ready = ready})
end
local step, item = split(a.unit)

local function item_done()
  redis.call('HSET', key(id, 'items:' .. step), item, a.outputs)
  save(id, a.unit, {state = 'done', fence = u.fence})
  local p = load(id, step)
  p.done = p.done + 1
  tell(id, cjson.encode({unit_done = {step = step, item = tonumber(item)}}))
  local following = redis.call('LPOP', key(id, 'todo:' .. step))
  if following then make_ready(id, step .. '#' .. following, {}, due, ready) end
  if p.done == p.total then
    p.phase = 'gather'
    make_ready(id, step, p, due, ready)
  else
    save(id, step, p)
  end
end

local function wake(follower)
  local f, spec = load(id, follower), spec_of(id, follower)
  if not has_all(id, spec.after) then return end
  if f.state == 'waiting' then make_ready(id, follower, f, due, ready) end
  if f.state == 'expanded' then
    local stalled = key(id, 'stalled:' .. follower)
    for _, each in ipairs(redis.call('SMEMBERS', stalled)) do
      local unit = follower .. '#' .. each
      local stalled_unit = load(id, unit)
      if stalled_unit.state == 'waiting' then
        make_ready(id, unit, stalled_unit, due, ready)
      end
    end
    redis.call('UNLINK', stalled)
  end
end

local function step_done()
  if a.outputs ~= '' then redis.call('HSET', key(id, 'outputs'), step, a.outputs) end
  save(id, step, {state = a.skipped and 'skipped' or 'done', fence = u.fence, version = u.fence,
                  tries = u.tries, failures = u.failures, failed_items = u.failed_items,
                  total = u.total, done = u.done, first = u.first, ended = now,
                  rewinds = u.rewinds, error = u.error})
  if u.total then forget_items(id, step) end
  tell(id, a.event)
  for _, follower in ipairs(spec_of(id, step).before) do wake(follower) end
end

leave(id, a.unit, due, ready)
if item then item_done() else step_done() end
schedule(id)
return cjson.encode({held = true, ready = ready})
"""
)

# a: unit fence retry_ms error failed counted event
RELEASE = (
    PRELUDE
    + """
if not running(id) then return 'false' end
local u = load(id, a.unit)
if not u or u.fence ~= a.fence or u.state == 'done' or u.state == 'skipped' then return 'false' end
-- Who gives it back has no say in it any more.
u.fence = new_fence(id)
if a.event ~= '' then
  local step, item = split(a.unit)
  u.error = a.error
  if a.counted then u.failures = (u.failures or 0) + 1 end
  if item then
    local p = load(id, step)
    p.failed_items, p.error = (p.failed_items or 0) + 1, a.error
    save(id, step, p)
  end
  tell(id, a.event)
else
  u.tries = math.max(0, (u.tries or 1) - 1)
end
make_ready(id, a.unit, u, now + a.retry_ms, {})
schedule(id)
return 'true'
"""
)

# a: unit fence gone max_rewinds error resend_ms
REWIND = (
    PRELUDE
    + """
if not running(id) then return cjson.encode({held = false}) end
local u, ready, due = load(id, a.unit), {}, now + a.resend_ms
if not u or u.fence ~= a.fence or u.state == 'done' or u.state == 'skipped' then
  return cjson.encode({held = false})
end
local step, item = split(a.unit)
u.rewinds = (u.rewinds or 0) + 1
save(id, a.unit, u)
if u.rewinds > a.max_rewinds then return cjson.encode({held = true, exhausted = true}) end

-- The fence rises so that nothing begun before the rewind can commit after it.
u.fence, u.error, u.began = new_fence(id), a.error, nil
stall(id, a.unit, u)
leave(id, a.unit, due, ready)

local function again(gone)
  local g = load(id, gone)
  if g.state ~= 'done' then return end
  redis.call('HDEL', key(id, 'outputs'), gone)
  tell(id, cjson.encode({step_rewound = {step = gone, reason = a.error}}))
  local fresh = {state = 'waiting', fence = new_fence(id), rewinds = g.rewinds, first = g.first}
  save(id, gone, fresh)
  if has_all(id, spec_of(id, gone).after) then make_ready(id, gone, fresh, due, ready) end
end

local lost_items = {}
for _, gone in ipairs(a.gone) do
  local of_step, lost = split(gone)
  if lost and of_step == step then table.insert(lost_items, lost) else again(of_step) end
end
if #lost_items > 0 then
  -- The step that gathers lost some of what it gathers: only these run again.
  u.state, u.phase, u.done = 'expanded', nil, u.done - #lost_items
  save(id, step, u)
  for _, each in ipairs(lost_items) do
    redis.call('HDEL', key(id, 'items:' .. step), each)
    tell(id, cjson.encode({step_rewound = {step = step, reason = a.error, item = tonumber(each)}}))
    make_ready(id, step .. '#' .. each, {fence = new_fence(id)}, due, ready)
  end
elseif has_all(id, spec_of(id, a.unit).after) then
  if item then redis.call('SREM', key(id, 'stalled:' .. step), item) end
  make_ready(id, a.unit, u, due, ready)
end
schedule(id)
return cjson.encode({held = true, ready = ready})
"""
)
