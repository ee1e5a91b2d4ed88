"""Stage 4: [SEG] states and bare prompts to masks."""
