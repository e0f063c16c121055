"""The page that works out a breast cancer risk with calcscope.risk."""
