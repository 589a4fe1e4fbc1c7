"""Looks at everything that is known to break, before it does; each check with the name of its mend."""
