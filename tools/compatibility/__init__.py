"""Writes docs/compatibility.md from the program's own tables and the rows here."""
