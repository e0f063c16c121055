from django.db import migrations

from calcscope.server.appendonly import guard


class Migration(migrations.Migration):
    dependencies = [("exams", "0001_initial")]
    operations = [guard("exams_reading")]
