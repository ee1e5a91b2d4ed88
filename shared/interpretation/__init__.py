"""One question about one image, as a plan and the four steps that answer it.

Both executors walk the same steps: the gateway while the caller waits, the orchestrator through
Celery when the answer must survive the loss of any process.

    plan.py      what is asked, with everything decided that need not wait for a model
    steps.py     encode_image, encode_prompts, reason, decode_masks over the stage clients
    features.py  what both encoders make of a plan, made again when it is gone
    answering.py all steps in one go, for who waits
    markup.py    the model's markup, taken apart as it arrives
    boxes.py     boxes of the markup to pixels of the full image
    events.py    what a caller is told, in order
"""
