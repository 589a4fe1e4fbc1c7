"""Scripts: one request becomes several, their pictures a grid or one large picture."""
