"""Two hospitals, each with a woman, her exams, steps, results and people, and nothing in common."""

from __future__ import annotations

import uuid
from collections.abc import Collection
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

from django.test import Client
from django.utils import timezone
from django_otp.plugins.otp_totp.models import TOTPDevice
from exams import exam_read
from test_signing import decided, signed

from calcscope.server.exams.models import Exam, Job, SavedList, Upload, Woman
from calcscope.server.followup.models import Chain, Event, Step
from calcscope.server.outputs.models import Object
from calcscope.server.patients import approvals
from calcscope.server.patients.models import Approval, Happening, Invitation, Message, Result
from calcscope.server.patients.passages import load
from calcscope.server.people.models import Membership, Site, User
from calcscope.server.reading.models import Draft, Version

ROLES = ("radiologist", "technologist", "coordinator", "administrator", "patient")
RECORDS: dict[Any, str] = {
    Woman: "", Exam: "", Upload: "", Job: "exam__", Draft: "exam__", Version: "exam__", Chain: "",
    Step: "chain__", Event: "step__chain__", Result: "", Happening: "result__", Invitation: "woman__",
    Approval: "", Message: "", Membership: "", User: "memberships__",
}  # fmt: skip
"""What belongs to one hospital, and the way to it."""


@dataclass
class Hospital:
    """A site with somebody of every role and a record of every kind.

    Parameters
    ----------
    secrets : texts that tell who its woman is
    records : for each parameter of an address, a record of this hospital that fits
    draft : of the exam that is not signed: what its page would send
    """

    site: Site
    people: dict[str, User]
    secrets: tuple[str, ...]
    records: dict[str, list[object]]
    draft: dict[str, object]


def hospital(code: str, name: str, number: str, born: date, folder: Path) -> Hospital:
    """Make one; ``name``, ``number`` and birth date are its woman's."""
    from calcscope.server.reading.signing import keep_draft, open_draft

    site = Site.objects.create(
        code=code, name=f"{code.title()} Hospital", phone="+1 555 0100", address="1 Street",
        email=f"desk@{code}.example.org", settings={"hold": []},
    )  # fmt: skip
    people = {}
    for role in ROLES:
        people[role] = User.objects.create(username=f"{role}-{code}", first_name=role, last_name=code)
        Membership.objects.create(user=people[role], site=site, role=role)
    reader = people["radiologist"]
    approvals.approve(site, "en", {each.id: each.sha256 for each in load("en")}, reader)
    done = exam_read(site, folder / "done", "with_prior", number, timezone.localdate() - timedelta(days=9))
    woman = done.woman
    woman.name, woman.birth_date, woman.account = name, born, people["patient"]
    woman.email, woman.phone = f"{name.split('^')[1].lower()}@example.org", f"+99 {born:%d%m%Y}"
    woman.save()
    version = signed(done, reader)
    open_ = exam_read(site, folder / "open", "all_terms", number, timezone.localdate())
    kept = open_draft(open_, reader)
    keep_draft(open_, reader, kept.revision, decided(kept.read(), open_))
    kept.refresh_from_db()
    upload = Upload.objects.create(site=site, by=reader, files=1, names=[f"{number}.dcm"])
    lists = SavedList.objects.create(user=reader, name="mine", filters={})
    result = Result.objects.get(exam=done)
    message = Message.objects.create(
        site=site, woman=woman, kind="question", text=f"A question of {name}", by=people["patient"]
    )
    steps = list(Step.objects.filter(chain__woman=woman))
    output = Object.objects.create(version=version, kind="sr", name="report.dcm")
    output.path.parent.mkdir(parents=True, exist_ok=True)
    output.path.write_bytes(b"made of the report")
    exams: list[object] = [done.uuid, open_.uuid]
    draft = {"revision": kept.revision, "content": kept.read().model_dump(mode="json"), "versions": 0,
             "request": str(uuid.uuid4()), "note": ""}  # fmt: skip
    return Hospital(
        site,
        people,
        (*name.split("^"), number, woman.phone, woman.email),
        {
            "exam_uuid": exams,
            "version_uuid": [version.uuid],
            "woman_uuid": [woman.uuid],
            "image_uuid": [each.uuid for each in done.images.all()],
            "step_uuid": [each.uuid for each in steps] or [uuid.uuid4()],
            "result_uuid": [result.uuid],
            "message_uuid": [message.uuid],
            "upload_uuid": [upload.uuid],
            "number": [each.pk for each in people.values()],
            "membership": [each.memberships.get().pk for each in people.values()],
            "pk": [lists.pk, output.pk],
        },
        draft,
    )


def browser(user: User | None) -> Client:
    """In which an account has signed in with both factors; or nobody."""
    client = Client(raise_request_exception=True)
    if user is None:
        return client
    device, _ = TOTPDevice.objects.get_or_create(user=user, name="test", confirmed=True)
    client.force_login(user, backend="django.contrib.auth.backends.ModelBackend")
    session = client.session
    session["otp_device_id"] = device.persistent_id
    session.save()
    return client


def state_of(site: Site, tables: Collection[str] = ()) -> dict[str, list[object]]:
    """All that could be changed of a hospital's records, by kind, to be compared; of some tables only."""
    return {
        model.__name__: list(model.objects.filter(**{f"{way}site": site}).order_by("pk").values())
        for model, way in RECORDS.items()
        if not tables or model._meta.db_table in tables
    }
