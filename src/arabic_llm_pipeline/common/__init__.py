"""The ground floor: progress, files, errors, child processes, the screen."""
