"""Reports that were signed before this room was there are results too; no time limit runs for them."""

import uuid

from django.db import migrations


def forwards(apps, schema):
    Version = apps.get_model("reading", "Version")
    Result = apps.get_model("patients", "Result")
    latest = {}
    for version in Version.objects.filter(kind__in=["report", "addendum"]).order_by("exam_id", "number"):
        latest[version.exam_id] = version
    for version in latest.values():
        exam = version.exam
        Result.objects.create(
            uuid=uuid.uuid4(),
            site_id=exam.site_id,
            woman_id=exam.woman_id,
            exam_id=exam.pk,
            version_id=version.pk,
        )


class Migration(migrations.Migration):
    dependencies = [("patients", "0002_append_only"), ("reading", "0002_append_only")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
