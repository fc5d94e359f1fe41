-- Invitations into organizations (spec v1beta1 3.11), domains of organizations (3.12), domains of tenants (spec v1 4.5).
CREATE TABLE invitations (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB NOT NULL,
  organization_id BLOB NOT NULL,
  email           TEXT NOT NULL,
  group_ids       TEXT NOT NULL,
  role_ids        TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  expires_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX invitations_id ON invitations (tenant, id);
CREATE UNIQUE INDEX invitations_email ON invitations (tenant, organization_id, email);
CREATE INDEX invitations_addressee ON invitations (tenant, email, organization_id);

CREATE TABLE organization_domains (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB NOT NULL,
  organization_id BLOB NOT NULL,
  name            TEXT NOT NULL,
  token           TEXT NOT NULL,
  state           TEXT NOT NULL,
  created_at      INTEGER NOT NULL,
  updated_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX organization_domains_id ON organization_domains (tenant, id);
CREATE UNIQUE INDEX organization_domains_name ON organization_domains (tenant, organization_id, name);
CREATE INDEX organization_domains_state ON organization_domains (tenant, name, state, organization_id);

-- `proved` is the name once it is verified: one tenant of the server has proved a domain.
CREATE TABLE tenant_domains (
  tenant          INTEGER NOT NULL REFERENCES tenants (tenant),
  id              BLOB NOT NULL,
  name            TEXT NOT NULL,
  token           TEXT NOT NULL,
  proved          TEXT,
  verified_at     INTEGER,
  last_checked_at INTEGER,
  last_error      TEXT,
  misses          INTEGER NOT NULL,
  created_at      INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX tenant_domains_id ON tenant_domains (tenant, id);
CREATE UNIQUE INDEX tenant_domains_name ON tenant_domains (tenant, name);
CREATE UNIQUE INDEX tenant_domains_proved ON tenant_domains (proved);
