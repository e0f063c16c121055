"""Comparison with earlier exams."""
