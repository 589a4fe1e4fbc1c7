"""Files of `torch.save`: read in a process of their own as data, handed over as records, never run."""
