-- What a SAML provider answered to a sign-in that was begun, until the browser brings the code that it is worth (spec v1 9.4). The answer
-- is sealed with the tenant's key.
ALTER TABLE sign_in_starts ADD COLUMN code_hash BLOB;
ALTER TABLE sign_in_starts ADD COLUMN answer BLOB;

-- Assertions that were heard: each counts once, by the digest of its provider and its id.
CREATE TABLE saml_assertions (
  tenant     INTEGER NOT NULL,
  digest     BLOB    NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, digest)
) STRICT, WITHOUT ROWID;
CREATE INDEX saml_assertions_end ON saml_assertions (tenant, expires_at);
