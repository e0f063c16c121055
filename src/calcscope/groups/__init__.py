"""Grouping calcifications: which belong together, where they lie, the same group in two views."""

from calcscope.groups.form import GroupSettings, form_few, form_groups
from calcscope.groups.model import Group

__all__ = ["Group", "GroupSettings", "form_few", "form_groups"]
