-- Who vouches for people (spec v1 3.2): an OpenID or SAML provider, or a directory. What is secret is sealed with the tenant's key.
CREATE TABLE identity_providers (
  tenant         bigint NOT NULL REFERENCES tenants (tenant),
  id             uuid NOT NULL,
  name           text COLLATE "C" NOT NULL,
  name_key       text COLLATE "C" NOT NULL,
  kind           text COLLATE "C" NOT NULL,
  config         text COLLATE "C" NOT NULL,
  secret         bytea,
  enabled        bigint NOT NULL,
  sync_status    text COLLATE "C" NOT NULL,
  last_synced_at bigint,
  sync_error     text COLLATE "C",
  created_at     bigint NOT NULL,
  updated_at     bigint NOT NULL,
  revision       bigint NOT NULL
);
CREATE UNIQUE INDEX identity_providers_id ON identity_providers (id);
CREATE UNIQUE INDEX identity_providers_tenant ON identity_providers (tenant, id);
CREATE UNIQUE INDEX identity_providers_name ON identity_providers (tenant, name_key);

-- Whom a provider's subject is (spec v1 9.3): nothing but a proved sign-in writes here.
CREATE TABLE identities (
  tenant      bigint NOT NULL,
  provider_id uuid NOT NULL,
  subject     text COLLATE "C" NOT NULL,
  user_id     uuid NOT NULL,
  created_at  bigint NOT NULL,
  PRIMARY KEY (tenant, provider_id, subject)
);
CREATE INDEX identities_user ON identities (tenant, user_id);

-- A sign-in that was begun and not yet ended. Each counts once. What else belongs to it follows from its id and the tenant's key.
CREATE TABLE sign_in_starts (
  tenant       bigint NOT NULL,
  id           uuid NOT NULL,
  provider_id  uuid NOT NULL,
  redirect_uri text COLLATE "C" NOT NULL,
  challenge    text COLLATE "C",
  expires_at   bigint NOT NULL,
  PRIMARY KEY (tenant, id)
);
CREATE INDEX sign_in_starts_end ON sign_in_starts (tenant, expires_at);

-- Which provider somebody came through, which one vouched for a session, and which one names a group.
ALTER TABLE users ADD COLUMN identity_provider uuid;
CREATE INDEX users_provider ON users (tenant, identity_provider) WHERE identity_provider IS NOT NULL;
ALTER TABLE sessions ADD COLUMN identity_provider uuid;
CREATE INDEX sessions_provider ON sessions (tenant, identity_provider, id) WHERE identity_provider IS NOT NULL;
ALTER TABLE groups ADD COLUMN identity_provider uuid;
ALTER TABLE groups ADD COLUMN external_id text COLLATE "C";
CREATE UNIQUE INDEX groups_external ON groups (tenant, identity_provider, external_id) WHERE identity_provider IS NOT NULL;

-- Who vouched for the first half of a sign-in whose second factor is due here, and the restricted session that it is worth until then.
ALTER TABLE mfa_challenges ADD COLUMN identity_provider uuid;
ALTER TABLE mfa_challenges ADD COLUMN session_id uuid;
CREATE INDEX mfa_challenges_provider ON mfa_challenges (tenant, identity_provider) WHERE identity_provider IS NOT NULL;
