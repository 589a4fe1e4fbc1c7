"""Mirrors and proxies: which there are, which of them work here, and which count."""
