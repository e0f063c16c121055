from django.db import migrations, models

FIELDS = "names, words, body"
NEW, OLD = "new.names, new.words, new.body", "old.names, old.words, old.body"
SQLITE = [
    f"""CREATE VIRTUAL TABLE library_entry_search USING fts5({FIELDS}, content='library_entry',
        content_rowid='id', tokenize='unicode61 remove_diacritics 0')""",
    f"""CREATE TRIGGER library_entry_added AFTER INSERT ON library_entry BEGIN
        INSERT INTO library_entry_search(rowid, {FIELDS}) VALUES (new.id, {NEW}); END""",
    f"""CREATE TRIGGER library_entry_removed AFTER DELETE ON library_entry BEGIN
        INSERT INTO library_entry_search(library_entry_search, rowid, {FIELDS})
        VALUES ('delete', old.id, {OLD}); END""",
    f"""CREATE TRIGGER library_entry_changed AFTER UPDATE ON library_entry BEGIN
        INSERT INTO library_entry_search(library_entry_search, rowid, {FIELDS})
        VALUES ('delete', old.id, {OLD});
        INSERT INTO library_entry_search(rowid, {FIELDS}) VALUES (new.id, {NEW}); END""",
]
POSTGRESQL = [
    """ALTER TABLE library_entry ADD COLUMN search tsvector GENERATED ALWAYS AS (
        setweight(to_tsvector('simple'::regconfig, names), 'A') ||
        setweight(to_tsvector('simple'::regconfig, words), 'B') ||
        setweight(to_tsvector('simple'::regconfig, body), 'D')) STORED""",
    "CREATE INDEX library_entry_search ON library_entry USING gin (search)",
]


def forwards(apps, schema):
    statements = {"sqlite": SQLITE, "postgresql": POSTGRESQL}.get(schema.connection.vendor)
    if statements is None:
        raise NotImplementedError(
            f"no full-text index on {schema.connection.vendor}; use SQLite or PostgreSQL"
        )
    for statement in statements:
        schema.execute(statement, params=None)


def backwards(apps, schema):
    if schema.connection.vendor == "sqlite":  # PostgreSQL drops its column with the table
        schema.execute("DROP TABLE library_entry_search", params=None)


class Migration(migrations.Migration):
    initial = True
    dependencies = []
    operations = [
        migrations.CreateModel(
            name="Entry",
            fields=[
                (
                    "id",
                    models.BigAutoField(
                        auto_created=True, primary_key=True, serialize=False, verbose_name="ID"
                    ),
                ),
                ("language", models.CharField(max_length=10)),
                ("slug", models.SlugField(max_length=80)),
                ("sha256", models.CharField(max_length=64)),
                ("own", models.BooleanField(default=False, help_text="The hospital's, not Calcscope's.")),
                ("text", models.TextField(help_text="The whole file.")),
                ("names", models.TextField(help_text="Folded words of the title and other names.")),
                ("words", models.TextField(help_text="Folded words of the questions and index words.")),
                ("body", models.TextField(help_text="Folded words of the summary and text.")),
            ],
            options={"constraints": [models.UniqueConstraint(fields=("language", "slug"), name="one_entry")]},
        ),
        migrations.RunPython(forwards, backwards, elidable=False),
    ]
