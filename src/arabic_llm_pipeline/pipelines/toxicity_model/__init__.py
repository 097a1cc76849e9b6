"""Texts that people judged to the model that tells the audit how toxic others are."""
