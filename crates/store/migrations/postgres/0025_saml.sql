-- What a SAML provider answered to a sign-in that was begun, until the browser brings the code that it is worth (spec v1 9.4). The answer
-- is sealed with the tenant's key.
ALTER TABLE sign_in_starts ADD COLUMN code_hash bytea;
ALTER TABLE sign_in_starts ADD COLUMN answer bytea;

-- Assertions that were heard: each counts once, by the digest of its provider and its id.
CREATE TABLE saml_assertions (
  tenant     bigint NOT NULL,
  digest     bytea  NOT NULL,
  expires_at bigint NOT NULL,
  PRIMARY KEY (tenant, digest)
);
CREATE INDEX saml_assertions_end ON saml_assertions (tenant, expires_at);
