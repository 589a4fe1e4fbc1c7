"""Engine environments on the disk: which there are, what is in them, what has changed."""
