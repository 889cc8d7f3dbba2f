"""Film in, film out: clips, the frames in them, and how they are painted so that they hold still."""
