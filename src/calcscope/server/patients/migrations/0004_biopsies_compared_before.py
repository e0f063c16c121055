"""Biopsies that were compared with the images before this room was there are results too, without a limit.

Without them no letter could ask a woman to come for what her biopsy led to.
"""

import uuid

from django.db import migrations
from django.db.models import Q

HOLD = ("high_risk", "dcis", "invasive")
"""Held where a site does not say otherwise."""
OPEN = ("open", "scheduled", "unreachable")


def forwards(apps, schema):
    Event = apps.get_model("followup", "Event")
    Version = apps.get_model("reading", "Version")
    Result = apps.get_model("patients", "Result")
    Happening = apps.get_model("patients", "Happening")
    compared = Q(step__code="concordance")
    too_little = Q(step__code="histology", result="insufficient", step__before__state__in=OPEN)
    entries = Event.objects.filter(compared | too_little, kind="done", step__state="done", result_told=None)
    for entry in entries.exclude(by=None).select_related("step__chain__exam__site").distinct():
        step, exam = entry.step, entry.step.chain.exam
        sample = step.after if step.code == "concordance" else step
        said = Event.objects.filter(step=sample, kind="done", pk__lte=entry.pk).order_by("pk").last()
        version = Version.objects.filter(exam=exam, kind__in=["report", "addendum"]).order_by("number").last()
        newer = Event.objects.filter(step__in=[step, sample], kind__in=["done", "reopened"], pk__gt=entry.pk)
        if said is None or version is None or newer.exists():
            continue
        made = Result.objects.create(
            uuid=uuid.uuid4(),
            site_id=exam.site_id,
            woman_id=exam.woman_id,
            exam_id=exam.pk,
            version_id=version.pk,
            concordance_id=entry.pk,
        )
        if said.result in exam.site.settings.get("hold", HOLD):
            Happening.objects.create(result=made, kind="held", note="compared before")


class Migration(migrations.Migration):
    dependencies = [("patients", "0003_reports_signed_before"), ("followup", "0003_daily_run")]
    operations = [migrations.RunPython(forwards, migrations.RunPython.noop, elidable=False)]
