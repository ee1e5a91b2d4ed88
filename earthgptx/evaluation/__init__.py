"""How well the model does: metrics, tasks, baselines, one command."""
