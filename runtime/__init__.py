"""What draws: AUTOMATIC1111's page and API over its own engine, run in the environment that the launcher built."""
