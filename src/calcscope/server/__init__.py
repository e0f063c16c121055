"""The reading room: a Django project with accounts, worklist, viewer, sign-off and follow-up.

``calcscope serve`` starts it. Nothing of the engine imports it.
"""
