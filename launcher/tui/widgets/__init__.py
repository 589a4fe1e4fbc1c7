"""The parts that screens are made of: each shows one side of the state."""
