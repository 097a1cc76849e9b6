"""Which of two candidates answers better, by a judge that the settings declare."""
