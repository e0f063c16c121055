from django.db import migrations

from calcscope.server.appendonly import guard


class Migration(migrations.Migration):
    dependencies = [("audit", "0002_initial")]
    operations = [guard("audit_event")]
