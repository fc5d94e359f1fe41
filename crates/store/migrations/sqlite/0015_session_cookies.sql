-- A session that a browser holds as a cookie: a digest of its value. It is renewed by use, up to refresh_expires_at each time.
ALTER TABLE sessions ADD COLUMN cookie_hash BLOB;
CREATE UNIQUE INDEX sessions_cookie ON sessions (cookie_hash) WHERE cookie_hash IS NOT NULL;
