"""What a log says went wrong: rules as data, read in one pass, the root before its consequences."""
