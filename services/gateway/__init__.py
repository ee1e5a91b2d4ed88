"""The public gRPC API: who asks, what they may, and the answer in words, boxes and masks.

request_checks.py   a request to a plan; refuses what cannot be answered
uploads.py          chunks to a file, refused as early as the bytes allow
unfinished_uploads.py  large files on their way in parts
scene_files.py      a large file hashed, its header judged
large_uploads.py    the calls of uploads by parts
image_catalogue.py  a tenant's images and what is known of them
tenant_admission.py how much a tenant may have in work
interactive.py      answering while the caller waits: the gateway calls the stages itself
durable.py          answering through the orchestrator
rendering.py        events to public messages; masks to outlines on the ground
workflows/          workflows and their runs
engine.py           these parts together
images_servicer.py, server.py  the gRPC services
"""
