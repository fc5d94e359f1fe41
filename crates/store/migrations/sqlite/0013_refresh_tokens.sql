-- Refresh tokens (spec v1 9.6): a digest of the half that stays, which says whose a token is, and one of the whole token that counts.
ALTER TABLE sessions ADD COLUMN refresh_family BLOB;
ALTER TABLE sessions ADD COLUMN refresh_hash BLOB;
ALTER TABLE sessions ADD COLUMN refresh_expires_at INTEGER;
CREATE UNIQUE INDEX sessions_refresh ON sessions (refresh_family) WHERE refresh_family IS NOT NULL;
