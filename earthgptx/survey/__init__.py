"""A whole scene before the real model, in one process: every tile is asked, files come out."""
