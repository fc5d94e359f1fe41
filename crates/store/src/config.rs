//! Where the data is.
use std::{fmt, path::PathBuf};

/// What [`crate::Db::open`] needs to know.
#[derive(Clone, Debug)]
pub struct Config {
    /// Which engine, and where.
    pub location: Location,
    /// Bring an older schema up to date while opening. Without it an older schema is refused.
    pub migrate: bool,
}
impl Config {
    /// SQLite in this directory, migrated when opened.
    pub fn sqlite(data_dir: impl Into<PathBuf>) -> Self {
        Self { location: Location::Sqlite { data_dir: data_dir.into() }, migrate: true }
    }
    /// PostgreSQL at this URL with 32 connections, migrated when opened.
    pub fn postgres(url: impl Into<String>) -> Self {
        Self { location: Location::Postgres { url: url.into(), connections: 32, ca_file: None }, migrate: true }
    }
}

/// Which engine, and where.
#[derive(Clone)]
pub enum Location {
    /// `portcullis.db` in this directory, which is made (0700) if it is missing. One process owns it at a time.
    Sqlite {
        /// The data directory.
        data_dir: PathBuf,
    },
    /// A server that speaks PostgreSQL's protocol, version 14 or later.
    Postgres {
        /// `postgres://user:password@host/database?sslmode=require`. `disable` and `prefer` speak plain text, `require`
        /// means TLS with a verified certificate.
        url: String,
        /// At most so many connections of this node.
        connections: usize,
        /// PEM file of the authority that signed the server's certificate, if it is not one of the system's.
        ca_file: Option<PathBuf>,
    },
}
impl fmt::Debug for Location {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Sqlite { data_dir } => f.debug_struct("Sqlite").field("data_dir", data_dir).finish(),
            // the URL holds a password
            Self::Postgres { connections, .. } => {
                f.debug_struct("Postgres").field("connections", connections).finish_non_exhaustive()
            }
        }
    }
}
