"""Accounts of an administrator's sites: making, locking, their roles, passwords and second factors.

What belongs to the whole account (password, second factor, lock) is changed only by who administers every
site at which it works or has worked: otherwise one hospital's administrator could enter another hospital as
somebody else.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable
from datetime import timedelta
from smtplib import SMTPException
from typing import Any

from axes.models import AccessAttempt
from axes.utils import reset
from django.conf import settings
from django.contrib import messages
from django.core.mail import send_mail
from django.db import transaction
from django.db.models import Prefetch, Q, QuerySet, Sum
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404, redirect, render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_POST, require_safe
from django_otp.plugins.otp_static.models import StaticDevice
from django_otp.plugins.otp_totp.models import TOTPDevice

from calcscope.server.audit.recording import about, record
from calcscope.server.people.access import Signed, only, with_forms
from calcscope.server.people.forms import AccountForm, RoleForm
from calcscope.server.people.models import STAFF, Membership, Role, Site, User

LETTERS = "abcdefghjkmnpqrstuvwxyz23456789"
"""Of one-time passwords: none that is easily taken for another."""


def administered(administrator: User) -> QuerySet[Site]:
    """The sites of which somebody is administrator."""
    return administrator.sites([Role.ADMINISTRATOR])


def accounts_of(administrator: User) -> QuerySet[User]:
    """The accounts that work or worked at the administrator's sites, with roles there as ``roles_here``."""
    sites = administered(administrator)
    here = Membership.objects.filter(site__in=sites, role__in=STAFF)
    roles = here.select_related("site").order_by("site__name", "role")
    worked = User.former_sites.through.objects.filter(site__in=sites)
    users = User.objects.filter(Q(pk__in=here.values("user")) | Q(pk__in=worked.values("user")))
    return users.order_by("last_name", "first_name", "username").prefetch_related(
        Prefetch("memberships", queryset=roles, to_attr="roles_here")
    )


def works_elsewhere(user: User, administrator: User) -> bool:
    """Whether the account also has, or had, a role at a site that the administrator does not administer.

    Who sets the password of somebody without a role could wait until another hospital gives her one again.
    """
    sites = administered(administrator)
    roles, former = user.memberships.exclude(site__in=sites), user.former_sites.exclude(pk__in=sites)
    return roles.exists() or former.exists()


def shut_out(users: QuerySet[User]) -> set[str]:
    """Which of the accounts are locked for a while after wrong passwords, by name."""
    since = timezone.now() - timedelta(hours=settings.AXES_COOLOFF_TIME)
    attempts = AccessAttempt.objects.filter(
        username__in=users.values("username"), attempt_time__gte=since
    ).values("username")
    tried = (
        attempts.order_by()
        .annotate(all=Sum("failures_since_start"))
        .filter(all__gte=settings.AXES_FAILURE_LIMIT)
    )
    return {each["username"] for each in tried}


@never_cache
@with_forms
@only(Role.ADMINISTRATOR)
def accounts(request: Signed) -> HttpResponse:
    """The accounts of the administrator's sites, and a form for another."""
    form = AccountForm(request.POST or None, sites=administered(request.user))
    if request.method == "POST" and form.is_valid():
        with transaction.atomic():
            names = ("username", "first_name", "last_name", "email")
            user = User(**{name: form.cleaned_data[name] for name in names})
            password = give_one_time_password(user)
            membership = Membership.objects.create(
                user=user, site=form.cleaned_data["site"], role=form.cleaned_data["role"]
            )
            record("account-made", membership, request=request, account=user.username, role=membership.role)
        return _told(request, user, password, by_email=form.cleaned_data["by_email"])
    found = accounts_of(request.user)
    shown = {
        "accounts": found,
        "form": form,
        "with_factor": set(TOTPDevice.objects.filter(confirmed=True).values_list("user_id", flat=True)),
        "shut_out": shut_out(found),
    }
    return render(request, "people/accounts.html", shown, status=422 if form.errors else 200)


@never_cache
@require_safe
@only(Role.ADMINISTRATOR)
def account(request: Signed, number: int) -> HttpResponse:
    """One account and what can be changed of it."""
    user = get_object_or_404(accounts_of(request.user), pk=number)
    about(request, user)
    return _shown(request, user, RoleForm(sites=administered(request.user)))


def _shown(request: Signed, user: User, form: RoleForm, status: int = 200) -> HttpResponse:
    shut = shut_out(User.objects.filter(pk=user.pk))
    shown = {
        "account": user,
        "form": form,
        "elsewhere": works_elsewhere(user, request.user),
        "has_factor": TOTPDevice.objects.filter(user=user, confirmed=True).exists(),
        "shut": shut,
        "oneself": user.pk == request.user.pk,
    }
    return render(request, "people/account.html", shown, status=status)


