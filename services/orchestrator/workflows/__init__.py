"""Running workflows: units come from the queues, their state is in the record of their run.

engine.py        the parts of a process, put together
unit_runner.py   one unit from message to effect: claim, change or retry or end, what is next
unit_changes.py  what a claimed unit comes to: its items, its outputs, the end of the run
run_values.py    the values a unit needs, read and decoded once in a process
large_json.py    JSON of values, large ones off the event loop
plan_cache.py    plans by the digest of their definition
run_ends.py      hears of runs that ended, so that nobody works on for them
sweep.py         finds runs nobody works on
"""
