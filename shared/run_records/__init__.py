"""Run records: what is known of a durable interpretation, in the state Redis.

    scripts.py      every change of a record, as Lua scripts: each happens whole or not at all
    records.py      the same as methods
    state_redis.py  the connection, and asking it
    event_tail.py   following a run's events as they come
    stream_entries.py  what XREAD gives, for workflow runs as well

Who sends a run (the gateway) and who works on it (the orchestrator) share nothing else.

    run:<id>          hash   state, plan, graph, and for each step s:<step>:<field>
    run:<id>:events   stream numbered events, the last of a run is its end
    runs:due          zset   running runs by when the sweeper must look at them (ms)
    runs:dead         stream runs given up, with the reason
    runs:key:<tenant>:<hash>  idempotency key -> run id
    runs:of:<tenant>  set    running runs of a tenant
"""
