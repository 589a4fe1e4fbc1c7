"""What this computer is: cards, processor, memory, disks; asked with a time limit, and never raising."""
