"""Which build of PyTorch a computer gets, and why."""
