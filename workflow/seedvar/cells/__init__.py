"""What a cell is: its recipe and specification, its places and files, what decides it, and where it is kept."""
