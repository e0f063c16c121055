"""Accounts, sites, and who may do what at which site."""

from __future__ import annotations

from collections.abc import Collection
from typing import ClassVar

from django.contrib.auth.models import AbstractUser
from django.db import models
from django.utils.translation import gettext_lazy as _


class Site(models.Model):
    """A hospital or screening unit. Each sees its own women only."""

    code = models.SlugField(_("code"), unique=True, max_length=30)
    name = models.CharField(_("name"), max_length=200)
    address = models.TextField(_("address"), blank=True)
    phone = models.CharField(_("phone"), max_length=50, blank=True)
    email = models.EmailField(_("email"), blank=True)
    settings = models.JSONField(_("settings"), default=dict, blank=True)

    class Meta:
        ordering: ClassVar = ["name"]

    def __str__(self) -> str:
        return self.name


class Role(models.TextChoices):
    """What somebody does at a site."""

    RADIOLOGIST = "radiologist", _("radiologist")
    TECHNOLOGIST = "technologist", _("technologist")
    COORDINATOR = "coordinator", _("coordinator")
    ADMINISTRATOR = "administrator", _("administrator")
    PATIENT = "patient", _("patient")


STAFF = frozenset(Role.values) - {Role.PATIENT.value}


class User(AbstractUser):
    """An account."""

    language = models.CharField(_("language"), max_length=10, blank=True)
    one_time_until = models.DateTimeField(
        _("one-time password until"),
        null=True,
        blank=True,
        help_text=_("The password was made by an administrator and is changed at the first sign-in."),
    )

    former_sites = models.ManyToManyField(
        Site, verbose_name=_("sites at which it had a role"), related_name="former_accounts", blank=True
    )

    def set_password(self, raw_password: str | None) -> None:
        """One of the account's own; a one-time password sets ``one_time_until`` afterwards."""
        super().set_password(raw_password)
        self.one_time_until = None

    def sites(self, roles: Collection[str] = STAFF) -> models.QuerySet[Site]:
        """The sites at which the account has one of the roles."""
        return Site.objects.filter(memberships__user=self, memberships__role__in=roles).distinct()

    def has_role(self, *roles: str, site: Site | None = None) -> bool:
        """Whether the account has one of the roles, at a site or anywhere."""
        memberships = self.memberships.filter(role__in=roles)
        return (memberships if site is None else memberships.filter(site=site)).exists()

    @property
    def is_member(self) -> bool:
        """Whether the account works at any site."""
        return self.has_role(*STAFF)

    @property
    def display(self) -> str:
        """How pages and signatures name the account."""
        return self.get_full_name() or self.username


class Membership(models.Model):
    """A role of an account at a site."""

    user = models.ForeignKey(User, on_delete=models.CASCADE, related_name="memberships")
    site = models.ForeignKey(Site, on_delete=models.CASCADE, related_name="memberships")
    role = models.CharField(_("role"), max_length=20, choices=Role.choices)

    class Meta:
        constraints: ClassVar = [
            models.UniqueConstraint(fields=["user", "site", "role"], name="one_membership")
        ]

    def __str__(self) -> str:
        return f"{self.user} {self.role} {self.site}"

    def end(self) -> None:
        """Take the role away; the site's administrators still see the account, and can give it one again."""
        self.user.former_sites.add(self.site)
        self.delete()
