"""The studio's side that paints: a process of its own for each device."""
