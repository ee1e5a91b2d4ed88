"""The processes of the suite, one folder each; they meet only over the wire."""
