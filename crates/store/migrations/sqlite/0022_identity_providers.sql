-- Who vouches for people (spec v1 3.2): an OpenID or SAML provider, or a directory. What is secret is sealed with the tenant's key.
CREATE TABLE identity_providers (
  tenant         INTEGER NOT NULL REFERENCES tenants (tenant),
  id             BLOB    NOT NULL,
  name           TEXT    NOT NULL,
  name_key       TEXT    NOT NULL,
  kind           TEXT    NOT NULL,
  config         TEXT    NOT NULL,
  secret         BLOB,
  enabled        INTEGER NOT NULL,
  sync_status    TEXT    NOT NULL,
  last_synced_at INTEGER,
  sync_error     TEXT,
  created_at     INTEGER NOT NULL,
  updated_at     INTEGER NOT NULL,
  revision       INTEGER NOT NULL
) STRICT;
CREATE UNIQUE INDEX identity_providers_id ON identity_providers (id);
CREATE UNIQUE INDEX identity_providers_tenant ON identity_providers (tenant, id);
CREATE UNIQUE INDEX identity_providers_name ON identity_providers (tenant, name_key);

-- Whom a provider's subject is (spec v1 9.3): nothing but a proved sign-in writes here.
CREATE TABLE identities (
  tenant      INTEGER NOT NULL,
  provider_id BLOB    NOT NULL,
  subject     TEXT    NOT NULL,
  user_id     BLOB    NOT NULL,
  created_at  INTEGER NOT NULL,
  PRIMARY KEY (tenant, provider_id, subject)
) STRICT, WITHOUT ROWID;
CREATE INDEX identities_user ON identities (tenant, user_id);

-- A sign-in that was begun and not yet ended. Each counts once. What else belongs to it follows from its id and the tenant's key.
CREATE TABLE sign_in_starts (
  tenant       INTEGER NOT NULL,
  id           BLOB    NOT NULL,
  provider_id  BLOB    NOT NULL,
  redirect_uri TEXT    NOT NULL,
  challenge    TEXT,
  expires_at   INTEGER NOT NULL,
  PRIMARY KEY (tenant, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX sign_in_starts_end ON sign_in_starts (tenant, expires_at);

-- Which provider somebody came through, which one vouched for a session, and which one names a group.
ALTER TABLE users ADD COLUMN identity_provider BLOB;
CREATE INDEX users_provider ON users (tenant, identity_provider) WHERE identity_provider IS NOT NULL;
ALTER TABLE sessions ADD COLUMN identity_provider BLOB;
CREATE INDEX sessions_provider ON sessions (tenant, identity_provider, id) WHERE identity_provider IS NOT NULL;
ALTER TABLE groups ADD COLUMN identity_provider BLOB;
ALTER TABLE groups ADD COLUMN external_id TEXT;
CREATE UNIQUE INDEX groups_external ON groups (tenant, identity_provider, external_id) WHERE identity_provider IS NOT NULL;

-- Who vouched for the first half of a sign-in whose second factor is due here, and the restricted session that it is worth until then.
ALTER TABLE mfa_challenges ADD COLUMN identity_provider BLOB;
ALTER TABLE mfa_challenges ADD COLUMN session_id BLOB;
CREATE INDEX mfa_challenges_provider ON mfa_challenges (tenant, identity_provider) WHERE identity_provider IS NOT NULL;
