"""The command line: one module a group of commands. The only room that prints, draws progress bars and exits."""
