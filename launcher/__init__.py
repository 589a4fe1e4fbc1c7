"""The light half of Gesso: looks at the machine, plans, installs, launches. Never imports torch."""
