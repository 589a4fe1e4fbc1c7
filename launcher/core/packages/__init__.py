"""Python's packages: what pip's user has set, how uv is called and understood, which wheels lie here."""
