"""What draws: AUTOMATIC1111's page and API over diffusers, run in the environment that the launcher built."""
