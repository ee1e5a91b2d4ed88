"""How much memory a stage needs, told before it is bought."""
