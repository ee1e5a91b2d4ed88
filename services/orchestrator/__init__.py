"""Durable interpretations: steps run from a Celery queue, their state in run records.

step_work.py   what each step does and tells
step_runner.py one claimed step: lease, run, then commit, retry, rewind or give up
sweeper.py     finds what nobody works on: lost messages, dead workers, late and cancelled runs
worker.py      Celery's consumer on a thread, its steps on the event loop
server.py      the process: settings, health, opening and closing
"""
