-- What the node knows, beside the files in its spool folder. Times are seconds since 1970, UTC.
-- A row of `instance` is committed before its sender is told Success; nothing is ever deleted from here.

CREATE TABLE IF NOT EXISTS node (
    version INTEGER NOT NULL,            -- of this schema
    salt    BLOB NOT NULL                -- of the short names in the log
);

CREATE TABLE IF NOT EXISTS study (
    id        INTEGER PRIMARY KEY,
    study_uid TEXT NOT NULL UNIQUE,
    pending   INTEGER NOT NULL DEFAULT 0,  -- 1: an image arrived that no reading has had yet
    received  REAL NOT NULL,               -- when the newest image arrived
    set_aside TEXT                         -- why it is not read; NULL where it is
);
CREATE INDEX IF NOT EXISTS study_pending ON study (id) WHERE pending = 1 AND set_aside IS NULL;

CREATE TABLE IF NOT EXISTS instance (
    id              INTEGER PRIMARY KEY,   -- in order of arrival
    study           INTEGER NOT NULL REFERENCES study,
    sop_uid         TEXT NOT NULL UNIQUE,
    sop_class       TEXT NOT NULL,
    transfer_syntax TEXT NOT NULL,
    file            TEXT NOT NULL,         -- below the spool folder
    bytes           INTEGER NOT NULL,
    sha256          TEXT NOT NULL,         -- of the file
    patient         TEXT NOT NULL,         -- digest of Patient ID; '' where the header has none
    view            TEXT,                  -- RCC, LMLO …; NULL where it is no image or states none
    image           INTEGER NOT NULL,      -- 1: of a kind that is read
    fetched         INTEGER NOT NULL,      -- 1: the node asked for it as part of an earlier exam
    peer            TEXT NOT NULL,         -- AE title of the sender
    received        REAL NOT NULL
);
CREATE INDEX IF NOT EXISTS instance_study ON instance (study);
CREATE INDEX IF NOT EXISTS instance_patient ON instance (patient);

CREATE TABLE IF NOT EXISTS reading (
    id      INTEGER PRIMARY KEY,
    study   INTEGER NOT NULL REFERENCES study,
    number  INTEGER NOT NULL,              -- 1, 2 … of the study, interrupted ones included
    newest  INTEGER NOT NULL,              -- instance.id of the newest image that it has
    state   TEXT NOT NULL CHECK (state IN (
                'reading',                 -- claimed; at most one for each study
                'read',                    -- done: its objects and deliveries are rows too
                'failed',                  -- looked at, and cannot be read: see reason
                'broken',                  -- the reader died or took too long; tried again
                'interrupted')),           -- the node was stopped; done again
    reason  TEXT,
    folder  TEXT NOT NULL,                 -- below the spool folder; holds report.json and the objects
    started REAL NOT NULL,
    ended   REAL,
    UNIQUE (study, number)
);
CREATE UNIQUE INDEX IF NOT EXISTS reading_claimed ON reading (study) WHERE state = 'reading';

CREATE TABLE IF NOT EXISTS object (
    id        INTEGER PRIMARY KEY,
    reading   INTEGER NOT NULL REFERENCES reading,
    kind      TEXT NOT NULL,               -- cad-sr, seg, gsps, sr, fhir
    sop_uid   TEXT,                        -- NULL for what is no DICOM object
    sop_class TEXT,
    file      TEXT NOT NULL                -- below the spool folder
);

CREATE TABLE IF NOT EXISTS delivery (
    object   INTEGER NOT NULL REFERENCES object,
    place    TEXT NOT NULL,                -- name of a [[send]] of the configuration
    state    TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given up')),
    attempts INTEGER NOT NULL DEFAULT 0,
    due      REAL NOT NULL,                -- not before
    reason   TEXT,                         -- of the last failure
    made     REAL NOT NULL,
    ended    REAL,
    PRIMARY KEY (object, place)
);
CREATE INDEX IF NOT EXISTS delivery_due ON delivery (place, due) WHERE state = 'waiting';

CREATE TABLE IF NOT EXISTS commitment (
    id              INTEGER PRIMARY KEY,
    transaction_uid TEXT NOT NULL,
    peer            TEXT NOT NULL,         -- AE title of who asked
    asked           TEXT NOT NULL,         -- JSON: [[SOP class, SOP instance], …]
    state           TEXT NOT NULL DEFAULT 'waiting' CHECK (state IN ('waiting', 'sent', 'given up')),
    attempts        INTEGER NOT NULL DEFAULT 0,
    due             REAL NOT NULL,
    reason          TEXT,
    made            REAL NOT NULL,
    ended           REAL,
    UNIQUE (peer, transaction_uid)
);

CREATE TABLE IF NOT EXISTS fetch (
    study_uid TEXT PRIMARY KEY,            -- an earlier exam that was asked for
    state     TEXT NOT NULL CHECK (state IN ('asked', 'here', 'missing')),
    reason    TEXT,
    started   REAL NOT NULL,
    ended     REAL
);
