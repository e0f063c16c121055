from django.db import migrations

from calcscope.server.appendonly import guard


class Migration(migrations.Migration):
    dependencies = [("reading", "0001_initial")]
    operations = [guard("reading_version")]
