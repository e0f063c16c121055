"""Shapes and scenes drawn from the definitions of lexicon terms, on which the describers are trained."""
