from django.db import migrations

from calcscope.server.appendonly import guard


class Migration(migrations.Migration):
    dependencies = [("patients", "0001_initial")]
    operations = [
        guard("patients_approval"),
        guard("patients_result"),
        guard("patients_happening"),
        guard("patients_message"),
    ]
