"""The handbook: every kind of failure that the rules know, and the words that a newcomer meets."""