@never_cache
@require_POST
@only(Role.ADMINISTRATOR)
@transaction.atomic
def give_role(request: Signed, number: int) -> HttpResponse:
    """Another role at one of the administrator's sites."""
    user = get_object_or_404(accounts_of(request.user), pk=number)
    form = RoleForm(request.POST, sites=administered(request.user))
    if not form.is_valid():
        return _shown(request, user, form, status=422)
    membership, made = Membership.objects.get_or_create(user=user, **form.cleaned_data)
    if made:
        record("role-given", membership, request=request, account=user.username, role=membership.role)
    return redirect("people:account", number)


@require_POST
@only(Role.ADMINISTRATOR)
@transaction.atomic
def take_role(request: Signed, number: int, membership: int) -> HttpResponse:
    """Take a role away. Nobody takes away what makes her administrator: a site might be left without one."""
    user = get_object_or_404(accounts_of(request.user), pk=number)
    here = user.memberships.filter(site__in=administered(request.user), role__in=STAFF)
    taken = get_object_or_404(here.select_related("site"), pk=membership)
    if user.pk == request.user.pk and taken.role == Role.ADMINISTRATOR:
        messages.error(request, _("Your own role of administrator is taken away by another administrator."))
        return redirect("people:account", number)
    record("role-taken", taken, request=request, account=user.username, role=taken.role)
    taken.end()
    if not here.exists():
        messages.success(request, _("The account has no role left at your sites. It can be given one again."))
    return redirect("people:account", number)


@never_cache
@require_POST
@only(Role.ADMINISTRATOR)
@transaction.atomic
def change_account(request: Signed, number: int, what: str) -> HttpResponse:
    """Lock or unlock an account, have its second factor set up anew, or give it a one-time password."""
    if what not in {*CHANGES, "new-password"}:
        raise Http404
    user = get_object_or_404(accounts_of(request.user), pk=number)
    oneself = user.pk == request.user.pk
    if what != "unlock" and works_elsewhere(user, request.user):
        messages.error(request, _("This account also works at another site; nothing was changed."))
        return redirect("people:account", number)
    if oneself and what != "unlock":
        messages.error(request, _("Another administrator does that for your own account."))
        return redirect("people:account", number)
    record(f"account-{what}", user, request=request, account=user.username)
    if what == "new-password":
        password = give_one_time_password(user)
        return _told(request, user, password, by_email="by_email" in request.POST)
    messages.success(request, CHANGES[what](user))
    return redirect("people:account", number)


def _lock(user: User) -> str:
    user.is_active = False
    user.save(update_fields=["is_active"])
    return _(
        "Locked: the account can no longer sign in, and is signed out where it was. What was signed stays."
    )


def _open(user: User) -> str:
    user.is_active = True
    user.save(update_fields=["is_active"])
    reset(username=user.username)
    return _("Opened: the account can sign in again.")


def _unlock(user: User) -> str:
    reset(username=user.username)
    return _("Wrong passwords are forgotten: the account can try again at once.")


def _forget_factor(user: User) -> str:
    TOTPDevice.objects.filter(user=user).delete()
    StaticDevice.objects.filter(user=user).delete()
    return _("The second factor is set up anew at the next sign-in.")


CHANGES: dict[str, Callable[[User], Any]] = {
    "lock": _lock,
    "open": _open,
    "unlock": _unlock,
    "forget-factor": _forget_factor,
}
ONE_TIME = timedelta(days=7)
"""For so long a one-time password lets somebody in, who then chooses her own."""


def give_one_time_password(user: User) -> str:
    """Saves the account with a password of four times five letters and digits, 99 bits, and gives it."""
    password = "-".join("".join(secrets.choice(LETTERS) for _letter in range(5)) for _block in range(4))
    user.set_password(password)
    user.one_time_until = timezone.now() + ONE_TIME
    user.save()
    return password


def _told(request: Signed, user: User, password: str, by_email: bool) -> HttpResponse:
    """The one-time password by email, without the account's name; else, or if that fails, on the page."""
    failed = False
    if by_email and user.email:
        text = _(
            "Your one-time password for Calcscope: %(password)s\n\n"
            "It lets you in once within 7 days, at %(page)s; then you choose your own. "
            "Your administrator tells you the name to sign in with."
        ) % {"password": password, "page": request.build_absolute_uri("/")}
        try:
            send_mail(_("Your account"), text, None, [user.email])
        except (SMTPException, OSError):
            failed = True
        else:
            messages.success(request, _("The one-time password was sent by email."))
            return redirect("people:account", user.pk)
    shown = {"account": user, "password": password, "failed": failed, "days": ONE_TIME.days}
    return render(request, "people/one_time.html", shown)
