-- How a tenant shows itself. `mails` holds the words of mails as JSON; `logo` is a data URI, `logo_digest` its SHA-256.
CREATE TABLE brandings (
  tenant      INTEGER PRIMARY KEY,
  name        TEXT,
  accent      TEXT,
  welcome     TEXT,
  help        TEXT,
  mails       TEXT NOT NULL,
  logo_digest BLOB,
  revision    INTEGER NOT NULL,
  logo        TEXT
) STRICT;
