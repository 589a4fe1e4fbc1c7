"""The terminal interface: draws what core yields, and decides nothing itself."""
