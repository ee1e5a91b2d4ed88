"""Durable interpretations and workflows: run from Celery queues, their state in run records.

step_work.py   what each step of an interpretation does and tells
engine.py      one claimed step: lease, run, then commit, retry, rewind or give up
held_work.py   working under a lease, of either kind
going_on.py    work that spares the broker a message, of either kind
workflows/     the same for units of workflows
task_work/     what each task of a workflow does
sweeper.py     finds what nobody works on: lost messages, dead workers, late and cancelled runs
worker.py      Celery's consumer on a thread, its work on the event loop
server.py      the process: settings, health, opening and closing
"""
