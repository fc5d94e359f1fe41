-- Sign-ins that wait for what a mail said (spec v1beta1 4.2). `hash` is of what names one, `tag` a keyed digest of the code.
CREATE TABLE mail_sign_ins (
  tenant     INTEGER NOT NULL,
  hash       BLOB NOT NULL,
  strategy   TEXT NOT NULL,
  email      TEXT NOT NULL,
  tag        BLOB NOT NULL,
  return_to  TEXT,
  tries      INTEGER NOT NULL,
  expires_at INTEGER NOT NULL,
  PRIMARY KEY (tenant, hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX mail_sign_ins_email ON mail_sign_ins (tenant, email);
CREATE INDEX mail_sign_ins_end ON mail_sign_ins (tenant, expires_at);
