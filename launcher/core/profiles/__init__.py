"""Run profiles: how to serve, read from our files and from those of old installs."""
