from django.db import migrations

from calcscope.server.appendonly import guard


class Migration(migrations.Migration):
    dependencies = [("followup", "0001_initial")]
    operations = [guard("followup_answer"), guard("followup_event")]
