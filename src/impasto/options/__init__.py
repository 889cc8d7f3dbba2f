"""Every option, its meaning and bounds; recipes; how options are spelt in text."""
