"""The only code that sees torch: checkpoints, prompts, samplers, pictures."""
