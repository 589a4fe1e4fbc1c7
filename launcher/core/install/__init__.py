"""Obeying a plan: an environment made, filled, proven and put to use."""
