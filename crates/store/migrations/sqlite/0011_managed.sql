-- What `portcullis apply` keeps as a file says it: at most one set a thing. A thing without a row here is somebody else's.
CREATE TABLE managed (
  tenant   INTEGER NOT NULL REFERENCES tenants (tenant),
  kind     TEXT NOT NULL,
  id       BLOB NOT NULL,
  set_name TEXT NOT NULL
) STRICT;
CREATE UNIQUE INDEX managed_thing ON managed (tenant, kind, id);
CREATE UNIQUE INDEX managed_set ON managed (tenant, set_name, kind, id);

-- How far an import from another system has come, a row a table of the source.
CREATE TABLE import_progress (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  source     TEXT NOT NULL,
  step       TEXT NOT NULL,
  last_key   TEXT NOT NULL,
  counts     TEXT NOT NULL,
  done       INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX import_progress_step ON import_progress (tenant, source, step);
