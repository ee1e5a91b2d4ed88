"""A tenant's workflows and their runs.

definitions.py   what callers write to plans, or to a refusal that tells each fault
kept.py          checking, keeping, listing workflows
inputs.py        what a run is given: read, images looked up, refused before it begins
runs.py          runs begun, shown, followed, called off, taken up again
outputs.py       what a run gave: values, larger ones and files in chunks
paging.py        sizes of pages
messages.py      workflows as public messages; run_messages.py: runs and events
engine.py        these parts together
servicer.py      the gRPC service
"""
