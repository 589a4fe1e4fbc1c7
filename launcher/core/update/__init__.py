"""Gesso's own update, and the way back."""
