"""Workflow runs: what is known of them, in the state Redis, by rules that bear every loss.

    graph.py         the steps of a plan as a run needs them: order, queue, bounds
    lua_prelude.py   what every script uses: units, places in flight, events, the end
    lua_unit_scripts.py  lua_run_scripts.py   every change of a record: whole or not at all
    scripted.py      calling them
    unit_work.py     what a worker does: claim, renew, expand, commit, release, rewind
    reading.py       what callers read: a run, its steps, pages of runs, events as they come
    runs.py          `WorkflowRuns`: the life of a run, and all of the above
    views.py  events.py  large_values.py   the plain data; outputs too large for Redis

A *unit* is one run of one step: `ships`, or `seen#17`, item 17 of a `for_each`. A step that fans
out is claimed twice: first to find its items, and once they are done to gather what they gave.

    workflow:run:<id>            hash   what was asked, the state; the graph in step:<step>
    workflow:run:<id>:units      hash   step -> state (JSON); those of items in :units:<step>
    workflow:run:<id>:outputs    hash   step -> outputs; of items, until gathered, in :items:<step>
    workflow:run:<id>:todo:<step>   list   items that had no turn yet; :stalled:<step>, a set: items
                                        that wait for steps that run again
    workflow:run:<id>:open       zset   units ready, parked, running, by when to look at them (ms)
    workflow:run:<id>:events     stream numbered events
    workflow:definition:<digest> string what runs of that definition share
    workflow:due                 zset   running runs by when the sweeper must look at them (ms)
    workflow:dead                stream runs given up, with the reason
    workflow:key:<tenant>:<hash> string idempotency key -> run id
    workflow:runs:<tenant>       zset   all runs of a tenant, by age
    workflow:running:<tenant>    set    those that run
    workflow:in_flight:<tenant>  set    units that have a place in flight
    workflow:waiting:<tenant>    zset   units that wait for one, by priority and time
    workflow:ended               channel   ids of runs as they end

A place that falls free goes to the tenant's next unit, of whichever run: scripts reach keys that
were not announced to them, so this is for one Redis with replicas, not for a cluster.
"""
