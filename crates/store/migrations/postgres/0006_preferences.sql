-- Preferences (spec v1beta1 3.13), what is known of an organization as a customer (KYC) and prospects (3.16).

-- `level` says what `resource_id` is: the tenant itself (the nil UUID), an organization or a user. `scope_id` is the organization
-- that a user's preference counts in, or the nil UUID: everywhere.
CREATE TABLE preferences (
  tenant      bigint NOT NULL REFERENCES tenants (tenant),
  id          uuid NOT NULL,
  level       text COLLATE "C" NOT NULL,
  resource_id uuid NOT NULL,
  scope_id    uuid NOT NULL,
  name        text COLLATE "C" NOT NULL,
  value       text COLLATE "C" NOT NULL,
  created_at  bigint NOT NULL,
  updated_at  bigint NOT NULL
);
CREATE UNIQUE INDEX preferences_id ON preferences (tenant, id);
CREATE UNIQUE INDEX preferences_name ON preferences (tenant, resource_id, level, scope_id, name);
CREATE INDEX preferences_scope ON preferences (tenant, scope_id, id);

CREATE TABLE organization_kyc (
  tenant          bigint NOT NULL REFERENCES tenants (tenant),
  organization_id uuid NOT NULL,
  status          bigint NOT NULL,
  link            text COLLATE "C" NOT NULL,
  created_at      bigint NOT NULL,
  updated_at      bigint NOT NULL
);
CREATE UNIQUE INDEX organization_kyc_organization ON organization_kyc (tenant, organization_id);

CREATE TABLE prospects (
  tenant     bigint NOT NULL REFERENCES tenants (tenant),
  id         uuid NOT NULL,
  email      text COLLATE "C" NOT NULL,
  name       text COLLATE "C" NOT NULL,
  phone      text COLLATE "C" NOT NULL,
  activity   text COLLATE "C" NOT NULL,
  status     text COLLATE "C" NOT NULL,
  changed_at bigint NOT NULL,
  source     text COLLATE "C" NOT NULL,
  verified   bigint NOT NULL,
  metadata   text COLLATE "C" NOT NULL,
  created_at bigint NOT NULL,
  updated_at bigint NOT NULL
);
CREATE UNIQUE INDEX prospects_id ON prospects (tenant, id);
CREATE UNIQUE INDEX prospects_email ON prospects (tenant, email, activity);

-- What somebody owns, for the relations of a subject.
CREATE INDEX resources_owner ON resources (tenant, owner_id, id);
