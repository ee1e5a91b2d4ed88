"""The picture of a plan: what flows where."""
