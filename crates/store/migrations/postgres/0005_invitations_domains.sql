-- Invitations into organizations (spec v1beta1 3.11), domains of organizations (3.12), domains of tenants (spec v1 4.5).
CREATE TABLE invitations (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  organization_id uuid NOT NULL,
  email           text COLLATE "C" NOT NULL,
  group_ids       text COLLATE "C" NOT NULL,
  role_ids        text COLLATE "C" NOT NULL,
  created_at      bigint NOT NULL,
  expires_at      bigint NOT NULL
);
CREATE UNIQUE INDEX invitations_id ON invitations (tenant, id);
CREATE UNIQUE INDEX invitations_email ON invitations (tenant, organization_id, email);
CREATE INDEX invitations_addressee ON invitations (tenant, email, organization_id);

CREATE TABLE organization_domains (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  organization_id uuid NOT NULL,
  name            text COLLATE "C" NOT NULL,
  token           text COLLATE "C" NOT NULL,
  state           text COLLATE "C" NOT NULL,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL
);
CREATE UNIQUE INDEX organization_domains_id ON organization_domains (tenant, id);
CREATE UNIQUE INDEX organization_domains_name ON organization_domains (tenant, organization_id, name);
CREATE INDEX organization_domains_state ON organization_domains (tenant, name, state, organization_id);

-- `proved` is the name once it is verified: one tenant of the server has proved a domain.
CREATE TABLE tenant_domains (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  id              uuid NOT NULL,
  name            text COLLATE "C" NOT NULL,
  token           text COLLATE "C" NOT NULL,
  proved          text COLLATE "C",
  verified_at     bigint,
  last_checked_at bigint,
  last_error      text COLLATE "C",
  misses          bigint NOT NULL,
  created_at      bigint NOT NULL
);
CREATE UNIQUE INDEX tenant_domains_id ON tenant_domains (tenant, id);
CREATE UNIQUE INDEX tenant_domains_name ON tenant_domains (tenant, name);
CREATE UNIQUE INDEX tenant_domains_proved ON tenant_domains (proved);
