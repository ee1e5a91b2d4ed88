"""What a step can do: each task is one record, which compiler, schema and lists of tasks read."""
