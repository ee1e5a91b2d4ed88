"""What each task of a workflow does: arguments in, outputs out, one async function a task.

    arguments.py       typed access to a task's arguments
    resolve.py         arguments, items and outputs of a planned step, from the values of its run
    context.py         what a task works with: stages, images, files, threads
    image_access.py    records and pixels of uploaded images
    scene_spool.py     files of large scenes on the local disk
    scene_reader.py    windows of large scenes
    scene_cuts.py      images cut from them for the stages
    views.py           which square of a scene is looked at
    sightings.py       what the stages look at, and where it lies in the scene
    asking.py          one question to the stages, from a view of a scene
    registry.py        TASK_WORK: the function of each task

The other modules are the tasks. They raise `SuiteError`s only, and know neither records nor queues.
"""
