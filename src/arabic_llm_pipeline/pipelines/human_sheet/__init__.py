"""Answers of the candidates as a sheet for people to judge."""
