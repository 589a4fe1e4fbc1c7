"""Whole screens: each turns messages into a state and hands the state to its widgets."""
