"""/sdapi/v1: the REST interface that AUTOMATIC1111's clients speak."""
