"""Train a small LoRA and an embedding for the demo model, for the tests to judge by what they change."""
