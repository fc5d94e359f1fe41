-- Preferences (spec v1beta1 3.13), what is known of an organization as a customer (KYC) and prospects (3.16).

-- `level` says what `resource_id` is: the tenant itself (the nil UUID), an organization or a user. `scope_id` is the organization
-- that a user's preference counts in, or the nil UUID: everywhere.
CREATE TABLE preferences (
  tenant      INTEGER NOT NULL REFERENCES tenants (tenant),
  id          BLOB NOT NULL,
  level       TEXT NOT NULL,
  resource_id BLOB NOT NULL,
  scope_id    BLOB NOT NULL,
  name        TEXT NOT NULL,
  value       TEXT NOT NULL,
  created_at  INTEGER NOT NULL,
  updated_at  INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX preferences_id ON preferences (tenant, id);
CREATE UNIQUE INDEX preferences_name ON preferences (tenant, resource_id, level, scope_id, name);
CREATE INDEX preferences_scope ON preferences (tenant, scope_id, id);

CREATE TABLE organization_kyc (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  organization_id BLOB NOT NULL,
  status          INTEGER NOT NULL,
  link            TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organization_kyc_organization ON organization_kyc (tenant, organization_id);

CREATE TABLE prospects (
  tenant     INTEGER NOT NULL REFERENCES tenants (tenant),
  id         BLOB NOT NULL,
  email      TEXT NOT NULL,
  name       TEXT NOT NULL,
  phone      TEXT NOT NULL,
  activity   TEXT NOT NULL,
  status     TEXT NOT NULL,
  changed_at INTEGER NOT NULL,
  source     TEXT NOT NULL,
  verified   INTEGER NOT NULL,
  metadata   TEXT NOT NULL,
  created_at INTEGER NOT NULL,
  updated_at INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX prospects_id ON prospects (tenant, id);
CREATE UNIQUE INDEX prospects_email ON prospects (tenant, email, activity);

-- What somebody owns, for the relations of a subject.
CREATE INDEX resources_owner ON resources (tenant, owner_id, id);
