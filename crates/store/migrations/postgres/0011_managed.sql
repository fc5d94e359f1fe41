-- What `portcullis apply` keeps as a file says it: at most one set a thing. A thing without a row here is somebody else's.
CREATE TABLE managed (
  tenant   bigint NOT NULL REFERENCES tenants (tenant),
  kind     text COLLATE "C" NOT NULL,
  id       uuid NOT NULL,
  set_name text COLLATE "C" NOT NULL
);
CREATE UNIQUE INDEX managed_thing ON managed (tenant, kind, id);
CREATE UNIQUE INDEX managed_set ON managed (tenant, set_name, kind, id);

-- How far an import from another system has come, a row a table of the source.
CREATE TABLE import_progress (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  source     text COLLATE "C" NOT NULL,
  step       text COLLATE "C" NOT NULL,
  last_key   text COLLATE "C" NOT NULL,
  counts     text COLLATE "C" NOT NULL,
  done       bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX import_progress_step ON import_progress (tenant, source, step);
