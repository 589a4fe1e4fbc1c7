"""Starting the runtime, watching it, and what is remembered of it."""
