"""What has to be done, as data; pure."""
