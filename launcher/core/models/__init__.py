"""The model files: what lies there, what can be fetched, and what other programs have."""
