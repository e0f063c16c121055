CREATE TABLE about (name TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

-- An exam of the source. State: waiting, claimed (a worker has it), done, failed.
CREATE TABLE exam (
    number INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE,          -- its pseudonym in the tables
    key TEXT NOT NULL UNIQUE,           -- Study Instance UID, or the folder of images without one
    day TEXT NOT NULL,                  -- YYYYMMDD or empty: exams of one time are read together
    state TEXT NOT NULL DEFAULT 'waiting',
    tries INTEGER NOT NULL DEFAULT 0,   -- fetching that failed
    deaths INTEGER NOT NULL DEFAULT 0,  -- workers that died of it
    losses INTEGER NOT NULL DEFAULT 0,  -- machines and runs that ended meanwhile
    reason TEXT NOT NULL DEFAULT '',
    not_before REAL NOT NULL DEFAULT 0, -- seconds since 1970
    part INTEGER,                       -- the part of the tables that holds its rows
    images_since INTEGER NOT NULL DEFAULT 0 -- that came after it was read
);
CREATE INDEX exam_turn ON exam (state, day, number);
CREATE INDEX exam_later ON exam (not_before) WHERE not_before > 0;

CREATE TABLE image (
    path TEXT NOT NULL,
    member TEXT NOT NULL,
    exam INTEGER NOT NULL REFERENCES exam,
    PRIMARY KEY (path, member)
) WITHOUT ROWID;
CREATE INDEX image_exam ON image (exam);

-- Files that belong to no exam, with the reason.
CREATE TABLE refused (path TEXT NOT NULL, member TEXT NOT NULL, reason TEXT NOT NULL,
    PRIMARY KEY (path, member)) WITHOUT ROWID;

-- Rows of exams that are done and in no part yet.
CREATE TABLE result (exam INTEGER PRIMARY KEY REFERENCES exam, year INTEGER NOT NULL, rows BLOB NOT NULL);

CREATE TABLE part (number INTEGER PRIMARY KEY, exams INTEGER NOT NULL, files TEXT NOT NULL);
