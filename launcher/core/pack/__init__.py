"""A folder with everything for a computer without a network."""
