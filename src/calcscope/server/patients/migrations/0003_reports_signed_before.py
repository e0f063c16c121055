"""Reports that were signed before this room was there are results too; no time limit runs for them."""

import uuid

from django.db import migrations

HOLD = ("4A", "4B", "4C", "5", "6")
"""Held where a site does not say otherwise."""


def forwards(apps, schema):
    Version = apps.get_model("reading", "Version")
    Result = apps.get_model("patients", "Result")
    Happening = apps.get_model("patients", "Happening")
    latest = {}
    for version in Version.objects.filter(kind__in=["report", "addendum"]).order_by("exam_id", "number"):
        latest[version.exam_id] = version
    for version in latest.values():
        exam = version.exam
        made = Result.objects.create(
            uuid=uuid.uuid4(),
            site_id=exam.site_id,
            woman_id=exam.woman_id,
            exam_id=exam.pk,
            version_id=version.pk,
        )
        if version.content["assessment"]["overall"] in exam.site.settings.get("hold", HOLD):
            Happening.objects.create(result=made, kind="held", note="signed before")


class Migration(migrations.Migration):
    dependencies = [("patients", "0002_append_only"), ("reading", "0002_append_only")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
