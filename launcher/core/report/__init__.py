"""A report to attach to a question: what Gesso knows of an install and its failures, redacted."""
