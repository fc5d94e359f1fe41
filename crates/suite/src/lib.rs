//! Nothing lives here: this crate is its tests, `tests/suite`, which see the server as its clients do.
